/* SPDX-License-Identifier: MIT
 *
 * What a peer written in C or C++ defines; main.c does the rest. */
#ifndef BENCH_PEERS_PEER_H
#define BENCH_PEERS_PEER_H

#include "bench/workloads/workload.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Tasks from outside: the caller is a thread that is no worker. A function is NULL where the
 * system has no version of it. */
struct outside_system {
    const char *(*start)(int workers); /* returns NULL, or the text of an error */
    void (*stop)(void);
    /* Submits empty tasks without a future each and waits for all. Returns how many have run. */
    uint64_t (*submit)(long tasks);
    /* Submits tasks with a future each, of which number i, from 0, returns i. Then reads every
     * future. Returns the sum. */
    uint64_t (*submit_future)(long tasks);
    /* Submits a task that returns `value`, and waits for it. Returns what came back. */
    uint64_t (*trip)(uint64_t value);
};

/* Fibonacci numbers. One is held at a time. */
struct fibonacci_system {
    const char *(*start)(int workers); /* returns NULL, or the text of an error */
    void (*stop)(void);
    void (*compute)(uint64_t n); /* F(n) */
    char *(*text)(void);         /* the decimal digits of what was computed; to be freed */
    uint64_t (*release)(void);   /* its fingerprint (fingerprint.h); it is held no longer */
};

/* Weak: each may be left out. Two for the workloads, so that each may have a file of its own. */
extern const struct workload_system peer_system __attribute__((weak));
extern const struct workload_system peer_algorithms __attribute__((weak));
extern const struct outside_system peer_outside __attribute__((weak));
extern const struct fibonacci_system peer_fibonacci __attribute__((weak));

#ifdef __cplusplus
}
#endif

#endif
