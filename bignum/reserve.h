/* SPDX-License-Identifier: MIT
 *
 * Claims on memory for GMP, which aborts the process when an allocation fails. Internal. A
 * claim sets nothing aside: it is a process-wide count, so that two calls cannot both pass
 * on the same free memory, and it binds only those who ask here. */
#ifndef FILCH_BIGNUM_RESERVE_H
#define FILCH_BIGNUM_RESERVE_H

#include "bignum/memory.h"

#include <stdint.h>

/* Any thread. Waits for others that are in this very call, never for a computation. Returns 0
 * if bytes, a margin and all claims in flight fit into fi_memory_available() and the kernel
 * agrees to map them now; then the caller owes fi_memory_release(bytes). Otherwise
 * FILCH_ENOMEM, and nothing is claimed. Up to 64 KiB only malloc() is asked, and up to 1 MiB it is
 * enough that the kernel maps 32. */
int fi_memory_reserve(const struct fi_memory_roots *roots, uint64_t bytes);

/* Any thread. bytes: as reserved. Before it, the caller has freed all but its result. */
void fi_memory_release(uint64_t bytes);

#endif
