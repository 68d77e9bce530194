/* SPDX-License-Identifier: MIT
 *
 * Products of polynomials by Kronecker substitution at two points: see product.h. */
#include "bignum/product.h"
#include "bignum/split.h"

#include "bignum/arena.h"

#include <filch/algorithm.h>
#include <filch/error.h>

#include <stdbool.h>
#include <string.h>

enum { PRODUCTS_MAX = 2 };

/* Separating shorter ones takes not much longer than waking somebody. */
enum { FORK_SEPARATE_UNITS = 16384 };

struct one {
    const mp_limb_t *const *factors;
    struct fi_coefficients *product;
    mp_limb_t *alternating[2]; /* |factor| at -2^256; the second one NULL for a square */
    bool is_negative;          /* the product at -2^256 */
};

struct work {
    size_t units;
    bool (*stopped)(void *context); /* or NULL */
    void *context;
    struct one all[PRODUCTS_MAX];
};

mp_limb_t *fi_units_allocate(size_t units)
{
    return fi_block_allocate(units * UNIT_LIMBS * sizeof(mp_limb_t));
}

/* to = |even units - odd units|; returns whether the difference is negative. */
static bool alternate(mp_limb_t *to, const mp_limb_t *from, size_t units)
{
    fi_signed_wide sum = 0;
    for (size_t i = 0; i < units; i++) {
        for (size_t j = i * UNIT_LIMBS; j < (i + 1) * UNIT_LIMBS; j++) {
            sum += i % 2 == 0 ? (fi_signed_wide)from[j] : -(fi_signed_wide)from[j];
            to[j] = (mp_limb_t)sum;
            sum >>= 64;
        }
    }
    if (sum < 0)
        mpn_neg(to, to, (mp_size_t)(units * UNIT_LIMBS));
    return sum < 0;
}

static void alternate_factors(struct one *one, size_t units)
{
    bool is_negative = alternate(one->alternating[0], one->factors[0], units);
    one->is_negative = one->alternating[1] &&
                       alternate(one->alternating[1], one->factors[1], units) != is_negative;
}

static void multiply_alternating(struct one *one, size_t units)
{
    mp_size_t limbs = (mp_size_t)(units * UNIT_LIMBS);
    mp_limb_t *const *f = one->alternating;
    alternate_factors(one, units);
    if (f[1])
        mpn_mul_n(one->product->odd, f[0], f[1], limbs);
    else
        mpn_sqr(one->product->odd, f[0], limbs);
}

/* Two products for each one: at 2^256, and at -2^256. */
static int multiply(void *context, size_t begin, size_t end)
{
    struct work *work = context;
    mp_size_t limbs = (mp_size_t)(work->units * UNIT_LIMBS);
    for (size_t i = begin; i < end; i++) {
        struct one *one = &work->all[i / 2];
        if (work->stopped && work->stopped(work->context))
            return FILCH_ECANCELED;
        if (i % 2 == 1)
            multiply_alternating(one, work->units);
        else if (one->factors[0] == one->factors[1])
            mpn_sqr(one->product->even, one->factors[0], limbs);
        else
            mpn_mul_n(one->product->even, one->factors[0], one->factors[1], limbs);
    }
    return 0;
}

static int alternate_all(void *context, size_t begin, size_t end)
{
    struct work *work = context;
    for (size_t i = begin; i < end; i++)
        alternate_factors(&work->all[i], work->units);
    return 0;
}

/* The same in parts: with more workers than products. */
static int multiply_in_parts(struct filch_pool *pool, struct work *work, size_t count,
                             const int parts[])
{
    const struct filch_loop loop = {.grain = 1};
    int error = filch_for(pool, 0, count, alternate_all, work, &loop);
    if (error)
        return error;
    struct fi_product products[2 * PRODUCTS_MAX];
    mp_size_t limbs = (mp_size_t)(work->units * UNIT_LIMBS);
    for (size_t i = 0; i < count; i++) {
        const struct one *one = &work->all[i];
        mp_limb_t *const *f = one->alternating;
        products[2 * i] = (struct fi_product){
            one->product->even, one->factors[0], one->factors[1], limbs, limbs, parts[2 * i]};
        products[2 * i + 1] =
            (struct fi_product){one->product->odd, f[0], f[1] ? f[1] : f[0], limbs, limbs,
                                parts[2 * i + 1]};
    }
    bool done = fi_split(pool, products, 2 * (int)count, work->stopped, work->context);
    return done ? 0 : FILCH_ECANCELED;
}

/* odd = (even - odd) / 2, even = (even + odd) / 2, where odd has a sign. Neither is negative.
 * Nothing is carried out: a unit leaves 13 bits of its limbs free, and so does a number of them. */
static int separate(void *context, size_t begin, size_t end)
{
    const struct work *work = context;
    mp_size_t limbs = (mp_size_t)(work->units * COEFFICIENT_LIMBS);
    for (size_t i = begin; i < end; i++) {
        mp_limb_t *even = work->all[i].product->even, *odd = work->all[i].product->odd;
        if (work->all[i].is_negative)
            mpn_add_n(odd, even, odd, limbs);
        else
            mpn_sub_n(odd, even, odd, limbs);
        mpn_rshift(odd, odd, limbs, 1);
        mpn_sub_n(even, even, odd, limbs);
    }
    return 0;
}

static bool allocate(struct one *one, size_t units)
{
    one->product->even = fi_units_allocate(2 * units + 2);
    one->product->odd = fi_units_allocate(2 * units);
    one->alternating[0] = fi_units_allocate(units);
    bool is_square = one->factors[0] == one->factors[1];
    one->alternating[1] = is_square ? NULL : fi_units_allocate(units);
    return one->product->even && one->product->odd && one->alternating[0] &&
           (is_square || one->alternating[1]);
}

int fi_products(struct filch_pool *pool, const mp_limb_t *const factors[][2], size_t count,
                size_t units, bool (*stopped)(void *context), void *context,
                struct fi_coefficients *products)
{
    struct work work = {.units = units, .stopped = stopped, .context = context};
    int error = 0, parts[2 * PRODUCTS_MAX];
    for (size_t i = 0; i < count; i++) {
        work.all[i] = (struct one){.factors = factors[i], .product = &products[i]};
        if (!allocate(&work.all[i], units))
            error = FILCH_ENOMEM;
    }
    const struct filch_loop loop = {.grain = 1};
    if (!error && fi_split_plan(pool, (mp_size_t)(units * UNIT_LIMBS), 2 * (int)count, parts))
        error = multiply_in_parts(pool, &work, count, parts);
    else if (!error)
        error = filch_for(pool, 0, 2 * count, multiply, &work, &loop);
    if (!error)
        error = filch_for(units < FORK_SEPARATE_UNITS ? NULL : pool, 0, count, separate, &work,
                          &loop);
    for (size_t i = 0; i < count; i++) {
        fi_block_free(work.all[i].alternating[0]);
        fi_block_free(work.all[i].alternating[1]);
        if (error) {
            fi_block_free(products[i].even);
            fi_block_free(products[i].odd);
        }
    }
    return error;
}
