/* SPDX-License-Identifier: MIT
 *
 * F(n) and L(n) by fast doubling on GMP's multiplication, by one thread or several. Internal. */
#ifndef FILCH_BIGNUM_DOUBLING_H
#define FILCH_BIGNUM_DOUBLING_H

#include "bignum/job.h"

#include <gmp.h>
#include <stdbool.h>
#include <stdint.h>

/* result: not initialised; so it stays in case of an error, FILCH_ECANCELED. start: mpz_fib2_ui()
 * does the first steps, to an index below it; at least 2. The job's pool may be NULL. Reports all
 * shares but 0 and 1. */
int fi_double(mpz_t result, uint64_t n, enum fi_sequence sequence, uint64_t start,
              struct fi_job *job);

/* Are the products of the step that makes F(n) split? pool: may be NULL. */
bool fi_double_splits(uint64_t n, const struct filch_pool *pool);

/* Bits that hold F(n), L(n), or what becomes of them on the way. */
mp_bitcnt_t fi_bits(uint64_t n);

#endif
