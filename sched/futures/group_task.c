/* SPDX-License-Identifier: MIT
 *
 * Listed tasks of groups: see group_task.h; and waiting for a group. Labels G3, G4, ... are those of
 * sched/README.md. */
#include "sched/futures/group_task.h"

#include "sched/core/process.h"
#include "sched/core/self.h"
#include "sched/core/wait.h"
#include "sched/core/wake.h"
#include "sched/futures/backend.h"

#include <math.h>

#define CLAIMED  1u
#define UNQUEUED 2u
#define UNLISTED 4u

/* A list is looked through, for tasks that others have run, after so many pushes at least. */
#define LOOKOUT 64

/* ---- One task -------------------------------------------------------------------------------- */

/* G3, acq_rel, pairs with itself: what whoever lets go first did with the task, and with the executor,
 * comes before what the second one does. Returns what was set before. */
static uint32_t set(struct fi_group_task *task, uint32_t bits)
{
    return atomic_fetch_or_explicit(&task->state, bits, memory_order_acq_rel);
}

static void task_free(struct fi_group_task *task)
{
    fi_block_cache_free(FI_BLOCK_GROUP_TASK, task);
}

/* fi_task's run. */
static void take_listed(struct fi_task *task, struct fi_worker *worker, struct filch_slot *head,
                        int refusal)
{
    struct fi_group_task *listed = (struct fi_group_task *)(void *)task;
    struct fi_plain_task plain = listed->plain;
    uint32_t before = set(listed, CLAIMED | UNQUEUED);

    (void)head; /* a plain function runs no fork of this level's */
    if (!(before & CLAIMED)) {
        fi_executor_taken(plain.executor);
        fi_plain_task_run(&plain, worker,
                          refusal ? refusal : fi_executor_refusal(plain.executor));
        fi_executor_ended(plain.executor);
    } else if (before & UNLISTED) { /* a waiter has run it */
        fi_executor_ended(plain.executor);
        task_free(listed);
    }
}

struct fi_plain_task *fi_group_task_make(const struct fi_plain_task *plain)
{
    struct fi_group_task *task = fi_block_cache_alloc(FI_BLOCK_GROUP_TASK);

    if (!task)
        return NULL;
    task->plain = *plain;
    task->plain.task.run = take_listed;
    atomic_init(&task->state, 0);
    return &task->plain;
}

/* The list lets go of a task that was taken out of the submit queue, or will be. */
static void unlist(struct fi_group_task *task)
{
    if (set(task, UNLISTED) & UNQUEUED)
        task_free(task);
}

/* ---- The list --------------------------------------------------------------------------------- */

static void push(struct filch_group *group, struct fi_group_task *first,
                 struct fi_group_task *last)
{
    /* Relaxed: only the address counts. */
    last->next = atomic_load_explicit(&group->listed, memory_order_relaxed);
    /* G4, release, pairs with G5: the links. No ABA: the list is taken as a whole. */
    while (!atomic_compare_exchange_weak_explicit(&group->listed, &last->next, first,
                                                  memory_order_release, memory_order_relaxed))
        continue;
}

static struct fi_group_task *take_all(struct filch_group *group)
{
    /* Relaxed: spares an exchange where there is nothing. */
    if (!atomic_load_explicit(&group->listed, memory_order_relaxed))
        return NULL;
    /* G5, acquire, pairs with G4, and through their release sequence with all pushes before. */
    return atomic_exchange_explicit(&group->listed, NULL, memory_order_acquire);
}

/* Drops those that have begun. Who waits meanwhile does not see the others for a moment: these are in
 * the submit queue all the same. */
static void look_through(struct filch_group *group)
{
    struct fi_group_task *first = NULL, *last = NULL, *next;
    uint32_t left = 0;

    for (struct fi_group_task *task = take_all(group); task; task = next) {
        next = task->next;
        /* Relaxed: set() decides. */
        if (atomic_load_explicit(&task->state, memory_order_relaxed) & CLAIMED) {
            unlist(task);
            continue;
        }
        *(last ? &last->next : &first) = task;
        last = task;
        left++;
    }
    if (last)
        push(group, first, last);
    /* Relaxed: when to look again is no matter of order. As long as those that are dropped are as many
     * as those that stay each costs O(1). */
    atomic_store_explicit(&group->lookout, left > LOOKOUT ? left : LOOKOUT,
                          memory_order_relaxed);
    atomic_store_explicit(&group->pushes, 0, memory_order_relaxed);
}

