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
 * (GMP manual, 15.7.4 and 15.7.5.) The numbers of a step are made from those of the one before in
 * two pairs that take turns, which have their full size from the start: nothing is copied, and
 * pages once touched are used again. */
#include "bignum/doubling.h"

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

/* Of the step that makes F(n >> step): the last one with two squarings, by one thread, is 1. */
static double cost_of(const struct doubling *d, int step)
{
    double cost = forks(d, step) ? 0.5 : step == 0 ? 0.75 : 1.0;
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
    mpz_add(y, y, x); /* F(2k - 1) */
    mpz_mul_ui(x, x, 5);
    mpz_sub(x, x, y);
    add_sign(x, 2, negative); /* F(2k + 1) */
    if (odd)
        mpz_sub(y, x, y);
    else
        mpz_sub(x, x, y);
}

/* The last step of one thread. f, f1 are used up. */
static void finish_by_product(const struct doubling *d, mpz_ptr x, mpz_ptr f, mpz_ptr f1)
{
    bool odd = is_odd(d, 0), negative = is_odd(d, 1);
    if (d->sequence == FI_LUCAS && odd) {
        mpz_mul_2exp(f, f, 1);
        mpz_add(f, f, f1);
        mpz_mul(x, f, f1);
        mpz_mul_ui(x, x, 5);
        add_sign(x, 4, !negative);
    } else if (odd) {
        mpz_mul_2exp(f, f, 1);
        mpz_add(f1, f1, f);
        mpz_mul_2exp(f, f, 1);
        mpz_sub(f, f, f1);
        mpz_mul(x, f, f1);
        add_sign(x, 2, negative);
    } else {
        mpz_mul_2exp(f1, f1, 1);
        mpz_add(f1, f1, f);
        mpz_mul(x, f, f1);
    }
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

static void step(struct doubling *d)
{
    mpz_t *from = d->pair[d->steps & 1], *to = d->pair[~d->steps & 1];
    bool both = d->steps > 1 || last_step[d->sequence][is_odd(d, 0)].y != 0;
    if (both && forks(d, d->steps - 1)) {
        FILCH_RUN(d->job->options.pool, square_both, to, from);
    } else if (both && d->steps == 1) {
        finish_by_product(d, to[FIRST], from[FIRST], from[SECOND]);
        return;
    } else {
        mpz_mul(to[FIRST], from[FIRST], from[FIRST]);
        if (both)
            mpz_mul(to[SECOND], from[SECOND], from[SECOND]);
    }
    combine(d, to[FIRST], to[SECOND]);
}

/* ---- All of it ------------------------------------------------------------------------------ */

/* The sizes are final: growing would copy, and leave the heap in pieces. One thread does without
 * the second of the last pair, which then holds that of two steps before. */
static void init_pairs(struct doubling *d)
{
    mpz_init2(d->pair[0][FIRST], fi_bits(d->n));
    mpz_init2(d->pair[0][SECOND], fi_bits(forks(d, 0) ? d->n : d->n >> 2));
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
            step(&d);
            d.steps--;
            cost += cost_of(&d, d.steps);
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
