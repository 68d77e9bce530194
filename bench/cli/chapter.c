/* SPDX-License-Identifier: MIT
 *
 * `filch chapter`: the chapter's program as it stands there. F(1,000,000) by its own additive
 * loop, as many times as there are processors, one after another and then on threads; at the
 * end what the threads have gained. bench/run.sh runs it. */
#include "args.h"
#include "command.h"
#include "fib_jobs.h"
#include "output.h"

#include <filch/pool.h>

#include <stdbool.h>
#include <stdio.h>

enum { DEFAULT_N = 1000000, SHOWN_DIGITS = 10 };

static bool print_short(void *unused, const char *digits, size_t length)
{
    (void)unused;
    struct output_number count = output_grouped(length);
    if (length <= 2 * SHOWN_DIGITS + 3)
        output_printf("%s (%s digit%s)\n", digits, count.text, length == 1 ? "" : "s");
    else
        output_printf("%.*s...%s (%s digits)\n", SHOWN_DIGITS, digits,
                      digits + length - SHOWN_DIGITS, count.text);
    return output_flush();
}

static int run(int argc, char **argv)
{
    static const struct args_option none[] = {{.name = NULL}};
    int operands = args_parse("chapter", none, argc, argv);
    if (operands < 0 || !args_at_most("chapter", 1, operands, argv))
        return COMMAND_USAGE;

    struct fib_jobs jobs = {.command = "chapter",
                            .n = DEFAULT_N,
                            .algorithm = FILCH_FIB_ADD,
                            .print = print_short};
    if (operands) {
        int code = fib_jobs_read_n("chapter", argv[0], FILCH_FIB_MAX_N, "GMP", &jobs.n);
        if (code)
            return code;
    }
    struct filch_sizing sizing;
    int error = filch_sizing_read(NULL, &sizing);
    if (error)
        return output_failure("chapter", error);
    jobs.jobs = (uint64_t)sizing.workers;

    static const char *const titles[FIB_MODES] = {"one after another", "on threads"};
    double seconds[FIB_MODES];
    for (int mode = 0; mode < FIB_MODES; mode++) {
        output_printf("F(%s) %d time%s, %s:\n", output_grouped(jobs.n).text, sizing.workers,
                      sizing.workers == 1 ? "" : "s", titles[mode]);
        output_flush();
        int code = fib_jobs_run(&jobs, (enum fib_mode)mode, &seconds[mode]);
        if (code)
            return code;
        output_printf("%s: %.6f\n\n", fib_mode_function((enum fib_mode)mode), seconds[mode]);
    }

    static const char *const names[FIB_MODES] = {"sequential", "threads"};
    output_printf("%-10s  %7s  %8s  %8s\n", "mode", "workers", "seconds", "speed-up");
    for (int mode = 0; mode < FIB_MODES; mode++)
        output_printf("%-10s  %7d  %8.3f  %8.2f\n", names[mode],
                      mode == FIB_SEQUENTIAL ? 1 : sizing.workers, seconds[mode],
                      seconds[FIB_SEQUENTIAL] / seconds[mode]);
    return COMMAND_OK;
}

static const char help[] =
    "Computes the N-th Fibonacci number by a, b = b, a + b, as many times as there are\n"
    "workers by default (see `filch info`), one after another and then on a pool; prints\n"
    "the first and last digits of each, the time of each mode, and the speed-up.\n"
    "\n"
    "  N  a whole number from 0 to 191219412671; 1000000 by default\n";

const struct command command_chapter = {
    .name = "chapter",
    .synopsis = "[N]",
    .summary = "F(1,000,000) once a processor, sequentially and on threads",
    .help = help,
    .run = run,
};
