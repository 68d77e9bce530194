/* SPDX-License-Identifier: MIT
 *
 * A call under way: what its options say, in the form in which the algorithms ask. Internal. */
#ifndef FILCH_BIGNUM_JOB_H
#define FILCH_BIGNUM_JOB_H

#include <filch/bignum.h>

#include <stdbool.h>
#include <stdint.h>

struct filch_scope;

/* Which of the two sequences with x(n) = x(n - 1) + x(n - 2). */
enum fi_sequence { FI_FIBONACCI, FI_LUCAS };

/* Written by the calling thread alone. */
struct fi_job {
    struct filch_fib_options options; /* the pool is NULL if it would not help */
    struct filch_scope *scope;        /* of the task that calls, or NULL */
    uint64_t claimed;                 /* bytes */
    uint64_t prepared;                /* of these, without what threads take: the arena's */
    double part;                      /* of the whole time, that is reported as 0 to 1; 1 */
    double share;                     /* last reported */
};

/* Returns 0, or FILCH_EINVAL, FILCH_EFORKED, FILCH_ECANCELED. Reports nothing yet. */
int fi_job_init(struct fi_job *job, const struct filch_fib_options *options);

/* Claims bytes within the budget, and what the pool's threads may need. Returns 0, then the caller
 * owes fi_job_release(), or FILCH_ENOMEM. */
int fi_job_claim(struct fi_job *job, uint64_t bytes);

/* Before it, all but the result is freed. */
void fi_job_release(struct fi_job *job);

/* Is it to stop? context: the struct fi_job. */
bool fi_job_stopped(void *context);

/* Reports a share, of the part, if it is more than the last one and less
 * than all. context: the struct fi_job. */
void fi_job_report(void *context, double share);

/* The result is there: reports 1. */
void fi_job_done(struct fi_job *job);

#endif
