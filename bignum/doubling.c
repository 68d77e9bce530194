/* SPDX-License-Identifier: MIT
 *
 * With x = F(k)^2, y = F(k - 1)^2 and s = (-1)^k:
 *
 *     F(2k - 1) =  x +  y             L(2k)     =  5x      + 2s
 *     F(2k + 1) = 4x -  y + 2s        L(2k + 1) = 10x - 5y + 6s
 *     F(2k)     = 3x - 2y + 2s        (the second of each minus the first)
 *
 * So a step is two independent squarings and some linear work: with a pool, two forks. By itself
 * a thread is faster with one product in the last step, whose other number nobody asks for:
 *
 *     F(2k) = F(k) (F(k) + 2F(k - 1))                       L(2k) = 5 F(k)^2 + 2s
 *     F(2k + 1) = (2F(k) + F(k - 1)) (2F(k) - F(k - 1)) + 2s
 *     L(2k + 1) = 5 F(k - 1) (2F(k) + F(k - 1)) - 4s
 *
 * (GMP manual, 15.7.4 and 15.7.5.) With enough workers all of these are split (split.h), and the
 * last step is a product, too, which is less work. The numbers of a step are made from those of the
 * one before in two pairs that take turns, which have their full size from the start: nothing is
 * copied, and pages once touched are used again. */
#include "bignum/doubling.h"

#include "bignum/linear.h"
#include "bignum/split.h"
#include "bignum/tuning.h"

#include <filch/task.h>

enum { FIRST, SECOND };

struct doubling {
    mpz_t pair[2][2]; /* [step & 1]: F(k) and F(k - 1) after that many more steps are to come */
    uint64_t n;
    enum fi_sequence sequence;
    int steps; /* to come; k = n >> steps */
    struct fi_job *job;
};

/* The last step: a x - b y + c s. */
static const struct {
    unsigned x, y, sign;
} last_step[2][2] = {
    [FI_FIBONACCI] = {{3, 2, 2}, {4, 1, 2}},
    [FI_LUCAS] = {{5, 0, 2}, {10, 5, 6}},
};

/* log2 of the golden ratio is 0.69424...: an upper bound, in thousandths of a bit. */
enum { MILLIBITS_PER_INDEX = 695, SPARE_BITS = 512 };

mp_bitcnt_t fi_bits(uint64_t n)
{
    return (mp_bitcnt_t)(n / 1000 + 1) * MILLIBITS_PER_INDEX + SPARE_BITS;
}

/* ---- Progress -------------------------------------------------------------------------------
 *
 * A multiplication takes time in n^1.1: a step is worth 2^-1.1 of the next one. */

static bool forks(const struct doubling *d, int steps)
{
    return d->job->options.pool && d->n >> steps >= fi_tuning.forks_from;
}

/* Of the factors that F(n) is made of. */
static mp_size_t limbs_below(uint64_t n)
{
    return (mp_size_t)(fi_bits(n) / (2 * GMP_NUMB_BITS));
}

bool fi_double_splits(uint64_t n, const struct filch_pool *pool)
{
    int parts[1];
    return fi_split_plan(pool, limbs_below(n), 1, parts);
}

static bool splits(const struct doubling *d, int steps)
{
    return fi_double_splits(d->n >> steps, d->job->options.pool);
}

/* Is the last step two squarings? */
static bool squares_last(const struct doubling *d)
{
    return forks(d, 0) && !splits(d, 0);
}

/* Of the step that makes F(n >> step): the last one with two squarings, by one thread, is 1. */
static double cost_of(const struct doubling *d, int step)
{
    double cost = forks(d, step) ? 0.5 : step == 0 ? 0.75 : 1.0;
    if (splits(d, step)) /* 1.5 to 2 times the work, less its parts' advantage */
        cost = (step == 0 ? 1.0 : 1.5) / filch_pool_size(d->job->options.pool);
    for (int i = 0; i < step; i++)
        cost *= 0.4665;
    return cost;
}

/* ---- Steps ---------------------------------------------------------------------------------- */

static bool is_odd(const struct doubling *d, int steps)
{
    return d->n >> steps & 1;
}

