/* SPDX-License-Identifier: MIT
 *
 * Heat that spreads over a plate: each inner point becomes the mean of its four neighbours, step by
 * step (Jacobi's method); the points of a step can be computed all at once. */
#ifndef BENCH_WORKLOADS_HEAT_H
#define BENCH_WORKLOADS_HEAT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HEAT_STEPS 100

struct heat {
    size_t rows;   /* inner ones, each of as many points, in rows 1 to `rows` */
    size_t stride; /* points from a row to the next */
    double *from;  /* before a step */
    double *to;    /* after it */
};

/* An inner row of `to`. */
void heat_row(const struct heat *heat, size_t row);

/* What the next step starts from is what this one has made. */
void heat_swap(struct heat *heat);

void *heat_create(long rows);
void heat_reset(void *heat); /* cold, but for the border */
uint64_t heat_result(const void *heat);
void heat_destroy(void *heat);

#ifdef __cplusplus
}
#endif

#endif
