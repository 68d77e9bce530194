/* SPDX-License-Identifier: MIT
 *
 * Spares under a model checker: the core as shipped (core.h), with empty deques, in a pool that is open.
 * Worker 0 has a task that begins to wait, or goes on; after that it takes no part. When all is still no
 * task is left, or somebody who may take it is awake, or has been notified; there are as many spares as
 * workers that wait; and those that count as asleep are marked.
 *
 * Scenarios: 11
 *              1  a task waits, a spare that is warm has its place, while a task is submitted
 *              2  the same, and the spare has to be started
 *              3  the same, and it cannot be: another worker sleeps
 *              4  a task goes on, the spare that had its place sleeps, as does another worker, while
 *                 a task is submitted: the spare may be sent away while it is claimed
 *              5  a task waits while the time of the warm spare is up, and a task is submitted
 *              6  a spare that sleeps wakes up by itself while it is claimed, as another worker sleeps
 *              7  a task waits while a spare finds that it is one too many, and a task is submitted
 *              8  a task goes on and another one waits, while the spare that had the place wakes up
 *                 by itself, and a task is submitted
 *              9  a task goes on, the spare that had its place is claimed: it may be sent away then
 *             10  a spare that searches finds that it is one too many, while another worker sleeps and
 *                 a task is submitted
 *             11  one worker and no spares: what its task waits for is submitted while it falls asleep */
#define TIMES_OUT(number) ((number) == SPARE && naps-- > 0)
#if SCENARIO == 4 || SCENARIO == 6 || SCENARIO == 8
#define SPARE 2
#else
#define SPARE 1
#endif
#if SCENARIO == 3
#define CANNOT_START true
#endif

#if SCENARIO == 5
static _Thread_local int naps = 2;
#elif SCENARIO == 6 || SCENARIO == 8
static _Thread_local int naps = 1;
#else
static _Thread_local int naps;
#endif

#include "core.h"

/* ---- Parties --------------------------------------------------------------------------------- */

static void run_task(struct fi_task *unused, struct fi_worker *worker, struct filch_slot *head,
                     int refusal)
{
    (void)unused;
    (void)worker;
    (void)head;
    (void)refusal;
}

/* A member that counts as searching, at its top level: one round of fi_worker_live(). Who has run
 * something, or was woken, is awake and would look again. */
static void *life(void *argument)
{
    struct fi_worker *worker = argument;

    worker->searching = true;
    if (is_to_stop(worker))
        (void)fi_spare_retire(worker, false);
    else if (!run_injected(worker, NULL) && !park(worker))
        (void)fi_spare_retire(worker, true);
    return NULL;
}

static bool lacking; /* no spare: the task that waits runs others itself */

static void *waits(void *worker)
{
    lacking = fi_spare_cover(worker) == FI_LACKING;
    assert(!lacking || SCENARIO == 3 || SCENARIO == 8);
    return NULL;
}

/* The task waits for the one that is submitted, which it runs itself. */
static bool has_run;

static bool is_over_alone(struct fi_wait *wait)
{
    (void)wait;
    return has_run;
}

static bool enlist_alone(struct fi_wait *wait)
{
    (void)wait;
    return true;
}

static bool help_alone(struct fi_wait *wait)
{
    (void)wait;
    has_run = run_injected(&workers[0], NULL);
    return has_run;
}

static struct fi_wait alone = {.over = is_over_alone,
                               .enlist = enlist_alone,
                               .help = help_alone,
                               .deadline = FI_NEVER,
                               .at_once = true};

static void *waits_alone(void *worker)
{
    assert(!wait_in_task(worker, &alone) && has_run);
    return NULL;
}

static void *goes_on(void *worker)
{
    fi_spare_uncover(worker);
    return NULL;
}

/* A spare without a place. */
static void *is_warm(void *worker)
{
    if (fi_spare_retire(worker, true))
        return life(worker);
    fi_spare_end(worker);
    return NULL;
}

