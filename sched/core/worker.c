/* SPDX-License-Identifier: MIT
 *
 * A worker: where it looks for work, how long it looks, when it sleeps. The order of search is:
 * the thief that runs what is waited for (Wagner and Calder's leapfrogging), the victim that gave
 * something last, the others from a random one on, near ones first where workers are pinned, then
 * the injection queue; every 61st time the injection queue first, so that outside work cannot
 * starve. */
#include "sched/core/worker.h"

#include <ck_pr.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>

/* How long a thread outside waits awake; and for how long it, or a worker that searches, stays on
 * its processor before it yields. */
#define AWAKE_NS 20000
#define STAY_NS  400

#define INJECTED_FIRST 61

/* How long a worker pauses that has just run the last plain task there was: about 0.5 us. */
#define PLAIN_TASK_PAUSES 16

static _Thread_local struct fi_worker *self;
static _Thread_local bool woke; /* a worker, since this thread last waited */

struct fi_worker *fi_worker_self(void)
{
    return self;
}

void fi_worker_woke(void)
{
    woke = true;
}

void fi_worker_forget(void)
{
    self = NULL;
}

void *fi_thread_id(void)
{
    return &self;
}

/* Pauses between two looks, longer each time: keeps off the others' cache lines. */
static void relax(uint32_t *pauses, int64_t since)
{
    if (fi_now() - since > STAY_NS) {
        sched_yield();
        return;
    }
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
    fi_pool_found(worker->pool);
}

/* Tells the count latch of the plain tasks that were run last: they count only now. */
static void settle(struct fi_worker *worker)
{
    struct fi_count_latch *count_latch = worker->count_latch;
    uint64_t count = worker->uncounted;

    if (!count_latch)
        return;
    worker->count_latch = NULL;
    worker->uncounted = 0;
    fi_count_latch_sub(count_latch, count);
}

void fi_worker_count_later(struct fi_worker *worker, struct fi_count_latch *count_latch)
{
    worker->count_latch = count_latch;
    worker->uncounted++;
}

void fi_worker_settle_but(struct fi_worker *worker, const struct fi_count_latch *count_latch)
{
    if (worker->count_latch != count_latch)
        settle(worker);
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
    settle(worker);
    fi_worker_run(worker, head, slot);
    /* The slot is its owner's again once it is finished; the victim lives as long as the pool. */
    if (fi_slot_finish(slot))
        fi_event_notify(&victim->event);
}

/* Runs the oldest task that `victim` shares; asks for more where there is none. */
static bool steal_from(struct fi_worker *worker, struct filch_slot *head,
                       struct fi_worker *victim)
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

/* Steals from the first who has something of `count` workers, from a random one on. order: who they are,
 * or NULL: those from `first` on. */
static bool steal_from_some(struct fi_worker *worker, struct filch_slot *head,
                            const uint16_t *order, uint32_t first, uint32_t count)
{
    struct fi_worker *const *workers = worker->pool->workers;
    uint32_t start = next_random(worker) % count;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t victim = first + (start + i) % count;
        if (steal_from(worker, head, workers[order ? order[victim] : victim]))
            return true;
    }
    return false;
}

/* All who are pinned, near ones first; then the spares, who are anywhere. */
static FILCH_COLD bool steal_in_order(struct fi_worker *worker, struct filch_slot *head)
{
    const struct fi_order *order = worker->order;
    uint32_t first = 0, known = (uint32_t)fi_pool_known(worker->pool);

    for (int distance = 0; distance < FI_DISTANCES; distance++) {
        uint32_t end = order->ends[distance];
        if (end > first && steal_from_some(worker, head, order->workers, first, end - first))
            return true;
        first = end;
    }
    return known > first && steal_from_some(worker, head, NULL, first, known - first);
}

static bool steal_from_any(struct fi_worker *worker, struct filch_slot *head)
{
    if (worker->order)
        return steal_in_order(worker, head);
    return steal_from_some(worker, head, NULL, 0, (uint32_t)fi_pool_known(worker->pool));
}

/* ---- Submitted tasks --------------------------------------------------------------------- */

