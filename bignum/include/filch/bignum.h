/* SPDX-License-Identifier: MIT
 *
 * Big Fibonacci numbers on GMP, the CPU-bound work of the examples and benchmarks: F(0) = 0,
 * F(1) = 1, as a GMP integer or as decimal text. Not a front end to GMP: it adds the two
 * checks that GMP leaves to its caller. GMP ends the process when a number is too large for
 * it and when an allocation fails; these functions return an error instead, before GMP
 * starts. They use GMP's allocation functions as they are set and never set them. */
#ifndef FILCH_BIGNUM_H
#define FILCH_BIGNUM_H

#include <filch/base.h>
#include <filch/error.h>
#include <gmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest n that GMP 6.2.1 takes: above it mpz_fib_ui() aborts. */
#define FILCH_FIB_MAX_N UINT64_C(191219412671)

/* With M(b) the time of one multiplication of b bits and b = 0.694 n, the length of F(n):
 * - DOUBLING: F(2k) and F(2k+1) from F(k) and F(k+1), about log2(n) times (D. E. Knuth, The Art
 *   of Computer Programming, vol. 2, 4.6.3, ex. 26; GMP manual, 15.7.4). O(M(b)).
 * - ADD: a, b = b, a + b, n times. O(n^2): slow on purpose, the plain form of the job. */
enum filch_fib_algorithm {
    FILCH_FIB_DOUBLING, /* first, so that zeroed options mean it */
    FILCH_FIB_ADD
};

/* Allocated by the caller, read only during the call. */
struct filch_fib_options {
    enum filch_fib_algorithm algorithm;

    /* NULL, or called on the calling thread with the share of the time that is over: 0 first,
     * never falling, 1 once the number is there (its conversion to text comes after). At most
     * 1002 calls for ADD; DOUBLING reports 0 and 1 only. Must return, so no longjmp(). */
    void (*progress)(double share, void *context);
    void *context; /* handed to progress as it is */
};

FILCH_BEGIN_DECLS

/* Any thread with 128 KiB of stack left. Computes on it until done. result: initialised;
 * receives F(n). options: NULL for doubling without progress. Returns 0, or, with result
 * untouched:
 * - FILCH_EINVAL: the algorithm is none of those above;
 * - FILCH_ERANGE: n > FILCH_FIB_MAX_N;
 * - FILCH_ENOMEM: filch_fib_memory() and what other calls have in flight do not fit into the
 *   memory that is left: of the machine, RLIMIT_AS, RLIMIT_DATA, the cgroup.
 * The check counts this library's calls, not what the rest of the process allocates while they
 * run: leave that room, or GMP may still abort. */
FILCH_API int filch_fib(mpz_t result, uint64_t n, const struct filch_fib_options *options);

/* Any thread. Like filch_fib(), with the number as decimal digits and a NUL. *text: from
 * malloc(); the caller frees it with free(). length: NULL, or receives the number of digits,
 * without the NUL. Errors as above, with *text and *length untouched. The conversion costs
 * more than DOUBLING itself: O(M(b) log n). */
FILCH_API int filch_fib_text(char **text, size_t *length, uint64_t n,
                             const struct filch_fib_options *options);

/* Any thread, does not block. The most bytes that the call will hold at once, result included,
 * rounded up from measurements (bignum/README.md). text: for filch_fib_text(). UINT64_MAX for
 * an n beyond FILCH_FIB_MAX_N. O(1). */
FILCH_API uint64_t filch_fib_memory(uint64_t n, enum filch_fib_algorithm algorithm, bool text);

FILCH_END_DECLS

#endif
