/* SPDX-License-Identifier: MIT
 *
 * Products of polynomials in 10^73, whose coefficients are units. Internal. A polynomial f is
 * evaluated at 2^256 and at -2^256; GMP multiplies the values. Half of the sum of the two products
 * holds the even coefficients of the product, half of their difference the odd ones, 512 bits apart
 * each (D. Harvey, "Faster polynomial multiplication via multipoint Kronecker substitution", 2009,
 * KS2). At 2^256 nothing has to be done: that is how the units lie in memory.
 *
 * So a product is two of half the size each, which two workers can compute side by side, and is
 * cheaper for one as well: 5 to 20 percent less than one product with the units 512 bits apart. */
#ifndef FILCH_BIGNUM_PRODUCT_H
#define FILCH_BIGNUM_PRODUCT_H

#include "bignum/unit.h"

#include <filch/pool.h>
#include <stdbool.h>

/* The coefficients of a product of polynomials of u units, not carried: 2 u - 1 of 8 limbs. */
struct fi_coefficients {
    mp_limb_t *even; /* u: 0, 2, ...; behind them room for two units */
    mp_limb_t *odd;  /* a unit that is not used, and u - 1: 1, 3, ... */
};

/* Any thread. Blocks. products[i] = factors[i][0] * factors[i][1], for 1 or 2 products, with all
 * factors of `units` units. The same factor twice is a square, which costs two thirds. Allocates
 * products[i].even and .odd by fi_units_allocate(). With many workers GMP's products are split
 * (split.h). stopped, which may be NULL, is asked before each of them, by any worker. Errors:
 * FILCH_ENOMEM, FILCH_ECANCELED (stopped), those of filch_for(); then nothing is allocated. */
int fi_products(struct filch_pool *pool, const mp_limb_t *const factors[][2], size_t count,
                size_t units, bool (*stopped)(void *context), void *context,
                struct fi_coefficients *products);

/* Any thread, does not block. NULL, or room for that many units, to be freed with
 * fi_block_free(). */
mp_limb_t *fi_units_allocate(size_t units);

#endif