/* Tasks are taken several at once as long as a batch of them is worked off sooner than this: ten
 * times what it costs to take them. After a longer while they are taken one by one, in their order
 * whoever takes them. */
#define SOON_NS 10000

/* How many to take of so many: a fair share of them, and fewer if the last ones took long. */
static uint32_t batch_size(struct fi_worker *worker)
{
    uint64_t count = fi_submit_queues_count(&worker->pool->submit_queues);
    uint64_t share = count / (uint64_t)fi_pool_known(worker->pool);

    if (share <= 1)
        return 1;
    int64_t now = fi_now();
    bool soon = now - worker->refilled < SOON_NS;
    worker->refilled = now;
    worker->batch_max = !soon                                  ? 1
                        : worker->batch_max < FI_BATCH_MAX / 2 ? worker->batch_max * 2 + 1
                                                               : FI_BATCH_MAX;
    return share < worker->batch_max ? (uint32_t)share : worker->batch_max;
}

/* Takes tasks out of a submit queue: the first is returned, the others are there for all to take. */
static struct fi_task *refill(struct fi_worker *worker)
{
    struct filch_pool *pool = worker->pool;
    struct fi_submit_queue *submit_queue;
    void *tasks[FI_BATCH_MAX];
    uint32_t count = fi_submit_queues_pop_many(&pool->submit_queues, &worker->submit_queues,
                                               tasks, batch_size(worker), &submit_queue);

    /* Other threads have written them: the misses overlap. */
    for (uint32_t i = 1; i < count; i++)
        __builtin_prefetch(tasks[i], 1);
    if (count > 1) {
        fi_batch_fill(&worker->batch, submit_queue, tasks + 1, count - 1);
        fi_pool_wake(pool);
    }
    return count ? tasks[0] : NULL;
}

static void run_submitted(struct fi_worker *worker, struct filch_slot *head,
                          struct fi_task *task)
{
    fi_count(&worker->tasks);
    end_search(worker);
    worker->depth++;
    task->run(task, worker, head, 0);
    worker->depth--;
    if (worker->woken) {
        /* Whoever woke it may have waited for the processor since. */
        worker->woken = false;
        sched_yield();
    }
}

static bool run_own_batch(struct fi_worker *worker, struct filch_slot *head)
{
    struct fi_task *task = fi_batch_take(&worker->batch, NULL);

    if (!task)
        return false;
    run_submitted(worker, head, task);
    return true;
}

static bool run_injected(struct fi_worker *worker, struct filch_slot *head)
{
    struct fi_task *task = refill(worker);

    if (!task)
        return false;
    run_submitted(worker, head, task);
    return true;
}

/* What another worker has taken out of a submit queue and not come to. */
static bool run_left_over(struct fi_worker *worker, struct filch_slot *head)
{
    struct fi_task *task = fi_pool_take_back(worker->pool, NULL);

    if (!task)
        return false;
    run_submitted(worker, head, task);
    return true;
}

void fi_worker_ending(struct fi_worker *worker)
{
    /* Relaxed: a hint. Once all have started it makes no difference. */
    if (atomic_load_explicit(&worker->pool->unstarted, memory_order_relaxed) == 0 ||
        worker->depth != 1 || worker->searching)
        return;
    fi_idle_search(&worker->pool->idle);
    worker->searching = true;
}

void fi_worker_busy(struct fi_worker *worker)
{
    end_search(worker);
}

/* Past a depth of stack, and while its task holds a lock that others may ask for, a waiting worker
 * runs only what that task waits for. */
static bool is_bound(const struct fi_worker *worker)
{
    return worker->locks > 0 || (uintptr_t)__builtin_frame_address(0) < worker->stack_deep;
}

