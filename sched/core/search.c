/* SPDX-License-Identifier: MIT
 *
 * The search: see search.h. The order is: the worker's own batch of submitted tasks; the victim that
 * gave something last; all others from a random one on, near ones first where workers are pinned;
 * the submit queues, which come first when it was woken, most likely for a task in one of them, and
 * every 61st time, so that outside work cannot starve; other workers' batches. */
#include "sched/core/search.h"

#include "sched/core/level.h"
#include "sched/core/pause.h"
#include "sched/core/quiesce.h"
#include "sched/core/settle.h"
#include "sched/core/spare.h"
#include "sched/core/steal.h"
#include "sched/core/wake.h"
#include "sched/core/scratch.h"

#include <sched.h>
#include <stddef.h>

#define INJECTED_FIRST 61

/* How long a worker pauses that has just run the last plain task there was: about 0.5 us. */
#define PLAIN_TASK_PAUSES 16

/* A spare that sleeps looks so often whether it still takes part, ns. */
#define SPARE_LOOK_NS ((int64_t)1000000000)

/* ---- Submitted tasks --------------------------------------------------------------------- */

/* Tasks are taken several at once as long as a batch of them is worked off sooner than this: ten
 * times what it costs to take them. After a longer while they are taken one by one, in their order
 * whoever takes them. */
#define SOON_NS 10000

/* How many to take of so many: a fair share of them, and fewer if the last ones took long. */
static uint32_t batch_size(struct fi_worker *worker)
{
    uint64_t count = fi_submit_queues_count(&worker->pool->submit_queues);
    uint64_t share = count / (uint64_t)worker->pool->size;

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
    uint32_t count = fi_submit_queues_pop_many(&pool->submit_queues, &worker->submit_turn,
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
    fi_worker_end_search(worker);
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
    fi_worker_end_search(worker);
}

/* ---- Looking for work -------------------------------------------------------------------- */

bool fi_worker_run_one(struct fi_worker *worker, struct filch_slot *head)
{
    if (run_own_batch(worker, head)) /* refilled only when it is empty */
        return true;
    /* Most likely it was woken for a task in a submit queue. */
    if (worker->woken && run_injected(worker, head))
        return true;
    if (++worker->turn % INJECTED_FIRST == 0 &&
        (run_left_over(worker, head) || run_injected(worker, head)))
        return true;
    return fi_steal_last(worker, head) || fi_steal_any(worker, head) ||
           run_injected(worker, head) || run_left_over(worker, head);
}

/* Does the worker have to leave, or to retire? */
static bool is_to_stop(const struct fi_worker *worker)
{
    return fi_pool_has_ended(worker->pool) || fi_spare_unwanted(worker);
}

/* Others may have looked for something to steal, in vain, while it was hidden: its next fork takes
 * the slow path, and looks at the sleepers. */
static void show(struct fi_worker *worker)
{
    fi_worker_show(worker);
    fi_deque_ask(&worker->first.deque);
}

/* Sleeps until there is work, or it has to stop, or neither: the caller looks again. Returns false,
 * without counting as searching, if it is a spare that was sent away. */
static bool park(struct fi_worker *worker)
{
    struct filch_pool *pool = worker->pool;
    uint32_t ticket = fi_event_prepare(&worker->event);

    fi_worker_hide(worker);
    worker->searching = false;
    fi_idle_announce(&pool->idle, worker->number);
    fi_pool_ask(pool);
    if (!fi_pool_has_work(pool)) {
        bool quiesces = fi_pool_quiesce(pool);
        fi_count(&worker->parks);
        fi_scratch_trim(worker->scratch);
        if (!is_to_stop(worker))
            fi_event_wait(&worker->event, ticket,
                          fi_worker_is_spare(worker) ? fi_now() + SPARE_LOOK_NS : FI_NEVER);
        if (quiesces)
            fi_pool_resume(pool);
        worker->woken = true;
    }
    if (!fi_spare_return(worker))
        return false;
    worker->searching = true;
    show(worker);
    return true;
}

/* Searches until it has run something or has to stop. Returns false as park() does. */
static bool search(struct fi_worker *worker)
{
    int64_t since = fi_now();
    bool plain_tasks = worker->count_latch != NULL;
    uint32_t pauses = plain_tasks ? PLAIN_TASK_PAUSES : 1;

    fi_worker_settle(worker);
    if (!worker->searching) {
        fi_idle_search(&worker->pool->idle);
        worker->searching = true;
    }
    /* Nobody waits for a single plain task: what comes next may be many, if it is given the time. */
    if (plain_tasks)
        fi_pause(&pauses, since);
    while (!is_to_stop(worker)) {
        if (fi_worker_run_one(worker, NULL))
            return true;
        fi_pause(&pauses, since);
        if (fi_now() - since > FI_SEARCH_NS) {
            if (!park(worker))
                return false;
            since = fi_now();
            pauses = 1;
        }
    }
    return true;
}

bool fi_worker_live(struct fi_worker *worker)
{
    show(worker);
    for (;;) {
        bool present = true;
        while (present && !is_to_stop(worker))
            if (!fi_worker_run_one(worker, NULL))
                present = search(worker);
        fi_worker_end_search(worker);
        fi_worker_settle(worker);
        if (fi_pool_has_ended(worker->pool))
            return true;
        if (!fi_spare_retire(worker, !present))
            return false;
        show(worker);
    }
}
