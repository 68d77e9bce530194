/* SPDX-License-Identifier: MIT
 *
 * Doubles, to be added up, or to be replaced by their running sums. All are small whole numbers, so
 * that every order of additions gives the same result. */
#ifndef BENCH_WORKLOADS_VECTOR_H
#define BENCH_WORKLOADS_VECTOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vector {
    size_t count;
    double *in;
    double *out; /* of a scan: the sum up to each element, that one included */
    double sum;  /* of a reduction */
};

void *vector_create_reduce(long count);
void *vector_create_scan(long count);
void vector_reset(void *vector); /* fills `in`, clears `out` */
uint64_t vector_result_reduce(const void *vector);
uint64_t vector_result_scan(const void *vector);
void vector_rest(void *vector); /* its memory goes back to the system until the next reset */
void vector_destroy(void *vector);

#ifdef __cplusplus
}
#endif

#endif
