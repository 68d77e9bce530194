/* SPDX-License-Identifier: MIT
 *
 * Executors that are submitted to, cancelled, shut down and destroyed by many threads at once: with
 * threads of their own, on a pool that all share, and inline; with bounded queues of every kind,
 * priorities, tokens, callbacks and futures that follow. Imitates a server that replaces its
 * executors while requests come in. Whatever was accepted either runs once or is cancelled, and
 * its callback is called once. */
#include "stress.h"

#include <filch/cancel.h>
#include <filch/executor.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define DRIVERS    2
#define SUBMITTERS 3
#define TASKS      60 /* of each submitter, in a round */

/* What a task was, and what has become of it. */
struct task {
    struct round *round;
    struct filch_future *future, *next; /* that it follows on, or NULL */
    bool accepted, alone;               /* alone: without a future */
    _Atomic(int) ran, called, followed;
};

struct round {
    unsigned number;
    struct filch_executor *executor;
    struct filch_executor_options options;
    struct filch_token *token;
    struct task tasks[SUBMITTERS][TASKS];
    _Atomic(unsigned) submits;                /* so far, refused ones included */
    _Atomic(int) submitting;                  /* submitters that have not ended */
    _Atomic(struct filch_future *) cancel_me; /* with a reference, or NULL */
};

static struct filch_pool *pool;
static _Atomic(uint64_t) accepted, cancelled, refused;

/* ---- Tasks ------------------------------------------------------------------------------- */

static void *run(void *argument)
{
    struct task *task = argument;
    unsigned number = task->round->number + (unsigned)(task - task->round->tasks[0]);

    atomic_fetch_add(&task->ran, 1);
    if (task->round->number % 8 == 7 && number % 97 == 0) /* from within, without waiting */
        CHECK(!filch_executor_shutdown(task->round->executor, false, number % 2));
    for (unsigned i = 0; i < number % 8; i++)
        sched_yield();
    return number % 10 == 9 ? filch_fail(42, "task %u", number) : argument;
}

static void *follow(void *value, void *argument)
{
    struct task *task = argument;

    CHECK(value == argument);
    atomic_fetch_add(&task->followed, 1);
    return argument;
}

static void note(struct filch_future *future, void *argument)
{
    struct task *task = argument;

    CHECK(filch_future_done(future));
    atomic_fetch_add(&task->called, 1);
}

/* ---- Those who use an executor ----------------------------------------------------------- */

static bool is_refused(const struct round *round, int error)
{
    return error == FILCH_ESHUTDOWN ||
           (error == FILCH_EFULL && round->options.when_full == FILCH_FULL_REJECT);
}

/* Gives a reference away to whoever cancels. */
static void offer(struct round *round, struct filch_future *future)
{
    filch_future_release(atomic_exchange(&round->cancel_me, filch_future_retain(future)));
}

static void submit(struct task *task, unsigned i)
{
    struct round *round = task->round;
    struct filch_task_options options = {
        .priority = (enum filch_priority)((int)(i % 3) - 1),
        .token = i % 4 == 0 ? round->token : NULL,
    };

    task->alone = i % 5 == 0;
    int error = filch_executor_submit_with(round->executor, &options, run, task,
                                           task->alone ? NULL : &task->future);
    task->accepted = !error;
    if (error) {
        CHECK(is_refused(round, error));
        atomic_fetch_add(&refused, 1);
        return;
    }
    atomic_fetch_add(&accepted, 1);
    if (task->alone)
        return;
    CHECK(!filch_future_add_done_callback(task->future, note, task));
    if (i % 3 == 0) {
        error = filch_future_then(task->future, i % 2 ? round->executor : NULL, follow, task,
                                  &task->next);
        CHECK(!error || is_refused(round, error));
    }
    if (i % 7 == 0)
        offer(round, task->future);
}

static void *submit_all(void *argument)
{
    struct task *tasks = argument;
    struct round *round = tasks->round;

    for (unsigned i = 0; i < TASKS; i++) {
        submit(&tasks[i], i + round->number);
        atomic_fetch_add(&round->submits, 1);
        if (i % 16 == 15 && tasks[i].future)
            (void)filch_future_result(tasks[i].future, i % 3 ? 1e-5 : FILCH_FOREVER, NULL);
    }
    atomic_fetch_sub(&round->submitting, 1);
    return NULL;
}

static void *cancel(void *argument)
{
    struct round *round = argument;

    while (atomic_load(&round->submitting)) {
        struct filch_future *future = atomic_exchange(&round->cancel_me, NULL);
        if (future && filch_future_stop(future))
            CHECK(filch_future_cancelled(future));
        filch_future_release(future);
        if (round->number % 16 == 0)
            filch_token_cancel(round->token);
        sched_yield();
    }
    filch_future_release(atomic_exchange(&round->cancel_me, NULL));
    return NULL;
}

