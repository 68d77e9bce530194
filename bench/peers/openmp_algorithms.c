/* SPDX-License-Identifier: MIT
 *
 * The workloads of parallel algorithms in OpenMP: its loops, reductions and scans, and tasks that
 * depend on each other. Loops have the default schedule, static; where bodies are uneven they have
 * the dynamic one, and `uneven-static` says what the default would do. OpenMP does not sort. */
#include "openmp.h"

#include "bench/workloads/grain.h"
#include "bench/workloads/heat.h"
#include "bench/workloads/loop.h"
#include "bench/workloads/stages.h"
#include "bench/workloads/vector.h"
#include "bench/workloads/wavefront.h"

static void run_for_empty(void *input)
{
    struct loop *loop = input;
    for (size_t k = 0; k < loop->loops; k++) {
#pragma omp parallel for
        for (size_t i = 0; i < LOOP_EMPTY_LENGTH; i++)
            loop_nothing(i);
    }
}

static void run_for_1024(void *input)
{
    struct loop *loop = input;
    uint32_t *marks = loop->marks;
    for (size_t k = 0; k < loop->loops; k++) {
#pragma omp parallel for
        for (size_t i = 0; i < LOOP_MARK_LENGTH; i++)
            loop_mark(marks, i);
    }
}

static void run_grain(void *input)
{
    struct grain *grain = input;
#pragma omp parallel for
    for (size_t i = 0; i < grain->count; i++)
        grain_body(grain, i);
}

static void run_uneven(void *input)
{
    struct uneven *uneven = input;
#pragma omp parallel for schedule(dynamic)
    for (size_t i = 0; i < uneven->count; i++)
        uneven_map(uneven, i);
}

static void run_uneven_static(void *input)
{
    struct uneven *uneven = input;
#pragma omp parallel for
    for (size_t i = 0; i < uneven->count; i++)
        uneven_map(uneven, i);
}

static void run_reduce(void *input)
{
    struct vector *vector = input;
    const double *in = vector->in;
    double sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (size_t i = 0; i < vector->count; i++)
        sum += in[i];
    vector->sum = sum;
}

/* Several at a time, in any order: by default the additions of a thread come one after another. */
static void run_reduce_simd(void *input)
{
    struct vector *vector = input;
    const double *in = vector->in;
    double sum = 0;
/* Shared, `in` would keep clang from it. */
#pragma omp parallel for simd reduction(+ : sum) firstprivate(in)
    for (size_t i = 0; i < vector->count; i++)
        sum += in[i];
    vector->sum = sum;
}

/* Not by clang, which keeps a copy of all sums on the stack. gcc's is on the heap, and it warns of
 * its own making. */
#ifndef __clang__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
static void run_scan(void *input)
{
    struct vector *vector = input;
    const double *in = vector->in;
    double *out = vector->out, sum = 0;
#pragma omp parallel for reduction(inscan, + : sum)
    for (size_t i = 0; i < vector->count; i++) {
        sum += in[i];
#pragma omp scan inclusive(sum)
        out[i] = sum;
    }
}
#pragma GCC diagnostic pop
#endif

static void run_heat(void *input)
{
    struct heat *heat = input;
    for (int step = 0; step < HEAT_STEPS; step++) {
#pragma omp parallel for
        for (size_t row = 1; row <= heat->rows; row++)
            heat_row(heat, row);
        heat_swap(heat);
    }
}

static void run_graph(void *input)
{
    struct wavefront *wavefront = input;
    size_t n = wavefront->n;
    uint64_t *cells = wavefront->cells, edge;
    (void)edge; /* what nobody writes and the cells of the border wait for */
#pragma omp parallel
#pragma omp single
    for (size_t cell = 0; cell < n * n; cell++) {
        uint64_t *above = cell >= n ? &cells[cell - n] : &edge;
        uint64_t *left = cell % n ? &cells[cell - 1] : &edge;
#pragma omp task default(none) firstprivate(wavefront, cell) depend(in               \
                                                                    : *above, *left) \
    depend(out                                                                       \
           : cells[cell])
        wavefront_cell(wavefront, cell);
        (void)above, (void)left;
    }
}

/* A token's tasks wait for each other by its slot, and for the one that had the slot before. */
static void run_pipeline(void *input)
{
    struct stages *stages = input;
    uint64_t slots[STAGES_FLIGHT];
    size_t tokens = stages->tokens;
#pragma omp parallel
#pragma omp single
    for (size_t i = 0; i < tokens; i++) {
        uint64_t *slot = &slots[i % STAGES_FLIGHT];
#pragma omp task default(none) firstprivate(stages, slot) depend(inout : stages->next, *slot)
        *slot = stages_first(stages);
        for (int k = 0; k < STAGES_MIDDLE; k++) {
#pragma omp task default(none) firstprivate(slot) depend(inout : *slot)
            *slot = stages_middle(*slot);
        }
#pragma omp task default(none) firstprivate(stages, slot) depend(inout : stages->result, *slot)
        stages_last(stages, *slot);
    }
}

const struct workload_system peer_algorithms = {
    .start = openmp_start,
    .stop = openmp_stop,
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
            [WORKLOAD_UNEVEN_STATIC] = run_uneven_static,
            [WORKLOAD_REDUCE] = run_reduce,
            [WORKLOAD_REDUCE_SIMD] = run_reduce_simd,
#ifndef __clang__
            [WORKLOAD_SCAN] = run_scan,
#endif
            [WORKLOAD_HEAT] = run_heat,
            [WORKLOAD_GRAPH] = run_graph,
            [WORKLOAD_PIPELINE] = run_pipeline},
};
