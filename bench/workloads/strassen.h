/* SPDX-License-Identifier: MIT
 *
 * C = A * B with seven products of half the size where eight would be usual (Strassen, "Gaussian
 * elimination is not optimal", 1969), down to STRASSEN_LEAF. A product is a task: it adds up its
 * two factors and multiplies them. The input is matrix.h's. */
#ifndef BENCH_WORKLOADS_STRASSEN_H
#define BENCH_WORKLOADS_STRASSEN_H

#include "matrix.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

#define STRASSEN_LEAF     64
#define STRASSEN_PRODUCTS 7

/* c = a * b. */
struct strassen_product {
    long n;
    struct matrix a, b, c;
    double *memory; /* its own; or NULL */
};

/* Splits a product of more than STRASSEN_LEAF rows. Returns false without memory. */
bool strassen_split(const struct strassen_product *whole,
                    struct strassen_product parts[STRASSEN_PRODUCTS]);

/* First thing in the task of part `number`: its factors. */
void strassen_factors(const struct strassen_product *whole, struct strassen_product *part,
                      int number);

/* When all parts are done: the whole. Frees the parts' memory. */
void strassen_combine(const struct strassen_product *whole,
                      struct strassen_product parts[STRASSEN_PRODUCTS]);

/* The product of the input. */
struct strassen_product strassen_whole(const struct matrices *matrices);

/* A product of STRASSEN_LEAF rows, or of any other number without splitting it. */
void strassen_leaf(const struct strassen_product *product);

#ifdef __cplusplus
}
#endif

#endif
