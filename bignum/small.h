/* SPDX-License-Identifier: MIT
 *
 * F(n) and L(n) of up to 32 limbs, in arrays on the stack: the allocations of an mpz_t would take longer than
 * the number. Internal. */
#ifndef FILCH_BIGNUM_SMALL_H
#define FILCH_BIGNUM_SMALL_H

#include <gmp.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    FI_SMALL_MAX = 2900,
    FI_SMALL_LIMBS = 36 /* of F(FI_SMALL_MAX), and some for what is made on the way */
};

/* Any thread, does not block. f, f1: receive F(n) and F(n - 1), where F(-1) = 1. n: up to
 * FI_SMALL_MAX. Returns the limbs of F(n) without leading zeros, at least 1; F(n - 1) has no more
 * than that, zeros included. */
mp_size_t fi_small_pair(uint64_t n, mp_limb_t f[FI_SMALL_LIMBS], mp_limb_t f1[FI_SMALL_LIMBS]);

/* Any thread, does not block. The same for F(n) alone, in less time. */
mp_size_t fi_small_fib(uint64_t n, mp_limb_t f[FI_SMALL_LIMBS]);

/* Likewise L(n). */
mp_size_t fi_small_lucas(uint64_t n, mp_limb_t l[FI_SMALL_LIMBS]);

#endif
