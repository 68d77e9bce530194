/* SPDX-License-Identifier: MIT
 *
 * F(n) as decimal digits, computed in decimal, so that nothing is converted. Internal. The
 * number is a polynomial in 10^73 (unit.h); GMP multiplies such polynomials, as long integers with
 * room between the coefficients (product.h), which are then carried (carry.h). Which n to use it
 * for: README.md.
 *
 * All functions: any thread, with 128 KiB of stack left; the pool's workers need them as well. They
 * block until done. GMP aborts if it gets no memory, so the caller has reserved
 * fi_decimal_memory() bytes before (reserve.h). */
#ifndef FILCH_BIGNUM_DECIMAL_H
#define FILCH_BIGNUM_DECIMAL_H

#include <filch/base.h>
#include <filch/pool.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Above it the coefficients do not fit into 512 bits. */
#define FI_DECIMAL_MAX_N UINT64_C(14000000000)

/* F(n) in decimal. digits: from malloc(), *length digits and a NUL. pool: NULL is serial. stopped:
 * asked at each doubling and between its passes, and before each of GMP's products, there by any
 * worker; NULL is never. done: told the share of the time that is over, on the calling thread; NULL
 * is fine. Errors, with nothing allocated and the results as they were: FILCH_ERANGE (n >
 * FI_DECIMAL_MAX_N), FILCH_ENOMEM, FILCH_ECANCELED (stopped, or the task that calls is cancelled),
 * FILCH_EFORKED. */
int fi_decimal_fib(uint64_t n, struct filch_pool *pool, bool (*stopped)(void *context),
                   void (*done)(void *context, double share), void *context, char **digits,
                   size_t *length);

/* Likewise, with the digits handed out from the first to the last, in blocks of at most
 * FI_DECIMAL_BLOCK, to `write`, on the calling thread. It returns 0 or an error, which ends it and
 * is returned. checked: before the first block the number's residues are compared with F(n)'s
 * (residue.h); FILCH_ECHECK if they differ. */
enum { FI_DECIMAL_BLOCK = 1 << 20 };
int fi_decimal_write(uint64_t n, struct filch_pool *pool, bool checked,
                     bool (*stopped)(void *context), void (*done)(void *context, double share),
                     int (*write)(void *context, const char *digits, size_t count),
                     void *context);

/* Any thread, does not block. No less than the most bytes that either function, GMP included, has
 * allocated at a time. UINT64_MAX for n > FI_DECIMAL_MAX_N. */
uint64_t fi_decimal_memory(uint64_t n, const struct filch_pool *pool);

#endif
