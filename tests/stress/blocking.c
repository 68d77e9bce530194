/* SPDX-License-Identifier: MIT
 *
 * Ten thousand times: a hundred tasks that block on one event, each time in another way, on workers
 * that have many spares, few or none; the event, from outside or from a task that comes after them;
 * and a wait for all. In between, tasks that block while their pool or executor ends, and tasks
 * that fork first. Imitates servers whose tasks call what was written for threads. A spare that
 * does not come, or does not go, shows as a round that never ends: the watchdog reports it. */
#include "stress.h"

#include <filch/blocking.h>
#include <filch/executor.h>
#include <filch/sync.h>
#include <filch/task.h>
#include <filch/wait.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

#define TASKS  100
#define ROUNDS (SANITIZED ? 100 : 2000)

static _Atomic(long) rounds;
static const char *_Atomic scene = "none";

/* Reports a round that takes over 30 s. */
static void *watchdog(void *argument)
{
    long seen = -1;
    for (;;) {
        sleep(30);
        long now = atomic_load(&rounds);
        if (now == seen) {
            printf("blocking: round %ld, %s, does not end\n", now, atomic_load(&scene));
            fflush(stdout);
            _exit(1);
        }
        seen = now;
    }
    return argument;
}

/* ---- The event --------------------------------------------------------------------------- */

enum how { FUTURE, CONDITION, SEMAPHORE, SECTION, HOWS };

static const char *const how_names[] = {"a future", "a condition", "a semaphore",
                                        "a blocking section"};

struct event {
    enum how how;
    struct filch_future *future;
    struct filch_mutex mutex;
    struct filch_condition condition;
    bool come; /* guarded by the mutex, of filch or of the system */
    struct filch_semaphore semaphore;
    pthread_mutex_t system_mutex;
    pthread_cond_t system_condition;
};

static void event_init(struct event *event, enum how how)
{
    event->how = how;
    event->come = false;
    CHECK(!filch_future_create(&event->future));
    filch_mutex_init(&event->mutex);
    filch_condition_init(&event->condition);
    filch_semaphore_init(&event->semaphore, 0);
    CHECK(!pthread_mutex_init(&event->system_mutex, NULL));
    CHECK(!pthread_cond_init(&event->system_condition, NULL));
    atomic_store(&scene, how_names[how]);
}

static void event_fini(struct event *event)
{
    filch_future_release(event->future);
    filch_condition_fini(&event->condition);
    filch_mutex_fini(&event->mutex);
    filch_semaphore_fini(&event->semaphore);
    pthread_cond_destroy(&event->system_condition);
    pthread_mutex_destroy(&event->system_mutex);
}

static void await_condition(struct event *event)
{
    CHECK(!filch_mutex_lock(&event->mutex, FILCH_FOREVER));
    while (!event->come)
        CHECK(!filch_condition_wait(&event->condition, &event->mutex, FILCH_FOREVER));
    CHECK(!filch_mutex_unlock(&event->mutex));
}

static void await_in_section(struct event *event)
{
    filch_blocking_begin();
    pthread_mutex_lock(&event->system_mutex);
    while (!event->come)
        pthread_cond_wait(&event->system_condition, &event->system_mutex);
    pthread_mutex_unlock(&event->system_mutex);
    filch_blocking_end();
}

static void *await_event(void *argument)
{
    struct event *event = argument;

    switch (event->how) {
    case FUTURE:
        CHECK(!filch_future_result(event->future, FILCH_FOREVER, NULL));
        break;
    case CONDITION:
        await_condition(event);
        break;
    case SEMAPHORE: /* one wakes the next */
        CHECK(!filch_semaphore_acquire(&event->semaphore, FILCH_FOREVER));
        CHECK(!filch_semaphore_release(&event->semaphore, 1));
        break;
    default:
        await_in_section(event);
        break;
    }
    return argument;
}

