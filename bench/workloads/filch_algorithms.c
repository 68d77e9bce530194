/* SPDX-License-Identifier: MIT
 *
 * The workloads of parallel algorithms on filch. All but the loops from outside are run by a task
 * of the pool, as a program that lives in its pool would call them. */
#include "system.h"

#include "grain.h"
#include "heat.h"
#include "keys.h"
#include "loop.h"
#include "stages.h"
#include "vector.h"
#include "wavefront.h"

#include <filch/filch.h>

#include <assert.h>
#include <stdlib.h>

/* Nothing here fails: an error would leave a wrong result. */
static void loop_over(size_t begin, size_t end, filch_for_fn *body, void *context)
{
    filch_for(filch_system_pool, begin, end, body, context, NULL);
}

static int nothing(void *context, size_t begin, size_t end)
{
    (void)context;
    for (size_t i = begin; i < end; i++)
        loop_nothing(i);
    return 0;
}

static void for_empty(void *input)
{
    struct loop *loop = input;
    for (size_t k = 0; k < loop->loops; k++)
        loop_over(0, LOOP_EMPTY_LENGTH, nothing, NULL);
}

static int mark(void *input, size_t begin, size_t end)
{
    struct loop *loop = input;
    for (size_t i = begin; i < end; i++)
        loop_mark(loop->marks, i);
    return 0;
}

static void for_1024(void *input)
{
    struct loop *loop = input;
    for (size_t k = 0; k < loop->loops; k++)
        loop_over(0, LOOP_MARK_LENGTH, mark, loop);
}

static int grains(void *input, size_t begin, size_t end)
{
    struct grain *grain = input;
    for (size_t i = begin; i < end; i++)
        grain_body(grain, i);
    return 0;
}

static void grain(void *input)
{
    struct grain *grain = input;
    loop_over(0, grain->count, grains, grain);
}

static int map(void *input, size_t begin, size_t end)
{
    struct uneven *uneven = input;
    for (size_t i = begin; i < end; i++)
        uneven_map(uneven, i);
    return 0;
}

static void uneven(void *input)
{
    struct uneven *uneven = input;
    loop_over(0, uneven->count, map, uneven);
}

static int add(void *input, size_t begin, size_t end, void *sum)
{
    const double *in = ((const struct vector *)input)->in;
    double total = *(double *)sum;
    for (size_t i = begin; i < end; i++)
        total += in[i];
    *(double *)sum = total;
    return 0;
}

static int add_up(void *input, size_t begin, size_t end, void *sum)
{
    const struct vector *vector = input;
    const double *in = vector->in;
    double *out = vector->out, total = *(double *)sum;
    for (size_t i = begin; i < end; i++)
        out[i] = total += in[i];
    *(double *)sum = total;
    return 0;
}

static int combine(void *input, void *left, const void *right)
{
    (void)input;
    *(double *)left += *(const double *)right;
    return 0;
}

static const struct filch_reduction sums = {.size = sizeof(double),
                                            .fold = add,
                                            .combine = combine};

static void reduce(void *input)
{
    struct vector *vector = input;
    filch_reduce(filch_system_pool, 0, vector->count, &sums, vector, &vector->sum, NULL);
}

static void reduce_simd(void *input)
{
    struct vector *vector = input;
    filch_sum_double(filch_system_pool, vector->in, vector->count, &vector->sum, NULL);
}

static void scan(void *input)
{
    struct vector *vector = input;
    filch_scan(filch_system_pool, 0, vector->count, &sums, add_up, vector, NULL, NULL);
}

FILCH_SORT_DEFINE(sort_keys, int64_t, *a < *b);

static void sort(void *input)
{
    struct keys *keys = input;
    sort_keys(filch_system_pool, keys->at, keys->count, NULL, NULL);
}

static int compare(const void *left, const void *right, void *context)
{
    (void)context;
    return keys_compare(left, right);
}

static void sort_generic(void *input)
{
    struct keys *keys = input;
    filch_sort(filch_system_pool, keys->at, keys->count, sizeof *keys->at, compare, NULL, NULL);
}

static int rows(void *input, size_t begin, size_t end)
{
    struct heat *heat = input;
    for (size_t row = begin; row < end; row++)
        heat_row(heat, row);
    return 0;
}

static void heat(void *input)
{
    struct heat *heat = input;
    for (int step = 0; step < HEAT_STEPS; step++) {
        loop_over(1, heat->rows + 1, rows, heat);
        heat_swap(heat);
    }
}

/* ---- Graph, pipeline --------------------------------------------------------------------------- */

struct cell {
    struct wavefront *wavefront;
    size_t number;
    struct filch_node *node;
};

/* Built by the first run, which does not count. */
static struct filch_graph *cells_graph;
static struct cell *cells;

static int compute(void *input)
{
    const struct cell *cell = input;
    wavefront_cell(cell->wavefront, cell->number);
    return 0;
}

