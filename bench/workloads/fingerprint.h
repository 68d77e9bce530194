/* SPDX-License-Identifier: MIT
 *
 * Numbers for inputs, and one number for an output: both the same everywhere. */
#ifndef BENCH_WORKLOADS_FINGERPRINT_H
#define BENCH_WORKLOADS_FINGERPRINT_H

#include <stdint.h>

/* The next number of a sequence: Knuth's 64-bit linear congruential generator (MMIX). Its upper
 * bits are the good ones. */
static inline uint64_t fingerprint_random(uint64_t last)
{
    return last * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
}

/* Folds a value in; order matters. FNV-1a, 64 bits, a word at a time. */
static inline uint64_t fingerprint_add(uint64_t fingerprint, uint64_t value)
{
    return (fingerprint ^ value) * UINT64_C(1099511628211);
}

#endif
