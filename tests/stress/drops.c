/* SPDX-License-Identifier: MIT
 *
 * Executors that come and go under tasks whose arguments and errors are objects, as a language's
 * binding has them: some are cancelled, by futures, tokens or a shutdown, some fail, some are for
 * nobody. Each object is used or dropped, once, by the time that the end of its executor is told. */
#include "stress.h"

#include <filch/cancel.h>
#include <filch/executor.h>
#include <filch/wait.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define TASKS 64

/* Argument of a task, and what stands for its error. */
struct object {
    _Atomic(int) gone;
    bool fails;
};

static struct object objects[TASKS];
static struct filch_future *futures[TASKS];
static _Atomic(uint64_t) dropped, failed;

static void go(void *object)
{
    CHECK(atomic_fetch_add(&((struct object *)object)->gone, 1) == 0);
}

static void drop(void *object)
{
    atomic_fetch_add(&dropped, 1);
    go(object);
}

static void *use(void *argument)
{
    struct object *object = argument;

    if (object->fails) {
        atomic_fetch_add(&failed, 1);
        return filch_fail_detail(1, "on purpose", object, go);
    }
    go(object);
    return object;
}

static void *pass_on(void *value, void *argument)
{
    (void)argument;
    return value;
}

static void *cancel_some(void *argument)
{
    const uint64_t *round = argument;

    for (int i = 0; i < TASKS; i++)
        if (futures[i] && stress_mix(*round * TASKS + (uint64_t)i) % 3 == 0)
            (void)filch_future_cancel(futures[i]);
    return NULL;
}

static void submit_all(struct filch_executor *executor, struct filch_token *token,
                       uint64_t round)
{
    for (int i = 0; i < TASKS; i++) {
        uint64_t random = stress_mix(round * TASKS + (uint64_t)i + 7);
        struct filch_task_options options = {.drop = drop, .token = random & 1 ? token : NULL};
        struct filch_future *next = NULL;
        atomic_store(&objects[i].gone, 0);
        objects[i].fails = random % 5 == 0;
        futures[i] = NULL;
        CHECK(!filch_executor_submit_with(executor, &options, use, &objects[i],
                                          random % 4 ? &futures[i] : NULL));
        if (futures[i] && random % 7 == 0) {
            CHECK(!filch_future_then(futures[i], NULL, pass_on, NULL, &next));
            filch_future_release(next);
        }
    }
}

int main(int argc, char **argv)
{
    struct filch_pool_options workers = {.workers = 2};
    struct filch_pool *pool;
    uint64_t rounds = 0;

    stress_begin(argc, argv);
    CHECK(!filch_pool_create(&workers, &pool));
    for (; stress_goes_on(); rounds++) {
        struct filch_executor *executor;
        struct filch_future *end;
        struct filch_token *token;
        pthread_t canceller;
        CHECK(!(rounds % 2 ? filch_executor_create(2, NULL, &executor)
                           : filch_executor_create_on(pool, NULL, &executor)));
        CHECK(!filch_token_create(NULL, &token));
        submit_all(executor, token, rounds);
        CHECK(!filch_executor_end_future(executor, &end));
        CHECK(!pthread_create(&canceller, NULL, cancel_some, &rounds));
        if (rounds % 3 == 0)
            filch_token_cancel(token);
        if (rounds % 5 == 0)
            CHECK(!filch_executor_shutdown(executor, false, true));
        if (rounds % 7)
            filch_executor_detach(executor);
        else
            CHECK(!filch_executor_destroy(executor));
        CHECK(!filch_future_result(end, FILCH_FOREVER, NULL));
        filch_future_release(end);
        pthread_join(canceller, NULL);
        for (int i = 0; i < TASKS; i++) {
            if (futures[i])
                CHECK(filch_future_done(futures[i]));
            filch_future_release(futures[i]);
        }
        for (int i = 0; i < TASKS; i++) /* whoever runs what follows may hold an error */
            while (atomic_load(&objects[i].gone) != 1)
                sched_yield();
        filch_token_release(token);
    }
    CHECK(rounds > 0);
    CHECK(!filch_pool_destroy(pool));
    printf("drops: %llu rounds, %llu arguments were dropped, %llu tasks failed\n",
           (unsigned long long)rounds, (unsigned long long)atomic_load(&dropped),
           (unsigned long long)atomic_load(&failed));
    return 0;
}