/* A member that has fallen asleep: the rest of park(). */
static void *sleeps(void *argument)
{
    struct fi_worker *worker = argument;

    fi_event_wait(&worker->event, 0, SPARE_LOOK_NS);
    if (!fi_spare_return(worker))
        return is_warm(worker);
    return life(worker);
}

static void *submits(void *argument)
{
    push();
    fi_pool_wake(&pool);
    return argument;
}

/* Asleep, without a thread of the checker's. */
static void set_up_sleeper(int i)
{
    sleepers[i].stopped = true;
    fi_idle_admit(&pool.idle, (uint32_t)i);
}

/* from: the first worker that may take the task. covered: how many workers do not take part. */
static void check(int from, int covered)
{
    uint64_t asleep = atomic_load(&pool.idle.asleep[0]);
    uint32_t bits = 0;
    int on = 0, members = 0;

    for (int i = from; i < WORKERS; i++)
        on += is_on(i);
    assert(on > 0 || fi_submit_queues_empty(&pool.submit_queues));
    for (int i = pool.size; i < fi_pool_known(&pool); i++)
        members += workers[i].member;
    assert(members - atomic_load(&pool.surplus) == covered);
    for (; asleep; asleep >>= 1)
        bits += asleep & 1;
    assert(fi_idle_sleeping(atomic_load(&pool.idle.state)) == bits);
}

#pragma clang attribute pop
#pragma clang attribute pop

int main(void)
{
    task.run = run_task;
#if SCENARIO == 1
    set_up(FI_OPEN, 1, 1, 1);
    set_up_spare(false);
    run(waits, is_warm, NULL, submits);
#elif SCENARIO == 2
    set_up(FI_OPEN, 1, 1, 1);
    run(waits, NULL, NULL, submits);
#elif SCENARIO == 3
    set_up(FI_OPEN, 2, 1, 2);
    set_up_sleeper(1);
    run(waits, NULL, NULL, submits);
#elif SCENARIO == 4
    set_up(FI_OPEN, 2, 1, 2);
    set_up_sleeper(1);
    set_up_spare(true);
    fi_idle_admit(&pool.idle, 2);
    run(goes_on, NULL, sleeps, submits);
#elif SCENARIO == 5
    set_up(FI_OPEN, 1, 2, 1);
    set_up_spare(false);
    run(waits, is_warm, NULL, submits);
#elif SCENARIO == 6
    set_up(FI_OPEN, 2, 1, 2);
    set_up_sleeper(1);
    set_up_spare(true);
    fi_idle_admit(&pool.idle, 2);
    run(NULL, NULL, sleeps, submits);
#elif SCENARIO == 7
    set_up(FI_OPEN, 1, 1, 1);
    set_up_spare(true);
    atomic_init(&pool.surplus, 1);
    fi_idle_search(&pool.idle);
    run(waits, life, NULL, submits);
#elif SCENARIO == 8
    set_up(FI_OPEN, 2, 1, 2);
    set_up_spare(true);
    fi_idle_admit(&pool.idle, 2);
    run(goes_on, waits, sleeps, submits);
#elif SCENARIO == 9
    set_up(FI_OPEN, 1, 1, 1);
    set_up_spare(true);
    fi_idle_admit(&pool.idle, 1);
    run(goes_on, sleeps, NULL, submits);
#elif SCENARIO == 10
    set_up(FI_OPEN, 2, 1, 2);
    set_up_sleeper(1);
    set_up_spare(true);
    atomic_init(&pool.surplus, 1);
    fi_idle_search(&pool.idle);
    run(NULL, NULL, life, submits);
#elif SCENARIO == 11
    set_up(FI_OPEN, 1, 0, 1);
    pool.exclusive = true;
    run(waits_alone, NULL, NULL, submits);
#endif
#if SCENARIO == 3 || SCENARIO == 4 || SCENARIO == 10
    check(1, 0);
#elif SCENARIO == 6
    check(0, 1);
#elif SCENARIO == 9 || SCENARIO == 11
    check(0, 0); /* worker 0 goes on */
#elif SCENARIO == 8
    check(lacking ? 1 : 2, !lacking);
#else
    check(1, 1);
#endif
    return 0;
}
