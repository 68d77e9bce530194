/* SPDX-License-Identifier: MIT
 *
 * The workloads of parallel algorithms as serial C. */
#include "system.h"

#include "grain.h"
#include "heat.h"
#include "keys.h"
#include "loop.h"
#include "stages.h"
#include "vector.h"
#include "wavefront.h"

#include <stdlib.h>

static void run_for_empty(void *input)
{
    struct loop *loop = input;
    for (size_t k = 0; k < loop->loops; k++)
        for (size_t i = 0; i < LOOP_EMPTY_LENGTH; i++)
            loop_nothing(i);
}

static void run_for_1024(void *input)
{
    struct loop *loop = input;
    for (size_t k = 0; k < loop->loops; k++)
        for (size_t i = 0; i < LOOP_MARK_LENGTH; i++)
            loop_mark(loop->marks, i);
}

static void run_grain(void *input)
{
    struct grain *grain = input;
    for (size_t i = 0; i < grain->count; i++)
        grain_body(grain, i);
}

static void run_uneven(void *input)
{
    struct uneven *uneven = input;
    for (size_t i = 0; i < uneven->count; i++)
        uneven_map(uneven, i);
}

static void run_reduce(void *input)
{
    struct vector *vector = input;
    double sum = 0;
    for (size_t i = 0; i < vector->count; i++)
        sum += vector->in[i];
    vector->sum = sum;
}

static void run_scan(void *input)
{
    struct vector *vector = input;
    double sum = 0;
    for (size_t i = 0; i < vector->count; i++)
        vector->out[i] = sum += vector->in[i];
}

/* What C has. */
static void run_sort(void *input)
{
    struct keys *keys = input;
    qsort(keys->at, keys->count, sizeof *keys->at, keys_compare);
}

static void run_heat(void *input)
{
    struct heat *heat = input;
    for (int step = 0; step < HEAT_STEPS; step++) {
        for (size_t row = 1; row <= heat->rows; row++)
            heat_row(heat, row);
        heat_swap(heat);
    }
}

static void run_graph(void *input)
{
    struct wavefront *wavefront = input;
    for (size_t cell = 0; cell < wavefront->n * wavefront->n; cell++)
        wavefront_cell(wavefront, cell);
}

static void run_pipeline(void *input)
{
    struct stages *stages = input;
    while (stages->next < stages->tokens) {
        uint64_t token = stages_first(stages);
        for (int i = 0; i < STAGES_MIDDLE; i++)
            token = stages_middle(token);
        stages_last(stages, token);
    }
}

const struct workload_system serial_algorithms = {
    .start = serial_system_start,
    .stop = serial_system_stop,
    .run = {[WORKLOAD_FOR_EMPTY] = run_for_empty,
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
            [WORKLOAD_SCAN] = run_scan,
            [WORKLOAD_SORT_RANDOM] = run_sort,
            [WORKLOAD_SORT_SORTED] = run_sort,
            [WORKLOAD_SORT_EQUAL] = run_sort,
            [WORKLOAD_SORT_FEW] = run_sort,
            [WORKLOAD_HEAT] = run_heat,
            [WORKLOAD_GRAPH] = run_graph,
            [WORKLOAD_PIPELINE] = run_pipeline},
};
