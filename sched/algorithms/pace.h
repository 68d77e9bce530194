/* SPDX-License-Identifier: MIT
 *
 * What loops know of time. */
#ifndef FI_PACE_H
#define FI_PACE_H

#include <stdint.h>
#include <time.h>

/* To have another worker take part costs some 0.5 us: less work than this is not shared, ns. */
#define FI_SHARED_NS 3000

/* The time, ns. */
static inline int64_t fi_pace_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

#endif
