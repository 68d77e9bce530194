/* SPDX-License-Identifier: MIT
 *
 * The work that every system does. A workload is an input, a kernel (what the leaves compute) and
 * a fingerprint of the result; a system (serial C, filch, OpenMP, ...) adds a function for each
 * workload that says what may run in parallel. Kernels, inputs and fingerprints are the same object
 * code for every system written in C or C++. README.md describes the workloads. */
#ifndef BENCH_WORKLOADS_WORKLOAD_H
#define BENCH_WORKLOADS_WORKLOAD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Every workload: identifier, name, title (the heading of its table, without the unit). */
#define WORKLOAD_LIST(X)                                                             \
    X(FORK, "fork", "fib(39) with a fork at every call")                             \
    X(QUEENS, "queens", "13 queens on a board")                                      \
    X(SKYNET, "skynet", "a tree of 10,000,000 leaves, ten below each node")          \
    X(MATRIX, "matrix", "product of matrices of 1024 x 1024 doubles")                \
    X(UTS_T1, "uts-t1", "unbalanced tree search, T1: geometric, 4,130,071 nodes")    \
    X(UTS_T3, "uts-t3", "unbalanced tree search, T3: binomial, 4,112,897 nodes")     \
    X(UTS_T3L, "uts-t3l",                                                            \
      "unbalanced tree search, T3L: binomial, 111,345,631 nodes, 17,844 deep")       \
    X(CILKSORT, "cilksort", "merge sort of 10,000,000 numbers of 32 bits")           \
    X(STRASSEN, "strassen", "Strassen's product of matrices of 1024 x 1024 doubles") \
    X(KNAPSACK, "knapsack", "0-1 knapsack of 60 items, branch and bound")

enum workload_id {
#define WORKLOAD_ID(id, name, title) WORKLOAD_##id,
    WORKLOAD_LIST(WORKLOAD_ID)
#undef WORKLOAD_ID
        WORKLOAD_COUNT
};

struct workload {
    const char *name;
    long size, quick_size;
    void *(*create)(long size);            /* the input; NULL without memory */
    void (*reset)(void *input);            /* before every run; may be NULL */
    uint64_t (*result)(const void *input); /* after a run: the same for every system */
    void (*destroy)(void *input);
};

/* By enum workload_id. */
extern const struct workload workloads[WORKLOAD_COUNT];

/* A system: how it starts and ends, and its version of every workload. */
struct workload_system {
    const char *(*start)(int workers); /* returns NULL, or the text of an error */
    void (*stop)(void);
    /* Tasks that changed their worker since start(). NULL: the system does not say. */
    uint64_t (*steals)(void);
    void (*run[WORKLOAD_COUNT])(void *input); /* NULL: the system has no version of it */
};

extern const struct workload_system serial_system, filch_system;

#ifdef __cplusplus
}
#endif

#endif
