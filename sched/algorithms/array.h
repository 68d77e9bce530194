/* SPDX-License-Identifier: MIT
 *
 * Arrays of any element, as qsort() takes them. */
#ifndef FI_ARRAY_H
#define FI_ARRAY_H

#include <filch/error.h>

#include <stddef.h>
#include <stdint.h>

/* Is that an array? Returns 0 or FILCH_EINVAL. */
static inline int fi_array_check(const void *base, size_t count, size_t size)
{
    return size == 0 || count > SIZE_MAX / size || (!base && count > 0) ? FILCH_EINVAL : 0;
}

static inline void *fi_array_at(const void *base, size_t size, size_t index)
{
    return (void *)((uintptr_t)base + index * size);
}

#endif
