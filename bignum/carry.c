/* SPDX-License-Identifier: MIT
 *
 * One pass over the coefficients of two products: combine, divide by 10^73, carry. See carry.h.
 *
 * Nothing is ever negative: a multiple of 10^73, the bias z * 10^73, is added to each coefficient
 * of a difference, and z taken off again from what is carried to the next one. So coefficients get
 * z * 10^73 - z, the first one z * 10^73, and what comes out at the top is z too large. For factors
 * of u units z is 2 u * 10^73; the largest sum is then below 6 u * 10^146, which must be below
 * 2^512: u up to 22 million, FI_DECIMAL_MAX_N.
 *
 * Blocks are carried side by side, each as if nothing came from below. What does is added
 * afterwards, one block after the other: it seldom goes further than two units. */
#include "bignum/carry.h"

#include <filch/algorithm.h>
#include <filch/error.h>

#include <stdlib.h>
#include <string.h>

/* Pairs of coefficients, an even and an odd one, in a block. */
enum { BLOCK_PAIRS = 128 };

/* With less, carrying takes not much longer than waking somebody. */
enum { FORK_PAIRS = 512 };

struct pass {
    enum fi_carry what;
    const struct fi_coefficients *x, *y;
    size_t units; /* of the factors: pairs of coefficients, but the last one has no odd one */
    int add;
    mp_limb_t z[UNIT_LIMBS + 1];
    mp_limb_t first[COEFFICIENT_LIMBS], bias[COEFFICIENT_LIMBS]; /* z * 10^73, and less z */
    mp_limb_t (*carries)[2][QUOTIENT_LIMBS];                     /* a block's, of x and y */
};

/* A unit of the result; what is carried to the next one in `carry`. */
static inline void one(mp_limb_t to[UNIT_LIMBS], const mp_limb_t x[COEFFICIENT_LIMBS],
                       const mp_limb_t y[COEFFICIENT_LIMBS], int times_x, int times_y, int add,
                       const mp_limb_t bias[COEFFICIENT_LIMBS], mp_limb_t carry[QUOTIENT_LIMBS])
{
    mp_limb_t c[COEFFICIENT_LIMBS];
    fi_signed_wide sum = add;
    for (int i = 0; i < COEFFICIENT_LIMBS; i++) {
        sum += (fi_signed_wide)((fi_wide)x[i] * (unsigned)times_x);
        if (times_y > 0)
            sum += y[i];
        else if (times_y == 0)
            sum += bias[i];
        else
            sum +=
                (fi_signed_wide)bias[i] - (fi_signed_wide)((fi_wide)y[i] * (unsigned)-times_y);
        if (i < QUOTIENT_LIMBS)
            sum += carry[i];
        c[i] = (mp_limb_t)sum;
        sum >>= 64;
    }
    fi_unit_divide(c, carry, to);
}

struct carries {
    mp_limb_t x[QUOTIENT_LIMBS], y[QUOTIENT_LIMBS];
};

/* A unit of the results. */
static inline void unit(enum fi_carry what, struct carries *carries, mp_limb_t *to_x,
                        mp_limb_t *to_y, const mp_limb_t *x, const mp_limb_t *y,
                        const mp_limb_t *bias, int add)
{
    if (what == FI_CARRY_PRODUCT)
        one(to_x, x, y, 1, 0, add, bias, carries->x);
    else if (what == FI_CARRY_ODD || what == FI_CARRY_ODD_ALONE)
        one(to_x, x, y, 4, -1, add, bias, carries->x);
    else
        one(to_x, x, y, 3, -2, add, bias, carries->x);
    if (what == FI_CARRY_ODD)
        one(to_y, x, y, 3, -2, add, bias, carries->y);
    else if (what == FI_CARRY_EVEN)
        one(to_y, x, y, 1, 1, 0, bias, carries->y);
}

/* Called with constants for `what`, so that the compiler makes a loop for each. */
static inline void carry_block(enum fi_carry what, struct pass *pass, size_t block)
{
    size_t begin = block * BLOCK_PAIRS, end = begin + BLOCK_PAIRS;
    if (end > pass->units)
        end = pass->units;
    const struct fi_coefficients *px = pass->x;
    const struct fi_coefficients *py = what == FI_CARRY_PRODUCT ? px : pass->y;
    const mp_limb_t *bias = block == 0 ? pass->first : pass->bias;
    int add = block == 0 ? pass->add : 0;
    struct carries carries = {{0}, {0}};
    for (size_t i = begin; i < end; i++) {
        mp_limb_t *to_x = px->even + i * COEFFICIENT_LIMBS,
                  *to_y = py->even + i * COEFFICIENT_LIMBS;
        mp_limb_t x[COEFFICIENT_LIMBS], y[COEFFICIENT_LIMBS];
        memcpy(x, to_x, sizeof x);
        memcpy(y, to_y, sizeof y);
        unit(what, &carries, to_x, to_y, x, y, bias, add);
        bias = pass->bias;
        add = 0;
        size_t next = i * COEFFICIENT_LIMBS + UNIT_LIMBS;
        if (i + 1 < pass->units)
            unit(what, &carries, px->even + next, py->even + next, px->odd + next,
                 py->odd + next, bias, 0);
    }
    memcpy(pass->carries[block][0], carries.x, sizeof carries.x);
    memcpy(pass->carries[block][1], carries.y, sizeof carries.y);
}

