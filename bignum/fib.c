/* SPDX-License-Identifier: MIT
 *
 * F(n) and its decimal text: check the arguments, reserve the memory, then let GMP work. GMP
 * aborts on a failed allocation, so nothing of it runs before fi_memory_reserve() said yes.
 *
 * Doubling is mpz_fib_ui(): fast doubling on mpn, with two squarings a step where the usual
 * formulas take three products, and one product in the last (GMP manual, 15.7.4). A loop of
 * our own over mpz functions could only be slower. */
#include <filch/bignum.h>

#include "bignum/reserve.h"

#include <stdlib.h>
#include <string.h>

enum { PROGRESS_CALLS = 1000, FIXED_BYTES = 16384 };

/* An upper bound of log2(golden ratio) = 0.69424..., in thousandths of a bit. */
enum { MILLIBITS_PER_INDEX = 695, SPARE_BITS = 256 };

static const struct filch_fib_options default_options = {FILCH_FIB_DOUBLING, NULL, NULL};

uint64_t filch_fib_memory(uint64_t n, enum filch_fib_algorithm algorithm, bool text)
{
    if (n > FILCH_FIB_MAX_N)
        return UINT64_MAX;
    /* Bytes an index, from README.md: the most that was seen is 0.93 with text (the same for
     * both: converting is the peak), 0.48 for doubling, 0.174 for two numbers to add. */
    if (text)
        return n + FIXED_BYTES;
    if (algorithm == FILCH_FIB_ADD)
        return n / 5 + FIXED_BYTES;
    return n / 2 + FIXED_BYTES;
}

static int check(uint64_t n, const struct filch_fib_options *options)
{
    if (options->algorithm != FILCH_FIB_DOUBLING && options->algorithm != FILCH_FIB_ADD)
        return FILCH_EINVAL;
    if (n > FILCH_FIB_MAX_N)
        return FILCH_ERANGE;
    /* mpz_fib_ui() takes an unsigned long, which has 32 bits on some systems. */
    if ((unsigned long)n != n)
        return FILCH_ERANGE;
    return 0;
}

static void report(const struct filch_fib_options *options, double share)
{
    if (options->progress)
        options->progress(share, options->context);
}

/* f: not initialised. Both numbers get their final size at once: growing would copy them every
 * 92 steps and leave the heap in pieces. */
static void add_up(mpz_t f, uint64_t n, const struct filch_fib_options *options)
{
    mp_bitcnt_t bits = (mp_bitcnt_t)(n / 1000 + 1) * MILLIBITS_PER_INDEX + SPARE_BITS;
    mpz_t next;
    mpz_init2(f, bits);
    mpz_init2(next, bits);
    mpz_set_ui(next, 1);

    uint64_t stride = n / PROGRESS_CALLS + 1;
    for (uint64_t i = 0; i < n;) {
        uint64_t end = n - i > stride ? i + stride : n;
        for (; i < end; i++) {
            mpz_add(f, f, next);
            mpz_swap(f, next);
        }
        /* Step i adds O(i) bits, so i steps take time in i^2. */
        double done = (double)i / (double)n;
        if (i < n)
            report(options, done * done);
    }
    mpz_clear(next);
}

/* f: not initialised; the caller clears it. */
static void compute(mpz_t f, uint64_t n, const struct filch_fib_options *options)
{
    report(options, 0.0);
    if (options->algorithm == FILCH_FIB_ADD) {
        add_up(f, n, options);
    } else {
        mpz_init(f);
        mpz_fib_ui(f, (unsigned long)n);
    }
    report(options, 1.0);
}

int filch_fib(mpz_t result, uint64_t n, const struct filch_fib_options *options)
{
    if (!options)
        options = &default_options;
    int error = check(n, options);
    if (error)
        return error;
    uint64_t bytes = filch_fib_memory(n, options->algorithm, false);
    error = fi_memory_reserve(&fi_system_roots, bytes);
    if (error)
        return error;

    mpz_t f;
    compute(f, n, options);
    mpz_swap(result, f);
    mpz_clear(f);
    fi_memory_release(bytes);
    return 0;
}

int filch_fib_text(char **text, size_t *length, uint64_t n,
                   const struct filch_fib_options *options)
{
    if (!options)
        options = &default_options;
    int error = check(n, options);
    if (error)
        return error;
    uint64_t bytes = filch_fib_memory(n, options->algorithm, true);
    error = fi_memory_reserve(&fi_system_roots, bytes);
    if (error)
        return error;

    mpz_t f;
    compute(f, n, options);
    /* Room for a sign and the NUL, as mpz_get_str() asks for. From malloc(), whatever GMP's
     * own allocator is, so that the caller can use free(). */
    char *digits = malloc(mpz_sizeinbase(f, 10) + 2);
    if (digits) {
        mpz_get_str(digits, 10, f);
        if (length)
            *length = strlen(digits);
        *text = digits;
    } else {
        error = FILCH_ENOMEM;
    }
    mpz_clear(f);
    fi_memory_release(bytes);
    return error;
}
