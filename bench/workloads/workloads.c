/* SPDX-License-Identifier: MIT
 *
 * The list of workloads, and the inputs that are a few numbers. */
#include "workload.h"

#include "cilksort.h"
#include "fork.h"
#include "grain.h"
#include "heat.h"
#include "keys.h"
#include "knapsack.h"
#include "loop.h"
#include "queens.h"
#include "skynet.h"
#include "stages.h"
#include "strassen.h"
#include "uts.h"
#include "vector.h"
#include "wavefront.h"

#include <stdlib.h>

static void *fork_create(long n)
{
    struct fork *fork = calloc(1, sizeof *fork);
    if (fork)
        fork->n = n;
    return fork;
}

static uint64_t fork_result(const void *fork)
{
    return (uint64_t)((const struct fork *)fork)->result;
}

static void *queens_create(long n)
{
    struct queens *queens = calloc(1, sizeof *queens);
    if (queens)
        queens->n = (int)n;
    return queens;
}

static uint64_t queens_result(const void *queens)
{
    return (uint64_t)((const struct queens *)queens)->solutions;
}

static void *skynet_create(long leaves)
{
    struct skynet *skynet = calloc(1, sizeof *skynet);
    if (skynet)
        skynet->leaves = leaves;
    return skynet;
}

static uint64_t skynet_result(const void *skynet)
{
    return (uint64_t)((const struct skynet *)skynet)->sum;
}

/* A row of the table: NAME is the name from the list. */
#define WORKLOAD_NAME(id, name, ...) static const char NAME_##id[] = name;
WORKLOAD_FORKS(WORKLOAD_NAME)
WORKLOAD_ALGORITHMS(WORKLOAD_NAME)
WORKLOAD_VARIANTS(WORKLOAD_NAME)

/* Those of one kind. */
#define GRAIN(id, count, grain)                                                               \
    {                                                                                         \
        NAME_##id, count, (count) / 5, grain_create_##grain, grain_reset, grain_result, NULL, \
            grain_destroy                                                                     \
    }
#define SORT(id, order)                                                                 \
    {                                                                                   \
        NAME_##id, 10000000, 20000, keys_create_##order, keys_reset, keys_result, NULL, \
            keys_destroy                                                                \
    }
#define EMPTY(id)                                                                             \
    {                                                                                         \
        NAME_##id, 20000, 100, loop_create, loop_reset, loop_result_empty, NULL, loop_destroy \
    }
#define REDUCE(id)                                                         \
    {                                                                      \
        NAME_##id, 100000000, 1000000, vector_create_reduce, vector_reset, \
            vector_result_reduce, vector_rest, vector_destroy              \
    }
#define UNEVEN(id)                                                               \
    {                                                                            \
        NAME_##id, 10000, 300, uneven_create, uneven_reset, uneven_result, NULL, \
            uneven_destroy                                                       \
    }

