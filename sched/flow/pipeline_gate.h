/* SPDX-License-Identifier: MIT
 *
 * Where the trays of a pipeline lie, and how they pass: the stack of those that are ready or
 * idle, the rows of in-order stages, the gates of serial ones, the source. The labels are those
 * of sched/README.md, "Pipelines". */
#ifndef FI_PIPELINE_GATE_H
#define FI_PIPELINE_GATE_H

#include "sched/flow/pipeline_parts.h"

/* ---- Stacks ------------------------------------------------------------------------------ */

#define FI_STACK_TOP  0xffffffffu
#define FI_STACK_PUSH ((uint64_t)1 << 32)

static inline bool fi_stack_is_empty(struct fi_stack *stack)
{
    /* R2, seq_cst: after R5 or R6. */
    return !(atomic_load(&stack->top) & FI_STACK_TOP);
}

/* Who has the tray gives it away. */
static inline void fi_stack_push(struct filch_pipeline *pipeline, struct fi_stack *stack,
                                 struct fi_tray *tray)
{
    uint64_t top = atomic_load_explicit(&stack->top, memory_order_relaxed), new;

    do {
        /* Relaxed: R1, below, shows it. */
        atomic_store_explicit(&tray->below, (uint32_t)(top & FI_STACK_TOP),
                              memory_order_relaxed);
        new = (top & ~(uint64_t)FI_STACK_TOP) + FI_STACK_PUSH +
              (uint64_t)(tray - pipeline->trays) + 1;
        /* R1, seq_cst, pairs with R2: the tray, and what was done to its item; before R5
         * or R6. */
    } while (!atomic_compare_exchange_weak_explicit(&stack->top, &top, new,
                                                    memory_order_seq_cst,
                                                    memory_order_relaxed));
}

/* Returns NULL if there is none. */
static inline struct fi_tray *fi_stack_pop(struct filch_pipeline *pipeline,
                                           struct fi_stack *stack)
{
    /* R2, seq_cst, pairs with R1; after R5 or R6. */
    uint64_t top = atomic_load(&stack->top), new;
    struct fi_tray *tray;

    do {
        if (!(top & FI_STACK_TOP))
            return NULL;
        tray = &pipeline->trays[(top & FI_STACK_TOP) - 1];
        /* Relaxed: it may be another one's by now, who writes it: then the CAS fails. */
        new = (top & ~(uint64_t)FI_STACK_TOP) |
              atomic_load_explicit(&tray->below, memory_order_relaxed);
        /* R2, acquire, as well. */
    } while (!atomic_compare_exchange_weak_explicit(&stack->top, &top, new,
                                                    memory_order_acquire,
                                                    memory_order_acquire));
    return tray;
}

/* ---- In-order stages --------------------------------------------------------------------- */

/* An item has a row, that of its sequence number modulo the number of rows, and there a flag
 * for each in-order stage. Two things come there, its tray and its turn; who comes second goes
 * on. No other item uses the row meanwhile: those that may are a number of rows, so at least of
 * trays, away, and all in between would be on their way, too. */
#define FI_FLAG_EMPTY ((uintptr_t)0)
#define FI_FLAG_TURN  ((uintptr_t)1)

static inline _Atomic(uintptr_t) *fi_flag(struct filch_pipeline *pipeline, uint64_t sequence,
                                          size_t column)
{
    return &pipeline->rows[(sequence & pipeline->mask) * pipeline->stride + column];
}

/* Who has the tray. Returns true if its turn has come, and otherwise gives it away. */
static inline bool fi_flag_arrive(_Atomic(uintptr_t) *flag, struct fi_tray *tray)
{
    /* R3, acquire and acq_rel, pairs with itself: what the one before has done in the stage;
     * and for who comes second, the tray and what was done to its item. */
    if (atomic_load_explicit(flag, memory_order_acquire) != FI_FLAG_TURN &&
        atomic_exchange_explicit(flag, (uintptr_t)tray, memory_order_acq_rel) != FI_FLAG_TURN)
        return false;
    /* Relaxed: who uses it next comes through this stage later, and so after an R3 of this one.
     */
    atomic_store_explicit(flag, FI_FLAG_EMPTY, memory_order_relaxed);
    return true;
}