static void add_sign(mpz_ptr number, unsigned times, bool negative)
{
    if (negative)
        mpz_sub_ui(number, number, times);
    else
        mpz_add_ui(number, number, times);
}

/* As combine(), but for the last step, by all workers. */
static void combine_together(const struct doubling *d, mpz_ptr x, mpz_ptr y)
{
    static const int even[] = {3, -2, 1, 1}, odd[] = {4, -1, 3, -2};
    bool is_even = !is_odd(d, d->steps - 1), negative = is_odd(d, d->steps);
    mpz_ptr both[] = {x, y};
    mp_limb_t *limbs[2];
    mp_size_t size = (mp_size_t)mpz_size(x) + 1; /* no less than y */
    for (int i = 0; i < 2; i++) {
        mp_size_t is = (mp_size_t)mpz_size(both[i]);
        limbs[i] = mpz_limbs_modify(both[i], size);
        mpn_zero(limbs[i] + is, size - is);
    }
    fi_linear_pair(d->job->options.pool, limbs[0], limbs[1], size, is_even ? even : odd);
    for (int i = 0; i < 2; i++)
        mpz_limbs_finish(both[i], size);
    add_sign(x, 2, negative);
    if (!is_even)
        add_sign(y, 2, negative);
}

/* x, y: the squares; become the next pair, or, x alone, the result. */
static void combine(const struct doubling *d, mpz_ptr x, mpz_ptr y)
{
    bool odd = is_odd(d, d->steps - 1), negative = is_odd(d, d->steps);
    if (d->steps == 1) {
        mpz_mul_ui(x, x, last_step[d->sequence][odd].x);
        if (last_step[d->sequence][odd].y)
            mpz_submul_ui(x, y, last_step[d->sequence][odd].y);
        add_sign(x, last_step[d->sequence][odd].sign, negative);
        return;
    }
    if (splits(d, d->steps - 1)) {
        combine_together(d, x, y);
        return;
    }
    mpz_add(y, y, x); /* F(2k - 1) */
    mpz_mul_ui(x, x, 5);
    mpz_sub(x, x, y);
    add_sign(x, 2, negative); /* F(2k + 1) */
    if (odd)
        mpz_sub(y, x, y);
    else
        mpz_sub(x, x, y);
}

/* to[i] = a[i] * b[i], in parts. Returns false if stopped. */
static bool multiply_in_parts(const struct doubling *d, int count, mpz_t *to, mpz_t *a,
                              mpz_t *b)
{
    struct fi_product products[2];
    int parts[2];
    fi_split_plan(d->job->options.pool, limbs_below(d->n >> (d->steps - 1)), count, parts);
    for (int i = 0; i < count; i++) {
        mp_size_t a_size = (mp_size_t)mpz_size(a[i]), b_size = (mp_size_t)mpz_size(b[i]);
        products[i] = (struct fi_product){mpz_limbs_write(to[i], a_size + b_size),
                                          mpz_limbs_read(a[i]),
                                          mpz_limbs_read(b[i]),
                                          a_size,
                                          b_size,
                                          parts[i]};
    }
    bool done = fi_split(d->job->options.pool, products, count, fi_job_stopped, d->job);
    for (int i = 0; i < count; i++)
        mpz_limbs_finish(to[i], done ? products[i].a_size + products[i].b_size : 0);
    return done;
}

static bool multiply(const struct doubling *d, mpz_t *to, mpz_t *a, mpz_t *b)
{
    if (splits(d, 0))
        return multiply_in_parts(d, 1, to, a, b);
    mpz_mul(*to, *a, *b);
    return true;
}

