/* SPDX-License-Identifier: MIT
 *
 * See vector.h. */
#include "vector.h"

#include "fingerprint.h"
#include "memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void *create(long count, bool scan)
{
    struct vector *vector = calloc(1, sizeof *vector);
    if (!vector)
        return NULL;
    vector->count = (size_t)count;
    vector->in = memory_create(vector->count, sizeof *vector->in);
    if (scan)
        vector->out = memory_create(vector->count, sizeof *vector->out);
    if (!vector->in || (scan && !vector->out)) {
        vector_destroy(vector);
        return NULL;
    }
    return vector;
}

void *vector_create_reduce(long count)
{
    return create(count, false);
}

void *vector_create_scan(long count)
{
    return create(count, true);
}

void vector_reset(void *input)
{
    struct vector *vector = input;
    for (size_t i = 0; i < vector->count; i++)
        vector->in[i] = (double)((uint32_t)i * UINT32_C(2654435769) >> 28);
    if (vector->out)
        memset(vector->out, 0, vector->count * sizeof *vector->out);
}

uint64_t vector_result_reduce(const void *vector)
{
    return (uint64_t)((const struct vector *)vector)->sum;
}

uint64_t vector_result_scan(const void *input)
{
    const struct vector *vector = input;
    uint64_t result = 0;
    for (size_t i = 0; i < vector->count; i++)
        result = fingerprint_add(result, (uint64_t)vector->out[i]);
    return result;
}

void vector_rest(void *input)
{
    struct vector *vector = input;
    memory_rest(vector->in, vector->count, sizeof *vector->in);
    if (vector->out)
        memory_rest(vector->out, vector->count, sizeof *vector->out);
}

void vector_destroy(void *input)
{
    struct vector *vector = input;
    memory_destroy(vector->in, vector->count, sizeof *vector->in);
    memory_destroy(vector->out, vector->count, sizeof *vector->out);
    free(vector);
}
