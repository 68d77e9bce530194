/* SPDX-License-Identifier: MIT
 *
 * See split.h. With K = k - 1 the points are 1, -1, 2, -2, ... K, -K and infinity. With y = x^2
 * the sum s and the difference d of the values at x and -x are
 *
 *     s(x) / 2     = c_0 + c_2 y + c_4 y^2 + ... + c_2K y^K
 *     d(x) / (2 x) = c_1 + c_3 y + ... + c_(2K-1) y^(K-1)
 *
 * two polynomials that are known at K points, and the first one's highest coefficient, which is the
 * value at infinity. By Lagrange's formula, with L_x the product of (y - t^2) over t = 1 to K but
 * x, M that over all t, and [i] the coefficient of y^i:
 *
 *     (2K)! c_2i     = (2K)! M[i] c_2K + the sum over x of w_x x^2 L_x[i] s(x)
 *     (2K)! c_(2i+1) =                   the sum over x of w_x x   L_x[i] d(x)
 *
 * where w_x = (-1)^(K-x) (2K over K+x), as L_x(x^2) = (-1)^(K-x) (K+x)! (K-x)! / (2 x^2). So each
 * coefficient is a pass over the values and an exact division, and all of them are found side by
 * side. Factors stay below 2^62 up to K = 7. */
#include "bignum/split.h"
#include "bignum/linear.h"
#include "bignum/tuning.h"

#include <filch/task.h>

#include <stdatomic.h>

enum { K_MAX = FI_SPLIT_PARTS - 1, POINTS = 2 * K_MAX + 1 };

/* A product under way. Points and coefficients are written by one task each. */
struct split {
    const struct fi_product *product;
    int k_less_1;              /* K; 0: not split */
    mp_size_t part, last[2];   /* limbs of a part, of the highest ones of a and b */
    mpz_t memory;              /* owns what follows, all in rows */
    mp_limb_t *values;         /* 2K of 2 part + 2: products at the points */
    mp_limb_t *evaluated;      /* 2K of part + 1, twice unless a square; then the odd ones */
    bool negative[POINTS];     /* the value */
    mp_limb_t above[POINTS];   /* a coefficient's, beyond 2 part limbs */
    mp_limb_t carries[POINTS]; /* of adding an odd coefficient */
};

struct work {
    struct split splits[FI_SPLIT_PRODUCTS];
    int count;
    bool (*stopped)(void *context); /* or NULL */
    void *context;
    /* Written by any worker; relaxed: all joins come before it is read. */
    atomic_bool is_stopped;
};

static mp_size_t larger(mp_size_t a, mp_size_t b)
{
    return a > b ? a : b;
}

static bool is_square(const struct fi_product *product)
{
    return product->a == product->b && product->a_size == product->b_size;
}

static void multiply(mp_limb_t *to, const mp_limb_t *a, mp_size_t a_size, const mp_limb_t *b,
                     mp_size_t b_size)
{
    if (a == b && a_size == b_size)
        mpn_sqr(to, a, a_size);
    else if (a_size >= b_size)
        mpn_mul(to, a, a_size, b, b_size);
    else
        mpn_mul(to, b, b_size, a, a_size);
}

/* ---- Points ---------------------------------------------------------------------------------- */

/* The magnitude of a factor at x, in part + 1 limbs; returns whether the value is negative. */
static bool evaluate(const struct split *split, mp_limb_t *to, const mp_limb_t *factor,
                     mp_size_t last, int x)
{
    struct fi_term terms[FI_SPLIT_PARTS];
    int64_t power = 1;
    for (int i = 0; i <= split->k_less_1; i++, power *= x)
        terms[i] = (struct fi_term){.limbs = factor + i * split->part,
                                    .size = i < split->k_less_1 ? split->part : last,
                                    .times = power};
    bool negative = fi_linear(to, split->part + 1, terms, split->k_less_1 + 1) < 0;
    if (negative)
        mpn_neg(to, to, split->part + 1);
    return negative;
}

static void multiply_at(struct split *split, int point)
{
    const struct fi_product *product = split->product;
    mp_size_t part = split->part;
    if (point == 2 * split->k_less_1) {
        mp_size_t below = split->k_less_1 * part;
        multiply(product->to + 2 * below, product->a + below, split->last[0],
                 product->b + below, split->last[1]);
        return;
    }
    int x = point % 2 ? -(point / 2 + 1) : point / 2 + 1;
    mp_limb_t *a = split->evaluated + point * (part + 1), *b = a;
    bool negative = evaluate(split, a, product->a, split->last[0], x);
    split->negative[point] = false;
    if (!is_square(product)) {
        b += 2 * split->k_less_1 * (part + 1);
        split->negative[point] = evaluate(split, b, product->b, split->last[1], x) != negative;
    }
    multiply(split->values + point * (2 * part + 2), a, part + 1, b, part + 1);
}

