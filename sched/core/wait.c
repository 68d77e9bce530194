/* SPDX-License-Identifier: MIT
 *
 * Waiting: see wait.h. Labels J1, J2 are those of sched/README.md. */
#include "sched/core/wait.h"

#include "sched/core/pause.h"
#include "sched/core/search.h"
#include "sched/core/self.h"
#include "sched/core/settle.h"
#include "sched/core/spare.h"
#include "sched/core/wake.h"

#include <filch/error.h>

#include <stddef.h>

/* How long a thread outside waits awake, ns; and a worker in a task: a spare takes its place after
 * that, or, where there is work that it could do, sooner. A thief has most likely finished by then. */
#define OUTSIDE_AWAKE_NS 20000
#define TASK_AWAKE_NS    20000
#define TASK_BUSY_NS     2000

/* Where no thread is to be had: how often a task that waits looks for others to run, ns, and how many
 * such looks it takes until it asks for a thread again. */
#define LOOK_NS ((int64_t)1000000)
#define LOOKS   16

/* A wait that can be rescued is after it has slept so long, ns; then after twice as long, and so on. */
#define RESCUE_NS      ((int64_t)10000000)
#define RESCUE_MOST_NS ((int64_t)1000000000)

/* So many looks in a row, without a wait, are taken for a wait; and its length, ns. */
#define POLLS        64
#define POLL_WAIT_NS ((int64_t)50000)

/* ---- Interrupts -------------------------------------------------------------------------- */

static bool is_interrupted(const struct fi_wait *wait)
{
    /* J2, acquire, pairs with J1 in self.c. */
    return !wait->firm &&
           atomic_load_explicit(&fi_thread_self()->interrupted, memory_order_acquire);
}

static bool is_over(struct fi_wait *wait)
{
    return wait->over(wait) || is_interrupted(wait);
}

/* What fi_wait_for() returns. error: 0 or FILCH_EDEADLK. */
static int ending(struct fi_wait *wait, int error)
{
    if (wait->over(wait))
        return 0;
    if (error) {
        fi_deadlock_note_told(&wait->sleeper);
        return error;
    }
    /* Relaxed: this thread has seen it set. */
    atomic_store_explicit(&fi_thread_self()->interrupted, false, memory_order_relaxed);
    return FILCH_EINTR;
}

/* ---- Sleeping ---------------------------------------------------------------------------- */

/* Can it be that others depend on this thread, which sleeps for ever if what it waits for does not
 * come? */
static bool is_to_enter(const struct fi_wait *wait)
{
    return wait->stuck && wait->deadline == FI_NEVER &&
           (fi_running_self() || fi_locks_self() > 0);
}

static void enter(struct fi_wait *wait)
{
    wait->sleeper.stuck = wait->stuck;
    wait->sleeper.object = wait;
    wait->sleeper.event = wait->event;
    wait->sleeper.firm = wait->firm;
    fi_deadlock_enter(&wait->sleeper);
}

/* Sleeps until it is over, or something is to be looked at; runs nothing. ticket: drawn before the
 * last look at what may be run. until: at most so long. */
static int doze_since(struct fi_wait *wait, uint32_t ticket, int64_t until)
{
    bool enters = is_to_enter(wait);

    if (!wait->enlist(wait))
        return 0;
    if (enters)
        enter(wait);
    /* If it was told something meanwhile its event was notified. */
    if (!is_over(wait))
        fi_event_wait(wait->event, ticket, until < wait->deadline ? until : wait->deadline);
    if (enters)
        fi_deadlock_leave(&wait->sleeper);
    if (wait->delist)
        wait->delist(wait);
    if (!enters)
        return 0;
    if (wait->sleeper.service)
        wait->sleeper.service->serve(wait->sleeper.served);
    return wait->sleeper.told ? FILCH_EDEADLK : 0;
}

static int doze(struct fi_wait *wait, int64_t until)
{
    return doze_since(wait, fi_event_prepare(wait->event), until);
}

static int sleep_until_over(struct fi_wait *wait)
{
    int error = 0;

    while (!error && !is_over(wait))
        error = doze(wait, FI_NEVER);
    return error;
}

/* ---- In a task ----------------------------------------------------------------------------- */