/* After a while; and then once more, to wait. */
static void *shut_down(void *argument)
{
    struct round *round = argument;

    unsigned after = round->number * 37 % (SUBMITTERS * TASKS * 5 / 4);

    while (atomic_load(&round->submits) < after && atomic_load(&round->submitting))
        sched_yield();
    CHECK(!filch_executor_shutdown(round->executor, false, round->number / 2 % 2));
    CHECK(!filch_executor_shutdown(round->executor, true, round->number / 4 % 2));
    return NULL;
}

/* ---- Rounds ------------------------------------------------------------------------------ */

static void create(struct round *round)
{
    static const size_t bounds[] = {0, 1, 7, 100};
    unsigned number = round->number;

    round->options = (struct filch_executor_options){
        .max_queued = bounds[number / 3 % 4],
        .when_full = (enum filch_when_full)(number / 12 % 3),
    };
    switch (number % 3) {
    case 0:
        CHECK(!filch_executor_create(1 + (int)(number % 4), &round->options, &round->executor));
        break;
    case 1:
        CHECK(!filch_executor_create_on(pool, &round->options, &round->executor));
        break;
    default:
        CHECK(!filch_executor_create_inline(&round->executor));
        break;
    }
    CHECK(!filch_token_create(NULL, &round->token));
}

/* Of a task that was accepted, once its executor has ended; or waits for its end. */
static void check(struct task *task)
{
    int error = filch_future_result(task->future, FILCH_FOREVER, NULL);

    CHECK(error == 0 || error == 42 || error == FILCH_ECANCELED);
    CHECK(atomic_load(&task->ran) == (error != FILCH_ECANCELED));
    atomic_fetch_add(&cancelled, error == FILCH_ECANCELED);
    if (!task->next)
        return;
    int next_error = filch_future_result(task->next, FILCH_FOREVER, NULL);
    CHECK(atomic_load(&task->followed) == !next_error);
    CHECK(next_error == error ||
          (!error && (next_error == FILCH_ESHUTDOWN || next_error == FILCH_ECANCELED ||
                      next_error == FILCH_EFULL)));
}

static void check_all(struct round *round)
{
    for (int submitter = 0; submitter < SUBMITTERS; submitter++)
        for (int i = 0; i < TASKS; i++) {
            struct task *task = &round->tasks[submitter][i];
            if (task->accepted && !task->alone)
                check(task);
            CHECK(atomic_load(&task->ran) <= task->accepted);
            filch_future_release(task->next);
            filch_future_release(task->future);
        }
}

/* The callback's turn may come after that of who waits for the future. */
static void check_callbacks(const struct round *round)
{
    for (int submitter = 0; submitter < SUBMITTERS; submitter++)
        for (int i = 0; i < TASKS; i++) {
            const struct task *task = &round->tasks[submitter][i];
            CHECK(atomic_load(&task->called) == (task->accepted && !task->alone));
        }
}

static void start(struct round *round, pthread_t *threads)
{
    atomic_init(&round->submitting, SUBMITTERS);
    for (int submitter = 0; submitter < SUBMITTERS; submitter++) {
        for (int i = 0; i < TASKS; i++)
            round->tasks[submitter][i].round = round;
        CHECK(!pthread_create(&threads[submitter], NULL, submit_all, round->tasks[submitter]));
    }
    CHECK(!pthread_create(&threads[SUBMITTERS], NULL, cancel, round));
    CHECK(!pthread_create(&threads[SUBMITTERS + 1], NULL, shut_down, round));
}

static void *drive(void *argument)
{
    unsigned number = (unsigned)(uintptr_t)argument;

    for (unsigned i = 0; i < 24 || stress_goes_on(); i++, number += DRIVERS) {
        struct round *round = calloc(1, sizeof *round);
        pthread_t threads[SUBMITTERS + 2];
        CHECK(round);
        round->number = number;
        create(round);
        start(round, threads);
        for (int j = 0; j < SUBMITTERS + 2; j++)
            pthread_join(threads[j], NULL);
        CHECK(!filch_executor_destroy(round->executor));
        check_all(round);
        check_callbacks(round);
        filch_token_release(round->token);
        free(round);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t drivers[DRIVERS];

    stress_begin(argc, argv);
    CHECK(!filch_pool_create(&(struct filch_pool_options){.workers = 3}, &pool));
    for (int i = 0; i < DRIVERS; i++)
        CHECK(!pthread_create(&drivers[i], NULL, drive, (void *)(uintptr_t)i));
    for (int i = 0; i < DRIVERS; i++)
        pthread_join(drivers[i], NULL);
    CHECK(!filch_pool_destroy(pool));
    printf("executor: %llu tasks accepted, %llu of them cancelled, %llu refused\n",
           (unsigned long long)atomic_load(&accepted),
           (unsigned long long)atomic_load(&cancelled),
           (unsigned long long)atomic_load(&refused));
    return 0;
}
