/* SPDX-License-Identifier: MIT
 *
 * The ends of a Fibonacci number that is too long to be computed whole, or to be read: its first
 * and last digits and how many there are. */
#ifndef BENCH_CLI_FIB_DIGITS_H
#define BENCH_CLI_FIB_DIGITS_H

#include <filch/bignum.h>

#include <stdint.h>

#define FIB_DIGITS_MAX   1000000
#define FIB_DIGITS_MAX_N UINT64_C(1000000000000000000)

struct fib_ends {
    char *first, *last; /* so many digits each; or the whole number, and NULL */
    uint64_t length;    /* digits of the number */
};

/* Any thread. The first and last `count` digits of F(n), or all of them if there are at most twice
 * as many. n: at most FIB_DIGITS_MAX_N; count: 1 to FIB_DIGITS_MAX. options: of the library's
 * calls; progress goes from 0 to 1 twice. Returns 0, then the caller owes fib_ends_free(), or an
 * error of the library's. */
int fib_digits_find(uint64_t n, uint64_t count, const struct filch_fib_options *options,
                    struct fib_ends *ends);

void fib_ends_free(struct fib_ends *ends);

#endif
