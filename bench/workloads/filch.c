/* SPDX-License-Identifier: MIT
 *
 * The workloads of forks on filch. */
#include "system.h"

#include "cilksort.h"
#include "fork.h"
#include "knapsack.h"
#include "queens.h"
#include "skynet.h"
#include "strassen.h"
#include "uts.h"

#include <filch/filch.h>

struct filch_pool *filch_system_pool;

/* The two that do nothing but fork, in balanced trees. */
#undef FILCH_SERIAL_CLONES
#define FILCH_SERIAL_CLONES 1

FILCH_TASK(long, fib, long, n)
{
    if (n < 2)
        return n;
    FILCH_FORK(fib, n - 1);
    long b = FILCH_CALL(fib, n - 2);
    return FILCH_JOIN(fib) + b;
}

static void run_fork(void *input)
{
    struct fork *fork = input;
    fork->result = FILCH_RUN(filch_system_pool, fib, fork->n);
}

FILCH_TASK(long, sum, long, first, long, leaves)
{
    if (leaves == 1)
        return first;
    long total = 0, share = leaves / SKYNET_FAN;
    for (int i = 0; i < SKYNET_FAN; i++)
        FILCH_FORK(sum, first + i * share, share);
    for (int i = 0; i < SKYNET_FAN; i++)
        total += FILCH_JOIN(sum);
    return total;
}

static void run_skynet(void *input)
{
    struct skynet *skynet = input;
    skynet->sum = FILCH_RUN(filch_system_pool, sum, 0, skynet->leaves);
}

#undef FILCH_SERIAL_CLONES
#define FILCH_SERIAL_CLONES 0

FILCH_TASK(long, place, int, n, int, row, struct queens_board, board)
{
    long solutions = 0;
    int forks = 0;
    if (row == n)
        return 1;
    for (int column = 0; column < n; column++)
        if (queens_safe(&board, row, column)) {
            board.column[row] = (int8_t)column;
            FILCH_FORK(place, n, row + 1, board);
            forks++;
        }
    for (; forks > 0; forks--)
        solutions += FILCH_JOIN(place);
    return solutions;
}

static void run_queens(void *input)
{
    struct queens *queens = input;
    queens->solutions =
        FILCH_RUN(filch_system_pool, place, queens->n, 0, (struct queens_board){{0}});
}

FILCH_VOID_TASK(multiply, long, n, long, stride, double *, c, double *, a, double *, b)
{
    if (n == MATRIX_LEAF) {
        matrix_multiply_leaf((struct matrix){c, stride}, (struct matrix){a, stride},
                             (struct matrix){b, stride});
        return;
    }
    long half = n / 2, below = half * stride;
    for (int k = 0; k < 2; k++) {
        double *left = a + k * half, *right = b + k * below;
        FILCH_FORK(multiply, half, stride, c, left, right);
        FILCH_FORK(multiply, half, stride, c + half, left, right + half);
        FILCH_FORK(multiply, half, stride, c + below, left + below, right);
        FILCH_CALL(multiply, half, stride, c + below + half, left + below, right + half);
        FILCH_JOIN(multiply);
        FILCH_JOIN(multiply);
        FILCH_JOIN(multiply);
    }
}

static void run_matrix(void *input)
{
    struct matrices *m = input;
    FILCH_RUN(filch_system_pool, multiply, m->n, m->stride, m->c, m->a, m->b);
}

FILCH_TASK(uint64_t, search, const struct uts_tree *, tree, struct uts_node, node)
{
    uint64_t nodes = 1;
    int children = uts_children(tree, &node);
    for (int i = 0; i < children; i++)
        FILCH_FORK(search, tree, uts_child(&node, i));
    for (int i = 0; i < children; i++)
        nodes += FILCH_JOIN(search);
    return nodes;
}

static void run_uts(void *input)
{
    struct uts *uts = input;
    uts->nodes = FILCH_RUN(filch_system_pool, search, &uts->tree, uts_root(&uts->tree));
}

FILCH_VOID_TASK(merge, struct cilksort_merge, m)
{
    if (m.a_count + m.b_count <= CILKSORT_MERGE_LEAF) {
        cilksort_merge_leaf(&m);
        return;
    }
    struct cilksort_merge halves[2];
    cilksort_merge_split(&m, halves);
    FILCH_FORK(merge, halves[1]);
    FILCH_CALL(merge, halves[0]);
    FILCH_JOIN(merge);
}

