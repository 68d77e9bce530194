/* SPDX-License-Identifier: MIT
 *
 * Residues modulo two primes just below 2^61, which results are checked by. A wrong number
 * passes both by chance once in 2^122. Internal. */
#ifndef FILCH_BIGNUM_RESIDUE_H
#define FILCH_BIGNUM_RESIDUE_H

#include "bignum/job.h"
#include "bignum/unit.h"

#include <gmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FI_PRIMES = 2 };

extern const uint64_t fi_primes[FI_PRIMES];

struct fi_residues {
    uint64_t of[FI_PRIMES]; /* each below its prime */
};

/* F(n) or L(n), by doubling. O(log n). */
struct fi_residues fi_residues_of_index(uint64_t n, enum fi_sequence sequence);

/* number: not negative. pool: NULL, or its workers take part. Returns 0, or an error of
 * filch_reduce(), with zeros. */
int fi_residues_of_number(mpz_srcptr number, struct filch_pool *pool,
                          struct fi_residues *residues);

/* Likewise of a decimal number of so many units (unit.h). */
int fi_residues_of_units(const mp_limb_t *units, size_t count, struct filch_pool *pool,
                         struct fi_residues *residues);

/* Likewise of a text; FILCH_ECHECK: something in it is no digit. */
int fi_residues_of_text(const char *digits, size_t length, struct filch_pool *pool,
                        struct fi_residues *residues);

/* 0, or FILCH_ECHECK: they are not those of F(n) or L(n). O(log n). */
int fi_residues_check(struct fi_residues is, uint64_t n, enum fi_sequence sequence);

bool fi_residues_equal(struct fi_residues a, struct fi_residues b);

#endif
