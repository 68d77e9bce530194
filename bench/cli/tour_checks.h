/* SPDX-License-Identifier: MIT
 *
 * The rows of `filch tour` that work: each runs commands of this program as a user would and
 * says what it saw. */
#ifndef BENCH_CLI_TOUR_CHECKS_H
#define BENCH_CLI_TOUR_CHECKS_H

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

#endif
