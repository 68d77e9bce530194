/* SPDX-License-Identifier: MIT
 *
 * Work that takes time and nothing else: a chain of steps, each of which needs the one before, so
 * that no compiler shortens it and no two overlap. A step takes five cycles: about 1.4 ns. */
#ifndef BENCH_WORKLOADS_BUSY_H
#define BENCH_WORKLOADS_BUSY_H

#include <stdint.h>

/* What `steps` steps make of a number. */
static inline uint64_t busy(uint64_t number, long steps)
{
    for (long i = 0; i < steps; i++)
        number = (number ^ number >> 29) * UINT64_C(6364136223846793005);
    return number;
}

#endif
