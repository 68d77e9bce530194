/* SPDX-License-Identifier: MIT
 *
 * How much memory this process may still take. Internal. Reads what the system says and
 * promises nothing about the next moment: reserve.h builds the promise on it. */
#ifndef FILCH_BIGNUM_MEMORY_H
#define FILCH_BIGNUM_MEMORY_H

#include <stdint.h>

/* Where the system's files are; tests give directories of their own. */
struct fi_memory_roots {
    const char *cgroup; /* cgroup v2, or v1 with its controllers as subdirectories */
    const char *proc;
};

extern const struct fi_memory_roots fi_system_roots; /* /sys/fs/cgroup and /proc */

/* Any thread. Bytes, the least of these:
 * - MemAvailable of <proc>/meminfo; swap is left out, GMP in swap does not end;
 * - RLIMIT_AS less VmSize, less 64 MiB for each other thread (see memory.c);
 * - RLIMIT_DATA less VmData;
 * - limit less usage of the memory cgroup, v1 or v2, and of every one above it. The usage
 *   counts without inactive file cache, which the kernel drops before it runs short.
 * A file that is missing, unreadable or not understood sets no limit; UINT64_MAX if none does.
 * Allocates nothing; opens at most one file at a time. O(depth of the cgroup). */
uint64_t fi_memory_available(const struct fi_memory_roots *roots);

/* Any thread. Bytes of address space that so many threads may yet take, for their stacks and their
 * heaps: 0 unless RLIMIT_AS is set. */
uint64_t fi_memory_of_threads(uint64_t threads);

#endif
