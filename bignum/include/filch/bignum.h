/* SPDX-License-Identifier: MIT
 *
 * Big Fibonacci numbers on GMP, the CPU-bound work of the examples and benchmarks: F(0) = 0,
 * F(1) = 1, as a GMP integer, as decimal text or modulo a number; and Lucas numbers, L(0) = 2,
 * L(1) = 1. By one thread or by a pool's workers.
 *
 * Not a front end to GMP: it adds what GMP leaves to its caller. GMP ends the process when a
 * number is too large for it and when an allocation fails; these functions return an error instead,
 * before GMP starts. They can be cancelled, and check what they return. They use GMP's allocation
 * functions as they are set; filch_gmp_arena_install() alone sets them. */
#ifndef FILCH_BIGNUM_H
#define FILCH_BIGNUM_H

#include <filch/base.h>
#include <filch/error.h>
#include <gmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct filch_pool;
struct filch_token;

/* The largest n that GMP 6.2.1 takes: above it mpz_fib_ui() aborts. */
#define FILCH_FIB_MAX_N UINT64_C(191219412671)

/* With M(b) the time of one multiplication of b bits and b = 0.694 n, the length of F(n):
 * - AUTO: the fastest that there is for this n, by measured bounds (bignum/README.md).
 * - DOUBLING: F(2k) and F(2k-1) from F(k) and F(k-1), about log2(n) times (D. E. Knuth, The Art
 *   of Computer Programming, vol. 2, 4.6.3, ex. 26; GMP manual, 15.7.4). O(M(b)). For text, the
 *   same on decimal digits, without a conversion. The only one in which a pool takes part.
 * - GMP: mpz_fib_ui(), and mpz_get_str() for text, O(M(b) log n). Cannot be stopped on the way.
 * - ADD: a, b = b, a + b, n times. O(n^2): slow on purpose, the plain form of the job. */
enum filch_fib_algorithm {
    FILCH_FIB_AUTO, /* first, so that zeroed options mean it */
    FILCH_FIB_DOUBLING,
    FILCH_FIB_GMP,
    FILCH_FIB_ADD
};

/* What is made of the number. */
enum filch_fib_form {
    FILCH_FIB_NUMBER, /* filch_fib(), filch_lucas() */
    FILCH_FIB_STRING, /* filch_fib_string() */
    FILCH_FIB_PRINT   /* filch_fib_print() */
};

/* Allocated by the caller, read only during the call. All fields 0: the defaults. */
struct filch_fib_options {
    enum filch_fib_algorithm algorithm;

    /* Do without the check of the result, which takes at most 2 % of the time: its residues modulo
     * two primes near 2^61 are compared with F(n) modulo these. */
    bool unchecked;

    /* NULL: the calling thread alone. Its workers, where that is faster; they need 256 KiB of
     * stack. Any thread may call, a worker of the pool included. */
    struct filch_pool *pool;

    /* NULL, or cancels the call, as the cancel of the task that calls does (cancel.h). Both are
     * asked before every multiplication of large numbers. */
    struct filch_token *token;

    uint64_t memory; /* bytes that the call may hold at once; 0: whatever the system has */

    /* NULL, or called with the share of the time that is over, as far as it can be foreseen: 0
     * first, never falling, 1 once the result is there. On the calling thread. One multiplication
     * takes up to half of the time, and reports nothing on its way. At most 1002 calls for ADD.
     * Must return, so no longjmp(). */
    void (*progress)(double share, void *context);
    void *context; /* handed to progress as it is */
};

/* What an arena has, in bytes of whole pages, and what it did since it was installed. */
struct filch_gmp_arena_stats {
    uint64_t used;   /* bytes: in blocks */
    uint64_t kept;   /* bytes: in none; touched before, or claimed by a call in flight */
    uint64_t reused; /* blocks made of kept bytes */
    uint64_t mapped; /* blocks that the kernel was asked for */
    uint64_t passed; /* blocks that the functions before had to give */
};

FILCH_BEGIN_DECLS

