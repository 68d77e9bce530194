/* SPDX-License-Identifier: MIT
 *
 * Stopping what runs, with tokens and deadlines, and groups of tasks without a future each. */
#include "show.h"

#include "bench/cli/clock.h"
#include "bench/cli/output.h"

#include <filch/cancel.h>
#include <filch/group.h>

#include <stdatomic.h>

/* ---- Tokens ------------------------------------------------------------------------------ */

/* Says that it runs, and works until it is told to stop. */
static void *work_on(void *started)
{
    sem_post(started);
    while (!filch_cancelled())
        clock_sleep(100 * 1000);
    return show_pointer(1);
}

static struct filch_future *submit_under(struct filch_executor *executor,
                                         struct filch_token *token, filch_fn *fn, void *arg)
{
    const struct filch_task_options options = {.token = token};
    struct filch_future *future;

    show_must(filch_executor_submit_with(executor, &options, fn, arg, &future));
    return future;
}

static struct filch_token *make_token(struct filch_token *parent)
{
    struct filch_token *token;

    show_must(filch_token_create(parent, &token));
    return token;
}

static void show_token(struct filch_executor *executor, sem_t *started)
{
    struct filch_token *token = make_token(NULL);
    struct filch_future *running = submit_under(executor, token, work_on, started);

    show_sleep_on(started);
    struct filch_future *queued = submit_under(executor, token, show_one, NULL);
    output_printf("token: the running task goes on: %s",
                  show_truth(!filch_future_done(running)));
    filch_token_cancel(token);
    output_printf(", told to stop: %s", show_truth(show_result(running)));
    output_printf(", the queued one: %s\n", show_code(show_end(queued)));
    filch_token_release(token);
}

/* Set once the task runs: it would not start behind its deadline. */
static void show_deadline(struct filch_executor *executor, sem_t *started)
{
    struct filch_token *token = make_token(NULL);
    struct filch_future *running = submit_under(executor, token, work_on, started);

    show_sleep_on(started);
    uint64_t start = clock_now();
    show_must(filch_token_set_deadline(token, 0.01));
    show_result(running);
    bool early = clock_seconds(start, clock_now()) < 0.01;
    output_printf("token, deadline in 10 ms: the running task stops, not before: %s\n",
                  show_truth(!early && filch_token_cancelled(token)));
    show_outcome("token, behind its deadline: a new task",
                 show_end(submit_under(executor, token, show_one, NULL)));
    filch_token_release(token);
}

static void show_tree(void)
{
    struct filch_token *top = make_token(NULL), *middle = make_token(top);
    struct filch_token *bottom = make_token(middle);

    filch_token_cancel(middle);
    output_printf("tokens, the middle of three cancelled: %s %s %s\n",
                  show_truth(filch_token_cancelled(top)),
                  show_truth(filch_token_cancelled(middle)),
                  show_truth(filch_token_cancelled(bottom)));
    filch_token_release(bottom);
    filch_token_release(middle);
    filch_token_release(top);
}

void show_tokens(void)
{
    struct filch_executor *executor = show_executor(1);
    sem_t started;

    sem_init(&started, 0, 0);
    show_token(executor, &started);
    show_deadline(executor, &started);
    show_tree();

    struct filch_future *running = show_submit(executor, work_on, &started);
    show_sleep_on(&started);
    output_printf("stop a running task: %s", show_truth(filch_future_stop(running)));
    output_printf(", it was told: %s\n", show_truth(show_result(running)));
    filch_executor_destroy(executor);
    sem_destroy(&started);
}

/* ---- Groups ------------------------------------------------------------------------------ */

static void *count(void *runs)
{
    atomic_fetch_add((atomic_int *)runs, 1);
    return NULL;
}

static struct filch_group *make_group(struct filch_executor *executor)
{
    struct filch_group *group;

    show_must(filch_group_create(executor, NULL, &group));
    return group;
}

static void show_group_runs(struct filch_executor *executor)
{
    struct filch_group *group = make_group(executor);
    void *args[100];
    atomic_int runs = 0;

    for (int i = 0; i < 100; i++)
        args[i] = &runs;
    for (int i = 0; i < 9; i++)
        show_must(filch_group_submit_many(group, count, args, 100, NULL));
    for (int i = 0; i < 100; i++)
        show_must(filch_group_submit(group, count, &runs));
    show_must(filch_group_wait(group, FILCH_FOREVER));
    output_printf("group of 1,000 tasks: %s ran\n",
                  output_grouped((uint64_t)atomic_load(&runs)).text);
    filch_group_destroy(group);
}

/* With one worker tasks run in the order of submission; the first one waits until all are in. */
static void show_group_failure(struct filch_executor *executor)
{
    struct filch_group *group = make_group(executor);
    struct filch_group_failure failures[4];
    struct show_held held;
    int lines[2] = {3, 5};
    atomic_int runs = 0;

    show_held_init(&held, 1);
    show_must(filch_group_submit(group, show_hold, &held));
    for (int i = 0; i < 2; i++) {
        show_must(filch_group_submit(group, show_fail, &lines[i]));
        show_must(filch_group_submit(group, count, &runs));
    }
    show_let_go(&held);
    int code = filch_group_wait(group, FILCH_FOREVER);
    size_t failed = filch_group_errors(group, failures, 4);
    output_printf("group, the first of four fails: code %d, \"%s\"; failures: %d, skipped: %d",
                  code, failures[0].text, (int)failed, (int)filch_group_skipped(group));
    output_printf(", one more: %s\n", show_code(filch_group_submit(group, count, &runs)));
    filch_group_destroy(group);
    show_held_fini(&held);
}

static void show_group_cancelled(struct filch_executor *executor)
{
    struct filch_group *group = make_group(executor);
    struct show_held held;
    atomic_int runs = 0;

    show_held_init(&held, 1);
    show_must(filch_group_submit(group, show_hold, &held));
    show_sleep_on(&held.started);
    for (int i = 0; i < 9; i++)
        show_must(filch_group_submit(group, count, &runs));
    output_printf("group, held, wait for 10 ms: %s", show_code(filch_group_wait(group, 0.01)));
    filch_token_cancel(filch_group_token(group));
    show_let_go(&held);
    output_printf(", cancelled: %s", show_code(filch_group_wait(group, FILCH_FOREVER)));
    output_printf(", %d of the 9 queued ran\n", atomic_load(&runs));
    filch_group_destroy(group);
    show_held_fini(&held);
}

void show_groups(void)
{
    struct filch_executor *executor = show_executor(1);

    show_group_runs(executor);
    show_group_failure(executor);
    show_group_cancelled(executor);
    filch_executor_destroy(executor);
}
