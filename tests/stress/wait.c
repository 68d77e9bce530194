/* SPDX-License-Identifier: MIT
 *
 * Ten thousand times: a hundred tasks that all wait for one event, the event, and threads that wait
 * for the tasks: for all, for the first ones, with short timeouts, one after another. Imitates
 * CPython's test_pending_calls_race, and a server that collects answers under a deadline; a
 * completion that is not told shows as a hang. */
#include "stress.h"

#include <filch/executor.h>
#include <filch/map.h>
#include <filch/wait.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define TASKS  100
#define ROUNDS (SANITIZED ? 300 : 10000)

static struct filch_executor *executors[2];
static struct filch_future *event, *futures[TASKS];
static _Atomic(uint64_t) timeouts; /* that passed */

static void *wait_for_event(void *argument)
{
    CHECK(!filch_wait(&event, 1, FILCH_ALL_COMPLETED, FILCH_FOREVER, NULL, NULL));
    return (uintptr_t)argument % 10 == 9 ? filch_fail(42, "the tenth") : argument;
}

static void await_all(void)
{
    size_t done_count;
    CHECK(!filch_wait(futures, TASKS, FILCH_ALL_COMPLETED, FILCH_FOREVER, NULL, &done_count));
    CHECK(done_count == TASKS);
}

/* Until all are done, as a loop over those that are not. */
static void await_some(enum filch_when when, double timeout)
{
    struct filch_future *left[TASKS];
    bool done[TASKS];
    size_t count = TASKS, done_count;

    for (size_t i = 0; i < count; i++)
        left[i] = futures[i];
    while (count > 0) {
        CHECK(!filch_wait(left, count, when, timeout, done, &done_count));
        CHECK(done_count > 0 || timeout != FILCH_FOREVER);
        timeouts += done_count == 0;
        size_t kept = 0;
        for (size_t i = 0; i < count; i++)
            if (!done[i])
                left[kept++] = left[i];
            else
                CHECK(filch_future_done(left[i]));
        CHECK(kept == count - done_count);
        count = kept;
    }
}

static void await_each(double timeout)
{
    struct filch_as_completed *iterator;
    struct filch_future *future;
    int error;

    CHECK(!filch_as_completed_create(futures, TASKS, timeout, &iterator));
    for (size_t given = 0; given < TASKS; given++) {
        while ((error = filch_as_completed_next(iterator, &future)) == FILCH_ETIMEDOUT)
            sched_yield();
        CHECK(!error && filch_future_done(future));
        filch_future_release(future);
    }
    CHECK(filch_as_completed_next(iterator, &future) == FILCH_EEND);
    filch_as_completed_destroy(iterator);
}

static void abandon(void)
{
    struct filch_as_completed *iterator;
    struct filch_future *future;

    CHECK(!filch_as_completed_create(futures, TASKS, FILCH_FOREVER, &iterator));
    for (size_t given = 0; given < TASKS / 2; given++) {
        CHECK(!filch_as_completed_next(iterator, &future));
        filch_future_release(future);
    }
    filch_as_completed_destroy(iterator);
}

static void await_somehow(unsigned way)
{
    switch (way % 6) {
    case 0:
        await_all();
        break;
    case 1:
        await_some(FILCH_FIRST_COMPLETED, FILCH_FOREVER);
        break;
    case 2:
        await_some(FILCH_FIRST_ERROR, 1e-5);
        break;
    case 3:
        await_each(FILCH_FOREVER);
        break;
    case 4:
        await_each(1e-5);
        break;
    case 5:
        abandon();
        break;
    }
}

/* A second thread that waits for the same tasks, and in some rounds brings the event about. */
static void *await_beside(void *argument)
{
    unsigned round = *(const unsigned *)argument;

    if (round % 2)
        CHECK(!filch_future_set_result(event, NULL));
    await_somehow(round / 2 + 1);
    return NULL;
}

static bool next_number(void *source, void **item)
{
    uintptr_t *number = source;

    if (*number == TASKS)
        return false;
    *item = (void *)++*number;
    return true;
}

static void *wait_and_pass(void *item)
{
    CHECK(!filch_future_result(event, FILCH_FOREVER, NULL));
    return item;
}

/* The same with a map, destroyed early in some rounds. */
static void map_round(unsigned round)
{
    struct filch_map_options options = {1 + round % 7, round % 3 * 20, FILCH_FOREVER,
                                        round / 2 % 2, NULL,           NULL};
    struct filch_map *map;
    uintptr_t number = 0, sum = 0;
    void *result;

    CHECK(!filch_future_create(&event));
    CHECK(!filch_map_create(executors[round % 2], wait_and_pass, next_number, &number, &options,
                            &map));
    CHECK(!filch_future_set_result(event, NULL));
    for (unsigned i = 0; i < (round % 5 ? TASKS : round % TASKS); i++) {
        CHECK(!filch_map_next(map, &result));
        sum += (uintptr_t)result;
    }
    CHECK(round % 5 == 0 ||
          (sum == TASKS * (TASKS + 1) / 2 && filch_map_next(map, &result) == FILCH_EEND));
    filch_map_destroy(map);
    filch_future_release(event);
}

static void wait_round(unsigned round)
{
    pthread_t thread;

    CHECK(!filch_future_create(&event));
    for (size_t i = 0; i < TASKS; i++)
        CHECK(!filch_executor_submit(executors[(round + i) % 2], wait_for_event,
                                     (void *)(uintptr_t)i, &futures[i]));
    bool beside = round % 4 == 3 || round % 8 == 0;
    if (beside)
        CHECK(!pthread_create(&thread, NULL, await_beside, &round));
    if (!beside || round % 2 == 0)
        CHECK(!filch_future_set_result(event, NULL));
    await_somehow(round / 8);
    if (beside)
        pthread_join(thread, NULL);
    await_all();
    for (size_t i = 0; i < TASKS; i++)
        filch_future_release(futures[i]);
    filch_future_release(event);
}

int main(int argc, char **argv)
{
    unsigned round = 0;

    stress_begin(argc, argv);
    CHECK(!filch_executor_create(3, NULL, &executors[0]));
    CHECK(!filch_executor_create(1, NULL, &executors[1]));
    for (; round < ROUNDS || stress_goes_on(); round++) {
        wait_round(round);
        if (round % 4 == 0)
            map_round(round / 4);
    }
    CHECK(!filch_executor_destroy(executors[0]));
    CHECK(!filch_executor_destroy(executors[1]));
    printf("wait: %u rounds of %d tasks, %llu timeouts passed, every wait ended\n", round,
           TASKS, (unsigned long long)atomic_load(&timeouts));
    return 0;
}