/* Runs one task that is ready, if there is one. */
static bool run_one(struct fi_worker *worker, struct filch_slot *head, struct fi_wait *wait)
{
    struct fi_worker *thief = wait->thief ? wait->thief(wait) : NULL;

    /* The thief may still have older tasks than the one it took: no matter, but with a lock. */
    if (thief && !worker->locks && steal_from(worker, head, thief))
        return true;
    if (is_bound(worker))
        return false;
    if (run_own_batch(worker, head)) /* refilled only when it is empty */
        return true;
    /* Most likely it was woken for a task in a submit queue. */
    if (worker->woken && run_injected(worker, head))
        return true;
    if (++worker->turn % INJECTED_FIRST == 0 &&
        (run_left_over(worker, head) || run_injected(worker, head)))
        return true;
    if (worker->victim && steal_from(worker, head, worker->victim))
        return true;
    worker->victim = NULL;
    if (steal_from_any(worker, head))
        return true;
    return run_injected(worker, head) || run_left_over(worker, head);
}

/* Sleeps until what is waited for comes, and takes no part in the search meanwhile: a worker
 * that is bound could not run what it was woken for. That may be all that is waited for, such as a
 * group's tasks, so a spare takes its place. What was stolen runs already. */
static void park_bound(struct fi_worker *worker, struct fi_wait *wait)
{
    uint32_t ticket = fi_event_prepare(&worker->event);

    if (!wait->enlist(wait))
        return;
    end_search(worker);
    bool covered = !wait->thief && !worker->blocking && fi_spare_cover(worker);
    fi_count(&worker->parks);
    if (!wait->over(wait))
        fi_event_wait(&worker->event, ticket, wait->deadline);
    if (covered)
        fi_spare_uncover(worker);
    fi_idle_search(&worker->pool->idle);
    worker->searching = true;
    if (wait->delist)
        wait->delist(wait);
}

/* Does it wait in a task? At its top level it waits for nothing that it could enlist for. */
static bool is_midway(const struct fi_wait *wait)
{
    return wait->enlist;
}

/* Sleeps until there is work, or what is waited for comes, or neither: the caller looks again. */
static void park(struct fi_worker *worker, struct fi_wait *wait)
{
    struct filch_pool *pool = worker->pool;
    uint32_t ticket = fi_event_prepare(&worker->event);

    if (wait->enlist && !wait->enlist(wait))
        return;
    worker->searching = false;
    fi_idle_announce(&pool->idle, worker->number);
    fi_pool_ask(pool);
    if (!fi_pool_has_work(pool)) {
        bool quiesces = !is_midway(wait) && fi_pool_quiesce(pool);
        fi_count(&worker->parks);
        if (!is_midway(wait))
            fi_scratch_trim(worker->scratch);
        if (!wait->over(wait))
            fi_event_wait(&worker->event, ticket, wait->deadline);
        if (quiesces)
            fi_pool_resume(pool);
        worker->woken = true;
    }
    fi_spare_return(worker);
    worker->searching = true;
    if (wait->delist)
        wait->delist(wait);
}

