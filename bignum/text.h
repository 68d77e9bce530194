/* SPDX-License-Identifier: MIT
 *
 * The check of a text, for tests. Internal. */
#ifndef FILCH_BIGNUM_TEXT_H
#define FILCH_BIGNUM_TEXT_H

#include <filch/pool.h>
#include <stddef.h>
#include <stdint.h>

/* Are these the digits of F(n)? Returns 0, FILCH_ECHECK, or an error of filch_reduce(). pool: NULL,
 * or its workers take part. */
int fi_check_text(const char *digits, size_t length, uint64_t n, struct filch_pool *pool);

#endif
