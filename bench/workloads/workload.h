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

/* Every workload: identifier, name, title (the heading of its table), unit of its values. */
#define WORKLOAD_FORKS(X)                                                                      \
    X(FORK, "fork", "fib(39) with a fork at every call; seconds a run", "s")                   \
    X(QUEENS, "queens", "13 queens on a board; seconds a run", "s")                            \
    X(SKYNET, "skynet", "a tree of 10,000,000 leaves, ten below each node; seconds a run",     \
      "s")                                                                                     \
    X(MATRIX, "matrix", "product of matrices of 1024 x 1024 doubles; seconds a run", "s")      \
    X(UTS_T1, "uts-t1",                                                                        \
      "unbalanced tree search, T1: geometric, 4,130,071 nodes; seconds a run", "s")            \
    X(UTS_T3, "uts-t3",                                                                        \
      "unbalanced tree search, T3: binomial, 4,112,897 nodes; seconds a run", "s")             \
    X(UTS_T3L, "uts-t3l",                                                                      \
      "unbalanced tree search, T3L: binomial, 111,345,631 nodes, 17,844 deep; seconds a run",  \
      "s")                                                                                     \
    X(CILKSORT, "cilksort", "merge sort of 10,000,000 numbers of 32 bits; seconds a run", "s") \
    X(STRASSEN, "strassen",                                                                    \
      "Strassen's product of matrices of 1024 x 1024 doubles; seconds a run", "s")             \
    X(KNAPSACK, "knapsack", "0-1 knapsack of 60 items, branch and bound; seconds a run", "s")

#define WORKLOAD_ALGORITHMS(X)                                                                 \
    X(FOR_EMPTY, "for-empty", "20,000 parallel loops of 2 empty iterations; ns a loop", "ns")  \
    X(FOR_1024, "for-1024",                                                                    \
      "10,000 parallel loops of 1,024 iterations, a mark each; ns a loop", "ns")               \
    X(GRAIN_1NS, "grain-1ns", "a loop of 50,000,000 bodies of 1 ns; ns a body", "ns")          \
    X(GRAIN_10NS, "grain-10ns", "a loop of 5,000,000 bodies of 10 ns; ns a body", "ns")        \
    X(GRAIN_100NS, "grain-100ns", "a loop of 500,000 bodies of 100 ns; ns a body", "ns")       \
    X(GRAIN_1US, "grain-1us", "a loop of 50,000 bodies of 1 us; ns a body", "ns")              \
    X(GRAIN_10US, "grain-10us", "a loop of 5,000 bodies of 10 us; ns a body", "ns")            \
    X(GRAIN_100US, "grain-100us", "a loop of 500 bodies of 100 us; ns a body", "ns")           \
    X(GRAIN_1MS, "grain-1ms", "a loop of 50 bodies of 1 ms; ns a body", "ns")                  \
    X(UNEVEN, "uneven", "a map over 10,000 items, the later the dearer; ns an item", "ns")     \
    X(REDUCE, "reduce", "sum of 100,000,000 doubles; seconds a run", "s")                      \
    X(SCAN, "scan", "running sums of 100,000,000 doubles; seconds a run", "s")                 \
    X(SORT_RANDOM, "sort-random", "sort of 10,000,000 numbers of 64 bits; seconds a run", "s") \
    X(SORT_SORTED, "sort-sorted",                                                              \
      "sort of 10,000,000 numbers that are in order; seconds a run", "s")                      \
    X(SORT_EQUAL, "sort-equal",                                                                \
      "sort of 10,000,000 numbers that are all equal; seconds a run", "s")                     \
    X(SORT_FEW, "sort-few", "sort of 10,000,000 numbers of 16 values; seconds a run", "s")     \
    X(HEAT, "heat", "100 steps of Jacobi's method on 2048 x 2048 points; seconds a run", "s")  \
    X(GRAPH, "graph", "a graph of 99,856 small tasks, a wavefront; ns a task", "ns")           \
    X(PIPELINE, "pipeline",                                                                    \
      "20,000 tokens through 8 stages, the first and last in order; ns a token", "ns")

/* Another way to do the work before it, for systems that have two: a row more in its table.
 * Identifier, name, unit, the workload, whether filch has it. */
#define WORKLOAD_VARIANTS(X)                                             \
    X(FOR_EMPTY_OUTSIDE, "for-empty-outside", "ns", FOR_EMPTY, 1)        \
    X(REDUCE_SIMD, "reduce-simd", "s", REDUCE, 1)                        \
    X(UNEVEN_STATIC, "uneven-static", "ns", UNEVEN, 0)                   \
    X(SORT_RANDOM_GENERIC, "sort-random-generic", "s", SORT_RANDOM, 1)   \
    X(SORT_SORTED_GENERIC, "sort-sorted-generic", "s", SORT_SORTED, 1)   \
    X(SORT_EQUAL_GENERIC, "sort-equal-generic", "s", SORT_EQUAL, 1)      \
    X(SORT_FEW_GENERIC, "sort-few-generic", "s", SORT_FEW, 1)            \
    X(SORT_RANDOM_UNSTABLE, "sort-random-unstable", "s", SORT_RANDOM, 0) \
    X(SORT_SORTED_UNSTABLE, "sort-sorted-unstable", "s", SORT_SORTED, 0) \
    X(SORT_EQUAL_UNSTABLE, "sort-equal-unstable", "s", SORT_EQUAL, 0)    \
    X(SORT_FEW_UNSTABLE, "sort-few-unstable", "s", SORT_FEW, 0)

enum workload_id {
#define WORKLOAD_ID(id, name, ...) WORKLOAD_##id,
    WORKLOAD_FORKS(WORKLOAD_ID) WORKLOAD_ALGORITHMS(WORKLOAD_ID)
        WORKLOAD_TABLES, /* so many have a table of their own */
    WORKLOAD_LAST = WORKLOAD_TABLES - 1,
    WORKLOAD_VARIANTS(WORKLOAD_ID)
#undef WORKLOAD_ID
        WORKLOAD_COUNT
};

struct workload {
    const char *name;
    long size, quick_size;
    void *(*create)(long size);            /* the input; NULL without memory */
    void (*reset)(void *input);            /* before every run; may be NULL */
    uint64_t (*result)(const void *input); /* after a run: the same for every system */
    /* After that: gives back what memory the next reset() fills again. May be NULL. */
    void (*rest)(void *input);
    void (*destroy)(void *input);
};

/* By enum workload_id. */
extern const struct workload workloads[WORKLOAD_COUNT];

/* WORKLOAD_COUNT, for those who do not read this file. */
size_t workload_count(void);

/* A system: how it starts and ends, and its version of every workload. There may be two of one
 * system, with the workloads made up of forks and with those of parallel algorithms. */
struct workload_system {
    const char *(*start)(int workers); /* returns NULL, or the text of an error */
    void (*stop)(void);
    /* Tasks that changed their worker since start(). NULL: the system does not say. */
    uint64_t (*steals)(void);
    void (*run[WORKLOAD_COUNT])(void *input); /* NULL: the system has no version of it */
};

extern const struct workload_system serial_system, serial_algorithms;
extern const struct workload_system filch_system, filch_algorithms;

/* The one of the two that has a version of this workload, or NULL. */
static inline const struct workload_system *
workload_system_with(enum workload_id id, const struct workload_system *forks,
                     const struct workload_system *algorithms)
{
    if (forks && forks->run[id])
        return forks;
    return algorithms && algorithms->run[id] ? algorithms : NULL;
}

#ifdef __cplusplus
}
#endif

#endif
