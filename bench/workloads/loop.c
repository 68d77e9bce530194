/* SPDX-License-Identifier: MIT
 *
 * See loop.h. */
#include "loop.h"

#include <stdlib.h>
#include <string.h>

void *loop_create(long loops)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return NULL;
    loop->loops = (size_t)loops;
    loop->marks = aligned_alloc(64, LOOP_MARK_LENGTH * sizeof *loop->marks);
    if (!loop->marks) {
        free(loop);
        return NULL;
    }
    return loop;
}

void loop_reset(void *loop)
{
    memset(((struct loop *)loop)->marks, 0, LOOP_MARK_LENGTH * sizeof(uint32_t));
}

uint64_t loop_result_empty(const void *loop)
{
    return ((const struct loop *)loop)->loops;
}

uint64_t loop_result(const void *input)
{
    const struct loop *loop = input;
    for (size_t i = 1; i < LOOP_MARK_LENGTH; i++)
        if (loop->marks[i] != loop->marks[0])
            return 0;
    return (uint64_t)loop->marks[0] * LOOP_MARK_LENGTH;
}

void loop_destroy(void *loop)
{
    free(((struct loop *)loop)->marks);
    free(loop);
}
