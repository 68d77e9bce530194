/* SPDX-License-Identifier: MIT
 *
 * A count latch: how many tasks have not ended, and who waits for there to be none. As a latch
 * (latch.h), but it may rise and fall to 0 any number of times.
 *
 *     word:  bits 63..2 | bit 1  | bit 0
 *              count    | LOCKED | LISTED
 *
 * LOCKED guards the list. Who brings the count to 0 while somebody is listed takes it in the same
 * step, and gives it back as the last it does: once who waited has left the list, it may free the
 * count latch, if nobody else waits. */
#ifndef FI_COUNT_LATCH_H
#define FI_COUNT_LATCH_H

#include "sched/core/latch.h"

struct fi_count_latch {
    _Atomic(uint64_t) word;
    struct fi_waiter *waiters; /* guarded by LOCKED */
};

void fi_count_latch_init(struct fi_count_latch *count_latch);

/* Any thread that keeps the count latch: it has not fallen to 0, or its owner calls. */
void fi_count_latch_add(struct fi_count_latch *count_latch, uint64_t count);

/* Any thread. At most what was added. The count latch may be gone when it returns. */
void fi_count_latch_sub(struct fi_count_latch *count_latch, uint64_t count);

/* Any thread. Is the count 0? What came before it was brought there may be read after. */
bool fi_count_latch_is_zero(const struct fi_count_latch *count_latch);

/* The waiter, whose event is set. Has it notified when the count falls to 0. That is not the last to
 * look: it looks once more before it sleeps. */
void fi_count_latch_enlist(struct fi_count_latch *count_latch, struct fi_waiter *waiter);

/* The waiter, after that. Nobody touches `waiter` or its event through this latch afterwards. */
void fi_count_latch_delist(struct fi_count_latch *count_latch, struct fi_waiter *waiter);

#endif
