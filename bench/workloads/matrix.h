/* SPDX-License-Identifier: MIT
 *
 * C += A * B by splitting all three into quarters, down to blocks of MATRIX_LEAF. */
#ifndef BENCH_WORKLOADS_MATRIX_H
#define BENCH_WORKLOADS_MATRIX_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MATRIX_LEAF 32

/* A square part of a matrix in rows; its size is known from where it is used. */
struct matrix {
    double *at;
    long stride; /* elements from a row to the next */
};

struct matrices {
    long n;      /* rows and columns; a power of 2, MATRIX_LEAF at least */
    long stride; /* of all three */
    double *a, *b, *c;
};

/* c += a * b, of MATRIX_LEAF rows and columns. */
void matrix_multiply_leaf(struct matrix c, struct matrix a, struct matrix b);

/* The input of both multiplications: small whole numbers, so that every order of additions gives
 * the same result. A row is some elements longer than n: rows a power of 2 apart would share the
 * same few lines of the cache. */
void *matrices_create(long n);
void matrices_reset(void *matrices); /* c = 0 */
uint64_t matrices_result(const void *matrices);
void matrices_destroy(void *matrices);

#ifdef __cplusplus
}
#endif

#endif
