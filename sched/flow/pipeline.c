/* SPDX-License-Identifier: MIT
 *
 * Pipelines, as their user sees them: made in one block of memory, run, and what is left of a
 * run. How items move is in pipeline_carry.c. */
#include "sched/flow/pipeline_carry.h"

#include <filch/cancel.h>

#include <stdlib.h>

/* tokens 0. */
#define TOKENS_PER_WORKER 4

static bool is_valid(const struct filch_stage *stages, size_t count, size_t tokens)
{
    if (!stages || count == 0 || count > FILCH_PIPELINE_STAGES_MAX ||
        tokens > FILCH_PIPELINE_TOKENS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!stages[i].run || (unsigned)stages[i].kind > FILCH_STAGE_IN_ORDER)
            return false;
    }
    return true;
}

/* How many stages behind the source are of that kind. */
static size_t count_of(const struct filch_stage *stages, size_t count,
                       enum filch_stage_kind kind)
{
    size_t found = 0;

    for (size_t i = 1; i < count; i++)
        found += stages[i].kind == kind;
    return found;
}

static uint64_t power_of_two_from(uint64_t least)
{
    uint64_t power = 1;

    while (power < least)
        power *= 2;
    return power;
}

/* ---- Memory ------------------------------------------------------------------------------ */

/* A part of the block: whole cache lines from *at on. block: NULL: only counts. */
static void *part(void *block, uint64_t *at, uint64_t count, uint64_t size)
{
    uint64_t begin = *at;

    *at += (count * size + FILCH_CACHE_LINE - 1) / FILCH_CACHE_LINE * FILCH_CACHE_LINE;
    return block ? (char *)block + begin : NULL;
}

/* Places all in the block. Returns its size. */
static uint64_t place(struct filch_pipeline *pipeline, void *block)
{
    uint64_t at = 0, rows = pipeline->width ? pipeline->mask + 1 : 0;
    int capacity = pipeline->pool ? filch_pool_capacity(pipeline->pool) : 0;

    (void)part(block, &at, 1, sizeof *pipeline);
    pipeline->steps = part(block, &at, pipeline->count, sizeof *pipeline->steps);
    pipeline->gates = part(block, &at, pipeline->gate_count, sizeof *pipeline->gates);
    pipeline->depths = part(block, &at, (uint64_t)capacity, sizeof *pipeline->depths);
    pipeline->trays = part(block, &at, pipeline->tokens, sizeof *pipeline->trays);
    pipeline->rows = part(block, &at, rows, pipeline->stride * sizeof *pipeline->rows);
    return at;
}

static void *aligned(void *block)
{
    return (char *)block + (-(uintptr_t)block & (FILCH_CACHE_LINE - 1));
}

static void set_steps(struct filch_pipeline *pipeline, const struct filch_stage *stages)
{
    size_t gates = 0, columns = 0;

    for (size_t i = 0; i < pipeline->count; i++) {
        struct fi_step *step = &pipeline->steps[i];
        step->stage = stages[i];
        if (i > 0 && step->stage.kind == FILCH_STAGE_SERIAL)
            step->gate = &pipeline->gates[gates++];
        else if (i > 0 && step->stage.kind == FILCH_STAGE_IN_ORDER)
            step->column = columns++;
    }
}

int filch_pipeline_create(struct filch_pool *pool, const struct filch_stage *stages,
                          size_t count, size_t tokens,
                          const struct filch_pipeline_options *options,
                          struct filch_pipeline **pipeline)
{
    const size_t line = FILCH_CACHE_LINE / sizeof(uintptr_t);

    if (!is_valid(stages, count, tokens))
        return FILCH_EINVAL;
    if (!pool)
        tokens = 1;
    else if (tokens == 0)
        tokens = (size_t)filch_pool_size(pool) * TOKENS_PER_WORKER;

