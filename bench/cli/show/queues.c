/* SPDX-License-Identifier: MIT
 *
 * What waits in an executor: how much may, and what comes first. */
#include "show.h"

#include "bench/cli/clock.h"
#include "bench/cli/output.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* ---- max_queued -------------------------------------------------------------------------- */

/* An executor whose one worker is held, and whose queue of one is full. */
struct full {
    struct filch_executor *executor;
    struct show_held held;
    struct filch_future *running, *queued;
};

static void full_make(struct full *full, enum filch_when_full when_full)
{
    const struct filch_executor_options options = {.max_queued = 1, .when_full = when_full};

    show_must(filch_executor_create(1, &options, &full->executor));
    show_held_init(&full->held, 1);
    full->running = show_hold_worker(full->executor, &full->held);
    full->queued = show_submit(full->executor, show_one, NULL);
}

/* The worker has been let go. */
static void full_end(struct full *full)
{
    show_result(full->running);
    show_result(full->queued);
    filch_executor_destroy(full->executor);
    show_held_fini(&full->held);
}

static void show_full_reject(void)
{
    struct full full;

    full_make(&full, FILCH_FULL_REJECT);
    show_outcome("max_queued 1, reject",
                 filch_executor_submit(full.executor, show_one, NULL, NULL));
    show_let_go(&full.held);
    full_end(&full);
}

static void *is_thread(void *thread)
{
    return show_pointer(pthread_equal(*(pthread_t *)thread, pthread_self()) != 0);
}

static void show_full_caller_runs(void)
{
    pthread_t self = pthread_self();
    struct full full;

    full_make(&full, FILCH_FULL_CALLER_RUNS);
    struct filch_future *future = show_submit(full.executor, is_thread, &self);
    output_printf("max_queued 1, caller runs: done after the submit: %s",
                  show_truth(filch_future_done(future)));
    output_printf(", on this thread: %s\n", show_truth(show_result(future)));
    show_let_go(&full.held);
    full_end(&full);
}

struct submitter {
    struct filch_executor *executor;
    struct filch_future *future;
    sem_t begins;
    atomic_bool returned;
};

static void *submit_here(void *arg)
{
    struct submitter *submitter = arg;

    sem_post(&submitter->begins);
    submitter->future = show_submit(submitter->executor, show_one, NULL);
    atomic_store(&submitter->returned, true);
    return NULL;
}

static void show_full_block(void)
{
    struct submitter submitter;
    struct full full;
    pthread_t thread;

    full_make(&full, FILCH_FULL_BLOCK);
    submitter.executor = full.executor;
    sem_init(&submitter.begins, 0, 0);
    atomic_init(&submitter.returned, false);
    if (pthread_create(&thread, NULL, submit_here, &submitter) != 0)
        show_must(FILCH_ETHREAD);
    show_sleep_on(&submitter.begins);
    clock_sleep(10 * 1000 * 1000); /* time enough to return, if it would */
    output_printf("max_queued 1, block: the submit waits: %s",
                  show_truth(!atomic_load(&submitter.returned)));
    show_let_go(&full.held);
    pthread_join(thread, NULL);
    output_printf(", then its task ends with: %d\n", (int)show_result(submitter.future));
    full_end(&full);
    sem_destroy(&submitter.begins);
}

/* ---- Priorities -------------------------------------------------------------------------- */

/* What has run, on one worker. */
struct order {
    char words[64];
    int tasks;
};

struct turn {
    struct order *order;
    const char *word;
};

static void *take_turn(void *arg)
{
    const struct turn *turn = arg;

    strcat(turn->order->words, " ");
    strcat(turn->order->words, turn->word);
    return NULL;
}

static void *count_turn(void *arg)
{
    struct order *order = arg;

    return show_pointer(++order->tasks);
}

static struct filch_future *submit_at(struct filch_executor *executor,
                                      enum filch_priority priority, filch_fn *fn, void *arg)
{
    const struct filch_task_options options = {.priority = priority};
    struct filch_future *future;

    show_must(filch_executor_submit_with(executor, &options, fn, arg, &future));
    return future;
}

static void show_levels(struct filch_executor *executor)
{
    struct order order = {.words = ""};
    struct turn low = {&order, "low"}, normal = {&order, "normal"}, high = {&order, "high"};
    struct show_held held;

    show_held_init(&held, 1);
    struct filch_future *running = show_hold_worker(executor, &held);
    struct filch_future *futures[3] = {
        submit_at(executor, FILCH_PRIORITY_LOW, take_turn, &low),
        submit_at(executor, FILCH_PRIORITY_NORMAL, take_turn, &normal),
        submit_at(executor, FILCH_PRIORITY_HIGH, take_turn, &high),
    };
    show_let_go(&held);
    show_result(running);
    for (int i = 0; i < 3; i++)
        show_result(futures[i]);
    output_printf("priorities, submitted as low normal high:%s\n", order.words);
    show_held_fini(&held);
}

/* One of LOW behind many of HIGH. */
static void show_ageing(struct filch_executor *executor)
{
    enum { MANY = 200 };
    struct order order = {.tasks = 0};
    struct show_held held;

    show_held_init(&held, 1);
    struct filch_future *running = show_hold_worker(executor, &held);
    struct filch_future *low = submit_at(executor, FILCH_PRIORITY_LOW, count_turn, &order);
    struct filch_future *last = NULL;
    for (int i = 0; i < MANY; i++) {
        filch_future_release(last);
        last = submit_at(executor, FILCH_PRIORITY_HIGH, count_turn, &order);
    }
    show_let_go(&held);
    show_result(running);
    output_printf("priorities, low among 200 high: within the first 64: %s",
                  show_truth(show_result(low) <= 64));
    output_printf(", high ones: %d\n", (int)show_result(last) - 1);
    show_held_fini(&held);
}

void show_queues(void)
{
    show_full_reject();
    show_full_caller_runs();
    show_full_block();

    struct filch_executor *executor = show_executor(1);
    show_levels(executor);
    show_ageing(executor);
    filch_executor_destroy(executor);
}