FILCH_VOID_TASK(sort, uint32_t *, numbers, uint32_t *, spare, size_t, count)
{
    if (count <= CILKSORT_SORT_LEAF) {
        cilksort_sort_leaf(numbers, count);
        return;
    }
    size_t quarter = count / 4, half = 2 * quarter, rest = count - 3 * quarter;
    for (size_t from = 0; from < 3 * quarter; from += quarter)
        FILCH_FORK(sort, numbers + from, spare + from, quarter);
    FILCH_CALL(sort, numbers + 3 * quarter, spare + 3 * quarter, rest);
    FILCH_JOIN(sort);
    FILCH_JOIN(sort);
    FILCH_JOIN(sort);
    FILCH_FORK(merge,
               ((struct cilksort_merge){numbers, numbers + quarter, quarter, quarter, spare}));
    FILCH_CALL(merge, ((struct cilksort_merge){numbers + half, numbers + half + quarter,
                                               quarter, rest, spare + half}));
    FILCH_JOIN(merge);
    FILCH_CALL(merge,
               ((struct cilksort_merge){spare, spare + half, half, count - half, numbers}));
}

static void run_cilksort(void *input)
{
    struct cilksort *s = input;
    FILCH_RUN(filch_system_pool, sort, s->numbers, s->spare, s->count);
}

FILCH_VOID_TASK_DECLARE(product, const struct strassen_product *, whole)

FILCH_VOID_TASK(part, const struct strassen_product *, whole, struct strassen_product *, its,
                int, number)
{
    strassen_factors(whole, its, number);
    FILCH_CALL(product, its);
}

FILCH_VOID_TASK_BODY(product, const struct strassen_product *, whole)
{
    struct strassen_product parts[STRASSEN_PRODUCTS];
    /* Without memory for the parts: the plain product. */
    if (whole->n <= STRASSEN_LEAF || !strassen_split(whole, parts)) {
        strassen_leaf(whole);
        return;
    }
    for (int i = 1; i < STRASSEN_PRODUCTS; i++)
        FILCH_FORK(part, whole, &parts[i], i);
    FILCH_CALL(part, whole, &parts[0], 0);
    for (int i = 1; i < STRASSEN_PRODUCTS; i++)
        FILCH_JOIN(part);
    strassen_combine(whole, parts);
}

static void run_strassen(void *input)
{
    const struct strassen_product whole = strassen_whole(input);
    FILCH_RUN(filch_system_pool, product, &whole);
}

FILCH_VOID_TASK(pack, struct knapsack *, k, int, next, int, room, int, value)
{
    if (!knapsack_hopeful(k, next, room, value))
        return;
    if (next == k->count) {
        knapsack_found(k, value);
        return;
    }
    FILCH_FORK(pack, k, next + 1, room, value);
    FILCH_CALL(pack, k, next + 1, room - k->items[next].weight, value + k->items[next].value);
    FILCH_JOIN(pack);
}

static void run_knapsack(void *input)
{
    struct knapsack *k = input;
    FILCH_RUN(filch_system_pool, pack, k, 0, k->capacity, 0);
}

const char *filch_system_start(int workers)
{
    struct filch_pool_options options = {.workers = workers};
    int error = filch_pool_create(&options, &filch_system_pool);
    return error ? filch_strerror(error) : NULL;
}

void filch_system_stop(void)
{
    filch_pool_destroy(filch_system_pool);
}

uint64_t filch_system_steals(void)
{
    struct filch_stats stats;
    filch_stats_read(filch_system_pool, &stats);
    return stats.steals;
}

const struct workload_system filch_system = {
    .start = filch_system_start,
    .stop = filch_system_stop,
    .steals = filch_system_steals,
    .run = {[WORKLOAD_FORK] = run_fork,
            [WORKLOAD_QUEENS] = run_queens,
            [WORKLOAD_SKYNET] = run_skynet,
            [WORKLOAD_MATRIX] = run_matrix,
            [WORKLOAD_UTS_T1] = run_uts,
            [WORKLOAD_UTS_T3] = run_uts,
            [WORKLOAD_UTS_T3L] = run_uts,
            [WORKLOAD_CILKSORT] = run_cilksort,
            [WORKLOAD_STRASSEN] = run_strassen,
            [WORKLOAD_KNAPSACK] = run_knapsack},
};