static void points(struct work *work, struct split *split, int point)
{
    const struct fi_product *product = split->product;
    if (work->stopped && work->stopped(work->context)) {
        atomic_store_explicit(&work->is_stopped, true, memory_order_relaxed);
        return;
    }
    if (split->k_less_1 == 0)
        multiply(product->to, product->a, product->a_size, product->b, product->b_size);
    else
        multiply_at(split, point);
}

/* ---- Coefficients ---------------------------------------------------------------------------- */

/* [i] of the product of (y - t^2) over t = 1 to k but x. */
static int64_t lagrange(int k, int x, int i)
{
    int64_t of[K_MAX + 1] = {1};
    for (int t = 1, degree = 0; t <= k; t++) {
        if (t == x)
            continue;
        degree++;
        for (int j = degree; j >= 0; j--)
            of[j] = (j > 0 ? of[j - 1] : 0) - t * t * (j < degree ? of[j] : 0);
    }
    return of[i];
}

static int64_t weight(int k, int x)
{
    int64_t over = 1;
    for (int i = 1; i <= k - x; i++)
        over = over * (k + x + i) / i;
    return (k - x) % 2 ? -over : over;
}

static int64_t factorial(int n)
{
    return n < 2 ? 1 : n * factorial(n - 1);
}

/* number, of so many limbs, modulo 2^(64 limbs), of an exact division. From the lowest limb on (T.
 * Jebelean, "An algorithm for exact division", 1993). */
static void divide_exactly(mp_limb_t *number, mp_size_t limbs, mp_limb_t above,
                           mp_limb_t divisor)
{
    int shift = __builtin_ctzll(divisor);
    divisor >>= shift;
    mp_limb_t inverse = divisor; /* to 3 bits */
    for (int i = 0; i < 5; i++)
        inverse *= 2 - divisor * inverse;
    mp_limb_t carry = 0;
    for (mp_size_t i = 0; i < limbs; i++) {
        mp_limb_t next = i + 1 < limbs ? number[i + 1] : above;
        mp_limb_t limb = number[i] >> shift | next << 1 << (63 - shift);
        mp_limb_t quotient = (limb - carry) * inverse;
        carry = (mp_limb_t)((fi_wide)quotient * divisor >> 64) + (limb < carry);
        number[i] = quotient;
    }
}

static mp_limb_t *coefficient(const struct split *split, int index)
{
    return (index % 2 ? split->evaluated : split->product->to) + index / 2 * 2 * split->part;
}

/* Even ones to their place in the product, odd ones side by side. */
static void coefficients(struct work *work, struct split *split, int index)
{
    (void)work;
    int k = split->k_less_1, count = 0;
    mp_size_t stride = 2 * split->part + 2, limbs = 2 * split->part;
    struct fi_term terms[K_MAX + 1];
    for (int x = 1; x <= k; x++, count++) {
        const mp_limb_t *value = split->values + (2 * x - 2) * stride;
        bool negative = split->negative[2 * x - 2];
        int64_t times = weight(k, x) * lagrange(k, x, index / 2) * (index % 2 ? x : x * x);
        terms[count] = (struct fi_term){.limbs = value,
                                        .other = value + stride,
                                        .size = limbs,
                                        .times = negative ? -times : times,
                                        .subtract = (index % 2 != 0) !=
                                                    (negative != split->negative[2 * x - 1])};
    }
    mp_limb_t divisor = (mp_limb_t)factorial(2 * k);
    if (index % 2 == 0)
        terms[count++] =
            (struct fi_term){.limbs = split->product->to + k * limbs,
                             .size = split->last[0] + split->last[1],
                             .times = (int64_t)divisor * lagrange(k, 0, index / 2)};

    /* The values have one limb more, which the coefficient's carry takes in. */
    mp_limb_t *to = coefficient(split, index);
    fi_signed_wide above = fi_linear(to, limbs, terms, count);
    for (int i = 0; i < k; i++) {
        const mp_limb_t *a = terms[i].limbs + limbs, *b = terms[i].other + limbs;
        above += terms[i].times *
                 (terms[i].subtract ? (fi_signed_wide)*a - *b : (fi_signed_wide)*a + *b);
    }
    split->above[index] = (mp_limb_t)(above / (fi_signed_wide)divisor);
    divide_exactly(to, limbs, (mp_limb_t)above, divisor);
}

/* ---- The product ----------------------------------------------------------------------------- */

static mp_size_t total_of(const struct split *split)
{
    return split->product->a_size + split->product->b_size;
}

/* Adds an odd coefficient to the even ones. */
static void additions(struct work *work, struct split *split, int number)
{
    (void)work;
    int index = 2 * number + 1;
    mp_size_t at = index * split->part, limbs = 2 * split->part;
    if (limbs > total_of(split) - at)
        limbs = total_of(split) - at;
    mp_limb_t *to = split->product->to + at;
    split->carries[index] = mpn_add_n(to, to, coefficient(split, index), limbs);
}

