/* SPDX-License-Identifier: MIT
 *
 * The end of a pool under a model checker: the core as shipped (core.h), with empty deques. No task
 * finds that the pool has ended. When all is still the pool has ended, with no task left, and everybody
 * has been notified of it; or somebody goes on, since it has been notified, or is awake.
 *
 * Scenarios: 12
 *              1  two workers fall asleep: the second one ends the pool
 *              2  a worker falls asleep while a task is submitted and then the pool closed
 *              3  a task submits another, ends, and its worker falls asleep, beside one that falls
 *                 asleep and is woken for that other task
 *              4  a task is submitted and the pool closed, while one worker wakes up and another
 *                 one falls asleep; who submitted it has not yet come to wake anybody
 *              5  the same after the pool was closed; who submitted the task claims the one that
 *                 wakes up
 *              6  a task sleeps midway, beside a worker that falls asleep; what it waits for comes
 *              7  a task blocks: its spare falls asleep, and is sent away
 *              8  a spare retires, beside a worker that falls asleep
 *              9  who submitted a task claims a worker without a thread, and starts it or does not,
 *                 while another one ends its task, runs that one as well, and falls asleep
 *             10  a spare retires while a task blocks, which submits another
 *             11  a spare's time is up, and it ends, while the pool closes and a worker falls asleep
 *             12  the same, and a task was submitted before; who did has not come to wake anybody */
#define TIMES_OUT(number) (SCENARIO >= 11 && (number) == 1)
#include "core.h"

/* ---- Parties -------------------------------------------------------------------------------- */

/* The spare 1, awake, is a member too many. */
static void set_up_surplus(void)
{
    set_up_spare(true);
    atomic_init(&pool.surplus, 1);
}

/* A worker, asleep since before the pool was closed; or since, and so it rests. */
static void fall_asleep_before(int i, bool quiesces)
{
    fi_idle_admit(&pool.idle, (uint32_t)i);
    pool.quiescent += quiesces;
}

static void begin_search(struct fi_worker *worker)
{
    fi_idle_search(&pool.idle);
    worker->searching = true;
}

/* What a task waits for. */
static _Atomic(bool) has_come;

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

static void *comes(void *argument)
{
    atomic_store_explicit(&has_come, true, memory_order_release);
    fi_event_notify(&workers[0].event);
    return argument;
}

static struct fi_wait midway = {.over = came,
                                .enlist = enlist,
                                .deadline = FI_NEVER,
                                .at_once = true};

/* What the scenario is about, in a task: worker 0 is at work. */
static void work(struct fi_worker *worker)
{
#if SCENARIO == 3
    push();
    fi_pool_wake(&pool);
#elif SCENARIO == 6
    worker->covered = true; /* as if it waited further down, too */
    (void)wait_in_task(worker, &midway);
#elif SCENARIO == 7
    assert(fi_spare_cover(worker) == FI_COVERED);
    fi_spare_uncover(worker);
#elif SCENARIO == 10
    assert(fi_spare_cover(worker) == FI_COVERED);
    push();
    fi_pool_wake(&pool);
    fi_spare_uncover(worker);
#endif
    (void)worker;
    assert(!fi_pool_has_ended(&pool));
}

static void run_task(struct fi_task *unused, struct fi_worker *worker, struct filch_slot *head,
                     int refusal)
{
    (void)unused;
    (void)worker;
    (void)head;
    (void)refusal;
    assert(!fi_pool_has_ended(&pool));
}

/* It counts as searching, and has found nothing. */
static void *falls_asleep(void *argument)
{
    struct fi_worker *worker = argument;

    worker->searching = true;
    if (!park(worker))
        (void)fi_spare_retire(worker, true);
    return NULL;
}

static void *falls_asleep_and_searches(void *worker)
{
    falls_asleep(worker);
    (void)run_injected(worker, NULL);
    return NULL;
}

/* It counts as searching. */
static void *searches(void *argument)
{
    struct fi_worker *worker = argument;

    worker->searching = true;
    if (run_injected(worker, NULL)) {
#if SCENARIO != 9
        return NULL; /* awake */
#endif
        begin_search(worker);
    }
    return falls_asleep(worker);
}

static void *wakes_up(void *worker)
{
#if SCENARIO != 4
    fi_pool_resume(&pool);
#endif
    fi_spare_return(worker);
    return searches(worker);
}

static void *works(void *worker)
{
    work(worker);
#if SCENARIO == 6
    return NULL; /* awake */
#endif
    begin_search(worker);
    return searches(worker);
}

