/* SPDX-License-Identifier: MIT
 *
 * A bar on stderr for runs that take more than half a second, with the time so far and, as far as
 * it can be foreseen, the time left; nothing at all unless stderr is a terminal. One bar at a time.
 * It is drawn by a thread of its own, so that it moves while GMP is busy for minutes, or, for a
 * caller that must stay single-threaded, by progress_draw(). */
#ifndef BENCH_CLI_PROGRESS_H
#define BENCH_CLI_PROGRESS_H

#include <stddef.h>

enum progress_drawer {
    PROGRESS_BY_THREAD,
    PROGRESS_BY_CALLER,
};

/* The run called `label`, which stays until progress_end(), begins; it has `parts` parts of equal
 * weight. */
void progress_begin(const char *label, size_t parts, enum progress_drawer drawer);

/* Any thread. `share`, from 0 to 1, of the part that is under way on this thread is done. Each
 * thread reports its own parts, one after another, from 0 to 1 each. unused: it can be the
 * `progress` of struct filch_fib_options. */
void progress_set(double share, void *unused);

/* One part more is done. For callers without a share to report. */
void progress_step(void);

/* The caller of progress_begin(), with PROGRESS_BY_CALLER. */
void progress_draw(void);

/* The caller of progress_begin(). Takes the bar away, before something is printed to a stdout
 * that may be the same terminal; it comes back by itself. */
void progress_hide(void);

/* The run is over; takes the bar away for good. */
void progress_end(void);

#endif
