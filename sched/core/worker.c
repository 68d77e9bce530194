/* SPDX-License-Identifier: MIT
 *
 * A worker: where it looks for work, how long it looks, when it sleeps. The order of search is:
 * the thief that runs what is waited for (Wagner and Calder's leapfrogging), the victim that gave
 * something last, the others from a random one on, then the injection queue; every 61st time the
 * injection queue first, so that outside work cannot starve. */
#include "sched/core/worker.h"

#include <ck_pr.h>
#include <sched.h>
#include <stddef.h>

/* How long a thread outside waits awake; and for how long it, or a worker that searches, stays on
 * its processor before it yields. */
#define AWAKE_NS 20000
#define STAY_NS  3000

#define INJECTED_FIRST 61

static _Thread_local struct fi_worker *self;

struct fi_worker *fi_worker_self(void)
{
    return self;
}

/* Pauses between two looks, longer each time: keeps off the others' cache lines. */
static void relax(uint32_t *pauses, int64_t since)
{
    if (fi_now() - since > STAY_NS)
        sched_yield();
    for (uint32_t i = 0; i < *pauses; i++)
        ck_pr_stall();
    if (*pauses < 32)
        *pauses *= 2;
}

/* Marsaglia's xorshift. */
static uint32_t next_random(struct fi_worker *worker)
{
    worker->random ^= worker->random << 13;
    worker->random ^= worker->random >> 7;
    worker->random ^= worker->random << 17;
    return (uint32_t)(worker->random >> 32);
}

/* Ends the search of a worker that counts as searching, whether it found work or need not go
 * on. */
static void end_search(struct fi_worker *worker)
{
    if (!worker->searching)
        return;
    worker->searching = false;
    if (!fi_idle_found(&worker->pool->idle))
        return;
    /* The last one passes the search on: to a sleeper if there is something to be seen, and to
     * the deques' owners, who will find the request at their next fork, if not. */
    if (fi_pool_has_work(worker->pool))
        fi_pool_wake(worker->pool);
    else
        fi_pool_ask(worker->pool);
}

void fi_worker_run(struct fi_worker *worker, struct filch_slot *head, struct filch_slot *slot)
{
    struct fi_level spare;
    struct filch_slot scratch;
    struct filch_slot *start = head ? head : fi_level_enter(worker, &spare, &scratch);

    slot->run(&worker->level->deque.front, start, slot);
    if (!head)
        fi_level_leave(worker);
}

static void run_stolen(struct fi_worker *worker, struct filch_slot *head,
                       struct filch_slot *slot, struct fi_worker *victim)
{
    fi_count(&worker->steals);
    fi_slot_begin(slot, worker);
    worker->victim = victim;
    end_search(worker);
    fi_worker_run(worker, head, slot);
    /* The slot is its owner's again once it is finished; the victim lives as long as the pool. */
    if (fi_slot_finish(slot))
        fi_event_notify(&victim->event);
}

/* Runs the oldest task that `victim` shares; asks for more where there is none. */
static bool rob(struct fi_worker *worker, struct filch_slot *head, struct fi_worker *victim)
{
    for (struct fi_level *level = &victim->first; level; level = fi_level_newer(level)) {
        struct filch_slot *slot;
        switch (fi_deque_steal(&level->deque, &slot)) {
        case FI_STOLEN:
            run_stolen(worker, head, slot, victim);
            return true;
        case FI_LOST_RACE:
            fi_count(&worker->races);
            break;
        case FI_EMPTY:
            if (victim != worker)
                fi_deque_ask(&level->deque);
            break;
        }
    }
    return false;
}

static bool run_injected(struct fi_worker *worker, struct filch_slot *head)
{
    struct fi_task *task = fi_queue_pop(&worker->pool->injected);
    if (!task)
        return false;
    fi_count(&worker->tasks);
    end_search(worker);
    task->run(task, worker, head);
    return true;
}

/* Past this depth of stack a waiting worker runs only what its own task waits for. */
static bool is_deep(const struct fi_worker *worker)
{
    return (uintptr_t)__builtin_frame_address(0) < worker->stack_deep;
}

/* Runs one task that is ready, if there is one. */
static bool run_one(struct fi_worker *worker, struct filch_slot *head, struct fi_wait *wait)
{
    struct filch_pool *pool = worker->pool;
    struct fi_worker *thief = wait->thief ? wait->thief(wait) : NULL;

    if (thief && rob(worker, head, thief))
        return true;
    if (is_deep(worker))
        return false;
    if (++worker->turn % INJECTED_FIRST == 0 && run_injected(worker, head))
        return true;
    if (worker->victim && rob(worker, head, worker->victim))
        return true;
    worker->victim = NULL;
    uint32_t size = (uint32_t)pool->size, first = next_random(worker) % size;
    for (uint32_t i = 0; i < size; i++)
        if (rob(worker, head, pool->workers[(first + i) % size]))
            return true;
    return run_injected(worker, head);
}

/* Sleeps until what is waited for comes, and takes no part in the search meanwhile: a worker
 * whose stack is deep could not run what it was woken for. */
