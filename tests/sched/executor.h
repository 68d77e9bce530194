/* SPDX-License-Identifier: MIT
 *
 * What the suites of executors share: executors of every kind, futures completed by hand, and the
 * threads of this process as the system sees them. */
#ifndef FILCH_TESTS_EXECUTOR_H
#define FILCH_TESTS_EXECUTOR_H

#include "future.h"
#include "sched/futures/future.h"

#include <filch/executor.h>

#include <dirent.h>
#include <stdio.h>
#include <sys/wait.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- Executors --------------------------------------------------------------------------- */

FILCH_UNUSED static struct filch_executor *
executor_with(int max_workers, const struct filch_executor_options *options)
{
    struct filch_executor *executor = NULL;
    cr_assert_eq(filch_executor_create(max_workers, options, &executor), 0);
    cr_assert(executor);
    return executor;
}

FILCH_UNUSED static struct filch_executor *executor_of(int max_workers)
{
    return executor_with(max_workers, NULL);
}

FILCH_UNUSED static void destroy(struct filch_executor *executor)
{
    cr_assert_eq(filch_executor_destroy(executor), 0);
}

/* The kinds, for what holds of all: threads of its own, on a pool of others, inline. */
enum kind { THREADS, SHARED, INLINE, KINDS };

FILCH_UNUSED static const char *const kind_names[] = {"threads", "shared", "inline"};

struct backend {
    struct filch_pool *pool; /* SHARED */
    struct filch_executor *executor;
};

FILCH_UNUSED static struct backend backend_of(enum kind kind, int workers)
{
    struct backend backend = {NULL, NULL};
    if (kind == THREADS) {
        backend.executor = executor_of(workers);
    } else if (kind == SHARED) {
        backend.pool = pool_of(workers);
        cr_assert_eq(filch_executor_create_on(backend.pool, NULL, &backend.executor), 0);
    } else {
        cr_assert_eq(filch_executor_create_inline(&backend.executor), 0);
    }
    return backend;
}

FILCH_UNUSED static void backend_destroy(struct backend *backend)
{
    destroy(backend->executor);
    cr_assert_eq(filch_pool_destroy(backend->pool), 0);
}

/* ---- Futures ----------------------------------------------------------------------------- */

FILCH_UNUSED static struct filch_future *submit_to(struct filch_executor *executor,
                                                   filch_fn *fn, void *argument)
{
    struct filch_future *future = NULL;
    cr_assert_eq(filch_executor_submit(executor, fn, argument, &future), 0);
    cr_assert(future);
    return future;
}

/* The future of a task that runs and does not end before sem_post(&leave). */
FILCH_UNUSED static struct filch_future *occupy_executor(struct filch_executor *executor)
{
    struct filch_future *future = submit_to(executor, hold, &untouched);
    await_signal(&entered);
    return future;
}

FILCH_UNUSED static struct filch_future *manual(void)
{
    struct filch_future *future = NULL;
    cr_assert_eq(filch_future_create(&future), 0);
    return future;
}

/* Waits for the future, which succeeds, and releases it. */
FILCH_UNUSED static void *result_of(struct filch_future *future)
{
    void *result = UNTOUCHED;
    int error = filch_future_result(future, FILCH_FOREVER, &result);
    cr_assert_eq(error, 0, "%s", filch_strerror(error));
    filch_future_release(future);
    return result;
}

/* Waits for the future, and releases it. Its error, or 0. */
FILCH_UNUSED static int error_of(struct filch_future *future)
{
    int error = filch_future_result(future, FILCH_FOREVER, NULL);
    filch_future_release(future);
    return error;
}

/* Until somebody sleeps, or is about to, for its end. */
FILCH_UNUSED static void await_waiter(struct filch_future *future)
{
    bool listed = false;
    while (!listed) {
        sched_yield();
        if (!fi_latch_lock(&future->latch))
            return;
        listed = future->latch.waiters;
        fi_latch_unlock(&future->latch);
    }
}

/* ---- Threads and processes --------------------------------------------------------------- */

FILCH_UNUSED static int threads_now(void)
{
    int count = -2; /* . and .. */
    DIR *dir = opendir("/proc/self/task");
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

/* A thread that has been joined is seen for a moment longer. */
FILCH_UNUSED static void await_threads(int count)
{
    while (threads_now() != count)
        sched_yield();
}

/* A child process that ends on purpose without giving all back sets it, for LeakSanitizer's
 * sake. */
FILCH_UNUSED static bool leaks = false;

int __lsan_is_turned_off(void);

__attribute__((visibility("default"))) int __lsan_is_turned_off(void)
{
    return leaks;
}

/* Runs fn in a child process. Its exit status. */
FILCH_UNUSED static int in_child(int (*fn)(void *), void *argument)
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0)
        exit(fn(argument));
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* In a child process: says what does not hold, and ends it. Criterion's asserts are for its own. */
#define HOLDS(condition)                                                                  \
    do {                                                                                  \
        if (!(condition)) {                                                               \
            fprintf(stderr, "%s:%d: in the child: %s\n", __FILE__, __LINE__, #condition); \
            _exit(1);                                                                     \
        }                                                                                 \
    } while (0)

FILCH_UNUSED static struct filch_future *submit_under(struct filch_token *token,
                                                      struct filch_executor *executor,
                                                      filch_fn *fn, void *argument)
{
    struct filch_task_options options = {.token = token};
    struct filch_future *future = NULL;
    cr_assert_eq(filch_executor_submit_with(executor, &options, fn, argument, &future), 0);
    return future;
}

#endif
