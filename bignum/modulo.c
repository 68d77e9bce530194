/* SPDX-License-Identifier: MIT
 *
 * F(n) modulo m, by the steps of doubling.c with a reduction behind each squaring. As long as the
 * numbers are below m reductions do nothing, so that no time is lost where m is larger than F(n).
 *
 * A remainder cannot be checked modulo a prime. So the work is done modulo m times both primes,
 * whose residues are then looked at before the last reduction (as A. Shamir proposed against faults
 * in RSA). */
#include "bignum/doubling.h"
#include "bignum/fib.h"
#include "bignum/residue.h"
#include "bignum/tuning.h"

#include <filch/task.h>

__extension__ typedef unsigned __int128 wide;

enum { LIMBS_CHECKED = 128, FIXED_BYTES = 65536 };

/* Times the bytes of m: the most that was seen is 21 for one thread, 33 for two (README.md). */
enum { TIMES_ALONE = 24, TIMES_TOGETHER = 40 };

/* ---- One word ------------------------------------------------------------------------------- */

static uint64_t modulo_word(uint64_t n, uint64_t m)
{
    uint64_t f = 0, f1 = 1 % m;
    for (int shift = 63; shift >= 0; shift--) {
        bool odd = n >> shift & 1;
        /* (-1)^k 2, of k = n >> (shift + 1); 63 + 1 is no shift. */
        bool negative = n >> shift >> 1 & 1;
        uint64_t two = 2 % m, x = (uint64_t)((wide)f * f % m),
                 y = (uint64_t)((wide)f1 * f1 % m);
        uint64_t below = (uint64_t)(((wide)x + y) % m);
        uint64_t above = (uint64_t)(((wide)x * 4 + (m - y) + (negative ? m - two : two)) % m);
        uint64_t middle = (uint64_t)(((wide)above + (m - below)) % m);
        f = odd ? above : middle;
        f1 = odd ? middle : below;
    }
    return f;
}

/* ---- Several -------------------------------------------------------------------------------- */

struct modulo {
    mpz_t f, f1, x, y; /* F(k), F(k - 1), their squares */
    mpz_srcptr m;
    uint64_t n;
    int steps;               /* to come; k = n >> steps */
    struct filch_pool *pool; /* NULL: steps are not worth two forks */
};

/* n >> steps, where steps may be 64. */
static uint64_t index_of(const struct modulo *d, int steps)
{
    return steps > 0 ? d->n >> (steps - 1) >> 1 : d->n;
}

FILCH_VOID_TASK(square, mpz_ptr, to, mpz_srcptr, from, mpz_srcptr, m)
{
    mpz_mul(to, from, from);
    mpz_tdiv_r(to, to, m);
}

FILCH_VOID_TASK(square_both, struct modulo *, d)
{
    FILCH_FORK(square, d->y, d->f1, d->m);
    FILCH_CALL(square, d->x, d->f, d->m);
    FILCH_JOIN(square);
}

static void step(struct modulo *d)
{
    if (d->pool) {
        FILCH_RUN(d->pool, square_both, d);
    } else {
        mpz_mul(d->x, d->f, d->f);
        mpz_tdiv_r(d->x, d->x, d->m);
        mpz_mul(d->y, d->f1, d->f1);
        mpz_tdiv_r(d->y, d->y, d->m);
    }
    mpz_add(d->y, d->y, d->x); /* F(2k - 1) */
    mpz_mul_ui(d->x, d->x, 5);
    mpz_sub(d->x, d->x, d->y);
    if (index_of(d, d->steps) & 1)
        mpz_sub_ui(d->x, d->x, 2);
    else
        mpz_add_ui(d->x, d->x, 2); /* F(2k + 1) */
    if (index_of(d, d->steps - 1) & 1)
        mpz_sub(d->y, d->x, d->y);
    else
        mpz_sub(d->x, d->x, d->y);
    mpz_mod(d->f, d->x, d->m);
    mpz_mod(d->f1, d->y, d->m);
    d->steps--;
}

/* As much as F(n) below it, steps take next to no time, and the others all the same. */
static uint64_t first_long(mpz_srcptr m)
{
    return mpz_sizeinbase(m, 2) / 2 * 3;
}

/* f: initialised; receives F(n) modulo m > 0. */
static int modulo_number(mpz_t f, uint64_t n, mpz_srcptr m, struct fi_job *job)
{
    struct modulo d = {.m = m, .n = n, .pool = job->options.pool};
    int all = 0, error = 0;
    while (index_of(&d, d.steps) > 0) {
        all += index_of(&d, d.steps) > first_long(m);
        d.steps++;
    }
    mpz_init(d.f);
    mpz_init_set_ui(d.f1, 1);
    mpz_inits(d.x, d.y, NULL);
    while (d.steps > 0 && !error) {
        if (fi_job_stopped(job))
            error = FILCH_ECANCELED;
        else
            step(&d);
        if (d.steps < all)
            fi_job_report(job, 1.0 - (double)d.steps / all);
    }
    mpz_swap(f, d.f);
    mpz_clears(d.f, d.f1, d.x, d.y, NULL);
    return error;
}

static int modulo_checked(mpz_t f, uint64_t n, mpz_srcptr m, struct fi_job *job)
{
    mpz_t larger;
    mpz_init(larger);
    mpz_mul_ui(larger, m, fi_primes[0]);
    mpz_mul_ui(larger, larger, fi_primes[1]);
    int error = modulo_number(f, n, larger, job);
    mpz_clear(larger);
    if (!error)
        error = fi_check_number(f, n, FI_FIBONACCI, NULL);
    if (!error)
        mpz_tdiv_r(f, f, m);
    return error;
}

static int find(mpz_t result, uint64_t n, mpz_srcptr m, struct fi_job *job)
{
    size_t limbs = mpz_size(m);
    mpz_t f, positive;
    mpz_init(f);
    mpz_init(positive);
    mpz_abs(positive, m);
    int error = 0;
    fi_job_report(job, 0.0);
    if (limbs == 1)
        mpz_set_ui(f, modulo_word(n, mpz_get_ui(positive)));
    else if (limbs < LIMBS_CHECKED || job->options.unchecked)
        error = modulo_number(f, n, positive, job);
    else
        error = modulo_checked(f, n, positive, job);
    if (!error)
        mpz_swap(result, f);
    mpz_clears(f, positive, NULL);
    return error;
}

static int claim(struct fi_job *job, size_t limbs)
{
    uint64_t times = job->options.pool ? TIMES_TOGETHER : TIMES_ALONE;
    return fi_job_claim(job, times * limbs * sizeof(mp_limb_t) + FIXED_BYTES);
}

int filch_fib_mod(mpz_t result, uint64_t n, const mpz_t m,
                  const struct filch_fib_options *options)
{
    struct fi_job job;
    size_t limbs = mpz_size(m);
    if (limbs == 0)
        return FILCH_EINVAL;
    if (limbs > fi_bits(FILCH_FIB_MAX_N / 4) / GMP_NUMB_BITS)
        return FILCH_ERANGE;
    int error = fi_job_init(&job, options);
    if (error)
        return error;
    if (limbs < fi_tuning.modulo_forks_from)
        job.options.pool = NULL;
    error = claim(&job, limbs);
    if (error && job.options.pool) {
        job.options.pool = NULL;
        error = claim(&job, limbs);
    }
    if (error)
        return error;
    error = find(result, n, m, &job);
    fi_job_release(&job);
    if (!error)
        fi_job_done(&job);
    return error;
}
