/* SPDX-License-Identifier: MIT
 *
 * The workloads as serial C give results that are known from elsewhere: what the harness holds
 * every other system against is right. */
#include "bench/workloads/cilksort.h"
#include "bench/workloads/fingerprint.h"
#include "bench/workloads/grain.h"
#include "bench/workloads/heat.h"
#include "bench/workloads/keys.h"
#include "bench/workloads/knapsack.h"
#include "bench/workloads/loop.h"
#include "bench/workloads/stages.h"
#include "bench/workloads/vector.h"
#include "bench/workloads/wavefront.h"
#include "bench/workloads/workload.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

/* The input before a run. */
static void *create(enum workload_id id, long size)
{
    void *input = workloads[id].create(size);
    cr_assert_not_null(input);
    if (workloads[id].reset)
        workloads[id].reset(input);
    return input;
}

static void run_on(enum workload_id id, void *input)
{
    workload_system_with(id, &serial_system, &serial_algorithms)->run[id](input);
}

/* And after it. */
static void *run(enum workload_id id, long size)
{
    void *input = create(id, size);
    run_on(id, input);
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

Test(workloads, have_serial_versions_and_variants_have_not)
{
    for (int i = 0; i < WORKLOAD_COUNT; i++)
        cr_assert_eq(!!workload_system_with((enum workload_id)i, &serial_system,
                                            &serial_algorithms),
                     i < WORKLOAD_TABLES);
}

Test(workloads, variants_begin_with_the_name_of_what_they_are_variants_of)
{
#define BASE(id, text, unit, of, filch) {WORKLOAD_##id, WORKLOAD_##of},
    static const enum workload_id variants[][2] = {WORKLOAD_VARIANTS(BASE)};
#undef BASE
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++) {
        const struct workload *variant = &workloads[variants[i][0]];
        const struct workload *base = &workloads[variants[i][1]];
        cr_assert_eq(strncmp(variant->name, base->name, strlen(base->name)), 0);
        cr_assert_eq(variant->size, base->size);
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

Test(workloads, a_loop_marks_every_iteration)
{
    struct loop *loop = run(WORKLOAD_FOR_1024, 10);
    cr_assert_eq(loop_result(loop), 10 * LOOP_MARK_LENGTH);
    loop_mark(loop->marks, LOOP_MARK_LENGTH - 1);
    cr_assert_eq(loop_result(loop), 0, "an iteration too many is not seen");
    loop_destroy(loop);
    cr_assert_eq(result(WORKLOAD_FOR_EMPTY, 10), 10);
}

Test(workloads, grain_shows_a_body_that_runs_twice_or_not_at_all)
{
    enum { COUNT = 100 };
    for (int id = WORKLOAD_GRAIN_1NS; id <= WORKLOAD_GRAIN_1MS; id++) {
        struct grain *grain = run((enum workload_id)id, COUNT);
        uint64_t right = grain_result(grain);
        grain_body(grain, 7);
        cr_assert_neq(grain_result(grain), right);
        grain_reset(grain);
        for (size_t i = 1; i < COUNT; i++)
            grain_body(grain, i);
        cr_assert_neq(grain_result(grain), right);
        grain_body(grain, 0);
        cr_assert_eq(grain_result(grain), right);
        grain_destroy(grain);
    }
}

Test(workloads, uneven_shows_an_item_that_is_mapped_twice_or_not_at_all)
{
    struct uneven *uneven = run(WORKLOAD_UNEVEN, 100);
    uint64_t right = uneven_result(uneven);
    uneven_map(uneven, 99);
    cr_assert_neq(uneven_result(uneven), right);
    uneven_reset(uneven);
    for (size_t i = 100; i-- > 1;)
        uneven_map(uneven, i);
    cr_assert_neq(uneven_result(uneven), right);
    uneven_map(uneven, 0);
    cr_assert_eq(uneven_result(uneven), right);
    uneven_destroy(uneven);
}

Test(workloads, reduce_and_scan_add_up_what_is_there)
{
    enum { COUNT = 10007 };
    struct vector *vector = run(WORKLOAD_SCAN, COUNT);
    uint64_t sum = 0, scan = vector_result_scan(vector);
    for (size_t i = 0; i < COUNT; i++) {
        sum += (uint64_t)vector->in[i];
        cr_assert_eq((double)(uint64_t)vector->in[i], vector->in[i]);
        cr_assert_eq(vector->out[i], (double)sum);
    }
    cr_assert_eq(result(WORKLOAD_REDUCE, COUNT), sum);
    vector_rest(vector);
    cr_assert_eq(vector->in[COUNT - 1], 0);
    vector_reset(vector);
    cr_assert_neq(vector_result_scan(vector), scan, "what a run has left is still there");
    run_on(WORKLOAD_SCAN, vector);
    cr_assert_eq(vector_result_scan(vector), scan);
    vector_destroy(vector);
}

static size_t falls(const struct keys *keys)
{
    size_t count = 0;
    for (size_t i = 1; i < keys->count; i++)
        count += keys->at[i] < keys->at[i - 1];
    return count;
}

Test(workloads, sorts_begin_in_the_order_of_their_names_and_end_sorted)
{
    enum { COUNT = 10000 };
    static const struct {
        enum workload_id id;
        size_t falls_min, falls_max;
        int64_t distinct;
    } orders[] = {{WORKLOAD_SORT_RANDOM, COUNT / 3, COUNT, COUNT},
                  {WORKLOAD_SORT_SORTED, 0, 0, COUNT},
                  {WORKLOAD_SORT_EQUAL, 0, 0, 1},
                  {WORKLOAD_SORT_FEW, COUNT / 3, COUNT, KEYS_FEW_VALUES}};
    for (size_t k = 0; k < sizeof orders / sizeof orders[0]; k++) {
        struct keys *keys = create(orders[k].id, COUNT);
        cr_assert_geq(falls(keys), orders[k].falls_min);
        cr_assert_leq(falls(keys), orders[k].falls_max);
        run_on(orders[k].id, keys);
        cr_assert_eq(falls(keys), 0);
        int64_t distinct = 1;
        for (size_t i = 1; i < COUNT; i++)
            distinct += keys->at[i] != keys->at[i - 1];
        cr_assert_eq(distinct, orders[k].distinct);
        keys_destroy(keys);
    }
}

Test(workloads, heat_comes_from_the_border)
{
    struct heat *heat = create(WORKLOAD_HEAT, 4);
    heat_row(heat, 1);
    const double *row = heat->to + heat->stride;
    cr_assert(row[1] == 50 && row[2] == 25 && row[4] == 25);
    heat_reset(heat);
    run_on(WORKLOAD_HEAT, heat);
    for (size_t i = 1; i <= 4; i++)
        for (size_t j = 1; j <= 4; j++) {
            double at = heat->from[i * heat->stride + j];
            cr_assert(at > 0 && at < 100);
            cr_assert_float_eq(at, heat->from[j * heat->stride + i], 1e-9);
        }
    heat_destroy(heat);
}

Test(workloads, graph_shows_a_cell_that_does_not_wait)
{
    enum { N = 5 };
    struct wavefront *wavefront = run(WORKLOAD_GRAPH, N * N);
    uint64_t right = wavefront_result(wavefront);
    cr_assert_eq(wavefront->n, N);
    wavefront_reset(wavefront);
    for (size_t column = 0; column < N; column++)
        for (size_t row = 0; row < N; row++)
            wavefront_cell(wavefront, row * N + column);
    cr_assert_eq(wavefront_result(wavefront), right);
    wavefront_reset(wavefront);
    wavefront_cell(wavefront, 1);
    wavefront_cell(wavefront, 0);
    for (size_t cell = 2; cell < N * N; cell++)
        wavefront_cell(wavefront, cell);
    cr_assert_neq(wavefront_result(wavefront), right);
    wavefront_destroy(wavefront);
}

Test(workloads, pipeline_shows_tokens_that_overtake_each_other)
{
    struct stages *stages = create(WORKLOAD_PIPELINE, 2);
    uint64_t a = stages_first(stages), b = stages_first(stages);
    for (int i = 0; i < STAGES_MIDDLE; i++) {
        a = stages_middle(a);
        b = stages_middle(b);
    }
    stages_last(stages, a);
    stages_last(stages, b);
    cr_assert_eq(stages_result(stages), result(WORKLOAD_PIPELINE, 2));
    stages_reset(stages);
    stages_last(stages, b);
    stages_last(stages, a);
    cr_assert_neq(stages_result(stages), result(WORKLOAD_PIPELINE, 2));
    free(stages);
}

Test(workloads, the_fingerprint_of_a_text_shows_each_character_and_their_order)
{
    char text[] = "0123456789012345678";
    uint64_t right = fingerprint_text(text, sizeof text - 1);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        text[i]++;
        cr_assert_neq(fingerprint_text(text, sizeof text - 1), right);
        text[i]--;
    }
    cr_assert_neq(fingerprint_text(text, sizeof text - 2), right);
    cr_assert_neq(fingerprint_text("1023456789012345678", sizeof text - 1), right);
    cr_assert_neq(fingerprint_text("8901234501234567678", sizeof text - 1), right);
    cr_assert_eq(fingerprint_text(text, sizeof text - 1), right);
}
