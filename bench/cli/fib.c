/* SPDX-License-Identifier: MIT
 *
 * `filch fib`: one Fibonacci number, or several with times, sequentially and on threads. */
#include "args.h"
#include "command.h"
#include "fib_jobs.h"
#include "output.h"

#include <filch/pool.h>

#include <stdio.h>

static void print_line(const char *digits, size_t length)
{
    output_write(digits, length);
    output_write("\n", 1);
}

/* The modes of --mode; MODE_NONE while it is not given. */
enum { MODE_NONE = -1, MODE_SEQUENTIAL, MODE_THREADS, MODE_ALL };

static int run_modes(const struct fib_jobs *jobs, int mode)
{
    static const struct {
        enum fib_mode mode;
        int unless;
    } steps[] = {{FIB_SEQUENTIAL, MODE_THREADS}, {FIB_THREADS, MODE_SEQUENTIAL}};

    for (int i = 0; i < 2; i++) {
        if (mode == steps[i].unless)
            continue;
        double seconds;
        int code = fib_jobs_run(jobs, steps[i].mode, &seconds);
        if (code)
            return code;
        fprintf(stderr, "%s: %.6f\n", fib_mode_function(steps[i].mode), seconds);
    }
    return COMMAND_OK;
}

static int run(int argc, char **argv)
{
    static const char *const modes[] = {"sequential", "threads", "all", NULL};
    static const char *const algorithms[] = {"doubling", "add", NULL};
    static const enum filch_fib_algorithm algorithm_of[] = {FILCH_FIB_AUTO, FILCH_FIB_ADD};
    uint64_t count = 0, workers = 0;
    int mode = MODE_NONE, algorithm = 0;
    bool quiet = false;
    const struct args_option options[] = {
        {.name = "--jobs",
         .kind = ARGS_NUMBER,
         .min = 1,
         .max = FIB_JOBS_MAX,
         .to.number = &count},
        {.name = "--mode",
         .kind = ARGS_CHOICE,
         .choices = modes,
         .takes = "sequential, threads or all",
         .to.choice = &mode},
        {.name = "--algorithm",
         .kind = ARGS_CHOICE,
         .choices = algorithms,
         .takes = "doubling or add",
         .to.choice = &algorithm},
        {.name = "--workers",
         .kind = ARGS_NUMBER,
         .min = 1,
         .max = FILCH_WORKERS_MAX,
         .to.number = &workers},
        {.name = "--quiet", .kind = ARGS_FLAG, .to.flag = &quiet},
        {.name = NULL},
    };
    int operands = args_parse("fib", options, argc, argv);
    if (operands < 0)
        return COMMAND_USAGE;

    struct fib_jobs jobs = {.command = "fib",
                            .jobs = count,
                            .algorithm = algorithm_of[algorithm],
                            .workers = (int)workers,
                            .print = quiet ? NULL : print_line};
    if (!args_at_most("fib", 1, operands, argv))
        return COMMAND_USAGE;
    int code = fib_jobs_read_n("fib", operands ? argv[0] : NULL, &jobs.n);
    if (code)
        return code;

    if (!count && !workers && !quiet && mode == MODE_NONE) {
        double seconds;
        jobs.jobs = 1;
        return fib_jobs_run(&jobs, FIB_SEQUENTIAL, &seconds);
    }
    if (mode == MODE_NONE)
        mode = MODE_THREADS;
    if (!count)
        jobs.jobs = workers;
    if (!jobs.jobs) {
        struct filch_sizing sizing;
        int error = filch_sizing_read(NULL, &sizing);
        if (error)
            return output_failure("fib", error);
        jobs.jobs = (uint64_t)sizing.workers;
    }
    return run_modes(&jobs, mode);
}

static const char help[] =
    "Prints the N-th Fibonacci number: F(0) = 0, F(1) = 1. With --jobs, --mode, --workers\n"
    "or --quiet it computes the number J times over, prints J lines to stdout and the time\n"
    "of each mode in seconds to stderr.\n"
    "\n"
    "  N            a whole number from 0 to 191219412671\n"
    "  --jobs J     how many times, from 1 to 1000000; as many as workers by default\n"
    "  --mode M     sequential, threads (the default: futures on a pool), or all: both\n"
    "  --algorithm  doubling (the default), or add: a, b = b, a + b, N times\n"
    "  --workers W  workers of the pool, from 1 to 1024; see `filch info` for the default\n"
    "  --quiet      the times only, no numbers\n";

const struct command command_fib = {
    .name = "fib",
    .synopsis = "N [--jobs J] [--mode sequential|threads|all] [--algorithm doubling|add]\n"
                "                   [--workers W] [--quiet]",
    .summary = "the N-th Fibonacci number; several of them in parallel",
    .help = help,
    .run = run,
};