static void *set_event(void *argument)
{
    struct event *event = argument;

    switch (event->how) {
    case FUTURE:
        CHECK(!filch_future_set_result(event->future, NULL));
        break;
    case CONDITION:
        CHECK(!filch_mutex_lock(&event->mutex, FILCH_FOREVER));
        event->come = true;
        filch_condition_notify_all(&event->condition);
        CHECK(!filch_mutex_unlock(&event->mutex));
        break;
    case SEMAPHORE:
        CHECK(!filch_semaphore_release(&event->semaphore, 1));
        break;
    default:
        pthread_mutex_lock(&event->system_mutex);
        event->come = true;
        pthread_cond_broadcast(&event->system_condition);
        pthread_mutex_unlock(&event->system_mutex);
        break;
    }
    return argument;
}

/* ---- Many that wait for it --------------------------------------------------------------- */

static void submit_all(struct filch_executor *executor, struct event *event,
                       struct filch_future **futures, int count)
{
    for (int i = 0; i < count; i++)
        CHECK(!filch_executor_submit(executor, await_event, event, &futures[i]));
}

static void release_all(struct filch_future **futures, int count)
{
    for (int i = 0; i < count; i++) {
        CHECK(filch_future_state(futures[i]) == FILCH_FINISHED);
        filch_future_release(futures[i]);
    }
}

static struct filch_pool *pools[4];
static struct filch_executor *executors[4];
static const int spares[] = {0, 3, -1, TASKS}; /* of one, two, three and one workers */

static void wait_round(unsigned round)
{
    unsigned which = round % 4;
    /* To wake and put to sleep a hundred threads takes a thousand times longer than the rest. */
    enum how how = round % 16 < 4 ? round / 16 % HOWS : FUTURE;
    bool enough = which == 0 || which == 3, in_task = round / 4 % 2;
    struct filch_future *futures[TASKS];
    struct event event;
    size_t done_count;

    event_init(&event, how);
    submit_all(executors[which], &event, futures, TASKS);
    /* Asleep in a section without a spare all workers wait for what comes from outside. */
    if (in_task && (enough || how != SECTION))
        CHECK(!filch_executor_submit(executors[which], set_event, &event, NULL));
    else
        (void)set_event(&event);
    CHECK(!filch_wait(futures, TASKS, FILCH_ALL_COMPLETED, FILCH_FOREVER, NULL, &done_count));
    CHECK(done_count == TASKS);
    release_all(futures, TASKS);
    CHECK(!filch_executor_destroy(executors[which])); /* set_event() has returned */
    CHECK(!filch_executor_create_on(pools[which], NULL, &executors[which]));
    event_fini(&event);
}

/* ---- Forks ------------------------------------------------------------------------------- */

FILCH_VOID_TASK(post, sem_t *, semaphore)
{
    sem_post(semaphore);
}

/* Forks, and blocks until others have run what it forked. */
FILCH_TASK(long, fork_and_block, long, forks)
{
    sem_t posts;

    sem_init(&posts, 0, 0);
    for (long i = 0; i < forks; i++)
        FILCH_FORK(post, &posts);
    FILCH_SHARE();
    filch_blocking_begin();
    for (long i = 0; i < forks; i++)
        while (sem_wait(&posts))
            continue;
    filch_blocking_end();
    for (long i = 0; i < forks; i++)
        FILCH_JOIN(post);
    sem_destroy(&posts);
    return forks;
}

FILCH_TASK(long, fork_those_who_block, long, depth)
{
    if (depth == 0)
        return FILCH_CALL(fork_and_block, 10);
    FILCH_FORK(fork_those_who_block, depth - 1);
    long rest = FILCH_CALL(fork_those_who_block, depth - 1);
    return FILCH_JOIN(fork_those_who_block) + rest;
}

static void fork_round(unsigned round)
{
    struct filch_pool *pool = pools[round % 2 ? 0 : 3]; /* with spares enough */
    long depth = round % 5, forks = round % 50;

    atomic_store(&scene, "forks");
    CHECK(FILCH_RUN(pool, fork_and_block, forks) == forks);
    CHECK(FILCH_RUN(pool, fork_those_who_block, depth) == 10L << depth);
}

/* ---- The end comes meanwhile ------------------------------------------------------------- */