static void build(struct wavefront *wavefront)
{
    size_t n = wavefront->n;
    cells = calloc(n * n, sizeof *cells);
    int error = cells ? filch_graph_create(&cells_graph) : FILCH_ENOMEM;
    for (size_t i = 0; !error && i < n * n; i++) {
        struct cell *cell = &cells[i];
        cell->wavefront = wavefront;
        cell->number = i;
        error = filch_graph_task(cells_graph, NULL, compute, cell, &cell->node);
        if (!error && i >= n)
            error = filch_graph_precede(cells[i - n].node, cell->node);
        if (!error && i % n)
            error = filch_graph_precede(cells[i - 1].node, cell->node);
    }
}

static void graph(void *input)
{
    if (!cells_graph)
        build(input);
    filch_graph_run(cells_graph, filch_system_pool, NULL);
}

static void stop(void)
{
    filch_graph_destroy(cells_graph);
    free(cells);
    cells_graph = NULL;
    cells = NULL;
    filch_system_stop();
}

/* A token is an item itself. */
static_assert(sizeof(void *) >= sizeof(uint64_t), "a token is no pointer");

static int first_stage(void *input, void **item)
{
    struct stages *stages = input;
    if (stages->next == stages->tokens)
        return FILCH_EEND;
    *item = (void *)(uintptr_t)stages_first(stages);
    return 0;
}

static int middle_stage(void *input, void **item)
{
    (void)input;
    *item = (void *)(uintptr_t)stages_middle((uintptr_t)*item);
    return 0;
}

static int last_stage(void *stages, void **item)
{
    stages_last(stages, (uintptr_t)*item);
    return 0;
}

static void pipeline(void *stages)
{
    struct filch_stage row[STAGES_MIDDLE + 2];
    row[0] = (struct filch_stage){FILCH_STAGE_IN_ORDER, first_stage, stages};
    for (int i = 1; i <= STAGES_MIDDLE; i++)
        row[i] = (struct filch_stage){FILCH_STAGE_PARALLEL, middle_stage, NULL};
    row[STAGES_MIDDLE + 1] = (struct filch_stage){FILCH_STAGE_IN_ORDER, last_stage, stages};
    filch_pipeline_run(filch_system_pool, row, STAGES_MIDDLE + 2, STAGES_FLIGHT, NULL);
}

/* ---- In the pool ------------------------------------------------------------------------------- */

typedef void work_fn(void *input);

FILCH_VOID_TASK(in_pool, work_fn *, work, void *, input)
{
    work(input);
}

/* The functions above, in a task. */
#define RUN(work)                                           \
    static void run_##work(void *input)                     \
    {                                                       \
        FILCH_RUN(filch_system_pool, in_pool, work, input); \
    }
RUN(for_empty)
RUN(for_1024)
RUN(grain)
RUN(uneven)
RUN(reduce)
RUN(reduce_simd)
RUN(scan)
RUN(sort)
RUN(sort_generic)
RUN(heat)
RUN(graph)
RUN(pipeline)

const struct workload_system filch_algorithms = {
    .start = filch_system_start,
    .stop = stop,
    .steals = filch_system_steals,
    .run = {[WORKLOAD_FOR_EMPTY] = run_for_empty,
            [WORKLOAD_FOR_EMPTY_OUTSIDE] = for_empty,
            [WORKLOAD_FOR_1024] = run_for_1024,
            [WORKLOAD_GRAIN_1NS] = run_grain,
            [WORKLOAD_GRAIN_10NS] = run_grain,
            [WORKLOAD_GRAIN_100NS] = run_grain,
            [WORKLOAD_GRAIN_1US] = run_grain,
            [WORKLOAD_GRAIN_10US] = run_grain,
            [WORKLOAD_GRAIN_100US] = run_grain,
            [WORKLOAD_GRAIN_1MS] = run_grain,
            [WORKLOAD_UNEVEN] = run_uneven,
            [WORKLOAD_REDUCE] = run_reduce,
            [WORKLOAD_REDUCE_SIMD] = run_reduce_simd,
            [WORKLOAD_SCAN] = run_scan,
            [WORKLOAD_SORT_RANDOM] = run_sort,
            [WORKLOAD_SORT_SORTED] = run_sort,
            [WORKLOAD_SORT_EQUAL] = run_sort,
            [WORKLOAD_SORT_FEW] = run_sort,
            [WORKLOAD_SORT_RANDOM_GENERIC] = run_sort_generic,
            [WORKLOAD_SORT_SORTED_GENERIC] = run_sort_generic,
            [WORKLOAD_SORT_EQUAL_GENERIC] = run_sort_generic,
            [WORKLOAD_SORT_FEW_GENERIC] = run_sort_generic,
            [WORKLOAD_HEAT] = run_heat,
            [WORKLOAD_GRAPH] = run_graph,
            [WORKLOAD_PIPELINE] = run_pipeline},
};
