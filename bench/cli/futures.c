/* SPDX-License-Identifier: MIT
 *
 * `filch futures`: the life of a future, one line a property. The first two lines are the
 * chapter's: a task submitted to an executor that is dropped in the same breath, its result,
 * and its three states; the others show failing, cancelling and running out of time. */
#include "args.h"
#include "command.h"
#include "output.h"

#include <filch/future.h>
#include <filch/pool.h>

#include <semaphore.h>
#include <stdint.h>

static const char *truth(bool value)
{
    return value ? "True" : "False";
}

static void print_states(const char *label, const struct filch_future *future)
{
    output_printf("%s%s %s %s\n", label, truth(filch_future_done(future)),
                  truth(filch_future_running(future)), truth(filch_future_cancelled(future)));
}

static void *func(void *unused)
{
    (void)unused;
    return (void *)(intptr_t)1;
}

/* future = ThreadPoolExecutor().submit(func): nobody holds the executor any more. */
static int submit_and_drop(struct filch_future **future)
{
    struct filch_pool *pool;
    int error = filch_pool_create(NULL, &pool);
    if (error)
        return error;
    error = filch_pool_submit(pool, func, NULL, future);
    filch_pool_destroy(pool);
    return error;
}

static int show_result(void)
{
    struct filch_future *future;
    int error = submit_and_drop(&future);
    if (error)
        return error;

    void *result;
    error = filch_future_result(future, FILCH_FOREVER, &result);
    if (!error) {
        output_printf("%d\n", (int)(intptr_t)result);
        print_states("", future);
    }
    filch_future_release(future);
    return error;
}

static void *fail(void *arg)
{
    return filch_fail(7, "line %d: no number", *(int *)arg);
}

static int show_failure(struct filch_pool *pool)
{
    int line = 3, code;
    struct filch_future *future;
    int error = filch_pool_submit(pool, fail, &line, &future);
    if (error)
        return error;
    const char *text = filch_future_error(future, FILCH_FOREVER, &code);
    output_printf("a task that fails: code %d, \"%s\"\n", code, text ? text : "");
    print_states("done, running, cancelled after it failed: ", future);
    filch_future_release(future);
    return 0;
}

/* A task that says when it runs, and ends when it is told to. */
struct hold {
    sem_t started, may_end;
};

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        ; /* EINTR */
}

static void *hold(void *arg)
{
    struct hold *held = arg;
    sem_post(&held->started);
    wait_for(&held->may_end);
    return NULL;
}

static void print_outcome(const char *label, int code)
{
    const char *name = filch_error_name(code);
    output_printf("%s%s, \"%s\"\n", label, name ? name : "0", filch_strerror(code));
}

/* The pool has one worker, which is held: what is submitted now stays pending. */
static int show_pending(struct filch_pool *pool, struct filch_future *running)
{
    struct filch_future *pending;
    int error = filch_pool_submit(pool, func, NULL, &pending);
    if (error)
        return error;

    print_states("done, running, cancelled of a running task: ", running);
    print_states("done, running, cancelled of a pending task: ", pending);
    print_outcome("result of a running task within 10 ms: ",
                  filch_future_result(running, 0.01, NULL));
    output_printf("cancel a running task: %s\n", truth(filch_future_cancel(running)));
    output_printf("cancel a pending task: %s\n", truth(filch_future_cancel(pending)));
    print_states("done, running, cancelled of a cancelled task: ", pending);
    print_outcome("result of a cancelled task: ",
                  filch_future_result(pending, FILCH_FOREVER, NULL));
    filch_future_release(pending);
    return 0;
}

static int show_states(struct filch_pool *pool)
{
    struct hold held;
    sem_init(&held.started, 0, 0);
    sem_init(&held.may_end, 0, 0);
    struct filch_future *running;
    int error = filch_pool_submit(pool, hold, &held, &running);
    if (!error) {
        wait_for(&held.started);
        error = show_pending(pool, running);
        sem_post(&held.may_end);
        filch_future_result(running, FILCH_FOREVER, NULL);
        print_states("done, running, cancelled of a finished task: ", running);
        filch_future_release(running);
    }
    sem_destroy(&held.started);
    sem_destroy(&held.may_end);
    return error;
}

static int run(int argc, char **argv)
{
    static const struct args_option none[] = {{.name = NULL}};
    int operands = args_parse("futures", none, argc, argv);
    if (operands < 0 || !args_at_most("futures", 0, operands, argv))
        return COMMAND_USAGE;

    int error = show_result();
    if (error)
        return output_failure("futures", error);

    struct filch_pool_options options = {.workers = 1};
    struct filch_pool *pool;
    error = filch_pool_create(&options, &pool);
    if (error)
        return output_failure("futures", error);
    error = show_failure(pool);
    if (!error)
        error = show_states(pool);
    filch_pool_destroy(pool);
    return error ? output_failure("futures", error) : COMMAND_OK;
}

static const char help[] =
    "Submits a task that returns 1 to a pool that is destroyed at once, and prints its\n"
    "result, then whether the future is done, running, cancelled. Further lines, each with\n"
    "its label, show a task that fails, timeouts and cancelling.\n";

const struct command command_futures = {
    .name = "futures",
    .synopsis = "",
    .summary = "the life of a future: result, states, errors, cancelling, timeouts",
    .help = help,
    .run = run,
};