static void *destroy_executor(void *executor)
{
    CHECK(!filch_executor_destroy(executor));
    return NULL;
}

/* Some have not started, and are cancelled or not. */
static void executor_round(unsigned round)
{
    struct filch_executor *executor;
    struct filch_future *futures[TASKS];
    struct event event;
    pthread_t thread;
    int count = 1 + (int)(round % 20);

    event_init(&event, round % HOWS);
    CHECK(!filch_executor_create(1 + (int)(round % 3), NULL, &executor));
    submit_all(executor, &event, futures, count);
    if (round % 5 == 0)
        CHECK(!filch_executor_shutdown(executor, false, true));
    if (round % 2)
        (void)set_event(&event);
    CHECK(!pthread_create(&thread, NULL, destroy_executor, executor));
    if (round % 2 == 0)
        (void)set_event(&event);
    pthread_join(thread, NULL);
    for (int i = 0; i < count; i++) {
        CHECK(filch_future_done(futures[i]));
        CHECK(round % 5 == 0 || !filch_future_cancelled(futures[i]));
        filch_future_release(futures[i]);
    }
    event_fini(&event);
}

struct chain {
    struct event event;
    sem_t link;
};

static void *post_link(void *argument)
{
    sem_post(&((struct chain *)argument)->link);
    return NULL;
}

/* Blocks, and then again until what it has submitted meanwhile has run. */
static void *block_twice(void *argument)
{
    struct chain *chain = argument;

    (void)await_event(&chain->event);
    CHECK(!filch_pool_submit(filch_pool_current(), post_link, chain, NULL));
    filch_blocking_begin();
    while (sem_wait(&chain->link))
        continue;
    filch_blocking_end();
    return argument;
}

static void *destroy_pool(void *pool)
{
    CHECK(!filch_pool_destroy(pool));
    return NULL;
}

static void pool_round(unsigned round)
{
    int count = 1 + (int)(round % 3);
    /* As many spares as tasks, or more. */
    struct filch_pool_options options = {.workers = 1 + (int)(round / 3 % 2),
                                         .spares = round % 2 ? count : 0};
    struct filch_pool *pool;
    struct chain chain;
    pthread_t thread;

    event_init(&chain.event, CONDITION + round % (HOWS - CONDITION));
    atomic_store(&scene, "a pool that ends");
    sem_init(&chain.link, 0, 0);
    CHECK(!filch_pool_create(&options, &pool));
    for (int i = 0; i < count; i++)
        CHECK(!filch_pool_submit(pool, block_twice, &chain, NULL));
    CHECK(!pthread_create(&thread, NULL, destroy_pool, pool));
    if (round % 4 == 0)
        usleep(round % 128);
    (void)set_event(&chain.event);
    pthread_join(thread, NULL);
    sem_destroy(&chain.link);
    event_fini(&chain.event);
}

int main(int argc, char **argv)
{
    static const int workers[] = {1, 2, 3, 1};
    pthread_t thread;
    unsigned round = 0;

    stress_begin(argc, argv);
    CHECK(!pthread_create(&thread, NULL, watchdog, NULL));
    for (int i = 0; i < 4; i++) {
        struct filch_pool_options options = {.workers = workers[i], .spares = spares[i]};
        CHECK(!filch_pool_create(&options, &pools[i]));
        CHECK(!filch_executor_create_on(pools[i], NULL, &executors[i]));
    }
    for (; round < ROUNDS || stress_goes_on(); round++) {
        wait_round(round);
        if (round % 16 == 0)
            executor_round(round / 16);
        if (round % 16 == 8)
            pool_round(round / 16);
        if (round % 16 == 12)
            fork_round(round / 16);
        atomic_store(&rounds, (long)round);
    }
    for (int i = 0; i < 4; i++) {
        CHECK(!filch_executor_destroy(executors[i]));
        CHECK(!filch_pool_destroy(pools[i]));
    }
    printf("blocking: %u rounds of %d tasks that block, every one went on\n", round, TASKS);
    return 0;
}
