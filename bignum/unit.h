/* SPDX-License-Identifier: MIT
 *
 * The digits of a decimal number, 73 at a time. Internal. A unit is a number below 10^73, in
 * binary, in 4 limbs; a number is a row of them, the lowest first. A coefficient of a product of
 * such numbers takes 8 limbs; fi_unit_divide() makes a unit of it again.
 *
 * 73 digits in 512 bits are 7.01 bits a digit, where 6.64 (twice log2(10)) is the least for any
 * unit: 35 in 2 limbs take 7.31 bits, 111 in 6 take 6.92, and dividing takes longer. */
#ifndef FILCH_BIGNUM_UNIT_H
#define FILCH_BIGNUM_UNIT_H

#include <assert.h>
#include <gmp.h>
#include <stddef.h>
#include <stdint.h>

enum { UNIT_DIGITS = 73, UNIT_LIMBS = 4, COEFFICIENT_LIMBS = 8, QUOTIENT_LIMBS = 5 };

static_assert(GMP_NUMB_BITS == 64, "the constants are for limbs of 64 bits");

__extension__ typedef unsigned __int128 fi_wide;
__extension__ typedef __int128 fi_signed_wide; /* shifted to the right it keeps its sign */

/* 10^73 = 5^73 * 2^73. */
static const mp_limb_t fi_unit_base[UNIT_LIMBS] = {UINT64_C(0x0000000000000000),
                                                   UINT64_C(0xf20a1a059e10ca00),
                                                   UINT64_C(0x46eb5d5d5b1cc5ed),
                                                   UINT64_C(0x0005a8e89d752524)};

/* Any coefficient, by 10^73. The power of two is shifted out first; then P. Barrett, CRYPTO '86,
 * with R = 2^448 / 5^73, rounded down: for C < 2^439, (C / 2^128) * R / 2^320 is C / 5^73 or a
 * little less, by 1 once in hundreds of times, and never more than it. The products of limbs
 * below 2^192 are left out: they make less than 2^-62 of a difference. */
static inline void fi_unit_divide(const mp_limb_t c[COEFFICIENT_LIMBS],
                                  mp_limb_t quotient[QUOTIENT_LIMBS],
                                  mp_limb_t remainder[UNIT_LIMBS])
{
    enum { SHIFT = UNIT_DIGITS - 64, BACK = 64 - SHIFT };
    const mp_limb_t five[3] = {UINT64_C(0xf6f9050d02cf0865), UINT64_C(0x922375aeaead8e62),
                               UINT64_C(0x000002d4744eba92)};
    const mp_limb_t inverse[QUOTIENT_LIMBS] = {UINT64_C(0x0c79abc3926e935c),
                                               UINT64_C(0xa5d83e6d686237d6),
                                               UINT64_C(0x5b1b058d79a28bda),
                                               UINT64_C(0xf80d2554140f1c57),
                                               UINT64_C(0x00000000005a766a)};

    mp_limb_t s[COEFFICIENT_LIMBS - 1]; /* c / 2^73 */
    for (int i = 0; i < COEFFICIENT_LIMBS - 2; i++)
        s[i] = c[i + 1] >> SHIFT | c[i + 2] << BACK;
    s[COEFFICIENT_LIMBS - 2] = c[COEFFICIENT_LIMBS - 1] >> SHIFT;

    mp_limb_t p[2 * QUOTIENT_LIMBS] = {0};
    for (int i = 0; i < QUOTIENT_LIMBS; i++) {
        mp_limb_t carry = 0;
        for (int j = i < 3 ? 3 - i : 0; j < QUOTIENT_LIMBS; j++) {
            fi_wide t = (fi_wide)s[i + 2] * inverse[j] + p[i + j] + carry;
            p[i + j] = (mp_limb_t)t;
            carry = (mp_limb_t)(t >> 64);
        }
        p[i + QUOTIENT_LIMBS] = carry;
    }
    mp_limb_t *q = p + QUOTIENT_LIMBS;

    /* What is left is a few times 5^73 at most, so three limbs of it are enough. */
    fi_wide t = (fi_wide)q[0] * five[0];
    mp_limb_t p0 = (mp_limb_t)t;
    t = (fi_wide)q[0] * five[1] + (mp_limb_t)(t >> 64);
    fi_wide v = (fi_wide)q[1] * five[0] + (mp_limb_t)t;
    mp_limb_t p1 = (mp_limb_t)v;
    mp_limb_t p2 = q[0] * five[2] + q[1] * five[1] + q[2] * five[0] + (mp_limb_t)(t >> 64) +
                   (mp_limb_t)(v >> 64);
    fi_wide low = ((fi_wide)s[1] << 64 | s[0]) - ((fi_wide)p1 << 64 | p0);
    mp_limb_t high = s[2] - p2 - (((fi_wide)s[1] << 64 | s[0]) < ((fi_wide)p1 << 64 | p0));
    const fi_wide five_low = (fi_wide)five[1] << 64 | five[0];
    while (high > five[2] || (high == five[2] && low >= five_low)) {
        high -= five[2] + (low < five_low);
        low -= five_low;
        for (int i = 0; ++q[i] == 0; i++)
            ;
    }

    for (int i = 0; i < QUOTIENT_LIMBS; i++)
        quotient[i] = q[i];
    mp_limb_t l0 = (mp_limb_t)low, l1 = (mp_limb_t)(low >> 64);
    remainder[0] = c[0];
    remainder[1] = (c[1] & ((1U << SHIFT) - 1)) | l0 << SHIFT;
    remainder[2] = l0 >> BACK | l1 << SHIFT;
    remainder[3] = l1 >> BACK | high << SHIFT;
}

/* Any thread, does not block. unit += addend; the addend becomes what is to be carried to the
 * next unit. */
void fi_unit_add(mp_limb_t unit[UNIT_LIMBS], mp_limb_t addend[QUOTIENT_LIMBS]);

/* Any thread, does not block. The digits, with leading zeros and without a NUL. */
void fi_unit_write(const mp_limb_t unit[UNIT_LIMBS], char digits[UNIT_DIGITS]);

#endif