static int blocks(void *context, size_t begin, size_t end)
{
    struct pass *pass = context;
    for (size_t block = begin; block < end; block++) {
        switch (pass->what) {
        case FI_CARRY_EVEN:
            carry_block(FI_CARRY_EVEN, pass, block);
            break;
        case FI_CARRY_ODD:
            carry_block(FI_CARRY_ODD, pass, block);
            break;
        case FI_CARRY_EVEN_ALONE:
            carry_block(FI_CARRY_EVEN_ALONE, pass, block);
            break;
        case FI_CARRY_ODD_ALONE:
            carry_block(FI_CARRY_ODD_ALONE, pass, block);
            break;
        case FI_CARRY_PRODUCT:
            carry_block(FI_CARRY_PRODUCT, pass, block);
            break;
        }
    }
    return 0;
}

static void set_bias(struct pass *pass, size_t units)
{
    memset(pass->z, 0, sizeof pass->z);
    pass->z[UNIT_LIMBS] = mpn_mul_1(pass->z, fi_unit_base, UNIT_LIMBS, 2 * units);
    mp_limb_t product[2 * UNIT_LIMBS + 1];
    mpn_mul(product, pass->z, UNIT_LIMBS + 1, fi_unit_base, UNIT_LIMBS);
    assert(product[COEFFICIENT_LIMBS] == 0);
    memcpy(pass->first, product, sizeof pass->first);
    mpn_sub(pass->bias, pass->first, COEFFICIENT_LIMBS, pass->z, UNIT_LIMBS + 1);
}

static bool is_zero(const mp_limb_t carry[QUOTIENT_LIMBS])
{
    return mpn_zero_p(carry, QUOTIENT_LIMBS);
}

/* Hands the blocks' carries on. which: 0 is x, 1 y. Returns the number of units. */
static size_t settle(struct pass *pass, mp_limb_t *number, int which, bool biased)
{
    mp_limb_t top[QUOTIENT_LIMBS] = {0};
    size_t last = (pass->units - 1) / BLOCK_PAIRS, units = 2 * pass->units - 1;
    for (size_t block = 0; block < last; block++) {
        mp_limb_t *carry = pass->carries[block][which];
        for (size_t i = 2 * (block + 1) * BLOCK_PAIRS; i < units && !is_zero(carry); i++)
            fi_unit_add(number + i * UNIT_LIMBS, carry);
        mpn_add_n(top, top, carry, QUOTIENT_LIMBS);
    }
    mpn_add_n(top, top, pass->carries[last][which], QUOTIENT_LIMBS);
    if (biased)
        mpn_sub_n(top, top, pass->z, QUOTIENT_LIMBS);

    /* At most two more: F(2m+1) < 4 F(m)^2. */
    memset(number + units * UNIT_LIMBS, 0, 2 * UNIT_LIMBS * sizeof *number);
    while (!is_zero(top)) {
        assert(units <= 2 * pass->units);
        fi_unit_add(number + units++ * UNIT_LIMBS, top);
    }
    while (units > 1 && mpn_zero_p(number + (units - 1) * UNIT_LIMBS, UNIT_LIMBS))
        units--;
    return units;
}

int fi_carry(struct filch_pool *pool, enum fi_carry what, int add,
             const struct fi_coefficients *x, const struct fi_coefficients *y, size_t *units)
{
    struct pass pass = {.what = what, .x = x, .y = y, .units = *units, .add = add};
    size_t count = (*units - 1) / BLOCK_PAIRS + 1;
    pass.carries = malloc(count * sizeof *pass.carries);
    if (!pass.carries)
        return FILCH_ENOMEM;
    set_bias(&pass, *units);
    const struct filch_loop loop = {.grain = 1};
    int error = filch_for(*units < FORK_PAIRS ? NULL : pool, 0, count, blocks, &pass, &loop);
    if (!error) {
        *units = settle(&pass, x->even, 0, true);
        if (what == FI_CARRY_ODD || what == FI_CARRY_EVEN)
            settle(&pass, y->even, 1, what == FI_CARRY_ODD);
    }
    free(pass.carries);
    return error;
}
