/* SPDX-License-Identifier: MIT
 *
 * A tally: how many tasks have not ended, and who waits for there to be none. As a latch
 * (latch.h), but it may rise and fall to 0 any number of times.
 *
 *     word:  bits 63..2 | bit 1  | bit 0
 *              count    | LOCKED | LISTED
 *
 * LOCKED guards the list. Who brings the count to 0 while somebody is listed takes it in the same
 * step, and gives it back as the last it does: once who waited has left the list, it may free the
 * tally, if nobody else waits. */
#ifndef FI_TALLY_H
#define FI_TALLY_H

#include "sched/core/latch.h"

struct fi_tally {
    _Atomic(uint64_t) word;
    struct fi_waiter *waiters; /* guarded by LOCKED */
};

void fi_tally_init(struct fi_tally *tally);

/* Any thread that keeps the tally: it has not fallen to 0, or its owner calls. */
void fi_tally_add(struct fi_tally *tally, uint64_t count);

/* Any thread. At most what was added. The tally may be gone when it returns. */
void fi_tally_sub(struct fi_tally *tally, uint64_t count);

/* Any thread. Is the count 0? What came before it was brought there may be read after. */
bool fi_tally_is_zero(const struct fi_tally *tally);

/* Any thread. Blocks until fi_tally_is_zero(), or until the deadline. Returns which: true for zero,
 * also if it has risen again. A worker runs other tasks meanwhile. */
bool fi_tally_wait(struct fi_tally *tally, int64_t deadline);

#endif