/* What every coefficient has beyond its limbs. */
static void carry_on(const struct split *split)
{
    for (int index = 0; index < 2 * split->k_less_1; index++) {
        mp_size_t at = (index + 2) * split->part;
        mp_limb_t carry = split->above[index] + (index % 2 ? split->carries[index] : 0);
        if (at < total_of(split))
            fi_linear_carry(split->product->to + at, total_of(split) - at, carry);
    }
}

/* ---- All of it ------------------------------------------------------------------------------- */

/* What is done side by side, for each of a product's points, coefficients or odd ones of them. */
typedef void job(struct work *work, struct split *split, int number);
typedef job *job_pointer;

FILCH_VOID_TASK(one, job_pointer, run, struct work *, work, struct split *, split, int, number)
{
    run(work, split, number);
}

static int number_of(job_pointer run, const struct split *split)
{
    int k = split->k_less_1;
    return run == points ? 2 * k + 1 : run == coefficients ? 2 * k : k;
}

/* The first ones are the longest, and are stolen first. */
FILCH_VOID_TASK(all, job_pointer, run, struct work *, work)
{
    int forks = 0;
    for (int i = 0; i < work->count; i++) {
        struct split *split = &work->splits[i];
        for (int number = 0; number < number_of(run, split); number++, forks++)
            FILCH_FORK(one, run, work, split, number);
    }
    FILCH_SHARE();
    while (forks-- > 0)
        FILCH_JOIN(one);
}

size_t fi_split_limbs(mp_size_t limbs, int parts, bool square)
{
    size_t part = ((size_t)limbs + (size_t)parts - 1) / (size_t)parts;
    return parts < 2 ? 0 : 2 * (size_t)(parts - 1) * (square ? 3 : 4) * (part + 1);
}

/* The highest parts must not be empty. */
static void begin(struct split *split, const struct fi_product *product)
{
    mp_size_t limbs = larger(product->a_size, product->b_size), parts = product->parts;
    mp_size_t part = (limbs + parts - 1) / parts, below = (parts - 1) * part;
    *split = (struct split){.product = product};
    if (parts < 2 || product->a_size <= below || product->b_size <= below)
        return;
    split->k_less_1 = (int)parts - 1;
    split->part = part;
    split->last[0] = product->a_size - below;
    split->last[1] = product->b_size - below;
    size_t size = fi_split_limbs(limbs, (int)parts, is_square(product));
    mpz_init(split->memory);
    split->values = mpz_limbs_write(split->memory, (mp_size_t)size);
    split->evaluated = split->values + 2 * split->k_less_1 * (2 * part + 2);
}

bool fi_split(struct filch_pool *pool, const struct fi_product *products, int count,
              bool (*stopped)(void *context), void *context)
{
    struct work work = {.count = count, .stopped = stopped, .context = context};
    bool any = false;
    for (int i = 0; i < count; i++) {
        begin(&work.splits[i], &products[i]);
        any |= work.splits[i].k_less_1 > 0;
    }
    FILCH_RUN(pool, all, points, &work);
    bool complete = !atomic_load_explicit(&work.is_stopped, memory_order_relaxed);
    if (complete && any) {
        FILCH_RUN(pool, all, coefficients, &work);
        FILCH_RUN(pool, all, additions, &work);
        for (int i = 0; i < count; i++)
            carry_on(&work.splits[i]);
    }
    for (int i = 0; i < count; i++)
        if (work.splits[i].k_less_1 > 0)
            mpz_clear(work.splits[i].memory);
    return complete;
}

/* ---- When and how ---------------------------------------------------------------------------- */

/* The parts of one product, and of two at a time, with the least computed span for so many workers
 * and more: README.md. */
static const struct plan {
    int workers, one, two[2];
} plans[] = {
    {3, 2, {2, 2}},  {4, 6, {2, 3}},  {5, 3, {3, 3}},  {6, 6, {2, 2}},
    {7, 4, {4, 4}},  {8, 4, {6, 6}},  {9, 5, {5, 5}},  {10, 5, {3, 3}},
    {11, 6, {6, 6}}, {13, 7, {7, 7}}, {14, 7, {4, 4}}, {15, 8, {8, 8}},
    {18, 8, {5, 5}}, {22, 8, {6, 6}}, {26, 8, {7, 7}}, {30, 8, {8, 8}},
};

bool fi_split_plan(const struct filch_pool *pool, mp_size_t limbs, int count, int parts[])
{
    static const struct plan none = {0, 1, {1, 1}};
    const struct plan *plan = &none;
    int workers = pool ? filch_pool_size(pool) : 0;
    if (workers >= fi_tuning.split_workers && (uint64_t)limbs >= fi_tuning.split_from) {
        if (count == 4) /* twice two, for half of the workers each */
            workers /= 2;
        for (size_t i = 0; i < sizeof plans / sizeof *plans; i++)
            if (workers >= plans[i].workers)
                plan = &plans[i];
    }
    for (int i = 0; i < count; i++)
        parts[i] = count == 1 ? plan->one : plan->two[2 * i / count];
    return plan != &none;
}
