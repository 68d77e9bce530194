/* SPDX-License-Identifier: MIT
 *
 * reduce: the blocks are the leaves of a binary tree that their number alone decides; one node is
 * one fork. Each node has its left half write where its own result goes, and keeps room for the
 * right half's in its frame, so that an accumulator that fits there takes no allocation, and
 * larger ones as many as there are nodes at work. */
#include "sched/algorithms/blocks.h"
#include "sched/algorithms/loop_stop.h"
#include "sched/algorithms/pace.h"

#include <filch/algorithm.h>
#include <filch/task.h>

#include <stdalign.h>

/* So many blocks are timed before they are taken as a measure for the others, unless they take as
 * long as that. Where a worker's share is less than SHARE blocks none is, as others would wait
 * for it in vain. */
#define TIMED 8
#define SHARE 32

/* Bytes of an accumulator that fits in a frame. */
#define ROOM FILCH_CACHE_LINE

struct reduce {
    struct fi_loop_stop stop;

    /* Constant. */
    const struct filch_reduction *reduction;
    void *context;
    struct fi_blocks blocks;

    /* The first blocks, whose node begin_reduce() has reduced; constant from the first fork. */
    size_t done;
};

/* ---- Room for a right half's result ------------------------------------------------------ */

/* frame: ROOM bytes. NULL where memory lacks, which stops the loop. */
static void *room_take(struct reduce *reduce, void *frame)
{
    if (reduce->reduction->size <= ROOM)
        return frame;
    void *room = fi_accumulators_alloc(reduce->reduction, 1);
    if (!room)
        fi_loop_fail(&reduce->stop, FILCH_ENOMEM);
    return room;
}

static void room_give(void *room, void *frame)
{
    if (room != frame)
        free(room);
}

/* ---- Calls ------------------------------------------------------------------------------- */

struct call {
    struct reduce *reduce;
    struct filch_range range;
    void *result;
    const void *right;
};

static void call_fold(void *argument)
{
    struct call *call = argument;
    struct reduce *reduce = call->reduce;

    fi_accumulator_reset(reduce->reduction, call->result);
    fi_loop_fail(&reduce->stop, reduce->reduction->fold(reduce->context, call->range.begin,
                                                        call->range.end, call->result));
}

static void fold(struct reduce *reduce, size_t block, void *result)
{
    struct call call = {reduce, fi_blocks_range(&reduce->blocks, block), result, NULL};

    if (!fi_loop_stopped(&reduce->stop))
        filch_scope_call(reduce->stop.scope, call_fold, &call);
}

static void call_combine(void *argument)
{
    struct call *call = argument;
    struct reduce *reduce = call->reduce;

    fi_loop_fail(&reduce->stop,
                 reduce->reduction->combine(reduce->context, call->result, call->right));
}

static void combine(struct reduce *reduce, void *left, const void *right)
{
    struct call call = {.reduce = reduce, .result = left, .right = right};

    if (!fi_loop_stopped(&reduce->stop))
        filch_scope_call(reduce->stop.scope, call_combine, &call);
}

/* ---- One thread -------------------------------------------------------------------------- */

static void reduce_serially(struct reduce *reduce, size_t first, size_t count, void *result);

/* Goes on from the first `half` blocks of a node, whose result is there. */
static void reduce_rest_serially(struct reduce *reduce, size_t first, size_t half, size_t count,
                                 void *result)
{
    alignas(FILCH_CACHE_LINE) unsigned char frame[ROOM];
    void *right = room_take(reduce, frame);

    if (!right)
        return;
    reduce_serially(reduce, first + half, count - half, right);
    combine(reduce, result, right);
    room_give(right, frame);
}

static void reduce_serially(struct reduce *reduce, size_t first, size_t count, void *result)
{
    if (count == 1) {
        fold(reduce, first, result);
        return;
    }
    reduce_serially(reduce, first, count / 2, result);
    reduce_rest_serially(reduce, first, count / 2, count, result);
}

/* ---- On a pool --------------------------------------------------------------------------- */

FILCH_VOID_TASK(node, struct reduce *, reduce, size_t, first, size_t, count, void *, result)
{
    alignas(FILCH_CACHE_LINE) unsigned char frame[ROOM];
    size_t half = count / 2;
    void *right;

    /* All that lies on the way here was forked, and was found worth sharing: now, rather than after
     * what may be a long call. */
    if (first == 0 && (count == reduce->done || count == 1))
        FILCH_SHARE();
    if (first == 0 && count == reduce->done)
        return;
    if (count == 1) {
        fold(reduce, first, result);
        return;
    }
    right = room_take(reduce, frame);
    if (!right)
        return;
    FILCH_FORK(node, reduce, first + half, count - half, right);
    FILCH_CALL(node, reduce, first, half, result);
    FILCH_JOIN(node);
    combine(reduce, result, right);
    room_give(right, frame);
}

/* Reduces the first blocks, to see what they take: as long as the rest is not worth sharing. */
static void begin_reduce(struct reduce *reduce, void *result)
{
    size_t all = reduce->blocks.count, done = 1;
    int64_t begun = fi_pace_now();

    fold(reduce, 0, result);
    while (done < all) {
        double elapsed = (double)(fi_pace_now() - begun);
        size_t next = all;
        if (elapsed > FI_SHARED_NS ||
            (done >= TIMED && elapsed * (double)(all - done) > FI_SHARED_NS * (double)done))
            break;
        while (next / 2 > done)
            next /= 2;
        reduce_rest_serially(reduce, 0, done, next, result);
        done = next;
    }
    reduce->done = done;
}

FILCH_VOID_TASK(whole_reduce, struct reduce *, reduce, void *, result)
{
    size_t all = reduce->blocks.count;

    if (all / SHARE >= (size_t)filch_pool_size(filch_pool_current()))
        begin_reduce(reduce, result);
    if (reduce->done < all)
        FILCH_CALL(node, reduce, 0, all, result);
}

/* ------------------------------------------------------------------------------------------ */

struct start {
    struct filch_pool *pool;
    struct reduce *reduce;
    void *result; /* the user's */
};

/* In the scope that the calls are to run in. */
static void start_reduce(void *argument)
{
    struct start *start = argument;
    struct reduce *reduce = start->reduce;
    alignas(FILCH_CACHE_LINE) unsigned char frame[ROOM];
    void *result;

    fi_loop_stop_init(&reduce->stop);
    result = room_take(reduce, frame);
    if (!result)
        return;
    if (start->pool)
        FILCH_RUN(start->pool, whole_reduce, reduce, result);
    else
        reduce_serially(reduce, 0, reduce->blocks.count, result);
    if (!fi_loop_error(&reduce->stop))
        memcpy(start->result, result, reduce->reduction->size);
    room_give(result, frame);
}

int filch_reduce(struct filch_pool *pool, size_t begin, size_t end,
                 const struct filch_reduction *reduction, void *context, void *result,
                 const struct filch_loop *options)
{
    struct reduce reduce = {.reduction = reduction,
                            .context = context,
                            .blocks = fi_blocks_of(begin, end, options ? options->grain : 0)};
    struct start arguments = {pool, &reduce, result};
    int error;

    if (!reduction || !reduction->size || !reduction->fold || !reduction->combine || !result)
        return FILCH_EINVAL;
    error = pool ? filch_pool_check(pool) : 0;
    if (error)
        return error;
    if (reduce.blocks.count == 0) {
        fi_accumulator_reset(reduction, result);
        return 0;
    }
    filch_token_call(options ? options->token : NULL, start_reduce, &arguments);
    return fi_loop_error(&reduce.stop);
}
