/* SPDX-License-Identifier: MIT
 *
 * A latch: the life of one task that somebody may wait for, in one atomic word, and the lists of
 * those who wait for its end. Futures and FILCH_RUN roots have one each.
 *
 *     word:  bit 4 | bit 3  | bits 2..0
 *           LISTED | LOCKED | PENDING -> RUNNING -> FINISHED, or PENDING -> CANCELLED -> NOTIFIED
 *
 * Without waiters every change is one CAS. LOCKED guards the lists alone, and only threads that
 * are about to wait, or that wake who waits, take it. There are two lists, since there are two
 * ways to wait. A waiter's record lies on its stack: it is told of the end under LOCKED, in a few
 * instructions, and may go once it has left the list, or once the word says ended and not LOCKED;
 * who ends the latch touches neither the list nor the latch after that. A callback belongs to
 * whoever ends the latch from then on, who may call it at leisure. */
#ifndef FI_LATCH_H
#define FI_LATCH_H

#include "atomics/event.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum fi_state {
    FI_PENDING,
    FI_RUNNING,
    FI_CANCELLED, /* this and those below: ended */
    FI_NOTIFIED,  /* cancelled, and its executor knows */
    FI_FINISHED,
};

struct fi_waiter {
    struct fi_waiter *next;
    struct fi_waiter **link;                  /* what points to this one */
    void (*notify)(struct fi_waiter *waiter); /* short, takes no lock; NULL: notifies event */
    struct fi_event *event;
};

/* Something to be called after the end; the rest of it is its caller's. */
struct fi_callback {
    void (*call)(struct fi_callback *callback, void *owner);
    struct fi_callback *next; /* while it is listed: the one that was added before */
};

struct fi_latch {
    _Atomic(uint32_t) word;
    _Atomic(uint32_t) references;  /* nothing to the latch: a future's, which fill the gap */
    struct fi_waiter *waiters;     /* guarded by LOCKED, as is the next one */
    struct fi_callback *callbacks; /* newest first */
};

void fi_latch_init(struct fi_latch *latch);

/* Any thread. The state; what was written before the latch ended may be read after. */
enum fi_state fi_latch_state(const struct fi_latch *latch);

/* Any thread. Has it finished or been cancelled? As fi_latch_state(). */
bool fi_latch_ended(const struct fi_latch *latch);

/* Any thread. PENDING -> RUNNING. Returns true for the one caller who makes the change. */
bool fi_latch_claim(struct fi_latch *latch);

/* Any thread. CANCELLED -> NOTIFIED. Returns true for the one caller who makes the change. */
bool fi_latch_notify_cancel(struct fi_latch *latch);

/* Any thread. `from` -> `to` (CANCELLED or FINISHED), and wakes those who wait. Returns false if
 * the state is not `from`. *callbacks: what was added, oldest first, now the caller's; NULL for
 * a latch that gets none. The latch may be gone when it returns, unless the caller keeps it. */
bool fi_latch_end(struct fi_latch *latch, enum fi_state from, enum fi_state to,
                  struct fi_callback **callbacks);

/* The waiter, whose notify and event are set. Has it notified when the latch ends. Returns false
 * if it has ended. */
bool fi_latch_enlist(struct fi_latch *latch, struct fi_waiter *waiter);

/* The waiter, after true from fi_latch_enlist(). Nobody touches `waiter` or its event through
 * this latch afterwards. May spin while the waiters are being woken. */
void fi_latch_delist(struct fi_latch *latch, struct fi_waiter *waiter);

/* Any thread. Has fi_latch_end() hand out `callback`. Returns false if it has ended. */
bool fi_latch_add(struct fi_latch *latch, struct fi_callback *callback);

/* Any thread. Takes LOCKED, for what else it should guard. Returns false, without it, once the
 * latch has ended. */
bool fi_latch_lock(struct fi_latch *latch);
void fi_latch_unlock(struct fi_latch *latch);

/* Who holds LOCKED. Ends the latch, whatever its state, and gives LOCKED back. As
 * fi_latch_end(). */
void fi_latch_end_locked(struct fi_latch *latch, enum fi_state to,
                         struct fi_callback **callbacks);

#endif
