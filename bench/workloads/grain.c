/* SPDX-License-Identifier: MIT
 *
 * See grain.h. */
#include "grain.h"

#include "busy.h"
#include "fingerprint.h"

#include <stdlib.h>
#include <string.h>

void grain_body(struct grain *grain, size_t i)
{
    /* Added, so that a body that runs twice shows. */
    grain->marks[i] = (uint8_t)(grain->marks[i] + (busy(i + 1, grain->steps) >> 32) + 1);
}

static void *create(long count, long steps)
{
    struct grain *grain = calloc(1, sizeof *grain);
    if (!grain)
        return NULL;
    grain->count = (size_t)count;
    grain->steps = steps;
    grain->marks = malloc(grain->count);
    if (!grain->marks) {
        free(grain);
        return NULL;
    }
    return grain;
}

/* Without a step there is the call, and a mark. */
void *grain_create_1ns(long count)
{
    return create(count, 0);
}

void *grain_create_10ns(long count)
{
    return create(count, 7);
}

void *grain_create_100ns(long count)
{
    return create(count, 72);
}

void *grain_create_1us(long count)
{
    return create(count, 720);
}

void *grain_create_10us(long count)
{
    return create(count, 7200);
}

void *grain_create_100us(long count)
{
    return create(count, 72000);
}

void *grain_create_1ms(long count)
{
    return create(count, 720000);
}

void grain_reset(void *input)
{
    struct grain *grain = input;
    memset(grain->marks, 0, grain->count);
}

uint64_t grain_result(const void *input)
{
    const struct grain *grain = input;
    uint64_t result = 0;
    for (size_t i = 0; i < grain->count; i++)
        result = fingerprint_add(result, grain->marks[i]);
    return result;
}

void grain_destroy(void *grain)
{
    free(((struct grain *)grain)->marks);
    free(grain);
}

void uneven_map(struct uneven *uneven, size_t i)
{
    uneven->results[i] += busy(i + 1, (long)i);
}

void *uneven_create(long count)
{
    struct uneven *uneven = calloc(1, sizeof *uneven);
    if (!uneven)
        return NULL;
    uneven->count = (size_t)count;
    uneven->results = malloc(uneven->count * sizeof *uneven->results);
    if (!uneven->results) {
        free(uneven);
        return NULL;
    }
    return uneven;
}

void uneven_reset(void *input)
{
    struct uneven *uneven = input;
    memset(uneven->results, 0, uneven->count * sizeof *uneven->results);
}

uint64_t uneven_result(const void *input)
{
    const struct uneven *uneven = input;
    uint64_t result = 0;
    for (size_t i = 0; i < uneven->count; i++)
        result = fingerprint_add(result, uneven->results[i]);
    return result;
}

void uneven_destroy(void *uneven)
{
    free(((struct uneven *)uneven)->results);
    free(uneven);
}
