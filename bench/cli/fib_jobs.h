/* SPDX-License-Identifier: MIT
 *
 * The chapter's job: the same Fibonacci number several times over, one after another or on a
 * pool, each handed on as text. `filch fib` and `filch chapter` differ in what they print of a
 * number. */
#ifndef BENCH_CLI_FIB_JOBS_H
#define BENCH_CLI_FIB_JOBS_H

#include <filch/bignum.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIB_JOBS_MAX 1000000

/* When do a pool's workers compute one number together? */
enum fib_together {
    FIB_NEVER,
    FIB_WHERE_FREE, /* when there are fewer numbers than workers, and the number is large */
    FIB_ALWAYS,     /* unless the library finds that it would be slower */
};

struct fib_jobs {
    const char *command; /* for messages */
    uint64_t n;
    uint64_t jobs;
    enum filch_fib_algorithm algorithm;
    enum fib_together together;
    int workers;     /* of the pool; 0: the default */
    uint64_t memory; /* bytes that all numbers on their way may hold together; 0: as there is */

    /* NULL: the numbers are not printed. Returns false if nobody can read it. */
    bool (*print)(void *context, const char *digits, size_t length);
    void *context; /* handed to print as it is */
};

enum fib_mode { FIB_SEQUENTIAL, FIB_THREADS, FIB_MODES };

/* Reads N, NULL where it is missing. Returns an exit code, after a message if it is not 0: what
 * is not a whole number is a usage error, one beyond `max` a failure. whose: whose limit max is. */
int fib_jobs_read_n(const char *command, const char *text, uint64_t max, const char *whose,
                    uint64_t *n);

/* The message for an error of a call that was to compute the number in this form. Returns
 * COMMAND_FAILED. */
int fib_jobs_failure(const struct fib_jobs *jobs, enum filch_fib_form form, int error);

/* What the chapter calls the mode's function: "get_sequential", "get_multi_thread". */
const char *fib_mode_function(enum fib_mode mode);

/* Runs the jobs and prints the numbers. *seconds: from the first thing done to the last, the
 * pool's life included, as the chapter measures it. Returns an exit code, after a message if it
 * is not 0. */
int fib_jobs_run(const struct fib_jobs *jobs, enum fib_mode mode, double *seconds);

#endif
