/* SPDX-License-Identifier: MIT
 *
 * Of two sizes. */
#ifndef FI_SIZE_H
#define FI_SIZE_H

#include <stddef.h>

static inline size_t fi_smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t fi_larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

#endif
