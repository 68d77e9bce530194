/* SPDX-License-Identifier: MIT
 *
 * A graph of small tasks: a square of cells, each of which needs the one above it and the one to
 * its left, so that what can be done at once lies on a diagonal. */
#ifndef BENCH_WORKLOADS_WAVEFRONT_H
#define BENCH_WORKLOADS_WAVEFRONT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct wavefront {
    size_t n; /* rows and columns */
    uint64_t *cells;
};

/* Cell number `cell`, counted row by row. */
void wavefront_cell(struct wavefront *wavefront, size_t cell);

void *wavefront_create(long cells); /* a square number */
void wavefront_reset(void *wavefront);
uint64_t wavefront_result(const void *wavefront);
void wavefront_destroy(void *wavefront);

#ifdef __cplusplus
}
#endif

#endif