/* Searches until it has run something or the wait is over. */
static void search(struct fi_worker *worker, struct filch_slot *head, struct fi_wait *wait)
{
    int64_t since = fi_now();
    bool tasks = worker->count_latch != NULL;
    uint32_t pauses = tasks ? PLAIN_TASK_PAUSES : 1;

    settle(worker);
    if (!worker->searching) {
        fi_idle_search(&worker->pool->idle);
        worker->searching = true;
    }
    /* Nobody waits for a single plain task: what comes next may be many, if it is given the time. */
    if (tasks)
        relax(&pauses, since);
    while (!wait->over(wait)) {
        if (run_one(worker, head, wait))
            return;
        relax(&pauses, since);
        if (fi_now() - since > FI_SEARCH_NS) {
            if (is_bound(worker) && is_midway(wait))
                park_bound(worker, wait);
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
    wait->event = &worker->event;
    while (!wait->over(wait))
        if (!run_one(worker, head, wait))
            search(worker, head, wait);
    end_search(worker);
    settle(worker);
}

/* ---- Waiting ----------------------------------------------------------------------------- */

/* Sleeps until the wait is over; runs nothing. */
static void sleep_until_over(struct fi_wait *wait, struct fi_event *event)
{
    wait->event = event;
    while (!wait->over(wait)) {
        uint32_t ticket = fi_event_prepare(event);
        if (!wait->enlist(wait))
            continue;
        if (!wait->over(wait))
            fi_event_wait(event, ticket, wait->deadline);
        if (wait->delist)
            wait->delist(wait);
    }
}

/* A thread that is no worker: stays awake for a moment, then sleeps on an event of its own. */
static void wait_outside(struct fi_wait *wait)
{
    struct fi_event event;
    int64_t since = fi_now();
    uint32_t pauses = 1;

    if (woke && !wait->over(wait))
        sched_yield();
    woke = false;
    while (!wait->over(wait) && fi_now() - since < AWAKE_NS)
        relax(&pauses, since);
    if (wait->over(wait))
        return;
    fi_event_init(&event);
    sleep_until_over(wait, &event);
}

void fi_wait_for(struct fi_wait *wait)
{
    if (self)
        fi_worker_wait(self, NULL, wait);
    else
        wait_outside(wait);
}

void fi_block(struct fi_wait *wait)
{
    struct fi_worker *worker = self && !self->blocking ? self : NULL;
    bool covered = worker && fi_spare_cover(worker);
    struct fi_event event;

    if (worker && !covered && !is_bound(worker)) {
        fi_worker_wait(worker, NULL, wait);
        return;
    }
    /* An event of the wait's own: whoever wakes the worker for other reasons does not disturb. */
    fi_event_init(&event);
    sleep_until_over(wait, &event);
    if (covered)
        fi_spare_uncover(worker);
}

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

void fi_latch_wait(struct fi_latch *latch, int64_t deadline)
{
    struct fi_wait wait = {
        .over = latch_over,
        .enlist = latch_enlist,
        .delist = latch_delist,
        .deadline = deadline,
        .object = latch,
    };

    fi_wait_for(&wait);
}

int64_t fi_deadline(double seconds)
{
    double ns = seconds * 1e9;
    int64_t now = fi_now();

    if (ns <= 0)
        return now;
    return ns < (double)(FI_NEVER - now) ? now + (int64_t)ns : FI_NEVER;
}

/* ---- The thread -------------------------------------------------------------------------- */

static bool is_to_leave(struct fi_wait *wait)
{
    struct fi_worker *worker = wait->object;
    return fi_pool_has_ended(worker->pool) || fi_spare_unwanted(worker);
}

static void measure_stack(struct fi_worker *worker)
{
    uintptr_t stack = (uintptr_t)__builtin_frame_address(0);
    size_t size = worker->pool->plan.options.stack_size;

    worker->stack_deep = stack - size / 2;
    worker->stack_end = stack - size / 16 * 15;
    worker->first.deque.front.stack_end = worker->stack_end;
}

/* Who submits meanwhile should not count on this worker. */
static void initialize(struct fi_worker *worker)
{
    struct filch_pool *pool = worker->pool;
    const struct fi_pool_plan *plan = &pool->plan;
    /* I10, seq_cst, before I6, pairs with I12: who finds nobody searching finds this one here. */
    int others = atomic_fetch_add_explicit(&pool->initializing, 1, memory_order_seq_cst);

    worker->searching = false;
    (void)fi_idle_found(&pool->idle);
    /* One worker has been started; of those who submitted since nobody saw a need for more. */
    if (fi_submit_queues_count(&pool->submit_queues) > (uint64_t)others + 1)
        fi_pool_wake(pool);
    if (plan->initializer(plan->initializer_arg))
        plan->broken(plan->executor);
    /* I11, seq_cst, before I5 and the search, pairs with I12. */
    atomic_fetch_sub_explicit(&pool->initializing, 1, memory_order_seq_cst);
    fi_idle_search(&pool->idle);
    worker->searching = true;
}

void *fi_worker_main(void *argument)
{
    struct fi_worker *worker = argument;
    struct filch_pool *pool = worker->pool;
    struct fi_wait wait = {.over = is_to_leave, .deadline = FI_NEVER, .object = worker};

    measure_stack(worker);
    self = worker;
    worker->searching = true; /* who started it has counted it */
    if (pool->plan.initializer)
        initialize(worker);
    for (;;) {
        fi_worker_wait(worker, NULL, &wait);
        if (fi_pool_has_ended(pool))
            break;
        fi_spare_retire(worker);
    }
    self = NULL;
    fi_pool_leave(worker);
    return NULL;
}
