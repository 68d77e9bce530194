/* SPDX-License-Identifier: MIT
 *
 * The chapter's job: the same Fibonacci number several times over, one after another or on a
 * pool, each printed as a line. `filch fib` and `filch chapter` differ in what they print of a
 * number. */
#ifndef BENCH_CLI_FIB_JOBS_H
#define BENCH_CLI_FIB_JOBS_H

#include <filch/bignum.h>

#include <stddef.h>
#include <stdint.h>

#define FIB_JOBS_MAX 1000000

struct fib_jobs {
    const char *command; /* for messages */
    uint64_t n;
    uint64_t jobs;
    enum filch_fib_algorithm algorithm;
    int workers;                                      /* of the pool; 0: the default */
    void (*print)(const char *digits, size_t length); /* NULL: the numbers are not printed */
};

enum fib_mode { FIB_SEQUENTIAL, FIB_THREADS, FIB_MODES };

/* Reads N, NULL where it is missing. Returns an exit code, after a message if it is not 0: what
 * is not a whole number is a usage error, one that the arithmetic cannot hold a failure. */
int fib_jobs_read_n(const char *command, const char *text, uint64_t *n);

/* What the chapter calls the mode's function: "get_sequential", "get_multi_thread". */
const char *fib_mode_function(enum fib_mode mode);

/* Runs the jobs and prints the numbers. *seconds: from the first thing done to the last, the
 * pool's life included, as the chapter measures it. Returns an exit code, after a message if it
 * is not 0. */
int fib_jobs_run(const struct fib_jobs *jobs, enum fib_mode mode, double *seconds);

#endif
