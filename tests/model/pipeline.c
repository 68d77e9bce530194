/* SPDX-License-Identifier: MIT
 *
 * Pipelines under a model checker: sched/flow/pipeline_gate.h and pipeline_carry.c as shipped, but
 * for the forks, which are the deque's matter. What a stage does, what is on a tray and what lies
 * behind a right are plain variables: a data race with whoever has no right to them.
 *
 * Scenarios: 9
 *              1  three trays come to a gate; who leaves carries on those that wait
 *              2  one is in a gate, one waits, a third one comes: who came first is let in first
 *              3  three items come to an in-order stage, by three threads
 *              4  two trays, three items: the third one has the first one's row
 *              5  a stack: one pops while the other takes two and gives back the first
 *              6  who leaves the source, and who puts a tray down since it was busy: one of them
 *                 sees the other
 *              7  who makes a tray ready, and a carrier that begins: it is seen, or another one is
 *                 invited
 *              8  two carriers bring a tray each to a serial stage and back to the source
 *              9  the same, with an in-order stage */
#include "sched/flow/pipeline_gate.h"

#include <assert.h>
#include <pthread.h>

/* ---- Of a worker, and of forks --------------------------------------------------------------- */

#define FILCH_TASK_H /* filch/task.h */

static _Thread_local int number;

int filch_pool_worker(void)
{
    return number;
}

struct filch_scope *filch_scope_current(void)
{
    return NULL;
}

bool filch_scope_cancelled(const struct filch_scope *scope)
{
    (void)scope;
    return false;
}

void filch_scope_call(struct filch_scope *scope, void (*fn)(void *argument), void *argument)
{
    (void)scope;
    fn(argument);
}

/* Carriers are not forked here. */
#define FILCH_VOID_TASK(name, type, parameter) static void name(type parameter)
#define FILCH_CALL(name, argument)             name(argument)
#define FILCH_RUN(pool, name, argument)        name(argument)
#define FILCH_FORK(name, argument)             ((void)0)
#define FILCH_SHARE()                          ((void)0)
#define FILCH_JOIN(name)                       ((void)0)

#include "sched/flow/pipeline_carry.c"

/* ---- A pipeline ------------------------------------------------------------------------------ */

enum { TRAYS = 3, ROWS = 4 };

static struct filch_pipeline pipeline_;
static struct fi_tray trays[TRAYS];
static struct fi_step steps[2];
static struct fi_gate gate;
static _Atomic(uintptr_t) rows[ROWS];
static unsigned depths[2];
static long asked, passed; /* plain: how often the source was asked, a stage was run */

static void init(uint32_t tokens, uint64_t rows_used)
{
    pipeline_.trays = trays;
    pipeline_.tokens = tokens;
    pipeline_.steps = steps;
    pipeline_.count = 2;
    pipeline_.rows = rows;
    pipeline_.stride = 1;
    pipeline_.mask = rows_used - 1;
    pipeline_.depths = depths;
    steps[0].stage.kind = FILCH_STAGE_SERIAL;
    atomic_store_explicit(&rows[0], FI_FLAG_TURN, memory_order_relaxed);
}

/* ---- 1, 2: a gate ---------------------------------------------------------------------------- */

/* Who is in the stage. */
static void pass_gate(struct fi_tray *tray)
{
    do {
        tray->sequence = 10 + (uint64_t)passed++;
        tray = fi_gate_leave(&gate);
    } while (tray);
}

static void *comes_to_gate(void *tray)
{
    if (fi_gate_enter(&gate, tray))
        pass_gate(tray);
    return NULL;
}

/* ---- 3, 4: in order -------------------------------------------------------------------------- */

/* Who has the right to the stage, and the tray. Returns the last tray that it passed. */
static struct fi_tray *pass_in_order(struct fi_tray *tray)
{
    for (;;) {
        assert((uint64_t)passed++ == tray->sequence);
        struct fi_tray *next = fi_flag_pass(fi_flag(&pipeline_, tray->sequence + 1, 0));
        if (!next)
            return tray;
        tray = next;
    }
}

static struct fi_tray *comes_in_order(struct fi_tray *tray, uint64_t sequence)
{
    tray->sequence = sequence;
    return fi_flag_arrive(fi_flag(&pipeline_, sequence, 0), tray) ? pass_in_order(tray) : NULL;
}

static void *comes_once(void *tray)
{
    (void)comes_in_order(tray, (uint64_t)((struct fi_tray *)tray - trays));
    return NULL;
}

/* Who is through first carries the third item on the tray that it has. */
static void *comes_twice(void *tray)
{
    struct fi_tray *last = comes_in_order(tray, (uint64_t)((struct fi_tray *)tray - trays));
    if (last && fi_intake_enter(&pipeline_.intake))
        (void)comes_in_order(last, 2);
    return NULL;
}

/* ---- 5: a stack ------------------------------------------------------------------------------ */

/* stage: how many keep the tray. */
static void *pops(void *unused)
{
    (void)unused;
    struct fi_tray *tray = fi_stack_pop(&pipeline_, &pipeline_.ready);
    if (tray)
        tray->stage++;
    return tray;
}