/* The last step of one thread, or of many. f, f1 are used up. Returns false if stopped. */
static bool finish_by_product(const struct doubling *d, mpz_t *to, mpz_t *from)
{
    mpz_ptr f = from[FIRST], f1 = from[SECOND];
    bool odd = is_odd(d, 0), negative = is_odd(d, 1);
    if (d->sequence == FI_LUCAS) {
        mpz_mul_2exp(f, f, 1);
        mpz_add(f, f, f1);
    } else if (odd) {
        mpz_mul_2exp(f, f, 1);
        mpz_add(f1, f1, f);
        mpz_mul_2exp(f, f, 1);
        mpz_sub(f, f, f1);
    } else {
        mpz_mul_2exp(f1, f1, 1);
        mpz_add(f1, f1, f);
    }
    if (!multiply(d, &to[FIRST], &from[FIRST], &from[SECOND]))
        return false;
    if (d->sequence == FI_LUCAS) {
        mpz_mul_ui(to[FIRST], to[FIRST], 5);
        add_sign(to[FIRST], 4, !negative);
    } else if (odd) {
        add_sign(to[FIRST], 2, negative);
    }
    return true;
}

FILCH_VOID_TASK(square, mpz_ptr, to, mpz_srcptr, from)
{
    mpz_mul(to, from, from);
}

FILCH_VOID_TASK(square_both, mpz_t *, to, mpz_t *, from)
{
    FILCH_FORK(square, to[SECOND], from[SECOND]);
    FILCH_CALL(square, to[FIRST], from[FIRST]);
    FILCH_JOIN(square);
}

/* Returns false if stopped. */
static bool step(struct doubling *d)
{
    mpz_t *from = d->pair[d->steps & 1], *to = d->pair[~d->steps & 1];
    bool both = d->steps > 1 || last_step[d->sequence][is_odd(d, 0)].y != 0;
    if (both && d->steps == 1 && !squares_last(d))
        return finish_by_product(d, to, from);
    if (splits(d, d->steps - 1)) {
        if (!multiply_in_parts(d, both ? 2 : 1, to, from, from))
            return false;
    } else if (both && forks(d, d->steps - 1)) {
        FILCH_RUN(d->job->options.pool, square_both, to, from);
    } else {
        mpz_mul(to[FIRST], from[FIRST], from[FIRST]);
        if (both)
            mpz_mul(to[SECOND], from[SECOND], from[SECOND]);
    }
    combine(d, to[FIRST], to[SECOND]);
    return true;
}

/* ---- All of it ------------------------------------------------------------------------------ */

/* The sizes are final: growing would copy, and leave the heap in pieces. A last product does
 * without the second of the last pair, which then holds that of two steps before. */
static void init_pairs(struct doubling *d)
{
    mpz_init2(d->pair[0][FIRST], fi_bits(d->n));
    mpz_init2(d->pair[0][SECOND], fi_bits(squares_last(d) ? d->n : d->n >> 2));
    mpz_init2(d->pair[1][FIRST], fi_bits(d->n >> 1));
    mpz_init2(d->pair[1][SECOND], fi_bits(d->n >> 1));
    mpz_t *pair = d->pair[d->steps & 1];
    mpz_fib2_ui(pair[FIRST], pair[SECOND], (unsigned long)(d->n >> d->steps));
}

int fi_double(mpz_t result, uint64_t n, enum fi_sequence sequence, uint64_t start,
              struct fi_job *job)
{
    struct doubling d = {.n = n, .sequence = sequence, .job = job};
    while (n >> d.steps >= start)
        d.steps++;
    if (d.steps == 0) {
        mpz_init(result);
        if (sequence == FI_LUCAS)
            mpz_lucnum_ui(result, (unsigned long)n);
        else
            mpz_fib_ui(result, (unsigned long)n);
        return 0;
    }
    double whole = 0, cost = 0;
    for (int i = 0; i < d.steps; i++)
        whole += cost_of(&d, i);

    int error = 0;
    init_pairs(&d);
    while (d.steps > 0 && !error) {
        if (fi_job_stopped(job)) {
            error = FILCH_ECANCELED;
        } else {
            error = step(&d) ? 0 : FILCH_ECANCELED;
            d.steps--;
            cost += cost_of(&d, d.steps);
            if (!error)
                fi_job_report(job, cost / whole);
        }
    }
    mpz_clear(d.pair[0][SECOND]);
    mpz_clears(d.pair[1][FIRST], d.pair[1][SECOND], NULL);
    if (error) {
        mpz_clear(d.pair[0][FIRST]);
        return error;
    }
    *result = *d.pair[0][FIRST];
    return 0;
}
