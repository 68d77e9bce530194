/* SPDX-License-Identifier: MIT
 *
 * Numbers for inputs, and one number for an output: both the same everywhere. */
#ifndef BENCH_WORKLOADS_FINGERPRINT_H
#define BENCH_WORKLOADS_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

/* Of a text: eight characters at a time, the last ones filled up with zeros, are a value each. */
static inline uint64_t fingerprint_text(const char *text, size_t length)
{
    uint64_t fingerprint = 0;
    for (size_t i = 0; i < length; i += sizeof(uint64_t)) {
        uint64_t value = 0;
        memcpy(&value, text + i, length - i < sizeof value ? length - i : sizeof value);
        fingerprint = fingerprint_add(fingerprint, value);
    }
    return fingerprint;
}

/* That of a number of any size is its residue modulo this prime, 2^64 - 59. */
#define FINGERPRINT_PRIME UINT64_C(18446744073709551557)

#endif