/* Nothing of its own is shared any more: thieves need not look at it while it sleeps. */
static bool hide(struct fi_worker *worker)
{
    if (!fi_batch_empty(&worker->batch))
        return false;
    for (struct fi_level *level = worker->level; level; level = level->older)
        if (fi_deque_has_shared(&level->deque))
            return false;
    fi_worker_hide(worker);
    return true;
}

/* Its forks are seen again; those to come take the slow path first, as others may have looked for
 * them in vain. */
static void show(struct fi_worker *worker)
{
    fi_worker_show(worker);
    for (struct fi_level *level = worker->level; level; level = level->older)
        fi_deque_ask(&level->deque);
}

static bool help(struct fi_wait *wait)
{
    return wait->help && wait->help(wait);
}

/* As sleep_until_over(), but wakes up now and then. */
static int sleep_and_rescue(struct fi_wait *wait)
{
    int64_t pause = RESCUE_NS;
    int error = 0;

    while (!error && !is_over(wait)) {
        int64_t until = fi_now() + pause;
        error = doze(wait, until);
        if (error || fi_now() < until || is_over(wait))
            continue;
        if (wait->rescue(wait))
            pause = RESCUE_NS;
        else if (pause < RESCUE_MOST_NS)
            pause *= 2;
    }
    return error;
}

/* Sleeps while a spare has the place. */
static int sleep_covered(struct fi_worker *worker, struct fi_wait *wait)
{
    bool hidden = hide(worker), rescues = wait->rescue && wait->deadline == FI_NEVER;
    int error = rescues ? sleep_and_rescue(wait) : sleep_until_over(wait);

    if (hidden)
        show(worker);
    return error;
}

/* Its pool has no other worker. What comes into the submit queues wakes it, as that may be what it
 * waits for. */
static int sleep_alone(struct fi_worker *worker, struct fi_wait *wait)
{
    struct filch_pool *pool = worker->pool;
    uint32_t ticket = fi_event_prepare(&worker->event);
    int error = 0;

    fi_idle_search(&pool->idle);
    fi_idle_announce(&pool->idle, worker->number);
    if (!help(wait) && !(wait->rescue && wait->rescue(wait)))
        error = doze_since(wait, ticket, FI_NEVER);
    fi_idle_retract(&pool->idle, worker->number);
    (void)fi_idle_found(&pool->idle);
    return error;
}

/* No thread is to be had: there may be nobody else to run what it waits for. */
static int run_others(struct fi_worker *worker, struct fi_wait *wait)
{
    int error = 0;

    for (int looks = 0; !error && looks < LOOKS && !is_over(wait);) {
        if (help(wait))
            continue;
        if (!fi_worker_is_deep(worker) && fi_locks_self() == 0 &&
            fi_worker_run_one(worker, wait->head)) {
            fi_count(&worker->last_resorts);
            continue;
        }
        error = doze(wait, fi_now() + LOOK_NS);
        looks++;
    }
    return error;
}

/* Nothing that it waits for is to be run here. */
static int give_way(struct fi_worker *worker, struct fi_wait *wait)
{
    int error = 0;

    fi_count(&worker->parks);
    if (worker->covered) /* as it blocks, or waits further down */
        return sleep_covered(worker, wait);
    switch (fi_spare_cover(worker)) {
    case FI_COVERED:
        worker->covered = true;
        error = sleep_covered(worker, wait);
        worker->covered = false;
        fi_spare_uncover(worker);
        break;
    case FI_EXCLUSIVE:
        error = sleep_alone(worker, wait);
        break;
    case FI_LACKING:
        error = run_others(worker, wait);
        break;
    }
    return error;
}

/* Has it been awake for long enough? */
static bool is_enough(const struct fi_worker *worker, const struct fi_wait *wait, int64_t awake)
{
    if (wait->at_once || awake > TASK_AWAKE_NS)
        return true;
    return !wait->head && awake > TASK_BUSY_NS && fi_pool_has_work(worker->pool);
}

