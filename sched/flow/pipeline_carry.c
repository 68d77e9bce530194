/* SPDX-License-Identifier: MIT
 *
 * Carriers: tasks that carry trays through a pipeline, as long as they find one. A carrier that
 * makes a tray ready, or leaves the source with trays idle, invites another carrier: by a fork,
 * unless there is one that nobody has begun. Who begins says so first, and looks for trays
 * then; who invites has given the tray away first, and looks for such a fork then; so it is
 * seen.
 *
 * A fork must be joined by who made it, who runs other tasks meanwhile: other carriers, on top
 * of it. Neither stack nor forks may grow with the number of items. So a carrier has a limited
 * number of forks, and a worker of carriers on its stack; past that all are recalled: every
 * carrier puts its tray down and joins its forks, and the first one begins anew. That comes
 * once in some hundred invitations, if at all. */
#include "sched/flow/pipeline_carry.h"

#include "sched/flow/pipeline_gate.h"

#include <filch/task.h>

#define FORKS_MAX 64
#define DEPTH_MAX 8

/* ---- Trays ------------------------------------------------------------------------------- */

/* Returns one that is ready, or an idle one with the right to the source; or NULL. */
static struct fi_tray *find(struct filch_pipeline *pipeline)
{
    bool is_parallel = fi_intake_is_parallel(pipeline);
    struct fi_tray *tray;

    /* Relaxed: who misses it looks again at the next stage. */
    if (atomic_load_explicit(&pipeline->recalled, memory_order_relaxed) ||
        fi_loop_error(&pipeline->stop))
        return NULL;
    tray = fi_stack_pop(pipeline, &pipeline->ready);
    if (tray)
        return tray;
    while (fi_intake_waits(pipeline) && (is_parallel || fi_intake_enter(&pipeline->intake))) {
        tray = fi_intake_tray(pipeline);
        if (tray) {
            tray->stage = 0;
            tray->loaded = false;
            tray->admitted = true;
            return tray;
        }
        if (!is_parallel)
            fi_intake_leave(&pipeline->intake);
    }
    return NULL;
}

/* Who has the tray. Returns whether it has the right to its stage; otherwise gives it away. */
static bool admit(struct filch_pipeline *pipeline, struct fi_tray *tray)
{
    const struct fi_step *step = &pipeline->steps[tray->stage];

    if (step->stage.kind == FILCH_STAGE_PARALLEL)
        return true;
    if (tray->stage == 0) {
        if (fi_intake_enter(&pipeline->intake))
            return true;
        fi_stack_push(pipeline, &pipeline->intake.idle, tray);
        return false;
    }
    if (step->stage.kind == FILCH_STAGE_SERIAL)
        return fi_gate_enter(step->gate, tray);
    return fi_flag_arrive(fi_flag(pipeline, tray->sequence, step->column), tray);
}

/* Who has the right to the source asks it, and gives up the right. Returns false if it gave
 * nothing: the tray is not needed any more. */
static bool load(struct filch_pipeline *pipeline, struct fi_tray *tray)
{
    const struct filch_stage *source = &pipeline->steps[0].stage;
    struct fi_intake *intake = &pipeline->intake;
    void *item = NULL;
    /* Relaxed, all: R6 orders them; but calls of a parallel source have no order. */
    bool ended = atomic_load_explicit(&pipeline->ended, memory_order_relaxed);
    int error = ended ? FILCH_EEND : source->run(source->context, &item);

    if (error == FILCH_EEND) {
        if (!ended)
            atomic_store_explicit(&pipeline->ended, true, memory_order_relaxed);
    } else if (error) {
        fi_loop_fail(&pipeline->stop, error);
    } else {
        tray->item = item;
        tray->loaded = true;
        tray->sequence = atomic_load_explicit(&intake->sequence, memory_order_relaxed);
        if (source->kind == FILCH_STAGE_PARALLEL)
            tray->sequence =
                atomic_fetch_add_explicit(&intake->sequence, 1, memory_order_relaxed);
        else
            atomic_store_explicit(&intake->sequence, tray->sequence + 1, memory_order_relaxed);
    }
    if (source->kind != FILCH_STAGE_PARALLEL)
        fi_intake_leave(intake);
    return !error;
}

/* Who has the right to the tray's stage runs it, and passes the right on. Returns false if the
 * stage failed: the right ends there, as the pipeline does. *others: a tray has become ready.
 */
static bool process(struct filch_pipeline *pipeline, struct fi_tray *tray, bool *others)
{
    const struct fi_step *step = &pipeline->steps[tray->stage];
    struct fi_tray *next = NULL;
    int error = step->stage.run(step->stage.context, &tray->item);

    if (error) {
        fi_loop_fail(&pipeline->stop, error);
        return false;
    }
    if (step->stage.kind == FILCH_STAGE_SERIAL)
        next = fi_gate_leave(step->gate);
    else if (step->stage.kind == FILCH_STAGE_IN_ORDER)
        next = fi_flag_pass(fi_flag(pipeline, tray->sequence + 1, step->column));
    *others = next;
    if (next) {
        next->admitted = true;
        fi_stack_push(pipeline, &pipeline->ready, next);
    }
    return true;
}