static void *retires(void *worker)
{
    (void)fi_spare_retire(worker, false);
    return NULL;
}

static void *retires_and_searches(void *worker)
{
    (void)fi_spare_retire(worker, false);
    (void)run_injected(worker, NULL);
    return NULL;
}

static void *retires_and_ends(void *worker)
{
    if (!fi_spare_retire(worker, true))
        fi_spare_end(worker);
    return NULL;
}

/* It counts as searching. Until the pool has ended. */
static void *lives(void *argument)
{
    struct fi_worker *worker = argument;

    worker->searching = true;
    while (!fi_pool_has_ended(&pool))
        (void)park(worker);
    return NULL;
}

static void *closes(void *argument)
{
    fi_pool_close(&pool);
    return argument;
}

static void *submits_and_closes(void *argument)
{
    push();
    fi_pool_wake(&pool);
    fi_pool_close(&pool);
    return argument;
}

static void *submits_late_and_closes(void *argument)
{
    push();
    fi_pool_close(&pool);
    return argument;
}

static void *wakes_another(void *argument)
{
    fi_pool_wake(&pool);
    return argument;
}

/* Of a thread that is started: a spare's, or the worker's that was claimed without one. */
static void *life(void *worker)
{
    return SCENARIO == 7 ? falls_asleep(worker) : searches(worker);
}

/* All is still. */
static void check(void)
{
    bool ended = fi_pool_has_ended(&pool);
    int on = 0;

    for (int i = 0; i < WORKERS; i++)
        on += is_on(i);
    assert(ended ? on == pool.present : on > 0);
    assert(!ended || fi_submit_queues_empty(&pool.submit_queues));
}

#pragma clang attribute pop
#pragma clang attribute pop

int main(void)
{
    task.run = run_task;
#if SCENARIO == 1
    set_up(FI_CLOSING, 2, 0, 2);
    fi_idle_search(&pool.idle);
    fi_idle_search(&pool.idle);
    run(falls_asleep, falls_asleep, NULL, NULL);
    assert(fi_pool_has_ended(&pool));
#elif SCENARIO == 2
    set_up(FI_OPEN, 1, 0, 1);
    fi_idle_search(&pool.idle);
    run(falls_asleep, NULL, NULL, submits_and_closes);
#elif SCENARIO == 3
    set_up(FI_CLOSING, 2, 0, 2);
    fi_idle_search(&pool.idle);
    run(works, falls_asleep_and_searches, NULL, NULL);
#elif SCENARIO == 4
    set_up(FI_OPEN, 2, 0, 2);
    fall_asleep_before(0, false);
    fi_idle_search(&pool.idle);
    run(wakes_up, falls_asleep, NULL, submits_late_and_closes);
#elif SCENARIO == 5
    set_up(FI_CLOSING, 2, 0, 2);
    fall_asleep_before(0, true);
    fi_idle_search(&pool.idle);
    push();
    run(wakes_up, falls_asleep, NULL, wakes_another);
#elif SCENARIO == 6
    set_up(FI_CLOSING, 2, 0, 2);
    fi_idle_search(&pool.idle);
    run(works, falls_asleep, NULL, comes);
#elif SCENARIO == 7
    set_up(FI_CLOSING, 1, 1, 1);
    run(works, NULL, NULL, NULL);
#elif SCENARIO == 8
    set_up(FI_CLOSING, 1, 1, 1);
    set_up_surplus();
    fi_idle_search(&pool.idle);
    run(falls_asleep, retires, NULL, NULL);
    assert(fi_pool_has_ended(&pool));
#elif SCENARIO == 9
    set_up(FI_CLOSING, 2, 0, 1);
    push();
    run(works, NULL, NULL, wakes_another);
#elif SCENARIO == 10
    set_up(FI_CLOSING, 1, 1, 1);
    set_up_surplus();
    run(works, retires_and_searches, NULL, NULL);
#elif SCENARIO == 11
    set_up(FI_OPEN, 1, 1, 1);
    set_up_spare(false);
    fi_idle_search(&pool.idle);
    run(lives, retires_and_ends, NULL, closes);
#elif SCENARIO == 12
    set_up(FI_OPEN, 1, 1, 1);
    set_up_spare(false);
    fi_idle_search(&pool.idle);
    run(falls_asleep, retires_and_ends, NULL, submits_late_and_closes);
#endif
    check();
    return 0;
}