const struct workload workloads[WORKLOAD_COUNT] = {
    [WORKLOAD_FORK] = {NAME_FORK, 39, 22, fork_create, NULL, fork_result, NULL, free},
    [WORKLOAD_QUEENS] = {NAME_QUEENS, 13, 7, queens_create, NULL, queens_result, NULL, free},
    [WORKLOAD_SKYNET] = {NAME_SKYNET, 10000000, 1000, skynet_create, NULL, skynet_result, NULL,
                         free},
    [WORKLOAD_MATRIX] = {NAME_MATRIX, 1024, 128, matrices_create, matrices_reset,
                         matrices_result, NULL, matrices_destroy},
    [WORKLOAD_UTS_T1] = {NAME_UTS_T1, 10, 5, uts_create_t1, NULL, uts_result, NULL, free},
    [WORKLOAD_UTS_T3] = {NAME_UTS_T3, 2000, 20, uts_create_t3, NULL, uts_result, NULL, free},
    [WORKLOAD_UTS_T3L] = {NAME_UTS_T3L, 2000, 1, uts_create_t3l, NULL, uts_result, NULL, free},
    [WORKLOAD_CILKSORT] = {NAME_CILKSORT, 10000000, 20000, cilksort_create, cilksort_reset,
                           cilksort_result, NULL, cilksort_destroy},
    [WORKLOAD_STRASSEN] = {NAME_STRASSEN, 1024, 256, matrices_create, matrices_reset,
                           matrices_result, NULL, matrices_destroy},
    [WORKLOAD_KNAPSACK] = {NAME_KNAPSACK, 60, 30, knapsack_create, knapsack_reset,
                           knapsack_result, NULL, free},
    [WORKLOAD_FOR_EMPTY] = EMPTY(FOR_EMPTY),
    [WORKLOAD_FOR_1024] = {NAME_FOR_1024, 10000, 10, loop_create, loop_reset, loop_result, NULL,
                           loop_destroy},
    [WORKLOAD_GRAIN_1NS] = GRAIN(GRAIN_1NS, 50000000, 1ns),
    [WORKLOAD_GRAIN_10NS] = GRAIN(GRAIN_10NS, 5000000, 10ns),
    [WORKLOAD_GRAIN_100NS] = GRAIN(GRAIN_100NS, 500000, 100ns),
    [WORKLOAD_GRAIN_1US] = GRAIN(GRAIN_1US, 50000, 1us),
    [WORKLOAD_GRAIN_10US] = GRAIN(GRAIN_10US, 5000, 10us),
    [WORKLOAD_GRAIN_100US] = GRAIN(GRAIN_100US, 500, 100us),
    [WORKLOAD_GRAIN_1MS] = GRAIN(GRAIN_1MS, 50, 1ms),
    [WORKLOAD_UNEVEN] = UNEVEN(UNEVEN),
    [WORKLOAD_REDUCE] = REDUCE(REDUCE),
    [WORKLOAD_SCAN] = {NAME_SCAN, 100000000, 1000000, vector_create_scan, vector_reset,
                       vector_result_scan, vector_rest, vector_destroy},
    [WORKLOAD_SORT_RANDOM] = SORT(SORT_RANDOM, random),
    [WORKLOAD_SORT_SORTED] = SORT(SORT_SORTED, sorted),
    [WORKLOAD_SORT_EQUAL] = SORT(SORT_EQUAL, equal),
    [WORKLOAD_SORT_FEW] = SORT(SORT_FEW, few),
    [WORKLOAD_HEAT] = {NAME_HEAT, 2048, 64, heat_create, heat_reset, heat_result, NULL,
                       heat_destroy},
    [WORKLOAD_GRAPH] = {NAME_GRAPH, 99856, 400, wavefront_create, wavefront_reset,
                        wavefront_result, NULL, wavefront_destroy},
    [WORKLOAD_PIPELINE] = {NAME_PIPELINE, 20000, 100, stages_create, stages_reset,
                           stages_result, NULL, free},
    [WORKLOAD_FOR_EMPTY_OUTSIDE] = EMPTY(FOR_EMPTY_OUTSIDE),
    [WORKLOAD_REDUCE_SIMD] = REDUCE(REDUCE_SIMD),
    [WORKLOAD_UNEVEN_STATIC] = UNEVEN(UNEVEN_STATIC),
    [WORKLOAD_SORT_RANDOM_GENERIC] = SORT(SORT_RANDOM_GENERIC, random),
    [WORKLOAD_SORT_SORTED_GENERIC] = SORT(SORT_SORTED_GENERIC, sorted),
    [WORKLOAD_SORT_EQUAL_GENERIC] = SORT(SORT_EQUAL_GENERIC, equal),
    [WORKLOAD_SORT_FEW_GENERIC] = SORT(SORT_FEW_GENERIC, few),
    [WORKLOAD_SORT_RANDOM_UNSTABLE] = SORT(SORT_RANDOM_UNSTABLE, random),
    [WORKLOAD_SORT_SORTED_UNSTABLE] = SORT(SORT_SORTED_UNSTABLE, sorted),
    [WORKLOAD_SORT_EQUAL_UNSTABLE] = SORT(SORT_EQUAL_UNSTABLE, equal),
    [WORKLOAD_SORT_FEW_UNSTABLE] = SORT(SORT_FEW_UNSTABLE, few),
};

size_t workload_count(void)
{
    return WORKLOAD_COUNT;
}
