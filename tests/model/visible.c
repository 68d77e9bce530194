/* SPDX-License-Identifier: MIT
 *
 * Who may have something to be stolen, under a model checker: the core as shipped (core.h), deques and
 * forkjoin.c included. Worker 1 hides, shows itself and forks, while others fall asleep. When all is
 * still, work that is shared has been seen: by one that is awake, or has been notified; and who has
 * work to itself has been asked for it, or will wake somebody.
 *
 * Scenarios: 4
 *              1  a worker that has been asleep shows itself and forks, while another falls asleep
 *              2  a task goes on after a wait, while which its worker was hidden, and forks, likewise
 *              3  a task with a shared fork waits, while another worker falls asleep
 *              4  a task takes its fork back, while another one waits and a spare that is warm has
 *                 its place */
#define DEQUES
#include "core.h"

/* ---- Parties --------------------------------------------------------------------------------- */

#define DEQUE (&workers[1].first.deque)

static _Atomic(bool) has_come; /* what a task waits for */

static bool came(struct fi_wait *wait)
{
    (void)wait;
    return atomic_load_explicit(&has_come, memory_order_acquire);
}

static bool enlist(struct fi_wait *wait)
{
    (void)wait;
    return true;
}

static struct fi_wait midway = {.over = came,
                                .enlist = enlist,
                                .deadline = FI_NEVER,
                                .at_once = true};

static void *comes(void *argument)
{
    atomic_store_explicit(&has_come, true, memory_order_release);
    fi_event_notify(&workers[1].event);
    return argument;
}

static void *life(void *worker)
{
    return worker;
}

/* It counts as searching. */
static void *falls_asleep(void *argument)
{
    struct fi_worker *worker = argument;

    worker->searching = true;
    (void)park(worker);
    return NULL;
}

/* As body.h does it. */
static void fork_one(void)
{
    if (slots[1] >= atomic_load_explicit(&DEQUE->front.fork_limit, memory_order_relaxed))
        (void)filch_front_fork(&DEQUE->front, slots[1]);
}

static void *forks(void *worker)
{
    show(worker);
    fork_one();
    return NULL;
}

static void *waits_and_forks(void *argument)
{
    struct fi_worker *worker = argument;

    worker->covered = true;
    (void)wait_in_task(worker, &midway);
    fork_one();
    return NULL;
}

static void *waits(void *argument)
{
    struct fi_worker *worker = argument;

    worker->covered = true;
    (void)wait_in_task(worker, &midway);
    return NULL;
}

static void *joins(void *argument)
{
    (void)filch_front_join(&DEQUE->front, slots[1]);
    return argument;
}

static void *is_covered(void *worker)
{
    assert(fi_spare_cover(worker) == FI_COVERED);
    return NULL;
}

static void set_up_visible(void)
{
    fi_worker_show(&workers[1]);
}

static void check(int sleeper)
{
    bool asked = !atomic_load(&DEQUE->front.fork_limit) &&
                 atomic_load(&DEQUE->front.join_limit) == FILCH_JOIN_LIMIT_ASKED;

    assert(is_on(sleeper) || (asked && !fi_deque_has_shared(DEQUE)));
}

#pragma clang attribute pop
#pragma clang attribute pop

int main(void)
{
    set_up(FI_OPEN, 2, 1, 2);
#if SCENARIO == 1
    fi_idle_search(&pool.idle);
    run(falls_asleep, forks, NULL, NULL);
    check(0);
#elif SCENARIO == 2
    set_up_visible();
    fi_idle_search(&pool.idle);
    run(falls_asleep, waits_and_forks, NULL, comes);
    if (!sleepers[1].stopped)
        check(0);
#elif SCENARIO == 3
    set_up_visible();
    fi_deque_share(DEQUE, slots[1] + 1);
    fi_idle_search(&pool.idle);
    run(falls_asleep, waits, NULL, NULL);
    check(0);
#elif SCENARIO == 4
    set_up_visible();
    fi_deque_share(DEQUE, slots[1] + 1);
    set_up_spare(false);
    sleepers[2].stopped = true;
    run(is_covered, joins, NULL, NULL);
    check(2);
#endif
    return 0;
}
