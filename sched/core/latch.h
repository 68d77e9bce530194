/* SPDX-License-Identifier: MIT
 *
 * A latch: the life of one task that somebody may wait for, in one atomic word, and the list of
 * those who sleep until it ends. Futures and FILCH_RUN roots have one each.
 *
 *     word:  bit 3 | bit 2  | bits 1..0
 *           LISTED | LOCKED | PENDING -> RUNNING -> FINISHED, or PENDING -> CANCELLED
 *
 * Without waiters every change is one CAS. LOCKED guards the list alone, and only threads that
 * are about to sleep, or that wake sleepers, take it. A waiter's record lies on its stack: it
 * may go once it has left the list, or once the word says ended and not LOCKED; who ends the
 * latch touches neither the list nor the latch after that. */
#ifndef FI_LATCH_H
#define FI_LATCH_H

#include "atomics/event.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum fi_state {
    FI_PENDING,
    FI_RUNNING,
    FI_CANCELLED,
    FI_FINISHED,
};

struct fi_waiter {
    struct fi_waiter *next;
    struct fi_waiter **link; /* what points to this one */
    struct fi_event *event;
};

struct fi_latch {
    _Atomic(uint32_t) word;
    struct fi_waiter *waiters; /* guarded by LOCKED */
};

void fi_latch_init(struct fi_latch *latch);

/* Any thread. The state; what was written before the latch ended may be read after. */
enum fi_state fi_latch_state(const struct fi_latch *latch);

/* Any thread. Has it finished or been cancelled? As fi_latch_state(). */
bool fi_latch_ended(const struct fi_latch *latch);

/* Any thread. PENDING -> RUNNING. Returns true for the one caller who makes the change. */
bool fi_latch_claim(struct fi_latch *latch);

/* Any thread. `from` -> `to` (CANCELLED or FINISHED), and wakes those who wait. Returns false if
 * the state is not `from`. The latch may be gone when it returns, unless the caller keeps it. */
bool fi_latch_end(struct fi_latch *latch, enum fi_state from, enum fi_state to);

/* The waiter. Has `event` notified when the latch ends. Returns false if it has ended. */
bool fi_latch_enlist(struct fi_latch *latch, struct fi_waiter *waiter, struct fi_event *event);

/* The waiter, after true from fi_latch_enlist(). Nobody touches `waiter` or its event through
 * this latch afterwards. May spin while the waiters are being woken. */
void fi_latch_delist(struct fi_latch *latch, struct fi_waiter *waiter);

#endif
