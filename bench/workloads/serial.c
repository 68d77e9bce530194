/* SPDX-License-Identifier: MIT
 *
 * The workloads of forks as serial C: what everything else is compared with. The other systems' versions
 * differ from these by their forks and joins alone. */
#include "system.h"

#include "cilksort.h"
#include "fork.h"
#include "knapsack.h"
#include "queens.h"
#include "skynet.h"
#include "strassen.h"
#include "uts.h"

#include <stdlib.h>
#include <string.h>

static long fib(long n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static void run_fork(void *input)
{
    struct fork *fork = input;
    fork->result = fib(fork->n);
}

static long place(int n, int row, struct queens_board board)
{
    long solutions = 0;
    if (row == n)
        return 1;
    for (int column = 0; column < n; column++)
        if (queens_safe(&board, row, column)) {
            board.column[row] = (int8_t)column;
            solutions += place(n, row + 1, board);
        }
    return solutions;
}

static void run_queens(void *input)
{
    struct queens *queens = input;
    queens->solutions = place(queens->n, 0, (struct queens_board){{0}});
}

static long sum(long first, long leaves)
{
    if (leaves == 1)
        return first;
    long total = 0, share = leaves / SKYNET_FAN;
    for (int i = 0; i < SKYNET_FAN; i++)
        total += sum(first + i * share, share);
    return total;
}

static void run_skynet(void *input)
{
    struct skynet *skynet = input;
    skynet->sum = sum(0, skynet->leaves);
}

static void multiply(long n, long stride, double *c, double *a, double *b)
{
    if (n == MATRIX_LEAF) {
        matrix_multiply_leaf((struct matrix){c, stride}, (struct matrix){a, stride},
                             (struct matrix){b, stride});
        return;
    }
    long half = n / 2, below = half * stride;
    for (int k = 0; k < 2; k++) {
        double *left = a + k * half, *right = b + k * below;
        multiply(half, stride, c, left, right);
        multiply(half, stride, c + half, left, right + half);
        multiply(half, stride, c + below, left + below, right);
        multiply(half, stride, c + below + half, left + below, right + half);
    }
}

static void run_matrix(void *input)
{
    struct matrices *m = input;
    multiply(m->n, m->stride, m->c, m->a, m->b);
}

static uint64_t search(const struct uts_tree *tree, struct uts_node node)
{
    uint64_t nodes = 1;
    int children = uts_children(tree, &node);
    for (int i = 0; i < children; i++)
        nodes += search(tree, uts_child(&node, i));
    return nodes;
}

static void run_uts(void *input)
{
    struct uts *uts = input;
    uts->nodes = search(&uts->tree, uts_root(&uts->tree));
}

static void merge(struct cilksort_merge m)
{
    if (m.a_count + m.b_count <= CILKSORT_MERGE_LEAF) {
        cilksort_merge_leaf(&m);
        return;
    }
    struct cilksort_merge halves[2];
    cilksort_merge_split(&m, halves);
    merge(halves[0]);
    merge(halves[1]);
}

static void sort(uint32_t *numbers, uint32_t *spare, size_t count)
{
    if (count <= CILKSORT_SORT_LEAF) {
        cilksort_sort_leaf(numbers, count);
        return;
    }
    size_t quarter = count / 4, half = 2 * quarter, rest = count - 3 * quarter;
    for (size_t from = 0; from < 3 * quarter; from += quarter)
        sort(numbers + from, spare + from, quarter);
    sort(numbers + 3 * quarter, spare + 3 * quarter, rest);
    merge((struct cilksort_merge){numbers, numbers + quarter, quarter, quarter, spare});
    merge((struct cilksort_merge){numbers + half, numbers + half + quarter, quarter, rest,
                                  spare + half});
    merge((struct cilksort_merge){spare, spare + half, half, count - half, numbers});
}

static void run_cilksort(void *input)
{
    struct cilksort *s = input;
    sort(s->numbers, s->spare, s->count);
}

static void product(const struct strassen_product *whole)
{
    struct strassen_product parts[STRASSEN_PRODUCTS];
    /* Without memory for the parts: the plain product. */
    if (whole->n <= STRASSEN_LEAF || !strassen_split(whole, parts)) {
        strassen_leaf(whole);
        return;
    }
    for (int i = 0; i < STRASSEN_PRODUCTS; i++) {
        strassen_factors(whole, &parts[i], i);
        product(&parts[i]);
    }
    strassen_combine(whole, parts);
}

static void run_strassen(void *input)
{
    const struct strassen_product whole = strassen_whole(input);
    product(&whole);
}

static void pack(struct knapsack *k, int next, int room, int value)
{
    if (!knapsack_hopeful(k, next, room, value))
        return;
    if (next == k->count) {
        knapsack_found(k, value);
        return;
    }
    pack(k, next + 1, room - k->items[next].weight, value + k->items[next].value);
    pack(k, next + 1, room, value);
}

static void run_knapsack(void *input)
{
    struct knapsack *k = input;
    pack(k, 0, k->capacity, 0);
}

const char *serial_system_start(int workers)
{
    (void)workers;
    return NULL;
}

void serial_system_stop(void)
{
}

const struct workload_system serial_system = {
    .start = serial_system_start,
    .stop = serial_system_stop,
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
