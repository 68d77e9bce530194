/* SPDX-License-Identifier: MIT
 *
 * See fib_jobs.h. On a pool each number is a future. At most a few futures a worker are
 * outstanding: a reader slower than the workers must not make finished numbers pile up. */
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
    struct filch_future *future; /* NULL: nothing is on its way here */
    char *digits;                /* written by the task before its future finishes */
    size_t length;
};

int fib_jobs_read_n(const char *command, const char *text, uint64_t *n)
{
    if (!text)
        return args_complain(command, "N is missing: a whole number from 0 to %" PRIu64,
                             FILCH_FIB_MAX_N);
    if (!args_digits(text, n)) {
        args_number(command, "N", text, 0, FILCH_FIB_MAX_N, n);
        return COMMAND_USAGE;
    }
    if (*n > FILCH_FIB_MAX_N)
        return output_error(command,
                            "N is at most %" PRIu64 ", the limit of GMP; %s is beyond it",
                            FILCH_FIB_MAX_N, text);
    return COMMAND_OK;
}

const char *fib_mode_function(enum fib_mode mode)
{
    return mode == FIB_SEQUENTIAL ? "get_sequential" : "get_multi_thread";
}

static void report(double share, void *unused)
{
    (void)unused;
    progress_set(share);
}

static int compute(const struct fib_jobs *jobs, char **digits, size_t *length)
{
    struct filch_fib_options options = {.algorithm = jobs->algorithm, .progress = report};
    return filch_fib_string(digits, length, jobs->n, &options);
}

/* Prints a number and frees it. Returns false if nobody can read it. */
static bool print(const struct fib_jobs *jobs, char *digits, size_t length)
{
    bool written = true;
    if (jobs->print) {
        progress_hide();
        jobs->print(digits, length);
        written = output_flush();
    }
    free(digits);
    return written;
}

static int run_sequentially(const struct fib_jobs *jobs)
{
    for (uint64_t i = 0; i < jobs->jobs; i++) {
        char *digits;
        size_t length;
        int error = compute(jobs, &digits, &length);
        if (error) {
            progress_hide();
            return output_error(jobs->command, "F(%llu): %s", (unsigned long long)jobs->n,
                                filch_strerror(error));
        }
        if (!print(jobs, digits, length))
            return COMMAND_FAILED;
    }
    return COMMAND_OK;
}

static void *run_task(void *arg)
{
    struct ticket *ticket = arg;
    int error = compute(ticket->jobs, &ticket->digits, &ticket->length);
    if (error)
        return filch_fail(error, "F(%llu): %s", (unsigned long long)ticket->jobs->n,
                          filch_strerror(error));
    return NULL;
}

/* Waits for the number and prints it. */
static int collect(struct ticket *ticket)
{
    int error;
    const char *text = filch_future_error(ticket->future, FILCH_FOREVER, &error);
    int code = COMMAND_OK;
    if (error) {
        progress_hide();
        code = output_error(ticket->jobs->command, "%s", text);
    } else if (!print(ticket->jobs, ticket->digits, ticket->length)) {
        code = COMMAND_FAILED;
    }
    filch_future_release(ticket->future);
    ticket->future = NULL;
    return code;
}

/* Drops what is still on its way after a failure. */
static void drop(struct ticket *tickets, uint64_t window)
{
    for (uint64_t i = 0; i < window; i++)
        if (tickets[i].future)
            filch_future_cancel(tickets[i].future);
    for (uint64_t i = 0; i < window; i++) {
        if (!tickets[i].future)
            continue;
        if (filch_future_result(tickets[i].future, FILCH_FOREVER, NULL) == 0)
            free(tickets[i].digits);
        filch_future_release(tickets[i].future);
    }
}

static int run_in_window(const struct fib_jobs *jobs, struct filch_pool *pool,
                         struct ticket *tickets, uint64_t window)
{
    uint64_t submitted = 0;
    for (uint64_t i = 0; i < jobs->jobs; i++) {
        for (; submitted < jobs->jobs && submitted < i + window; submitted++) {
            struct ticket *ticket = &tickets[submitted % window];
            ticket->jobs = jobs;
            int error = filch_pool_submit(pool, run_task, ticket, &ticket->future);
            if (error)
                return output_failure(jobs->command, error);
        }
        int code = collect(&tickets[i % window]);
        if (code)
            return code;
    }
    return COMMAND_OK;
}

static int run_on_threads(const struct fib_jobs *jobs)
{
    struct filch_pool_options options = {.workers = jobs->workers};
    struct filch_pool *pool;
    int error = filch_pool_create(&options, &pool);
    if (error)
        return output_failure(jobs->command, error);

    uint64_t window = (uint64_t)filch_pool_size(pool) * WINDOW_PER_WORKER;
    struct ticket *tickets = calloc(window, sizeof *tickets);
    int code;
    if (tickets) {
        code = run_in_window(jobs, pool, tickets, window);
        if (code)
            drop(tickets, window);
    } else {
        code = output_failure(jobs->command, FILCH_ENOMEM);
    }
    free(tickets);
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
