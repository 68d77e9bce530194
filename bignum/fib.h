/* SPDX-License-Identifier: MIT
 *
 * What filch_fib() and filch_lucas() are, for the text's functions. Internal. */
#ifndef FILCH_BIGNUM_FIB_H
#define FILCH_BIGNUM_FIB_H

#include "bignum/job.h"

#include <gmp.h>
#include <stdint.h>

/* FILCH_ERANGE or 0. */
int fi_check_range(uint64_t n);

/* F(n) or L(n), for an n in range and a job with its memory claimed. result: not initialised, nor
 * in case of an error: FILCH_ECANCELED. Not checked. Reports all shares but 1. */
int fi_compute(mpz_t result, uint64_t n, enum fi_sequence sequence, struct fi_job *job);

/* Is it F(n) or L(n)? Returns 0, FILCH_ECHECK, or an error of filch_reduce(). pool: NULL, or its
 * workers take part. */
int fi_check_number(mpz_srcptr number, uint64_t n, enum fi_sequence sequence,
                    struct filch_pool *pool);

/* Bytes that fi_compute() holds at once. */
uint64_t fi_number_memory(uint64_t n, const struct filch_fib_options *options);

#endif
