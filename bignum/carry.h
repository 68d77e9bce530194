/* SPDX-License-Identifier: MIT
 *
 * From products to the next numbers. Internal. x and y hold the coefficients of F(m)^2 and
 * F(m-1)^2. What is wanted is linear in them:
 *
 *     F(2m-1) = x + y
 *     F(2m)   = 3 x - 2 y + 2 (-1)^m
 *     F(2m+1) = 4 x - y + 2 (-1)^m
 *
 * So the coefficients are combined, and one pass makes units of them, in place. */
#ifndef FILCH_BIGNUM_CARRY_H
#define FILCH_BIGNUM_CARRY_H

#include "bignum/product.h"

/* What comes to stand in x->even, and in y->even. */
enum fi_carry {
    FI_CARRY_EVEN,       /* F(2m), F(2m-1) */
    FI_CARRY_ODD,        /* F(2m+1), F(2m) */
    FI_CARRY_EVEN_ALONE, /* F(2m) */
    FI_CARRY_ODD_ALONE,  /* F(2m+1) */
    FI_CARRY_PRODUCT,    /* x + add; y is not looked at */
};

/* Any thread. Blocks. x, y: products of numbers of *units units, up to 22 million. add: 2, -2 or
 * 0, to all but the sum x + y. *units: becomes that of the first result, without leading zeros;
 * the second one has as many, with zeros. Errors, with x and y undefined: FILCH_ENOMEM, those of
 * filch_for(). */
int fi_carry(struct filch_pool *pool, enum fi_carry what, int add,
             const struct fi_coefficients *x, const struct fi_coefficients *y, size_t *units);

#endif
