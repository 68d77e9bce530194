/* SPDX-License-Identifier: MIT
 *
 * scan: a block is folded first, and scanned when the prefix before it is known, which is then
 * those of its predecessors one after another. Both read it, so that happens in waves: while the
 * blocks of one wave are scanned, the ones that follow are folded, and few enough are under way
 * that a block is still in a cache when its turn comes. How large the waves are does not touch the
 * result: a prefix is combined in the order of the blocks, whoever folds them. */
#include "sched/algorithms/blocks.h"
#include "sched/algorithms/loop_stop.h"
#include "sched/algorithms/size.h"

#include <filch/algorithm.h>
#include <filch/task.h>

/* Indices that are folded in a wave: for one worker alone, and for each of several, who have a
 * cache in common, and have to wait for each other after each wave. */
#define WAVE_ALONE 16384
#define WAVE_EACH  131072

struct scan {
    struct fi_loop_stop stop;

    /* Constant. */
    struct filch_pool *pool;
    const struct filch_reduction *reduction;
    filch_fold_fn *scan;
    void *context;
    struct fi_blocks blocks;
    size_t most; /* blocks that are folded in a wave */
    size_t stride;
    unsigned char *prefixes; /* of the blocks that are scanned in this wave */
    unsigned char *sums;     /* of those that are folded */
    void *carry;             /* the prefix that comes next */

    /* This wave; between waves whoever called the scan writes them. */
    size_t first; /* block */
    size_t scans; /* so many from there on are scanned; those that follow are folded */
};

static int run_block(struct scan *scan, size_t number)
{
    struct filch_range range = fi_blocks_range(&scan->blocks, scan->first + number);
    void *sum;

    if (number < scan->scans)
        return scan->scan(scan->context, range.begin, range.end,
                          scan->prefixes + number * scan->stride);
    sum = scan->sums + (number - scan->scans) * scan->stride;
    fi_accumulator_reset(scan->reduction, sum);
    return scan->reduction->fold(scan->context, range.begin, range.end, sum);
}

/* The body of the loop that is a wave: numbers count blocks from the wave's first. */
static int run_blocks(void *argument, size_t begin, size_t end)
{
    struct scan *scan = argument;

    for (size_t i = begin; i < end && !fi_loop_stopped(&scan->stop); i++)
        fi_loop_fail(&scan->stop, run_block(scan, i));
    return fi_loop_error(&scan->stop);
}

/* Finds the prefixes of the next blocks to be scanned; `folds` of them have been folded. */
static void find_prefixes(struct scan *scan, size_t folds)
{
    const struct filch_reduction *reduction = scan->reduction;

    for (size_t i = 0; i < scan->scans && !fi_loop_stopped(&scan->stop); i++) {
        memcpy(scan->prefixes + i * scan->stride, scan->carry, reduction->size);
        if (i < folds)
            fi_loop_fail(&scan->stop, reduction->combine(scan->context, scan->carry,
                                                         scan->sums + i * scan->stride));
    }
}

/* In the scope of the caller. Nothing comes after the last block, which is therefore not folded. */
static void run_waves(void *argument)
{
    struct scan *scan = argument;
    size_t last = scan->blocks.count - 1;

    for (;;) {
        size_t next = scan->first + scan->scans;
        size_t folds = next < last ? fi_smaller(scan->most, last - next) : 0;
        fi_loop_fail(&scan->stop,
                     filch_for(scan->pool, 0, scan->scans + folds, run_blocks, scan, NULL));
        if (next > last || fi_loop_error(&scan->stop))
            break;
        scan->first = next;
        scan->scans = folds + (next + folds == last);
        find_prefixes(scan, folds);
    }
}

FILCH_VOID_TASK(waves, struct scan *, scan)
{
    filch_scope_call(scan->stop.scope, run_waves, scan);
}

/* ------------------------------------------------------------------------------------------ */

struct start {
    struct scan *scan;
    void *total; /* the user's, or NULL */
};

/* In the scope that the calls are to run in. */
static void start_scan(void *argument)
{
    struct start *start = argument;
    struct scan *scan = start->scan;
    size_t workers = scan->pool ? (size_t)filch_pool_size(scan->pool) : 1;
    size_t most = workers > 1 ? fi_larger(WAVE_EACH / scan->blocks.size, 2) * workers
                              : fi_larger(WAVE_ALONE / scan->blocks.size, 1);
    unsigned char *memory;

    fi_loop_stop_init(&scan->stop);
    scan->most = fi_smaller(most, scan->blocks.count);
    scan->stride = fi_accumulator_stride(scan->reduction);
    /* One prefix more than sums, for the last block's; and the carry. */
    memory = fi_accumulators_alloc(scan->reduction, 2 * scan->most + 2);
    if (!memory) {
        fi_loop_fail(&scan->stop, FILCH_ENOMEM);
        return;
    }
    scan->sums = memory;
    scan->prefixes = scan->sums + scan->most * scan->stride;
    scan->carry = scan->prefixes + (scan->most + 1) * scan->stride;
    fi_accumulator_reset(scan->reduction, scan->carry);
    if (scan->pool)
        FILCH_RUN(scan->pool, waves, scan);
    else
        run_waves(scan);
    if (start->total && !fi_loop_error(&scan->stop))
        memcpy(start->total, scan->prefixes + (scan->scans - 1) * scan->stride,
               scan->reduction->size);
    free(memory);
}

int filch_scan(struct filch_pool *pool, size_t begin, size_t end,
               const struct filch_reduction *reduction, filch_fold_fn *scan, void *context,
               void *total, const struct filch_loop *options)
{
    struct scan state = {.pool = pool,
                         .reduction = reduction,
                         .scan = scan,
                         .context = context,
                         .blocks = fi_blocks_of(begin, end, options ? options->grain : 0)};
    struct start arguments = {&state, total};
    int error;

    if (!reduction || !reduction->size || !reduction->fold || !reduction->combine || !scan)
        return FILCH_EINVAL;
    error = pool ? filch_pool_check(pool) : 0;
    if (error)
        return error;
    if (state.blocks.count == 0) {
        if (total)
            fi_accumulator_reset(reduction, total);
        return 0;
    }
    filch_token_call(options ? options->token : NULL, start_scan, &arguments);
    return fi_loop_error(&state.stop);
}
