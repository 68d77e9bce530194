/* SPDX-License-Identifier: MIT
 *
 * Which algorithm from which n on: the measured bounds, all in one place. Internal. README.md has
 * the measurements. Written by tests and by who measures, before any call; read only otherwise. */
#ifndef FILCH_BIGNUM_TUNING_H
#define FILCH_BIGNUM_TUNING_H

#include <stdint.h>

/* Indices n, unless it says otherwise. */
struct fi_tuning {
    uint64_t doubling_from;      /* one thread; mpz_fib_ui() below, and for the first steps */
    uint64_t forks_from;         /* a step that makes F(n) is worth two forks */
    uint64_t decimal_from;       /* text by doubling in decimal; mpz_get_str() below */
    uint64_t decimal_forks_from; /* which is worth a pool's while */
    uint64_t check_from, text_check_from; /* the check takes less than 2 % */
    uint64_t modulo_forks_from;           /* limbs of m */
    uint64_t split_from;                  /* limbs of a factor: products in parts (split.h), */
    int split_workers;                    /* in a pool of so many workers and more */
};

extern struct fi_tuning fi_tuning;

#endif