/* Any thread with 128 KiB of stack left. Blocks until done. result: initialised; receives F(n).
 * options: NULL for the defaults. Returns 0, or, with result untouched:
 * - FILCH_EINVAL: the algorithm is none of those above;
 * - FILCH_ERANGE: n > FILCH_FIB_MAX_N;
 * - FILCH_ENOMEM: filch_fib_memory() is above options->memory; or it and what other calls have in
 *   flight do not fit into the memory that is left: of the machine, RLIMIT_AS, RLIMIT_DATA, the
 *   cgroup. Where the pool's workers would need too much, the calling thread does it alone;
 * - FILCH_ECANCELED: the token or the task that calls is cancelled;
 * - FILCH_ECHECK: the result did not pass its check: a fault of the machine, or of a library;
 * - FILCH_EFORKED: the pool's threads stayed in the parent process.
 * The check of the memory counts this library's calls, not what the rest of the process allocates
 * while they run: leave that room, or GMP may still abort. */
FILCH_API int filch_fib(mpz_t result, uint64_t n, const struct filch_fib_options *options);

/* Any thread. Likewise L(n) = F(n - 1) + F(n + 1). */
FILCH_API int filch_lucas(mpz_t result, uint64_t n, const struct filch_fib_options *options);

/* Any thread. Like filch_fib(), with the number as decimal digits and a NUL. *text: from
 * malloc(); the caller frees it with free(). length: NULL, or receives the number of digits,
 * without the NUL. Errors as above, with *text and *length untouched. */
FILCH_API int filch_fib_string(char **text, size_t *length, uint64_t n,
                               const struct filch_fib_options *options);

/* Any thread. Writes the decimal digits to the stream, nothing else, in blocks: the whole text is
 * never held. Does not flush. Errors as above, with nothing written; and FILCH_EIO: the stream took
 * not all (its ferror() is set). But FILCH_ECANCELED may come when part of it is written. */
FILCH_API int filch_fib_print(FILE *stream, uint64_t n,
                              const struct filch_fib_options *options);

/* Any thread. Blocks. result: initialised, may be m; receives F(n) modulo |m|, from 0 to |m| - 1.
 * O(log n) multiplications and divisions of numbers of m's size. options: the algorithm does not
 * matter; a pool's workers take part where m is large. The check, where m has 128 limbs and more,
 * makes it that much larger by the two primes. Errors: FILCH_EINVAL (m is 0), FILCH_ERANGE (m is
 * larger than F(FILCH_FIB_MAX_N / 4)), and those of filch_fib() from FILCH_ENOMEM on. */
FILCH_API int filch_fib_mod(mpz_t result, uint64_t n, const mpz_t m,
                            const struct filch_fib_options *options);

/* Any thread, does not block. The most bytes that the call will hold at once, result included,
 * rounded up from measurements (bignum/README.md). options: NULL for the defaults. With a pool: for
 * its workers; without it may take less, which is tried next. UINT64_MAX for an n beyond
 * FILCH_FIB_MAX_N. O(1). */
FILCH_API uint64_t filch_fib_memory(uint64_t n, enum filch_fib_form form,
                                    const struct filch_fib_options *options);

/* ---- An arena for large blocks ---------------------------------------------------------------
 *
 * malloc() takes large blocks from the kernel and gives them back, page after page, in every step
 * of a computation. An arena keeps them for the next one. It stands in for GMP's allocation
 * functions, in the whole process: so it is for who writes the program to install it, and nothing
 * here does by itself. Blocks of 64 KiB and more are the arena's, those of decimal texts included;
 * others are left to the functions that were set before. If the kernel gives it nothing more, these
 * are asked. */

/* While no other thread is in GMP or in a call of this header, as GMP does not lock its functions;
 * best at the start of main(). Numbers made before stay good: a block goes back to where it came
 * from. The library must stay loaded, and who sets functions of their own later on must hand on to
 * these what came from them.
 * keep: the most bytes that stay with it when they are in no block and no call of this header is
 * in flight; UINT64_MAX: all. In any case it grows only by what is in use, or a call claims. If
 * it is installed already keep is set, from any thread. Returns 0 or FILCH_ENOMEM. */
FILCH_API int filch_gmp_arena_install(uint64_t keep);

/* As for installing. Gives back all, and sets the functions of before. Returns 0, also if there is
 * no arena; or FILCH_EBUSY: blocks of it are in use, calls are in flight, or others have set
 * functions since. */
FILCH_API int filch_gmp_arena_uninstall(void);

/* Any thread. Gives what is kept back to the kernel; returns how many bytes. The calls above do so
 * by themselves before they return FILCH_ENOMEM. */
FILCH_API uint64_t filch_gmp_arena_trim(void);

/* Any thread. All 0 if there was none. */
FILCH_API void filch_gmp_arena_stats_read(struct filch_gmp_arena_stats *stats);

FILCH_END_DECLS

#endif
