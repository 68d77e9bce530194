/* SPDX-License-Identifier: MIT
 *
 * Memory for large arrays: pages of its own, large ones where the kernel has them. */
#ifndef BENCH_WORKLOADS_MEMORY_H
#define BENCH_WORKLOADS_MEMORY_H

#include <stddef.h>

/* Zeros. NULL without memory, or if the product does not fit. */
void *memory_create(size_t count, size_t size);

/* Gives the pages back; what is there is zeros again. */
void memory_rest(void *memory, size_t count, size_t size);

void memory_destroy(void *memory, size_t count, size_t size);

#endif