static int wait_in_task(struct fi_worker *worker, struct fi_wait *wait)
{
    int64_t since = 0;
    uint32_t pauses = 1;
    int error = 0;

    wait->event = &worker->event;
    worker->polls = 0;
    fi_worker_end_search(worker);
    fi_worker_settle(worker);
    while (!error && !is_over(wait)) {
        if (wait->deadline == FI_NEVER && !fi_worker_is_deep(worker) && help(wait)) {
            since = 0;
            continue;
        }
        if (since == 0) {
            since = fi_now();
            pauses = 1;
        }
        if (is_enough(worker, wait, fi_now() - since)) {
            error = give_way(worker, wait);
            since = 0;
        } else {
            fi_pause(&pauses, since);
        }
    }
    return ending(wait, error);
}

/* ---- Outside ------------------------------------------------------------------------------- */

/* A thread that is no worker: stays awake for a moment, then sleeps. */
static int wait_outside(struct fi_wait *wait)
{
    int64_t since = fi_now();
    uint32_t pauses = 1;

    wait->event = fi_event_self();
    if (fi_self_take_woke() && !wait->over(wait))
        sched_yield();
    while (!wait->at_once && !is_over(wait) && fi_now() - since < OUTSIDE_AWAKE_NS)
        fi_pause(&pauses, since);
    return ending(wait, sleep_until_over(wait));
}

int fi_wait_for(struct fi_wait *wait)
{
    struct fi_worker *worker = fi_worker_self();

    return worker ? wait_in_task(worker, wait) : wait_outside(wait);
}

void fi_wait_not_at_all(void)
{
    struct fi_worker *worker = fi_worker_self();

    if (!worker || ++worker->polls % POLLS || worker->covered ||
        fi_spare_cover(worker) != FI_COVERED)
        return;
    fi_event_wait(&worker->event, fi_event_prepare(&worker->event), fi_now() + POLL_WAIT_NS);
    fi_spare_uncover(worker);
}

int64_t fi_deadline(double seconds)
{
    double ns = seconds * 1e9;
    int64_t now = fi_now();

    if (ns <= 0)
        return now;
    return ns < (double)(FI_NEVER - now) ? now + (int64_t)ns : FI_NEVER;
}

/* ---- For latches ------------------------------------------------------------------------------ */

static bool latch_over(struct fi_wait *wait)
{
    return fi_latch_ended(wait->object) || fi_is_late(wait->deadline);
}

static bool latch_enlist(struct fi_wait *wait)
{
    wait->waiter = (struct fi_waiter){.event = wait->event};
    return fi_latch_enlist(wait->object, &wait->waiter);
}

static void latch_delist(struct fi_wait *wait)
{
    fi_latch_delist(wait->object, &wait->waiter);
}

struct fi_wait fi_latch_waiting(struct fi_latch *latch, int64_t deadline)
{
    return (struct fi_wait){
        .over = latch_over,
        .enlist = latch_enlist,
        .delist = latch_delist,
        .deadline = deadline,
        .object = latch,
    };
}

void fi_latch_wait(struct fi_latch *latch, int64_t deadline)
{
    struct fi_wait wait = fi_latch_waiting(latch, deadline);

    wait.firm = true;
    (void)fi_wait_for(&wait);
}

static bool count_over(struct fi_wait *wait)
{
    struct fi_count_wait *counting = (struct fi_count_wait *)(void *)wait;

    counting->zero = counting->zero || fi_count_latch_is_zero(wait->object);
    return counting->zero || fi_is_late(wait->deadline);
}

static bool count_enlist(struct fi_wait *wait)
{
    wait->waiter.event = wait->event;
    fi_count_latch_enlist(wait->object, &wait->waiter);
    return true;
}

static void count_delist(struct fi_wait *wait)
{
    fi_count_latch_delist(wait->object, &wait->waiter);
}

struct fi_count_wait fi_count_latch_waiting(struct fi_count_latch *count_latch,
                                            int64_t deadline)
{
    return (struct fi_count_wait){
        .wait =
            {
                .over = count_over,
                .enlist = count_enlist,
                .delist = count_delist,
                .deadline = deadline,
                .object = count_latch,
            },
        .zero = fi_count_latch_is_zero(count_latch),
    };
}

bool fi_count_latch_wait(struct fi_count_latch *count_latch, int64_t deadline)
{
    struct fi_count_wait waiting = fi_count_latch_waiting(count_latch, deadline);

    waiting.wait.firm = true;
    if (!waiting.zero && deadline > fi_now())
        (void)fi_wait_for(&waiting.wait);
    return waiting.zero;
}
