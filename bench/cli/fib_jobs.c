/* SPDX-License-Identifier: MIT
 *
 * See fib_jobs.h. On a pool each number is a future. At most a few futures a worker are
 * outstanding: a reader slower than the workers must not make finished numbers pile up. They are
 * fewer where the memory does not suffice for so many: a number that found none left is computed
 * again when there are fewer. */
#include "fib_jobs.h"

#include "args.h"
#include "clock.h"
#include "command.h"
#include "output.h"
#include "progress.h"

#include <filch/future.h>
#include <filch/pool.h>

#include <inttypes.h>
#include <stdlib.h>

enum { WINDOW_PER_WORKER = 4 };

/* A number on its way. */
struct ticket {
    const struct fib_jobs *jobs;
    struct filch_pool *inside;   /* NULL: the task's own thread computes it alone */
    uint64_t memory;             /* its share; 0: as there is */
    bool alone;                  /* nothing else was on its way when it was submitted */
    struct filch_future *future; /* NULL: nothing is on its way here */
    char *digits;                /* written by the task before its future finishes */
    size_t length;
};

/* The numbers on their way: a ring of tickets. */
struct window {
    const struct fib_jobs *jobs;
    struct filch_pool *pool;
    struct ticket *tickets;
    uint64_t capacity; /* of the ring */
    uint64_t most;     /* that may be on their way at a time */
    uint64_t first, count;
    uint64_t printed;
};

int fib_jobs_read_n(const char *command, const char *text, uint64_t max, const char *whose,
                    uint64_t *n)
{
    if (!text)
        return args_complain(command, "N is missing: a whole number from 0 to %" PRIu64, max);
    if (!args_digits(text, n)) {
        args_number(command, "N", text, 0, max, n);
        return COMMAND_USAGE;
    }
    if (*n > max)
        return output_error(command,
                            "N is at most %" PRIu64 ", the limit of %s; %s is beyond it", max,
                            whose, text);
    return COMMAND_OK;
}

int fib_jobs_failure(const struct fib_jobs *jobs, enum filch_fib_form form, int error)
{
    const struct filch_fib_options alone = {.algorithm = jobs->algorithm};
    uint64_t need = filch_fib_memory(jobs->n, form, &alone);
    if (error != FILCH_ENOMEM)
        return output_error(jobs->command, "F(%" PRIu64 "): %s", jobs->n,
                            filch_strerror(error));
    if (jobs->memory && jobs->memory < need)
        return output_error(jobs->command,
                            "F(%" PRIu64 "): %s: it needs %s bytes, --memory allows %s",
                            jobs->n, filch_strerror(error), output_grouped(need).text,
                            output_grouped(jobs->memory).text);
    return output_error(jobs->command, "F(%" PRIu64 "): %s: it needs %s bytes", jobs->n,
                        filch_strerror(error), output_grouped(need).text);
}

const char *fib_mode_function(enum fib_mode mode)
{
    return mode == FIB_SEQUENTIAL ? "get_sequential" : "get_multi_thread";
}

/* Prints a number and frees it. Returns false if nobody can read it. */
static bool print(const struct fib_jobs *jobs, char *digits, size_t length)
{
    bool written = true;
    if (jobs->print) {
        progress_hide();
        written = jobs->print(jobs->context, digits, length);
    }
    free(digits);
    return written;
}

static int run_sequentially(const struct fib_jobs *jobs)
{
    const struct filch_fib_options options = {.algorithm = jobs->algorithm,
                                              .memory = jobs->memory,
                                              .progress = progress_set};
    for (uint64_t i = 0; i < jobs->jobs; i++) {
        char *digits;
        size_t length;
        int error = filch_fib_string(&digits, &length, jobs->n, &options);
        if (error) {
            progress_hide();
            return fib_jobs_failure(jobs, FILCH_FIB_STRING, error);
        }
        if (!print(jobs, digits, length))
            return COMMAND_FAILED;
    }
    return COMMAND_OK;
}

/* ---- On a pool ------------------------------------------------------------------------------ */

static void *run_task(void *arg)
{
    struct ticket *ticket = arg;
    const struct filch_fib_options options = {.algorithm = ticket->jobs->algorithm,
                                              .pool = ticket->inside,
                                              .memory = ticket->memory,
                                              .progress = progress_set};
    int error = filch_fib_string(&ticket->digits, &ticket->length, ticket->jobs->n, &options);
    return error ? filch_fail(error, "%s", filch_strerror(error)) : NULL;
}

/* Are workers left over for this one of the jobs? With as many jobs as workers, or more, they are
 * for those that remain when all others make full rows of workers. */
