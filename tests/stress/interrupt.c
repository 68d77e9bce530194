/* SPDX-License-Identifier: MIT
 *
 * Interrupts at random: threads and tasks wait in all ways, others interrupt them all the time, as
 * signal handlers of a program would. Nothing that is waited for is lost: who is interrupted waits
 * again, and each of them gets what it was to get, once. */
#include "stress.h"

#include <filch/executor.h>
#include <filch/group.h>
#include <filch/interrupt.h>
#include <filch/map.h>
#include <filch/sync.h>
#include <filch/wait.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define WAITERS 4 /* threads; and as many tasks */
#define BATCH   20

static struct filch_executor *executor, *bounded;
static struct filch_semaphore semaphore;
static struct filch_mutex mutex;
static uint64_t guarded; /* by the mutex */

static struct waiter {
    struct filch_thread *_Atomic thread; /* may be interrupted as long as it is here */
    _Atomic(bool) held;                  /* whoever interrupts it uses it */
    uint64_t rounds;
} waiters[2 * WAITERS];
static _Atomic(bool) over;
static _Atomic(uint64_t) interrupts, interrupted, ran;

#define AGAIN(error, call)                        \
    do {                                          \
        while (((error) = (call)) == FILCH_EINTR) \
            atomic_fetch_add(&interrupted, 1);    \
    } while (0)

static void *count(void *argument)
{
    atomic_fetch_add(&ran, 1);
    return argument;
}

static void await_futures(bool one_by_one)
{
    struct filch_future *futures[BATCH], *next;
    struct filch_as_completed *iterator;
    int error;

    for (int i = 0; i < BATCH; i++)
        CHECK(!filch_executor_submit(executor, count, NULL, &futures[i]));
    if (one_by_one) {
        CHECK(!filch_as_completed_create(futures, BATCH, FILCH_FOREVER, &iterator));
        for (int i = 0; i < BATCH; i++) {
            AGAIN(error, filch_as_completed_next(iterator, &next));
            CHECK(!error);
            filch_future_release(next);
        }
        CHECK(filch_as_completed_next(iterator, &next) == FILCH_EEND);
        filch_as_completed_destroy(iterator);
    } else {
        AGAIN(error,
              filch_wait(futures, BATCH, FILCH_ALL_COMPLETED, FILCH_FOREVER, NULL, NULL));
        CHECK(!error);
    }
    for (int i = 0; i < BATCH; i++) {
        CHECK(filch_future_done(futures[i]));
        filch_future_release(futures[i]);
    }
}

static void await_result(void)
{
    struct filch_future *future;
    void *result = NULL;
    int error;

    CHECK(!filch_executor_submit(executor, count, &future, &future));
    AGAIN(error, filch_future_result(future, FILCH_FOREVER, &result));
    CHECK(!error && result == &future);
    filch_future_release(future);
}

static void await_group(void)
{
    struct filch_group *group;
    int error;

    CHECK(!filch_group_create(executor, NULL, &group));
    for (int i = 0; i < BATCH; i++)
        CHECK(!filch_group_submit(group, count, NULL));
    AGAIN(error, filch_group_wait(group, FILCH_FOREVER));
    CHECK(!error);
    CHECK(!filch_group_destroy(group));
}

static void read_map(bool unordered)
{
    struct filch_map_options options = FILCH_MAP_OPTIONS;
    void *items[BATCH], *result;
    struct filch_map *map;
    uintptr_t sum = 0;
    int error;

    options.unordered = unordered;
    for (uintptr_t i = 0; i < BATCH; i++)
        items[i] = (void *)i;
    CHECK(!filch_map_array(executor, count, items, BATCH, &options, &map));
    for (uintptr_t i = 0; i < BATCH; i++) {
        AGAIN(error, filch_map_next(map, &result));
        CHECK(!error && (unordered || (uintptr_t)result == i));
        sum += (uintptr_t)result;
    }
    CHECK(sum == BATCH * (BATCH - 1) / 2);
    filch_map_destroy(map);
}

