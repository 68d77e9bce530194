/* SPDX-License-Identifier: MIT
 *
 * The workers of an executor: how many there are, when they start, what they are called, and
 * what they do first. */
#include "show.h"

#include "bench/cli/output.h"

#include <stdatomic.h>
#include <sys/prctl.h>

static void show_numbers(void)
{
    struct filch_executor *executor;
    struct show_held held[4];
    struct filch_future *futures[4];

    show_outcome("max_workers 0", filch_executor_create(0, NULL, &executor));
    show_outcome("max_workers -1", filch_executor_create(-1, NULL, &executor));

    executor = show_executor(4);
    output_printf("threads of a new executor of 4: %d\n", filch_executor_threads(executor));
    for (int i = 0; i < 3; i++)
        show_result(show_submit(executor, show_one, NULL));
    output_printf("threads after submit and result, three times: %d\n",
                  filch_executor_threads(executor));
    for (int i = 0; i < 4; i++) {
        show_held_init(&held[i], i);
        futures[i] = show_hold_worker(executor, &held[i]);
    }
    output_printf("threads with four tasks at once: %d\n", filch_executor_threads(executor));
    for (int i = 0; i < 4; i++) {
        show_let_go(&held[i]);
        show_result(futures[i]);
        show_held_fini(&held[i]);
    }
    filch_executor_destroy(executor);
}

static void *read_name(void *name)
{
    prctl(PR_GET_NAME, name);
    return NULL;
}

static void show_name(void)
{
    const struct filch_executor_options options = {.thread_name_prefix = "shop"};
    struct filch_executor *executor;
    char name[16] = "";

    show_must(filch_executor_create(1, &options, &executor));
    show_result(show_submit(executor, read_name, name));
    output_printf("name of a thread, prefix \"shop\": %s\n", name);
    filch_executor_destroy(executor);
}

struct initializer {
    atomic_int calls;
    sem_t may_fail;
};

static int count_call(void *arg)
{
    struct initializer *initializer = arg;

    atomic_fetch_add(&initializer->calls, 1);
    return 0;
}

static int fail_when_told(void *arg)
{
    struct initializer *initializer = arg;

    show_sleep_on(&initializer->may_fail);
    return 1;
}

static void show_initializer(void)
{
    struct initializer initializer = {.calls = 0};
    const struct filch_executor_options options = {.initializer = count_call,
                                                   .initializer_arg = &initializer};
    struct filch_executor *executor;
    struct filch_future *futures[2];
    struct show_held held[2];

    show_must(filch_executor_create(2, &options, &executor));
    for (int i = 0; i < 2; i++) {
        show_held_init(&held[i], i);
        futures[i] = show_hold_worker(executor, &held[i]);
    }
    output_printf("initializer, with 2 workers at work: called %d times\n",
                  atomic_load(&initializer.calls));
    for (int i = 0; i < 2; i++) {
        show_let_go(&held[i]);
        show_result(futures[i]);
        show_held_fini(&held[i]);
    }
    filch_executor_destroy(executor);
}

static void show_broken(void)
{
    struct initializer initializer = {.calls = 0};
    const struct filch_executor_options options = {.initializer = fail_when_told,
                                                   .initializer_arg = &initializer};
    struct filch_executor *executor;

    sem_init(&initializer.may_fail, 0, 0);
    show_must(filch_executor_create(1, &options, &executor));
    struct filch_future *first = show_submit(executor, show_one, NULL);
    struct filch_future *second = show_submit(executor, show_one, NULL);
    sem_post(&initializer.may_fail);
    show_outcome("initializer fails, the first task", show_end(first));
    output_printf("initializer fails, a queued task: %s\n", show_code(show_end(second)));
    output_printf("initializer fails, a later submit: %s\n",
                  show_code(filch_executor_submit(executor, show_one, NULL, NULL)));
    filch_executor_destroy(executor);
    sem_destroy(&initializer.may_fail);
}

void show_workers(void)
{
    show_numbers();
    show_name();
    show_initializer();
    show_broken();
}