static bool has_helpers(const struct window *window, uint64_t job)
{
    uint64_t workers = (uint64_t)filch_pool_size(window->pool), jobs = window->jobs->jobs;
    switch (window->jobs->together) {
    case FIB_NEVER:
        return false;
    case FIB_WHERE_FREE:
        return window->most < workers || job >= jobs - jobs % workers;
    case FIB_ALWAYS:
        break;
    }
    return true;
}

static int submit(struct window *window)
{
    struct ticket *ticket =
        &window->tickets[(window->first + window->count) % window->capacity];
    *ticket = (struct ticket){.jobs = window->jobs,
                              .inside = has_helpers(window, window->printed + window->count)
                                            ? window->pool
                                            : NULL,
                              .memory = window->jobs->memory / window->most,
                              .alone = window->count == 0};
    int error = filch_pool_submit(window->pool, run_task, ticket, &ticket->future);
    if (error)
        return output_failure(window->jobs->command, error);
    window->count++;
    return COMMAND_OK;
}

/* Waits for the first number on its way and prints it. */
static int collect(struct window *window)
{
    struct ticket *ticket = &window->tickets[window->first];
    int error, code = COMMAND_OK;
    filch_future_error(ticket->future, FILCH_FOREVER, &error);
    filch_future_release(ticket->future);
    ticket->future = NULL;
    window->first = (window->first + 1) % window->capacity;
    window->count--;
    if (error == FILCH_ENOMEM && !ticket->alone) {
        if (window->most > 1)
            window->most--;
    } else if (error) {
        progress_hide();
        code = fib_jobs_failure(window->jobs, FILCH_FIB_STRING, error);
    } else {
        window->printed++;
        if (!print(window->jobs, ticket->digits, ticket->length))
            code = COMMAND_FAILED;
    }
    return code;
}

/* Drops what is still on its way after a failure. */
static void drop(struct window *window)
{
    for (uint64_t i = 0; i < window->capacity; i++)
        if (window->tickets[i].future)
            filch_future_cancel(window->tickets[i].future);
    for (uint64_t i = 0; i < window->capacity; i++) {
        struct ticket *ticket = &window->tickets[i];
        if (!ticket->future)
            continue;
        if (filch_future_result(ticket->future, FILCH_FOREVER, NULL) == 0)
            free(ticket->digits);
        filch_future_release(ticket->future);
    }
}

static int run_in_window(struct window *window)
{
    const struct fib_jobs *jobs = window->jobs;
    while (window->printed < jobs->jobs) {
        while (window->count < window->most && window->printed + window->count < jobs->jobs) {
            int code = submit(window);
            if (code)
                return code;
        }
        int code = collect(window);
        if (code)
            return code;
    }
    return COMMAND_OK;
}

static int run_on_pool(const struct fib_jobs *jobs, struct filch_pool *pool, uint64_t fitting)
{
    uint64_t capacity = (uint64_t)filch_pool_size(pool) * WINDOW_PER_WORKER;
    struct window window = {.jobs = jobs,
                            .pool = pool,
                            .tickets = calloc(capacity, sizeof *window.tickets),
                            .capacity = capacity,
                            .most = capacity < fitting ? capacity : fitting};
    if (!window.tickets)
        return output_failure(jobs->command, FILCH_ENOMEM);
    if (window.most > jobs->jobs)
        window.most = jobs->jobs;
    int code = run_in_window(&window);
    if (code)
        drop(&window);
    free(window.tickets);
    return code;
}

static int run_on_threads(const struct fib_jobs *jobs)
{
    const struct filch_fib_options alone = {.algorithm = jobs->algorithm};
    uint64_t fitting = UINT64_MAX;
    if (jobs->memory)
        fitting = jobs->memory / filch_fib_memory(jobs->n, FILCH_FIB_STRING, &alone);
    if (fitting == 0)
        return fib_jobs_failure(jobs, FILCH_FIB_STRING, FILCH_ENOMEM);

    struct filch_pool_options options = {.workers = jobs->workers};
    struct filch_pool *pool;
    int error = filch_pool_create(&options, &pool);
    if (error)
        return output_failure(jobs->command, error);
    int code = run_on_pool(jobs, pool, fitting);
    filch_pool_destroy(pool);
    return code;
}

int fib_jobs_run(const struct fib_jobs *jobs, enum fib_mode mode, double *seconds)
{
    uint64_t start = clock_now();
    progress_begin(fib_mode_function(mode), (size_t)jobs->jobs, PROGRESS_BY_THREAD);
    int code = mode == FIB_SEQUENTIAL ? run_sequentially(jobs) : run_on_threads(jobs);
    progress_end();
    *seconds = clock_seconds(start, clock_now());
    return code;
}
