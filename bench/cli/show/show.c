/* SPDX-License-Identifier: MIT
 *
 * See show.h. */
#include "show.h"

#include "bench/cli/command.h"
#include "bench/cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* ---- Words ------------------------------------------------------------------------------- */

const char *show_truth(bool value)
{
    return value ? "True" : "False";
}

const char *show_code(int code)
{
    static char number[16];
    const char *name = filch_error_name(code);

    snprintf(number, sizeof number, "%d", code);
    return name ? name : number;
}

void show_outcome(const char *label, int code)
{
    output_printf("%s: %s, \"%s\"\n", label, show_code(code), filch_strerror(code));
}

void show_flags(const char *label, const struct filch_future *future)
{
    output_printf("%s%s%s %s %s\n", label, *label ? ": " : "",
                  show_truth(filch_future_done(future)),
                  show_truth(filch_future_running(future)),
                  show_truth(filch_future_cancelled(future)));
}

/* ---- Steps that have to work ------------------------------------------------------------- */

void show_must(int error)
{
    if (error)
        exit(output_finish(output_failure("futures", error)));
}

struct filch_executor *show_executor(int max_workers)
{
    struct filch_executor *executor;

    show_must(filch_executor_create(max_workers, NULL, &executor));
    return executor;
}

struct filch_future *show_submit(struct filch_executor *executor, filch_fn *fn, void *arg)
{
    struct filch_future *future;

    show_must(filch_executor_submit(executor, fn, arg, &future));
    return future;
}

intptr_t show_result(struct filch_future *future)
{
    void *result;

    show_must(filch_future_result(future, FILCH_FOREVER, &result));
    filch_future_release(future);
    return (intptr_t)result;
}

int show_end(struct filch_future *future)
{
    int code = filch_future_result(future, FILCH_FOREVER, NULL);

    filch_future_release(future);
    return code;
}

void show_sleep_on(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        ; /* EINTR */
}

bool show_begins(sem_t *semaphore)
{
    struct timespec end;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 10;
    while (sem_timedwait(semaphore, &end) != 0)
        if (errno != EINTR)
            return false;
    return true;
}

/* ---- Tasks ------------------------------------------------------------------------------- */

void *show_one(void *unused)
{
    (void)unused;
    return show_pointer(1);
}

void *show_fail(void *line)
{
    return filch_fail(7, "line %d: no number", *(int *)line);
}

void show_held_init(struct show_held *held, intptr_t number)
{
    sem_init(&held->started, 0, 0);
    sem_init(&held->may_end, 0, 0);
    held->number = number;
    held->error = 0;
}

void show_held_fini(struct show_held *held)
{
    sem_destroy(&held->started);
    sem_destroy(&held->may_end);
}

void *show_hold(void *arg)
{
    struct show_held *held = arg;

    sem_post(&held->started);
    show_sleep_on(&held->may_end);
    if (held->error)
        return filch_fail(held->error, "task %d: told to fail", (int)held->number);
    return show_pointer(held->number);
}

struct filch_future *show_hold_worker(struct filch_executor *executor, struct show_held *held)
{
    struct filch_future *future = show_submit(executor, show_hold, held);

    show_must(show_begins(&held->started) ? 0 : FILCH_ETHREAD);
    return future;
}

void show_let_go(struct show_held *held)
{
    sem_post(&held->may_end);
}
