/* SPDX-License-Identifier: MIT
 *
 * Products of large numbers by several workers: an outer layer of Toom-Cook multiplication over
 * GMP's. Internal. Both factors are cut into k parts, and so polynomials of degree k - 1; their
 * values at 2k - 1 points are multiplied side by side, and the product's 2k - 1 coefficients
 * interpolated from the values' products. (A. L. Toom, "The complexity of a scheme of functional
 * elements realizing the multiplication of integers", 1963; S. A. Cook, "On the minimum computation
 * time of functions", 1966. The choice of points decides what the linear work is: M. Bodrato and A.
 * Zanoni, "Integer and polynomial multiplication: towards optimal Toom-Cook matrices", 2007. Here
 * rows of the inverse matrix are multiplied out side by side, so the points are those that make
 * half of it zeros.)
 *
 * The work is (2k - 1) / k times that of one multiplication, so it pays from a few workers on. */
#ifndef FILCH_BIGNUM_SPLIT_H
#define FILCH_BIGNUM_SPLIT_H

#include <filch/pool.h>
#include <gmp.h>
#include <stdbool.h>
#include <stddef.h>

enum { FI_SPLIT_PARTS = 8, FI_SPLIT_PRODUCTS = 4 };

/* One product to = a * b, of a_size + b_size limbs. The same factor twice is a square. */
struct fi_product {
    mp_limb_t *to; /* apart from all factors */
    const mp_limb_t *a, *b;
    mp_size_t a_size, b_size; /* at least 1 */
    int parts;                /* 1: one multiplication of GMP's; at most FI_SPLIT_PARTS */
};

/* Any thread. Blocks. `count` products, 1 to FI_SPLIT_PRODUCTS, all their points at a time. Factors
 * whose sizes do not allow so many parts are not split. stopped: NULL, or asked before every
 * multiplication, by any worker, several at a time; if it says so, false is returned, and the
 * products are undefined. pool: not NULL. Of GMP's memory it takes fi_split_limbs() for each
 * product, and what the multiplications take. Workers need 16 KiB of stack beside GMP's. */
bool fi_split(struct filch_pool *pool, const struct fi_product *products, int count,
              bool (*stopped)(void *context), void *context);

/* Any thread, does not block. Limbs of the values of a product whose larger factor has `limbs`. */
size_t fi_split_limbs(mp_size_t limbs, int parts, bool is_square);

/* Any thread, does not block. Into how many parts to split each of `count` products, 1, 2 or 4, of
 * factors of so many limbs. Returns false, with 1 for all, where this would not pay: fi_tuning.
 * pool: may be NULL. */
bool fi_split_plan(const struct filch_pool *pool, mp_size_t limbs, int count, int parts[]);

#endif
