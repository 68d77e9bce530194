/* SPDX-License-Identifier: MIT
 *
 * See wavefront.h. */
#include "wavefront.h"

#include "busy.h"

#include <stdlib.h>
#include <string.h>

/* About 200 ns. */
enum { STEPS = 144 };

void wavefront_cell(struct wavefront *wavefront, size_t cell)
{
    size_t n = wavefront->n;
    uint64_t *cells = wavefront->cells;
    uint64_t above = cell >= n ? cells[cell - n] : 1, left = cell % n ? cells[cell - 1] : 2;
    /* Added, so that a cell that is computed twice shows. */
    cells[cell] += busy(3 * above + left, STEPS);
}

void *wavefront_create(long cells)
{
    struct wavefront *wavefront = calloc(1, sizeof *wavefront);
    if (!wavefront)
        return NULL;
    while (wavefront->n * wavefront->n < (size_t)cells)
        wavefront->n++;
    wavefront->cells = malloc(wavefront->n * wavefront->n * sizeof *wavefront->cells);
    if (!wavefront->cells) {
        free(wavefront);
        return NULL;
    }
    return wavefront;
}

void wavefront_reset(void *input)
{
    struct wavefront *wavefront = input;
    memset(wavefront->cells, 0, wavefront->n * wavefront->n * sizeof *wavefront->cells);
}

/* The last cell depends on all. */
uint64_t wavefront_result(const void *input)
{
    const struct wavefront *wavefront = input;
    return wavefront->cells[wavefront->n * wavefront->n - 1];
}

void wavefront_destroy(void *wavefront)
{
    free(((struct wavefront *)wavefront)->cells);
    free(wavefront);
}
