/* SPDX-License-Identifier: MIT
 *
 * The workloads as serial C give results that are known from elsewhere: what the harness holds
 * every other system against is right. */
#include "bench/workloads/cilksort.h"
#include "bench/workloads/knapsack.h"
#include "bench/workloads/workload.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

/* The input after a run. */
static void *run(enum workload_id id, long size)
{
    void *input = workloads[id].create(size);
    cr_assert_not_null(input);
    if (workloads[id].reset)
        workloads[id].reset(input);
    serial_system.run[id](input);
    return input;
}

static uint64_t result(enum workload_id id, long size)
{
    void *input = run(id, size);
    uint64_t answer = workloads[id].result(input);
    workloads[id].destroy(input);
    return answer;
}

Test(workloads, have_names_of_their_own_and_all_functions)
{
    for (int i = 0; i < WORKLOAD_COUNT; i++) {
        cr_assert(workloads[i].create && workloads[i].result && workloads[i].destroy);
        cr_assert_lt(workloads[i].quick_size, workloads[i].size + (i == WORKLOAD_UTS_T3L));
        for (int k = 0; k < i; k++)
            cr_assert_str_neq(workloads[i].name, workloads[k].name);
    }
}

Test(workloads, fork_computes_fibonacci_numbers)
{
    cr_assert_eq(result(WORKLOAD_FORK, 30), 832040);
}

Test(workloads, queens_finds_all_solutions)
{
    cr_assert_eq(result(WORKLOAD_QUEENS, 6), 4);
    cr_assert_eq(result(WORKLOAD_QUEENS, 8), 92);
    cr_assert_eq(result(WORKLOAD_QUEENS, 10), 724);
}

Test(workloads, skynet_adds_up_the_numbers_of_its_leaves)
{
    cr_assert_eq(result(WORKLOAD_SKYNET, 100000), UINT64_C(99999) * 100000 / 2);
}

Test(workloads, uts_has_as_many_nodes_as_published)
{
    cr_assert_eq(result(WORKLOAD_UTS_T1, 10), 4130071);
    cr_assert_eq(result(WORKLOAD_UTS_T3, 2000), 4112897);
}

Test(workloads, two_ways_to_multiply_matrices_agree)
{
    cr_assert_eq(result(WORKLOAD_MATRIX, 256), result(WORKLOAD_STRASSEN, 256));
    cr_assert_neq(result(WORKLOAD_MATRIX, 256), result(WORKLOAD_MATRIX, 128));
}

static int compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

Test(workloads, cilksort_sorts)
{
    static const long counts[] = {1, 2, 3, 20, 21, 2048, 2049, 8192, 100003};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct cilksort *sorted = run(WORKLOAD_CILKSORT, counts[i]);
        struct cilksort *same = cilksort_create(counts[i]);
        cilksort_reset(same);
        qsort(same->numbers, same->count, sizeof *same->numbers, compare);
        cr_assert_arr_eq(sorted->numbers, same->numbers, same->count * sizeof *same->numbers);
        cilksort_destroy(sorted);
        cilksort_destroy(same);
    }
}

Test(workloads, cilksort_sorts_what_is_hard_to_part)
{
    enum { COUNT = 5000 };
    uint32_t equal[COUNT] = {0}, falling[COUNT], few[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        falling[i] = COUNT - i;
        few[i] = i % 3;
    }
    cilksort_sort_leaf(equal, COUNT);
    cilksort_sort_leaf(falling, COUNT);
    cilksort_sort_leaf(few, COUNT);
    for (size_t i = 1; i < COUNT; i++) {
        cr_assert_leq(equal[i - 1], equal[i]);
        cr_assert_leq(falling[i - 1], falling[i]);
        cr_assert_leq(few[i - 1], few[i]);
    }
}

/* By dynamic programming over the capacity. */
static int best_of(const struct knapsack *k)
{
    int *best = calloc((size_t)k->capacity + 1, sizeof *best);
    for (int i = 0; i < k->count; i++)
        for (int room = k->capacity; room >= k->items[i].weight; room--) {
            int with = best[room - k->items[i].weight] + k->items[i].value;
            best[room] = with > best[room] ? with : best[room];
        }
    int answer = best[k->capacity];
    free(best);
    return answer;
}

Test(workloads, knapsack_finds_the_best_value)
{
    static const long counts[] = {1, 2, 10, 20, 30, 40};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct knapsack *k = run(WORKLOAD_KNAPSACK, counts[i]);
        cr_assert_eq(k->best, best_of(k));
        free(k);
    }
}
