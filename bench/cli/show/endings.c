/* SPDX-License-Identifier: MIT
 *
 * The end of an executor, and executors without threads of their own. */
#include "show.h"

#include "bench/cli/output.h"

#include <filch/pool.h>

#include <pthread.h>

/* ---- Ending ------------------------------------------------------------------------------ */

static void show_cancel_futures(void)
{
    struct filch_executor *executor = show_executor(1);
    struct filch_future *queued[3];
    struct show_held held;
    int cancelled = 0;

    show_held_init(&held, 1);
    struct filch_future *running = show_hold_worker(executor, &held);
    for (int i = 0; i < 3; i++)
        queued[i] = show_submit(executor, show_one, NULL);
    show_must(filch_executor_shutdown(executor, false, true));
    for (int i = 0; i < 3; i++) {
        cancelled += filch_future_cancelled(queued[i]);
        filch_future_release(queued[i]);
    }
    show_let_go(&held);
    output_printf("shutdown, cancel_futures: %d of 3 cancelled, the running one returns: %d\n",
                  cancelled, (int)show_result(running));
    filch_executor_destroy(executor);
    show_held_fini(&held);
}

static void *shut_down(void *executor)
{
    return show_pointer(filch_executor_shutdown(executor, true, false));
}

static void show_shutdown(void)
{
    struct filch_executor *executor = show_executor(1);

    show_outcome("shutdown with wait, from its own task",
                 (int)show_result(show_submit(executor, shut_down, executor)));
    struct filch_future *future = show_submit(executor, show_one, NULL);
    int first = filch_executor_shutdown(executor, true, false);
    bool done = filch_future_done(future);
    int second = filch_executor_shutdown(executor, true, true);
    output_printf("shutdown: %s, its task is done: %s, and again: %s\n", first ? "failed" : "0",
                  show_truth(done), show_code(second));
    show_result(future);
    show_outcome("submit after shutdown",
                 filch_executor_submit(executor, show_one, NULL, NULL));
    filch_executor_destroy(executor);
}

static void show_detach(void)
{
    struct filch_executor *executor = show_executor(1);
    struct show_held held;

    show_held_init(&held, 1);
    struct filch_future *running = show_hold_worker(executor, &held);
    struct filch_future *queued = show_submit(executor, show_one, NULL);
    filch_executor_detach(executor);
    show_let_go(&held);
    output_printf("detached with two tasks, which return:");
    output_printf(" %d", (int)show_result(running));
    output_printf(" %d\n", (int)show_result(queued));
    show_held_fini(&held);
}

void show_endings(void)
{
    show_shutdown();
    show_cancel_futures();
    show_detach();
}

/* ---- Without threads of their own -------------------------------------------------------- */

static void *is_thread(void *thread)
{
    return show_pointer(pthread_equal(*(pthread_t *)thread, pthread_self()) != 0);
}

static void show_inline(void)
{
    struct filch_executor *executor;
    pthread_t self = pthread_self();

    show_must(filch_executor_create_inline(&executor));
    struct filch_future *future = show_submit(executor, is_thread, &self);
    output_printf("inline: done after the submit: %s", show_truth(filch_future_done(future)));
    output_printf(", on this thread: %s", show_truth(show_result(future)));
    output_printf(", threads: %d\n", filch_executor_threads(executor));
    filch_executor_destroy(executor);
}

static void *current_pool(void *unused)
{
    (void)unused;
    return filch_pool_current();
}

/* Two executors on one pool; the end of one is not that of the other. */
static void show_shared_pool(void)
{
    const struct filch_pool_options options = {.workers = 2};
    struct filch_executor *first, *second;
    struct filch_pool *pool;
    bool same = true;

    show_must(filch_pool_create(&options, &pool));
    show_must(filch_executor_create_on(pool, NULL, &first));
    show_must(filch_executor_create_on(pool, NULL, &second));
    same = show_result(show_submit(first, current_pool, NULL)) == (intptr_t)pool &&
           show_result(show_submit(second, current_pool, NULL)) == (intptr_t)pool;
    output_printf("two executors on one pool: both run there: %s\n", show_truth(same));
    filch_executor_destroy(first);
    output_printf("two executors on one pool, one ended: the other returns: %d\n",
                  (int)show_result(show_submit(second, show_one, NULL)));
    filch_executor_destroy(second);
    filch_pool_destroy(pool);
}

void show_back_ends(void)
{
    show_inline();
    show_shared_pool();
}
