/* SPDX-License-Identifier: MIT
 *
 * What the stress programs share: how long to run, and how to fail. Each is a plain program, so
 * that ThreadSanitizer can run it, and takes the seconds that it should run (2 by default). It
 * ends with 0 after one line that says what it did, or with 1 after a line that says what went
 * wrong. */
#ifndef FILCH_TESTS_STRESS_H
#define FILCH_TESTS_STRESS_H

#include "tests/sanitized.h" /* there a program does less in a round */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            printf("%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

static double stress_until;

static inline double stress_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static inline void stress_begin(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 2;
    CHECK(seconds > 0);
    stress_until = stress_now() + seconds;
}

/* A number that looks random, from a key: what a tree of random shape is computed from. The last
 * step of Steele, Lea and Flood's SplitMix. */
static inline uint64_t stress_mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* Is there time for one more round? */
static inline bool stress_goes_on(void)
{
    return stress_now() < stress_until;
}

#endif
