/* SPDX-License-Identifier: MIT
 *
 * Linear combinations of long numbers with small factors, in one pass. Internal. */
#ifndef FILCH_BIGNUM_LINEAR_H
#define FILCH_BIGNUM_LINEAR_H

#include "bignum/unit.h"

#include <filch/pool.h>
#include <stdbool.h>

struct fi_term {
    const mp_limb_t *limbs; /* NULL: none */
    const mp_limb_t *other; /* NULL, or as long: to be added to the first, or subtracted */
    mp_size_t size;
    int64_t times;
    bool subtract; /* the other */
};

/* Any thread, does not block. to = the sum of the terms modulo 2^(64 limbs), in two's complement.
 * No term longer than `to`, nor overlapping it. Returns what the sum has above. */
fi_signed_wide fi_linear(mp_limb_t *to, mp_size_t limbs, const struct fi_term *terms,
                         int count);

/* Any thread. Blocks. Of two numbers of as many limbs, in place:
 * x, y = times[0] x + times[1] y, times[2] x + times[3] y, neither of which is negative or longer.
 * pool: not NULL. */
void fi_linear_pair(struct filch_pool *pool, mp_limb_t *x, mp_limb_t *y, mp_size_t limbs,
                    const int times[4]);

/* Any thread, does not block. sum += carry; returns what goes beyond. O(1) but for carries that run
 * on. */
fi_signed_wide fi_linear_carry(mp_limb_t *sum, mp_size_t count, fi_signed_wide carry);

#endif