    struct filch_pipeline new = {.pool = pool, .count = count, .tokens = (uint32_t)tokens};
    if (options)
        new.options = *options;
    new.gate_count = count_of(stages, count, FILCH_STAGE_SERIAL);
    new.width = count_of(stages, count, FILCH_STAGE_IN_ORDER);
    new.stride = (new.width + line - 1) / line *line;
    new.mask = power_of_two_from(tokens) - 1;
    uint64_t size = place(&new, NULL) + FILCH_CACHE_LINE;
    if (size > PTRDIFF_MAX)
        return FILCH_ENOMEM;
    new.block = calloc(1, (size_t)size); /* large ones are touched only as they are used */
    if (!new.block)
        return FILCH_ENOMEM;
    (void)place(&new, aligned(new.block));
    set_steps(&new, stages);
    if (new.options.token)
        (void)filch_token_retain(new.options.token);
    struct filch_pipeline *placed = aligned(new.block);
    *placed = new;
    *pipeline = placed;
    return 0;
}

int filch_pipeline_destroy(struct filch_pipeline *pipeline)
{
    if (!pipeline)
        return 0;
    /* R7, acquire, pairs with R7 in filch_pipeline_rerun(): the run is over. */
    if (atomic_exchange_explicit(&pipeline->running, true, memory_order_acquire))
        return FILCH_EBUSY;
    filch_token_release(pipeline->options.token);
    free(pipeline->block);
    return 0;
}

/* ---- Running ----------------------------------------------------------------------------- */

/* All carriers have ended, or none has begun: everything here is relaxed. */
static uint32_t trays_used(const struct filch_pipeline *pipeline)
{
    uint32_t fresh = atomic_load_explicit(&pipeline->intake.fresh, memory_order_relaxed);

    return fresh < pipeline->tokens ? fresh : pipeline->tokens;
}

/* Forgets the last run. */
static void reset(struct filch_pipeline *pipeline)
{
    struct fi_intake *intake = &pipeline->intake;
    uint64_t rows = atomic_load_explicit(&intake->sequence, memory_order_relaxed);

    if (rows > pipeline->mask)
        rows = pipeline->mask;
    for (uint64_t i = 0; pipeline->width && i <= rows; i++) /* the last has had its turn */
        for (size_t column = 0; column < pipeline->width; column++)
            atomic_init(&pipeline->rows[i * pipeline->stride + column], i == 0);
    for (size_t i = 0; i < pipeline->gate_count; i++) {
        atomic_init(&pipeline->gates[i].word, 0);
        pipeline->gates[i].first = NULL;
    }
    fi_loop_stop_init(&pipeline->stop);
    atomic_init(&pipeline->ended, false);
    atomic_init(&pipeline->invited, false);
    atomic_init(&pipeline->recalled, false);
    atomic_init(&pipeline->ready.top, 0);
    atomic_init(&intake->busy, false);
    atomic_init(&intake->fresh, 0);
    atomic_init(&intake->sequence, 0);
    atomic_init(&intake->idle.top, 0);
}

static void discard_left(struct filch_pipeline *pipeline)
{
    const struct filch_pipeline_options *options = &pipeline->options;

    for (uint32_t i = 0; options->discard && i < trays_used(pipeline); i++)
        if (pipeline->trays[i].loaded)
            options->discard(options->context, pipeline->trays[i].item);
}

static void run(void *argument)
{
    struct filch_pipeline *pipeline = argument;

    reset(pipeline);
    fi_pipeline_carry_all(pipeline);
    discard_left(pipeline);
}

int filch_pipeline_rerun(struct filch_pipeline *pipeline)
{
    int error = pipeline->pool ? filch_pool_check(pipeline->pool) : 0;

    if (error)
        return error;
    /* R7, acquire, pairs with R7 below: what the last run has left. */
    if (atomic_exchange_explicit(&pipeline->running, true, memory_order_acquire))
        return FILCH_EBUSY;
    filch_token_call(pipeline->options.token, run, pipeline);
    error = fi_loop_error(&pipeline->stop);
    /* R7, release, pairs with the others. */
    atomic_store_explicit(&pipeline->running, false, memory_order_release);
    return error;
}

int filch_pipeline_run(struct filch_pool *pool, const struct filch_stage *stages, size_t count,
                       size_t tokens, const struct filch_pipeline_options *options)
{
    struct filch_pipeline *pipeline;
    int error = filch_pipeline_create(pool, stages, count, tokens, options, &pipeline);

    if (error)
        return error;
    error = filch_pipeline_rerun(pipeline);
    (void)filch_pipeline_destroy(pipeline);
    return error;
}
