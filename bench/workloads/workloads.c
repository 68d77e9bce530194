/* SPDX-License-Identifier: MIT
 *
 * The list of workloads, and the inputs that are a few numbers. */
#include "workload.h"

#include "cilksort.h"
#include "fork.h"
#include "knapsack.h"
#include "queens.h"
#include "skynet.h"
#include "strassen.h"
#include "uts.h"

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
#define WORKLOAD_NAME(id, name, title) static const char NAME_##id[] = name;
WORKLOAD_LIST(WORKLOAD_NAME)

const struct workload workloads[WORKLOAD_COUNT] = {
    [WORKLOAD_FORK] = {NAME_FORK, 39, 22, fork_create, NULL, fork_result, free},
    [WORKLOAD_QUEENS] = {NAME_QUEENS, 13, 7, queens_create, NULL, queens_result, free},
    [WORKLOAD_SKYNET] = {NAME_SKYNET, 10000000, 1000, skynet_create, NULL, skynet_result, free},
    [WORKLOAD_MATRIX] = {NAME_MATRIX, 1024, 128, matrices_create, matrices_reset,
                         matrices_result, matrices_destroy},
    [WORKLOAD_UTS_T1] = {NAME_UTS_T1, 10, 5, uts_create_t1, NULL, uts_result, free},
    [WORKLOAD_UTS_T3] = {NAME_UTS_T3, 2000, 20, uts_create_t3, NULL, uts_result, free},
    [WORKLOAD_UTS_T3L] = {NAME_UTS_T3L, 2000, 1, uts_create_t3l, NULL, uts_result, free},
    [WORKLOAD_CILKSORT] = {NAME_CILKSORT, 10000000, 20000, cilksort_create, cilksort_reset,
                           cilksort_result, cilksort_destroy},
    [WORKLOAD_STRASSEN] = {NAME_STRASSEN, 1024, 256, matrices_create, matrices_reset,
                           matrices_result, matrices_destroy},
    [WORKLOAD_KNAPSACK] = {NAME_KNAPSACK, 60, 30, knapsack_create, knapsack_reset,
                           knapsack_result, free},
};