static void use_locks(void)
{
    int error;

    for (int i = 0; i < BATCH; i++) {
        AGAIN(error, filch_semaphore_acquire(&semaphore, FILCH_FOREVER));
        CHECK(!error);
        AGAIN(error, filch_mutex_lock(&mutex, FILCH_FOREVER));
        CHECK(!error);
        guarded++;
        CHECK(!filch_mutex_unlock(&mutex));
        CHECK(!filch_semaphore_release(&semaphore, 1));
    }
}

static void submit_for_room(void)
{
    int error;

    for (int i = 0; i < BATCH; i++) {
        AGAIN(error, filch_executor_submit(bounded, count, NULL, NULL));
        CHECK(!error);
    }
}

static uint64_t one_round(uint64_t random)
{
    switch (random % 7) {
    case 0:
        await_futures(false);
        return BATCH;
    case 1:
        await_futures(true);
        return BATCH;
    case 2:
        await_result();
        return 1;
    case 3:
        await_group();
        return BATCH;
    case 4:
        read_map(random >> 32 & 1);
        return BATCH;
    case 5:
        use_locks();
        return 0;
    default:
        submit_for_room();
        return BATCH;
    }
}

static _Atomic(uint64_t) expected, locked;

static void *wait_all_the_time(void *argument)
{
    struct waiter *waiter = argument;
    uint64_t number = (uint64_t)(waiter - waiters);

    atomic_store(&waiter->thread, filch_thread_current());
    while (!atomic_load(&over)) {
        uint64_t random = stress_mix(number << 40 | waiter->rounds++);
        uint64_t submitted = one_round(random);
        atomic_fetch_add(&expected, submitted);
        atomic_fetch_add(&locked, submitted ? 0 : BATCH);
    }
    atomic_store(&waiter->thread, NULL);
    while (atomic_load(&waiter->held))
        sched_yield();
    return argument;
}

static void *interrupt_all_the_time(void *argument)
{
    for (uint64_t i = 0; !atomic_load(&over); i++) {
        struct waiter *waiter = &waiters[stress_mix(i) % (2 * WAITERS)];
        atomic_store(&waiter->held, true);
        struct filch_thread *thread = atomic_load(&waiter->thread);
        if (thread) {
            filch_interrupt(thread);
            atomic_fetch_add(&interrupts, 1);
        }
        atomic_store(&waiter->held, false);
        if (i % 8 == 0)
            sched_yield();
    }
    return argument;
}

int main(int argc, char **argv)
{
    struct filch_executor_options room = {.max_queued = 2};
    struct filch_executor *tasks;
    pthread_t threads[WAITERS], interrupter;

    stress_begin(argc, argv);
    CHECK(!filch_executor_create(2, NULL, &executor));
    CHECK(!filch_executor_create(1, &room, &bounded));
    CHECK(!filch_executor_create(WAITERS, NULL, &tasks));
    filch_semaphore_init(&semaphore, 2);
    filch_mutex_init(&mutex);
    for (int i = 0; i < WAITERS; i++) {
        CHECK(!pthread_create(&threads[i], NULL, wait_all_the_time, &waiters[i]));
        CHECK(!filch_executor_submit(tasks, wait_all_the_time, &waiters[WAITERS + i], NULL));
    }
    CHECK(!pthread_create(&interrupter, NULL, interrupt_all_the_time, NULL));
    while (stress_goes_on())
        sched_yield();
    atomic_store(&over, true);
    pthread_join(interrupter, NULL);
    for (int i = 0; i < WAITERS; i++)
        pthread_join(threads[i], NULL);
    CHECK(!filch_executor_destroy(tasks));
    CHECK(!filch_executor_destroy(executor));
    CHECK(!filch_executor_destroy(bounded));
    CHECK(atomic_load(&ran) == atomic_load(&expected));
    CHECK(guarded == atomic_load(&locked));
    CHECK(atomic_load(&ran) > 0 && atomic_load(&interrupted) > 0);
    filch_semaphore_fini(&semaphore);
    filch_mutex_fini(&mutex);
    printf("interrupt: %llu tasks, %llu interrupts, %llu waits were interrupted\n",
           (unsigned long long)atomic_load(&ran), (unsigned long long)atomic_load(&interrupts),
           (unsigned long long)atomic_load(&interrupted));
    return 0;
}