/* Who has the tray carries it on. Returns true if it still has it and others might help;
 * otherwise it is gone. */
static bool carry(struct filch_pipeline *pipeline, struct fi_tray *tray)
{
    bool others;

    do {
        if (fi_loop_stopped(&pipeline->stop))
            return false;
        /* Relaxed: as in find(). */
        if (atomic_load_explicit(&pipeline->recalled, memory_order_relaxed)) {
            fi_stack_push(pipeline, &pipeline->ready, tray);
            return false;
        }
        if (!tray->admitted && !admit(pipeline, tray))
            return false;
        tray->admitted = false;
        if (tray->stage == 0) {
            if (!load(pipeline, tray))
                return false;
            others = fi_intake_waits(pipeline);
        } else if (!process(pipeline, tray, &others)) {
            return false;
        }
        if (++tray->stage == pipeline->count) {
            tray->stage = 0;
            tray->loaded = false;
        }
        /* R5, seq_cst: see wants_help(). */
    } while (!others || atomic_load(&pipeline->invited));
    return true;
}

struct hand {
    struct filch_pipeline *pipeline;
    struct fi_tray *tray;
    bool goes_on;
};

static void carry_in_scope(void *argument)
{
    struct hand *hand = argument;

    hand->goes_on = carry(hand->pipeline, hand->tray);
}

static bool carry_on(struct filch_pipeline *pipeline, struct fi_tray *tray)
{
    struct hand hand = {pipeline, tray, false};

    filch_scope_call(pipeline->stop.scope, carry_in_scope, &hand);
    return hand.goes_on;
}

/* ---- Carriers ---------------------------------------------------------------------------- */

/* A carrier that has given away a tray, or the source. Returns true if it is to invite another.
 */
static bool wants_help(struct filch_pipeline *pipeline)
{
    /* R5, seq_cst, pairs with R5 in begin(): after R1 or R6. Whoever is invited and has not
     * begun by then sees the tray. Relaxed: as in find(). */
    return !atomic_load(&pipeline->invited) &&
           !atomic_load_explicit(&pipeline->recalled, memory_order_relaxed) &&
           (!fi_stack_is_empty(&pipeline->ready) || fi_intake_waits(pipeline)) &&
           !atomic_exchange(&pipeline->invited, true);
}

/* Returns false if it must not carry anything. */
static bool begin(struct filch_pipeline *pipeline)
{
    /* R5, seq_cst, pairs with R5 in wants_help(): before R2 and R6 of its first look. */
    atomic_store(&pipeline->invited, false);
    if (++pipeline->depths[filch_pool_worker()] <= DEPTH_MAX)
        return true;
    /* Relaxed: as in find(). */
    atomic_store_explicit(&pipeline->recalled, true, memory_order_relaxed);
    return false;
}

static void end(struct filch_pipeline *pipeline)
{
    pipeline->depths[filch_pool_worker()]--;
}

FILCH_VOID_TASK(carrier, struct filch_pipeline *, pipeline)
{
    bool may_carry = begin(pipeline);
    struct fi_tray *tray;
    int forks;

    do {
        forks = 0;
        while (may_carry && forks < FORKS_MAX && (tray = find(pipeline))) {
            do {
                if (wants_help(pipeline)) {
                    FILCH_FORK(carrier, pipeline);
                    FILCH_SHARE();
                    if (++forks == FORKS_MAX) {
                        fi_stack_push(pipeline, &pipeline->ready, tray);
                        break;
                    }
                }
            } while (carry_on(pipeline, tray));
        }
        for (int i = 0; i < forks; i++)
            FILCH_JOIN(carrier);
    } while (forks > 0); /* meanwhile there may be more */
    end(pipeline);
}

/* The first carrier ends when all others have, so nobody has a tray then; and if it was not
 * recalled it has found none. */
FILCH_VOID_TASK(carriers, struct filch_pipeline *, pipeline)
{
    do {
        /* Relaxed, both: it is alone. */
        atomic_store_explicit(&pipeline->recalled, false, memory_order_relaxed);
        FILCH_CALL(carrier, pipeline);
    } while (atomic_load_explicit(&pipeline->recalled, memory_order_relaxed));
}

void fi_pipeline_carry_all(struct filch_pipeline *pipeline)
{
    if (pipeline->pool) {
        FILCH_RUN(pipeline->pool, carriers, pipeline);
        return;
    }
    struct fi_tray *tray = find(pipeline);
    if (tray)
        (void)carry(pipeline, tray); /* the only one */
}
