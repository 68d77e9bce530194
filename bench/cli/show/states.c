/* SPDX-License-Identifier: MIT
 *
 * The states of a future. First the chapter's two lines: a task submitted to an executor that
 * is dropped in the same breath, its result, and three questions about it. */
#include "show.h"

#include "bench/cli/output.h"

#include <filch/pool.h>

/* future = ThreadPoolExecutor().submit(func): nobody holds the executor any more. */
void show_chapter(void)
{
    struct filch_pool *pool;
    struct filch_future *future;
    void *result;

    show_must(filch_pool_create(NULL, &pool));
    show_must(filch_pool_submit(pool, show_one, NULL, &future));
    filch_pool_destroy(pool);

    show_must(filch_future_result(future, FILCH_FOREVER, &result));
    output_printf("%d\n", (int)(intptr_t)result);
    show_flags("", future);
    filch_future_release(future);
}

static void show_failure(struct filch_executor *executor)
{
    int line = 3, code;
    struct filch_future *future = show_submit(executor, show_fail, &line);
    const char *text = filch_future_error(future, FILCH_FOREVER, &code);

    output_printf("a task that fails: code %d, \"%s\"\n", code, text ? text : "");
    show_flags("done, running, cancelled after it failed", future);
    filch_future_release(future);
}

/* The executor has one worker, which is held: what is submitted now stays pending. */
static void show_pending(struct filch_executor *executor, struct filch_future *running)
{
    struct filch_future *pending = show_submit(executor, show_one, NULL);

    show_flags("done, running, cancelled of a running task", running);
    show_flags("done, running, cancelled of a pending task", pending);
    show_outcome("result of a running task within 10 ms",
                 filch_future_result(running, 0.01, NULL));
    output_printf("cancel a running task: %s\n", show_truth(filch_future_cancel(running)));
    output_printf("cancel a pending task: %s\n", show_truth(filch_future_cancel(pending)));
    show_flags("done, running, cancelled of a cancelled task", pending);
    show_outcome("result of a cancelled task",
                 filch_future_result(pending, FILCH_FOREVER, NULL));
    filch_future_release(pending);
}

static void describe(const char *label, const struct filch_future *future)
{
    char line[400];

    filch_future_describe(future, line, sizeof line);
    output_printf("in words, %s: %s\n", label, line);
}

static void show_descriptions(struct filch_executor *executor)
{
    const struct filch_task_options named = {.name = "parse"};
    struct filch_future *running, *pending, *dropped, *failed;
    struct show_held held;
    int line = 3;

    show_held_init(&held, 1);
    show_must(filch_executor_submit_with(executor, &named, show_hold, &held, &running));
    show_sleep_on(&held.started);
    pending = show_submit(executor, show_one, NULL);
    dropped = show_submit(executor, show_one, NULL);
    failed = show_submit(executor, show_fail, &line);
    filch_future_cancel(dropped);
    describe("pending", pending);
    describe("running", running);
    describe("cancelled", dropped);
    show_let_go(&held);
    filch_future_result(failed, FILCH_FOREVER, NULL);
    describe("finished", running);
    describe("failed", failed);
    show_result(running);
    show_result(pending);
    filch_future_release(dropped);
    filch_future_release(failed);
    show_held_fini(&held);
}

void show_states(void)
{
    struct filch_executor *executor = show_executor(1);
    struct show_held held;

    show_failure(executor);
    show_held_init(&held, 1);
    struct filch_future *running = show_hold_worker(executor, &held);
    show_pending(executor, running);
    show_let_go(&held);
    filch_future_result(running, FILCH_FOREVER, NULL);
    show_flags("done, running, cancelled of a finished task", running);
    filch_future_release(running);
    show_held_fini(&held);
    show_descriptions(executor);
    filch_executor_destroy(executor);
}

/* ---- Completing by hand ------------------------------------------------------------------ */

static struct filch_future *make(void)
{
    struct filch_future *future;

    show_must(filch_future_create(&future));
    return future;
}

static void show_cancelled_by_hand(void)
{
    struct filch_future *future = make();
    bool cancelled = filch_future_cancel(future);

    output_printf("cancel a future without an executor: %s\n", show_truth(cancelled));
    output_printf("the executor hears of it: %s",
                  show_code(filch_future_set_running_or_notify_cancel(future)));
    output_printf(", notified: %s\n",
                  show_truth(filch_future_state(future) == FILCH_CANCELLED_AND_NOTIFIED));
    show_outcome("set_result of a cancelled future",
                 filch_future_set_result(future, show_pointer(1)));
    filch_future_release(future);
}

void show_by_hand(void)
{
    struct filch_future *future = make();
    int code;

    output_printf("set_running_or_notify_cancel of a new future: %s",
                  show_code(filch_future_set_running_or_notify_cancel(future)));
    output_printf(", running: %s\n", show_truth(filch_future_running(future)));
    output_printf("set_result by hand: %s",
                  show_code(filch_future_set_result(future, show_pointer(5))));
    void *result = NULL;
    show_must(filch_future_result(future, 0, &result));
    output_printf(", result: %d\n", (int)(intptr_t)result);
    show_outcome("set_result of a done future",
                 filch_future_set_result(future, show_pointer(6)));
    show_outcome("set_running_or_notify_cancel of a done future",
                 filch_future_set_running_or_notify_cancel(future));
    filch_future_release(future);

    future = make();
    output_printf("set_error by hand: %s",
                  show_code(filch_future_set_error(future, 9, "out of paper")));
    const char *text = filch_future_error(future, 0, &code);
    output_printf(", error: code %d, \"%s\"\n", code, text ? text : "");
    filch_future_release(future);
    show_cancelled_by_hand();
}