void fi_group_task_list(struct fi_plain_task *plain)
{
    struct fi_group_task *task = (struct fi_group_task *)(void *)plain;
    struct filch_group *group = plain->group;

    /* Relaxed: spares a place in the list. */
    if (atomic_load_explicit(&task->state, memory_order_relaxed) & CLAIMED) {
        unlist(task);
        return;
    }
    push(group, task, task);
    /* Relaxed: see look_through(). */
    if (atomic_fetch_add_explicit(&group->pushes, 1, memory_order_relaxed) >=
        atomic_load_explicit(&group->lookout, memory_order_relaxed))
        look_through(group);
}

/* A task that was claimed, by a waiter. */
static void run_claimed(struct fi_group_task *task)
{
    struct filch_executor *executor = task->plain.executor;

    fi_executor_taken(executor);
    fi_plain_task_run(&task->plain, NULL, fi_executor_refusal(executor));
    if (set(task, UNLISTED) & UNQUEUED) {
        fi_executor_ended(executor);
        task_free(task);
    }
}

bool fi_group_run_listed(struct filch_group *group)
{
    const struct fi_worker *worker = fi_worker_self();
    struct fi_group_task *task = NULL, *rest = NULL, *next;

    if (!worker || worker->pool != group->executor->helpers)
        return false;
    for (task = take_all(group); task; task = next) {
        next = task->next;
        if (!(set(task, CLAIMED) & CLAIMED)) {
            rest = next;
            break;
        }
        unlist(task);
    }
    if (rest) {
        struct fi_group_task *last = rest;
        while (last->next)
            last = last->next;
        push(group, rest, last);
    }
    if (task)
        run_claimed(task);
    return task;
}

/* ---- What is not listed ------------------------------------------------------------------------ */

/* So many tasks are taken out of the submit queue together. */
#define HANDFUL 32

static bool is_task_of(const struct fi_task *task, const struct filch_group *group)
{
    return task->run == fi_plain_task_take &&
           ((const struct fi_plain_task *)(const void *)task)->group == group;
}

/* Strangers go back to the end of the queue; if that takes none any more, to where other workers find
 * them. */
static void put_back(struct fi_worker *worker, struct filch_executor *executor, void **tasks,
                     uint32_t count)
{
    uint32_t pushed = 0;

    if (count == 0 || !fi_pool_inject_many(worker->pool, executor->submit_queue, FI_NORMAL,
                                           tasks, count, &pushed))
        return;
    if (fi_batch_empty(&worker->batch)) {
        fi_batch_fill(&worker->batch, executor->submit_queue, tasks + pushed, count - pushed);
        fi_worker_show(worker);
        fi_pool_wake(worker->pool);
        return;
    }
    for (; pushed < count; pushed++) {
        struct fi_task *task = tasks[pushed];
        fi_count(&worker->last_resorts);
        task->run(task, worker, NULL, 0);
    }
}

/* A look through what an executor has to run. */
struct look {
    struct fi_worker *worker;
    struct filch_group *group;
    struct fi_task *found; /* the first of the group's, or NULL */
    void *strangers[HANDFUL];
    uint32_t count;
};

/* Returns true if the look is over. Where tasks are to keep their order it goes on to the end. */
static bool look_at_task(struct look *look, struct fi_task *task)
{
    struct filch_executor *executor = look->group->executor;

    if (!look->found && is_task_of(task, look->group)) {
        look->found = task;
        return !executor->serial;
    }
    look->strangers[look->count++] = task;
    if (look->count == HANDFUL) {
        put_back(look->worker, executor, look->strangers, look->count);
        look->count = 0;
    }
    return false;
}

/* Looks for a task of the group, once through the batches and the queue. */
static struct fi_task *find_task(struct fi_worker *worker, struct filch_group *group)
{
    struct look look = {.worker = worker, .group = group};
    struct fi_submit_queue *queue = group->executor->submit_queue;
    uint64_t left = fi_submit_queue_count(queue);
    struct fi_task *task;
    bool over = false;

    while (!over && (task = fi_pool_take_back(worker->pool, queue)))
        over = look_at_task(&look, task);
    while (!over && left-- > 0 && (task = fi_submit_queue_pop(queue)))
        over = look_at_task(&look, task);
    put_back(worker, group->executor, look.strangers, look.count);
    return look.found;
}

