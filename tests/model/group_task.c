/* SPDX-License-Identifier: MIT
 *
 * Listed tasks of groups under a model checker: sched/futures/group_task.c as shipped. A task stands in
 * the submit queue, here one word a task, and in its group's list; a worker takes it out of the one, a
 * waiter out of the other. Each task runs once, its executor is told once, and its memory is freed once,
 * with nobody left who reads it.
 *
 * Scenarios: 5
 *              1  a worker takes a listed task, while a waiter would run it
 *              2  a task is submitted and listed, while a worker takes it
 *              3  the same, while a waiter would run it
 *              4  one is listed, another is submitted; a worker takes the first, a waiter would run
 *                 either
 *              5  the same, and who submits looks through the list */
#define FI_NEVER      INT64_MAX
#define FI_IDLE_WORDS 1

#include "atomics/event.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

/* What is not used is not compiled, as in core.h. */
#pragma clang attribute push(__attribute__((internal_linkage)), apply_to = function)
#pragma clang diagnostic ignored "-Wundefined-internal"

#include "sched/futures/group_task.h"

#include "sched/core/self.h"
#include "sched/futures/backend.h"

#define TASKS 2

static struct filch_pool pool;
static struct fi_worker worker = {.pool = &pool};
static struct filch_executor executor = {.helpers = &pool, .counted = true};
static struct filch_group group = {.executor = &executor};

static int ran[TASKS]; /* plain: a task that two threads run is a data race */
static _Atomic(int) ended, freed;

/* ---- What the rest of the library would do ------------------------------------------------------ */

struct fi_worker *fi_worker_self(void)
{
    return &worker;
}

void *fi_block_cache_alloc(enum fi_block_class class)
{
    (void)class;
    return malloc(sizeof(struct fi_group_task));
}

void fi_block_cache_free(enum fi_block_class class, void *block)
{
    (void)class;
    atomic_fetch_add_explicit(&freed, 1, memory_order_relaxed);
    free(block);
}

void fi_plain_task_run(const struct fi_plain_task *plain, struct fi_worker *of, int refusal)
{
    (void)of;
    (void)refusal;
    ran[*(int *)plain->arg]++;
}

void fi_executor_uncount(struct filch_executor *of, uint32_t count)
{
    (void)of;
    atomic_fetch_add_explicit(&ended, (int)count, memory_order_relaxed);
}

#include "sched/futures/group_task.c"

/* ---- Parties ------------------------------------------------------------------------------------ */

static int numbers[TASKS] = {0, 1};
static _Atomic(struct fi_task *) queue[TASKS];

/* As fi_plain_task_submit() does it. */
static void submit(int i)
{
    struct fi_plain_task plain;

    plain.fn = NULL;
    plain.arg = &numbers[i];
    plain.executor = &executor;
    plain.group = &group;
    struct fi_plain_task *new = fi_group_task_make(&plain);
    atomic_store_explicit(&queue[i], &new->task, memory_order_release);
    fi_group_task_list(new);
}

static void *submits(void *argument)
{
    submit(SCENARIO < 4 ? 0 : 1);
    return argument;
}

static bool take(int i)
{
    struct fi_task *task = atomic_load_explicit(&queue[i], memory_order_acquire);

    if (!task)
        return false;
    atomic_store_explicit(&queue[i], NULL, memory_order_relaxed);
    task->run(task, NULL, NULL, 0);
    return true;
}

static void *takes(void *argument)
{
    (void)take(0);
    return argument;
}

static void *waits(void *argument)
{
    (void)fi_group_run_listed(&group);
    return argument;
}

static void run(void *(*a)(void *), void *(*b)(void *), void *(*c)(void *))
{
    pthread_t threads[3];

    pthread_create(&threads[0], NULL, a, NULL);
    pthread_create(&threads[1], NULL, b, NULL);
    if (c)
        pthread_create(&threads[2], NULL, c, NULL);
    for (int i = 0; i < (c ? 3 : 2); i++)
        pthread_join(threads[i], NULL);
}

#pragma clang attribute pop

int main(void)
{
    struct fi_group_task *next;
    int count = SCENARIO < 4 ? 1 : 2;

    atomic_init(&group.lookout, SCENARIO == 5 ? 1 : LOOKOUT);
#if SCENARIO != 2 && SCENARIO != 3
    submit(0);
#endif
#if SCENARIO == 1
    run(takes, waits, NULL);
#elif SCENARIO == 2
    run(submits, takes, NULL);
#else
    run(submits, takes, waits);
#endif
    for (int i = 0; i < count; i++)
        (void)take(i);
    /* As filch_group_destroy() does it. */
    for (struct fi_group_task *task = take_all(&group); task; task = next) {
        next = task->next;
        unlist(task);
    }
    for (int i = 0; i < count; i++)
        assert(ran[i] == 1);
    assert(ended == count && freed == count);
    return 0;
}
