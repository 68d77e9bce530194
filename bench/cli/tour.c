/* SPDX-License-Identifier: MIT
 *
 * `filch tour`: what the chapter shows, row by row and in its order, on this machine. A row
 * that the program cannot show yet stands there with the command that will. */
#include "args.h"
#include "command.h"
#include "output.h"
#include "tour_checks.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct row {
    const char *name;
    tour_check *check;   /* NULL: not yet */
    const char *command; /* that will show what has no check */
    bool noisy;          /* other programs can spoil it: it gets a second chance */
};

static const struct row rows[] = {
    {"one workload in four modes", .check = tour_modes},
    {"an executor in one expression", .check = tour_first_result},
    {"result, done, running, cancelled", .check = tour_first_states},
    {"a download, named by MD5", .command = "download --mode sequential URL..."},
    {"elapsed time, name: seconds", .check = tour_elapsed},
    {"three downloads in a row", .command = "download --mode sequential URL..."},
    {"three downloads on threads", .command = "download --mode threads --workers 3 URL..."},
    {"the default number of workers", .check = tour_default_workers},
    {"an unsafe counter", .check = tour_unsafe_counter, .noisy = true},
    {"counters that are exact", .check = tour_exact_counters},
    {"Fibonacci numbers", .check = tour_fibonacci},
    {"several numbers in a row", .check = tour_sequential},
    {"several numbers on processes", .command = "fib N --mode processes"},
    {"several numbers on threads", .check = tour_threads, .noisy = true},
    {"a task that cannot be sent", .command = "unpickle"},
    {"random numbers, inherited", .command = "random --inherit"},
    {"random numbers, reseeded", .command = "random --seed 7 --workers 8"},
    {"a coroutine that is not run", .command = "async create"},
    {"a coroutine run from outside", .command = "async run"},
    {"a request that awaits a sleep", .command = "async"},
    {"gather", .command = "async gather"},
    {"the running loop", .command = "async loop"},
    {"a task with a name", .command = "async task"},
    {"tasks awaited in turn", .command = "async"},
    {"bare coroutines in turn", .command = "async"},
    {"blocking calls beside a loop", .command = "async"},
    {"HTTP on a loop", .command = "httpd"},
};
enum { ROWS = sizeof rows / sizeof rows[0], VERDICTS = TOUR_NOT_YET + 1 };

static enum tour_verdict look(const struct row *row, struct tour_note *note)
{
    *note = (struct tour_note){.text = ""};
    if (!row->check) {
        snprintf(note->text, sizeof note->text, "`filch %s`", row->command);
        return TOUR_NOT_YET;
    }
    enum tour_verdict verdict = row->check(note);
    if (verdict != TOUR_FAILED || !row->noisy)
        return verdict;
    *note = (struct tour_note){.text = ""};
    return row->check(note);
}

static int run(int argc, char **argv)
{
    static const char *const words[VERDICTS] = {
        [TOUR_OK] = "ok",
        [TOUR_FAILED] = "FAILED",
        [TOUR_SKIPPED] = "skipped",
        [TOUR_NOT_YET] = "not yet",
    };
    static const struct args_option none[] = {{.name = NULL}};
    int operands = args_parse("tour", none, argc, argv), counts[VERDICTS] = {0};
    if (operands < 0 || !args_at_most("tour", 0, operands, argv))
        return COMMAND_USAGE;

    /* The rows say what this machine gives. */
    unsetenv("FILCH_WORKERS");
    for (int i = 0; i < ROWS; i++) {
        struct tour_note note;
        enum tour_verdict verdict = look(&rows[i], &note);
        counts[verdict]++;
        output_printf("%2d  %-7s  %-32s  %s\n", i + 1, words[verdict], rows[i].name, note.text);
        if (!output_flush())
            return COMMAND_FAILED;
    }
    output_printf("%d ok, %d failed, %d skipped, %d not yet\n", counts[TOUR_OK],
                  counts[TOUR_FAILED], counts[TOUR_SKIPPED], counts[TOUR_NOT_YET]);
    return counts[TOUR_FAILED] ? COMMAND_FAILED : COMMAND_OK;
}

static const char help[] =
    "Replays what the chapter shows, row by row, by running the other commands of this\n"
    "program, and prints for each row whether it went as it should and what was seen. Takes\n"
    "some ten seconds. Exit code 1 if a row has failed.\n"
    "\n"
    "  ok       seen as it should be\n"
    "  FAILED   seen otherwise; what other programs can disturb was tried twice\n"
    "  skipped  this machine cannot show it: it takes two processors that are free\n"
    "  not yet  the program has no such feature, or a part of it; the command that will show "
    "it\n";

const struct command command_tour = {
    .name = "tour",
    .synopsis = "",
    .summary = "what the chapter shows, row by row, and whether it is so here",
    .help = help,
    .run = run,
};