/* What others than workers have submitted is not listed. If nobody comes to it, since all whom the
 * pool may have at work are held up by a lock that this task holds, it is looked for. */
static bool run_unlisted(struct filch_group *group)
{
    struct fi_worker *worker = fi_worker_self();
    struct filch_executor *executor = group->executor;

    if (!worker || worker->pool != executor->helpers || !executor->submit_queue)
        return false;
    struct fi_task *task = find_task(worker, group);
    if (task)
        task->run(task, NULL, NULL, 0);
    return task;
}

/* ---- Waiting ---------------------------------------------------------------------------------- */

static void hold_group(void *object)
{
    struct filch_group *group = object;
    /* F1, as for futures. */
    atomic_fetch_add_explicit(&group->references, 1, memory_order_relaxed);
}

static void serve_group(void *object)
{
    while (fi_group_run_listed(object))
        continue;
    fi_group_release(object);
}

static const struct fi_service run_listed = {hold_group, serve_group};

struct waiting_for_group {
    struct fi_count_wait count; /* first: its address is the whole's */
    struct filch_group *group;
};

static bool group_help(struct fi_wait *wait)
{
    return fi_group_run_listed(((struct waiting_for_group *)(void *)wait)->group);
}

static bool group_rescue(struct fi_wait *wait)
{
    struct filch_group *group = ((struct waiting_for_group *)(void *)wait)->group;
    return fi_group_run_listed(group) || run_unlisted(group);
}

static bool is_of_group(const struct fi_running *running, const void *count_latch)
{
    const struct fi_context *context = (const struct fi_context *)(const void *)running;
    return context->scope->count_latch == count_latch;
}

/* One of its tasks may not end; or not start. */
static bool group_stuck(void *object, struct fi_probe *probe)
{
    struct filch_group *group = ((struct waiting_for_group *)object)->group;

    if (fi_count_latch_is_zero(&group->count_latch))
        return false;
    return fi_probe_tasks(probe, is_of_group, &group->count_latch) ||
           fi_probe_behind(probe, fi_executor_server(group->executor), &run_listed, group);
}

/* Does one of its tasks run on this thread? Then keeps a text of it. */
static bool is_in_group(const struct filch_group *group)
{
    const struct fi_running *running = fi_running_self();

    if (!fi_context_in_group(&group->count_latch))
        return false;
    while (!is_of_group(running, &group->count_latch))
        running = running->outer;
    fi_deadlock_note_refusal(running, NULL, NULL);
    return true;
}

/* Its tasks stayed behind in the parent process. */
static bool is_of_other_process(const struct filch_group *group)
{
    return group->generation != fi_process_generation();
}

/* Returns 0, or why the count is not 0. firm: there is no other reason than the time. */
static int await_group(struct filch_group *group, int64_t deadline, bool firm)
{
    struct waiting_for_group waiting = {fi_count_latch_waiting(&group->count_latch, deadline),
                                        group};

    waiting.count.wait.help = group_help;
    waiting.count.wait.rescue = group_rescue;
    waiting.count.wait.stuck = group_stuck;
    waiting.count.wait.firm = firm;
    if (waiting.count.zero)
        return 0;
    if (deadline <= fi_now()) {
        fi_wait_not_at_all();
        return FILCH_ETIMEDOUT;
    }
    int error = fi_wait_for(&waiting.count.wait);
    if (error)
        return error;
    return waiting.count.zero ? 0 : FILCH_ETIMEDOUT;
}

int filch_group_wait(struct filch_group *group, double timeout)
{
    int code;

    if (isnan(timeout))
        return FILCH_EINVAL;
    if (is_of_other_process(group))
        return FILCH_EFORKED;
    if (is_in_group(group))
        return FILCH_EDEADLK;
    int error = await_group(group, fi_deadline(timeout), false);
    if (error)
        return error;
    (void)filch_group_error(group, &code);
    return code;
}

int filch_group_destroy(struct filch_group *group)
{
    struct fi_group_task *next;

    if (!group)
        return 0;
    if (!is_of_other_process(group)) {
        if (is_in_group(group))
            return FILCH_EDEADLK;
        (void)await_group(group, FI_NEVER, true);
        for (struct fi_group_task *task = take_all(group); task; task = next) {
            next = task->next;
            unlist(task);
        }
    }
    fi_group_release(group);
    return 0;
}
