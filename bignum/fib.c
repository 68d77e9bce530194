/* SPDX-License-Identifier: MIT
 *
 * F(n) and L(n): check the arguments, reserve the memory, let GMP work, check the result. GMP
 * aborts on a failed allocation, so nothing of it runs before fi_job_claim() said yes. */
#include "bignum/fib.h"

#include "bignum/doubling.h"
#include "bignum/residue.h"
#include "bignum/small.h"
#include "bignum/tuning.h"

enum { STRIDES = 1000, FIXED_BYTES = 768, SMALLEST_START = 4 };

int fi_check_range(uint64_t n)
{
    /* mpz_fib_ui() takes an unsigned long, which has 32 bits on some systems. */
    return n > FILCH_FIB_MAX_N || (unsigned long)n != n ? FILCH_ERANGE : 0;
}

/* ---- Memory --------------------------------------------------------------------------------- */

/* Do the workers of the pool take part? */
static bool forks(uint64_t n, const struct filch_fib_options *options)
{
    return options->pool && options->algorithm <= FILCH_FIB_DOUBLING &&
           n >= fi_tuning.forks_from;
}

/* Bytes an index, from README.md: the most that was seen is 0.49 for one thread, 0.75 for two, 1.05
 * for more, 0.174 for two numbers to add, 0.93 with mpz_get_str(), the same for all as it is the
 * peak. */
uint64_t fi_number_memory(uint64_t n, const struct filch_fib_options *options)
{
    if (n <= FI_SMALL_MAX && options->algorithm == FILCH_FIB_AUTO)
        return FI_SMALL_LIMBS * sizeof(mp_limb_t);
    if (options->algorithm == FILCH_FIB_ADD)
        return n / 5 + FIXED_BYTES;
    if (forks(n, options) && fi_double_splits(n, options->pool))
        return n / 20 * 23 + FIXED_BYTES;
    if (forks(n, options))
        return n / 5 * 4 + FIXED_BYTES;
    return n / 20 * 11 + FIXED_BYTES;
}

/* ---- Computing ------------------------------------------------------------------------------ */

/* Both numbers get their final size at once: growing would copy them every 92 steps and leave
 * the heap in pieces. */
static int add_up(mpz_t f, uint64_t n, enum fi_sequence sequence, struct fi_job *job)
{
    mpz_t next;
    mpz_init2(f, fi_bits(n));
    mpz_init2(next, fi_bits(n));
    mpz_set_ui(f, sequence == FI_LUCAS ? 2 : 0);
    mpz_set_ui(next, 1);

    uint64_t stride = n / STRIDES + 1;
    for (uint64_t i = 0; i < n;) {
        if (fi_job_stopped(job)) {
            mpz_clears(f, next, NULL);
            return FILCH_ECANCELED;
        }
        uint64_t end = n - i > stride ? i + stride : n;
        for (; i < end; i++) {
            mpz_add(f, f, next);
            mpz_swap(f, next);
        }
        /* Step i adds O(i) bits, so i steps take time in i^2. */
        double done = (double)i / (double)n;
        if (i < n)
            fi_job_report(job, done * done);
    }
    mpz_clear(next);
    return 0;
}

/* result: not initialised. */
static void find_small(mpz_t result, uint64_t n, enum fi_sequence sequence)
{
    mp_limb_t number[FI_SMALL_LIMBS];
    mp_size_t limbs =
        sequence == FI_LUCAS ? fi_small_lucas(n, number) : fi_small_fib(n, number);
    mpz_init2(result, (mp_bitcnt_t)limbs * GMP_NUMB_BITS);
    mpn_copyi(mpz_limbs_write(result, limbs), number, limbs);
    mpz_limbs_finish(result, limbs);
}

int fi_compute(mpz_t result, uint64_t n, enum fi_sequence sequence, struct fi_job *job)
{
    fi_job_report(job, 0.0);
    switch (job->options.algorithm) {
    case FILCH_FIB_ADD:
        return add_up(result, n, sequence, job);
    case FILCH_FIB_DOUBLING:
        return fi_double(result, n, sequence, SMALLEST_START, job);
    case FILCH_FIB_GMP:
        return fi_double(result, n, sequence, UINT64_MAX, job);
    case FILCH_FIB_AUTO:
        break;
    }
    if (n <= FI_SMALL_MAX) {
        find_small(result, n, sequence);
        return 0;
    }
    return fi_double(result, n, sequence,
                     job->options.pool ? fi_tuning.forks_from : fi_tuning.doubling_from, job);
}

int fi_check_number(mpz_srcptr number, uint64_t n, enum fi_sequence sequence,
                    struct filch_pool *pool)
{
    struct fi_residues is;
    int error = fi_residues_of_number(number, pool, &is);
    return error ? error : fi_residues_check(is, n, sequence);
}

/* ---- The calls ------------------------------------------------------------------------------ */

static int find(mpz_t result, uint64_t n, enum fi_sequence sequence,
                const struct filch_fib_options *options)
{
    struct fi_job job;
    int error = fi_check_range(n);
    if (!error)
        error = fi_job_init(&job, options);
    if (error)
        return error;
    if (!forks(n, &job.options))
        job.options.pool = NULL;
    error = fi_job_claim(&job, fi_number_memory(n, &job.options));
    if (error && job.options.pool) {
        job.options.pool = NULL;
        error = fi_job_claim(&job, fi_number_memory(n, &job.options));
    }
    if (error)
        return error;

    mpz_t f;
    error = fi_compute(f, n, sequence, &job);
    if (!error) {
        if (!job.options.unchecked && n >= fi_tuning.check_from)
            error = fi_check_number(f, n, sequence, job.options.pool);
        if (!error)
            mpz_swap(result, f);
        mpz_clear(f);
    }
    fi_job_release(&job);
    if (!error)
        fi_job_done(&job);
    return error;
}

int filch_fib(mpz_t result, uint64_t n, const struct filch_fib_options *options)
{
    return find(result, n, FI_FIBONACCI, options);
}

int filch_lucas(mpz_t result, uint64_t n, const struct filch_fib_options *options)
{
    return find(result, n, FI_LUCAS, options);
}