static void park_deep(struct fi_worker *worker, struct fi_wait *wait)
{
    uint32_t ticket = fi_event_prepare(&worker->event);

    if (!wait->enlist(wait))
        return;
    end_search(worker);
    fi_count(&worker->parks);
    if (!wait->over(wait))
        fi_event_wait(&worker->event, ticket, wait->deadline);
    fi_idle_search(&worker->pool->idle);
    worker->searching = true;
    if (wait->delist)
        wait->delist(wait);
}

/* Sleeps until there is work, or what is waited for comes, or neither: the caller looks again. */
static void park(struct fi_worker *worker, struct fi_wait *wait)
{
    struct filch_pool *pool = worker->pool;
    uint32_t ticket = fi_event_prepare(&worker->event);

    if (wait->enlist && !wait->enlist(wait))
        return;
    worker->searching = false;
    uint32_t asleep = fi_idle_announce(&pool->idle, worker->number);
    fi_pool_ask(pool);
    if (!fi_pool_has_work(pool)) {
        if (asleep == (uint32_t)pool->size &&
            atomic_load_explicit(&pool->phase, memory_order_seq_cst) == FI_CLOSING)
            fi_pool_end(pool);
        fi_count(&worker->parks);
        if (!wait->over(wait))
            fi_event_wait(&worker->event, ticket, wait->deadline);
    }
    fi_idle_retract(&pool->idle, worker->number);
    worker->searching = true;
    if (wait->delist)
        wait->delist(wait);
}

/* Searches until it has run something or the wait is over. */
static void search(struct fi_worker *worker, struct filch_slot *head, struct fi_wait *wait)
{
    int64_t since = fi_now();
    uint32_t pauses = 1;

    fi_idle_search(&worker->pool->idle);
    worker->searching = true;
    while (!wait->over(wait)) {
        if (run_one(worker, head, wait))
            return;
        relax(&pauses, since);
        if (fi_now() - since > FI_SEARCH_NS) {
            if (is_deep(worker) && wait->enlist) /* never at the top level */
                park_deep(worker, wait);
            else
                park(worker, wait);
            since = fi_now();
            pauses = 1;
        }
    }
    end_search(worker);
}

void fi_worker_wait(struct fi_worker *worker, struct filch_slot *head, struct fi_wait *wait)
{
    wait->worker = worker;
    while (!wait->over(wait))
        if (!run_one(worker, head, wait))
            search(worker, head, wait);
}

/* ---- Waiting for a latch ----------------------------------------------------------------- */

static bool latch_over(struct fi_wait *wait)
{
    return fi_latch_ended(wait->object) ||
           (wait->deadline != FI_NEVER && fi_now() >= wait->deadline);
}

static bool latch_enlist(struct fi_wait *wait)
{
    return fi_latch_enlist(wait->object, &wait->waiter, &wait->worker->event);
}

static void latch_delist(struct fi_wait *wait)
{
    fi_latch_delist(wait->object, &wait->waiter);
}

/* A thread that is no worker: stays awake for a moment, then sleeps on an event of its own. */
static void latch_wait_outside(struct fi_latch *latch, int64_t deadline)
{
    struct fi_wait wait = {.object = latch, .deadline = deadline};
    struct fi_event event;
    int64_t since = fi_now();
    uint32_t pauses = 1;

    /* Yielding matters: the worker just woken may be waiting for this very processor. */
    while (!latch_over(&wait) && fi_now() - since < AWAKE_NS)
        relax(&pauses, since);
    if (latch_over(&wait))
        return;
    fi_event_init(&event);
    if (!fi_latch_enlist(latch, &wait.waiter, &event))
        return;
    for (;;) {
        uint32_t ticket = fi_event_prepare(&event);
        if (latch_over(&wait))
            break;
        fi_event_wait(&event, ticket, deadline);
    }
    fi_latch_delist(latch, &wait.waiter);
}

void fi_latch_wait(struct fi_latch *latch, int64_t deadline)
{
    struct fi_wait wait = {
        .over = latch_over,
        .enlist = latch_enlist,
        .delist = latch_delist,
        .deadline = deadline,
        .object = latch,
    };

    if (!self)
        latch_wait_outside(latch, deadline);
    else
        fi_worker_wait(self, NULL, &wait);
}

/* ---- The thread -------------------------------------------------------------------------- */

static bool pool_ended(struct fi_wait *wait)
{
    struct filch_pool *pool = wait->object;
    return atomic_load_explicit(&pool->phase, memory_order_seq_cst) == FI_ENDED;
}

void *fi_worker_main(void *argument)
{
    struct fi_worker *worker = argument;
    struct fi_wait wait = {.over = pool_ended, .deadline = FI_NEVER, .object = worker->pool};

    uintptr_t stack = (uintptr_t)__builtin_frame_address(0);

    worker->stack_deep = stack - worker->stack_size / 2;
    worker->stack_end = stack - worker->stack_size / 16 * 15;
    worker->first.deque.front.stack_end = worker->stack_end;
    self = worker;
    fi_worker_wait(worker, NULL, &wait);
    /* A task that slept in a wait of its own may have left work behind. */
    while (run_one(worker, NULL, &wait))
        continue;
    self = NULL;
    return NULL;
}
