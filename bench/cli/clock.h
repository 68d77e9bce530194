/* SPDX-License-Identifier: MIT
 *
 * The one clock of the filch program: monotonic, in nanoseconds. */
#ifndef BENCH_CLI_CLOCK_H
#define BENCH_CLI_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds of the given clock. */
static inline uint64_t clock_read(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Nanoseconds of the monotonic clock, from an arbitrary start. */
static inline uint64_t clock_now(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

/* CPU time of the whole process so far, all its threads together. */
static inline uint64_t clock_cpu(void)
{
    return clock_read(CLOCK_PROCESS_CPUTIME_ID);
}

/* Seconds between two readings. */
static inline double clock_seconds(uint64_t start, uint64_t end)
{
    return (double)(end - start) * 1e-9;
}

/* Sleeps for at least this long. */
static inline void clock_sleep(uint64_t ns)
{
    struct timespec time = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    while (nanosleep(&time, &time) != 0)
        ;
}

#endif
