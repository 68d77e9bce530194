/* SPDX-License-Identifier: MIT
 *
 * The rows of `filch tour` that work: each runs commands of this program as a user would and
 * says what it saw. */
#ifndef BENCH_CLI_TOUR_CHECKS_H
#define BENCH_CLI_TOUR_CHECKS_H

#include <filch/base.h>

#include <stdbool.h>
#include <stddef.h>

struct program_end;

enum tour_verdict {
    TOUR_OK,
    TOUR_FAILED,
    TOUR_SKIPPED, /* this machine cannot show it, or not now */
    TOUR_NOT_YET, /* the program cannot, so far */
};

/* What was seen, for people to read. */
struct tour_note {
    char text[240];
};

typedef enum tour_verdict tour_check(struct tour_note *note);

tour_check tour_modes, tour_first_result, tour_first_states, tour_elapsed, tour_default_workers,
    tour_unsafe_counter, tour_exact_counters, tour_fibonacci, tour_sequential, tour_threads;

/* ---- Steps of a check -------------------------------------------------------------------- */

/* Adds to the note. */
void tour_add(struct tour_note *note, const char *fmt, ...) FILCH_PRINTF(2, 3);

/* TOUR_OK or TOUR_FAILED. */
enum tour_verdict tour_judge(bool good);

/* Runs this program with the words of `line`. Returns whether it ends with `code`; if not, the
 * note says what happened, and there is nothing to free. */
bool tour_run(struct tour_note *note, const char *line, int code, struct program_end *end);

/* The number behind "NAME: " at the beginning of a line; -1 if there is no such line. */
double tour_time(const char *text, const char *name);

/* Line `number` of the text, from 0, without its end; empty if there are not so many. */
void tour_line(const char *text, int number, char *to, size_t size);

#endif