static void *pops_and_pushes(void *unused)
{
    struct fi_tray *first = fi_stack_pop(&pipeline_, &pipeline_.ready);
    struct fi_tray *second = fi_stack_pop(&pipeline_, &pipeline_.ready);
    if (second)
        second->stage++;
    if (first) {
        first->sequence = 1;
        fi_stack_push(&pipeline_, &pipeline_.ready, first);
    }
    return unused;
}

/* ---- 6, 7: who looks after whom -------------------------------------------------------------- */

static int found[2]; /* trays, by each of the two */

/* With the right to the source and an idle tray the source is asked. */
static int finds(void)
{
    if (!find(&pipeline_))
        return 0;
    asked++;
    return 1;
}

static void *leaves_source(void *unused)
{
    asked++;
    fi_intake_leave(&pipeline_.intake);
    found[0] = finds();
    return unused;
}

static void *puts_down(void *tray)
{
    if (admit(&pipeline_, tray)) {
        asked++;
        found[1] = 1;
    } else {
        found[1] = finds();
    }
    return NULL;
}

static void *makes_ready(void *unused)
{
    trays[0].sequence = 7;
    fi_stack_push(&pipeline_, &pipeline_.ready, &trays[0]);
    found[0] = wants_help(&pipeline_);
    return unused;
}

static void *begins(void *unused)
{
    number = 1;
    if (begin(&pipeline_)) {
        struct fi_tray *tray = fi_stack_pop(&pipeline_, &pipeline_.ready);
        assert(!tray || tray->sequence == 7);
        found[1] = tray != NULL;
    }
    return unused;
}

/* ---- 8, 9: two carriers ---------------------------------------------------------------------- */

static int count(void *context, void **item)
{
    (void)context;
    (void)item;
    passed++;
    return 0;
}

/* A tray that is on its way; then what else there is. */
static void *carries(void *tray)
{
    do
        (void)carry(&pipeline_, tray);
    while ((tray = find(&pipeline_)));
    return NULL;
}

int main(void)
{
    pthread_t threads[3];
    void *(*parties[3])(void *) = {NULL, NULL, NULL};

#if SCENARIO <= 2
    init(TRAYS, ROWS);
#if SCENARIO == 1
    parties[0] = parties[1] = parties[2] = comes_to_gate;
#else
    assert(fi_gate_enter(&gate, &trays[0]) && !fi_gate_enter(&gate, &trays[1]));
    parties[2] = comes_to_gate;
#endif
#elif SCENARIO == 3
    init(TRAYS, ROWS);
    parties[0] = parties[1] = parties[2] = comes_once;
#elif SCENARIO == 4
    init(2, 2);
    parties[0] = parties[1] = comes_twice;
#elif SCENARIO == 5
    init(TRAYS, ROWS);
    for (int i = 0; i < 2; i++)
        fi_stack_push(&pipeline_, &pipeline_.ready, &trays[i]);
    parties[0] = pops;
    parties[1] = pops_and_pushes;
#elif SCENARIO == 6
    init(1, 1);
    atomic_store(&pipeline_.intake.fresh, 1);
    assert(fi_intake_enter(&pipeline_.intake));
    parties[0] = leaves_source;
    parties[1] = puts_down;
#elif SCENARIO == 7
    init(1, 1);
    atomic_store(&pipeline_.intake.fresh, 1);
    atomic_store(&pipeline_.ended, true);
    atomic_store(&pipeline_.invited, true);
    parties[0] = makes_ready;
    parties[1] = begins;
#else
    init(2, 2);
    steps[1].stage.run = count;
    steps[1].gate = &gate;
    steps[1].stage.kind = SCENARIO == 8 ? FILCH_STAGE_SERIAL : FILCH_STAGE_IN_ORDER;
    atomic_store(&pipeline_.ended, true);
    for (uint64_t i = 0; i < 2; i++) {
        trays[i].sequence = i;
        trays[i].stage = 1;
    }
    parties[0] = parties[1] = carries;
#endif
    for (long i = 0; i < 3; i++)
        if (parties[i])
            pthread_create(&threads[i], NULL, parties[i], &trays[i]);
#if SCENARIO == 2
    pass_gate(&trays[0]);
#endif
    for (int i = 0; i < 3; i++)
        if (parties[i])
            pthread_join(threads[i], NULL);

#if SCENARIO <= 2
    assert(passed == 3 && atomic_load(&gate.word) == FI_GATE_FREE && !gate.first);
#if SCENARIO == 2
    assert(trays[1].sequence < trays[2].sequence);
#endif
#elif SCENARIO <= 4
    assert(passed == 3);
#elif SCENARIO == 5
    while (pops(NULL))
        continue;
    assert(trays[0].stage == 1 && trays[1].stage == 1);
#elif SCENARIO == 6
    assert(found[0] + found[1] == 1 && asked == 2);
#elif SCENARIO == 7
    assert(found[0] || found[1]);
#else
    assert(passed == 2);
#endif
    return 0;
}
