/* SPDX-License-Identifier: MIT
 *
 * A hash of addresses. */
#ifndef FI_HASH_H
#define FI_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Below 2^bits, 1 <= bits <= 64. Knuth's multiplicative hashing: the upper bits depend on all bits
 * of the address. */
static inline size_t fi_hash(const void *address, unsigned bits)
{
    return (size_t)((uint64_t)(uintptr_t)address * 0x9e3779b97f4a7c15u >> (64 - bits));
}

#endif