/* Who leaves the stage gives the turn to the next item. Returns its tray if it is there. */
static inline struct fi_tray *fi_flag_pass(_Atomic(uintptr_t) *flag)
{
    /* R3, as above. */
    uintptr_t tray = atomic_load_explicit(flag, memory_order_acquire);

    if (tray == FI_FLAG_EMPTY)
        tray = atomic_exchange_explicit(flag, FI_FLAG_TURN, memory_order_acq_rel);
    if (tray == FI_FLAG_EMPTY)
        return NULL;
    /* Relaxed: as above. */
    atomic_store_explicit(flag, FI_FLAG_EMPTY, memory_order_relaxed);
    return (struct fi_tray *)tray;
}

/* ---- Serial stages ----------------------------------------------------------------------- */

#define FI_GATE_FREE ((uintptr_t)0)
#define FI_GATE_BUSY ((uintptr_t)1)

/* Who has the tray. Returns true if the stage was free, and otherwise gives it away. */
static inline bool fi_gate_enter(struct fi_gate *gate, struct fi_tray *tray)
{
    uintptr_t word = FI_GATE_FREE, new;

    do {
        new = word == FI_GATE_FREE ? FI_GATE_BUSY : (uintptr_t)tray;
        tray->behind = word > FI_GATE_BUSY ? (struct fi_tray *)word : NULL;
        /* R4, acq_rel, pairs with itself: what the one before has done in the stage; or for who
         * leaves it, the tray and what was done to its item. */
    } while (!atomic_compare_exchange_weak_explicit(&gate->word, &word, new,
                                                    memory_order_acq_rel,
                                                    memory_order_relaxed));
    return new == FI_GATE_BUSY;
}

/* Who is in the stage. Returns the tray that has waited longest, to which the stage passes; or
 * NULL: it is free. */
static inline struct fi_tray *fi_gate_leave(struct fi_gate *gate)
{
    uintptr_t word = FI_GATE_BUSY;

    if (!gate->first) {
        /* R4, as above. */
        if (atomic_compare_exchange_strong_explicit(&gate->word, &word, FI_GATE_FREE,
                                                    memory_order_acq_rel, memory_order_relaxed))
            return NULL;
        /* R4, too. All that wait, the last one first: it is turned round. */
        word = atomic_exchange_explicit(&gate->word, FI_GATE_BUSY, memory_order_acq_rel);
        for (struct fi_tray *tray = (struct fi_tray *)word, *sooner; tray; tray = sooner) {
            sooner = tray->behind;
            tray->behind = gate->first;
            gate->first = tray;
        }
    }
    struct fi_tray *next = gate->first;
    gate->first = next->behind;
    return next;
}

/* ---- The source -------------------------------------------------------------------------- */

static inline bool fi_intake_is_parallel(const struct filch_pipeline *pipeline)
{
    return pipeline->steps[0].stage.kind == FILCH_STAGE_PARALLEL;
}

/* Does the source wait for somebody to come with a tray, and is there one? */
static inline bool fi_intake_waits(struct filch_pipeline *pipeline)
{
    struct fi_intake *intake = &pipeline->intake;

    /* Relaxed: a hint, who has the right to the source looks again. R6 is seq_cst. Relaxed: a
     * tray that was used once is idle, ready or on its way, which is for who gives it away to
     * say. */
    return !atomic_load_explicit(&pipeline->ended, memory_order_relaxed) &&
           !atomic_load(&intake->busy) &&
           (atomic_load_explicit(&intake->fresh, memory_order_relaxed) < pipeline->tokens ||
            !fi_stack_is_empty(&intake->idle));
}

/* Returns false if somebody has it. */
static inline bool fi_intake_enter(struct fi_intake *intake)
{
    /* R6, seq_cst, pairs with itself: what the source has done. After R1 of an idle tray. */
    return !atomic_load(&intake->busy) && !atomic_exchange(&intake->busy, true);
}

static inline void fi_intake_leave(struct fi_intake *intake)
{
    /* R6, seq_cst, pairs with itself. Before R2: are there idle trays? And before R5. */
    atomic_store(&intake->busy, false);
}

/* An idle tray, or NULL. */
static inline struct fi_tray *fi_intake_tray(struct filch_pipeline *pipeline)
{
    struct fi_intake *intake = &pipeline->intake;
    struct fi_tray *tray = fi_stack_pop(pipeline, &intake->idle);

    /* Relaxed: they were made before the pipeline was run. */
    if (!tray &&
        atomic_load_explicit(&intake->fresh, memory_order_relaxed) < pipeline->tokens) {
        uint32_t number = atomic_fetch_add_explicit(&intake->fresh, 1, memory_order_relaxed);
        /* Several ask at a time if the source is parallel. */
        if (number < pipeline->tokens)
            tray = &pipeline->trays[number];
    }
    return tray;
}

#endif
