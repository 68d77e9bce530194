/* SPDX-License-Identifier: MIT
 *
 * Arrivals: futures come to one thread, the consumer, in the order in which they end. What
 * as_completed and the unordered map have in common. A completion costs one push onto a lock-free
 * list (Treiber's; the consumer takes all of it at once, so there is no ABA), and a wake-up only
 * if the consumer sleeps.
 *
 *     newest:  NULL        nothing has come
 *              ASLEEP      nothing has come, and the consumer waits for `latch`
 *              an arrival  the newest of those that have come since the consumer took them
 *
 * All is decided by changes of this one word: whoever replaces ASLEEP ends the latch, so a push
 * either comes before the consumer falls asleep, and keeps it awake, or wakes it. */
#ifndef FI_ARRIVALS_H
#define FI_ARRIVALS_H

#include "sched/futures/future.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* One future that is to come. 56 bytes. */
struct fi_arrival {
    struct fi_waiter waiter;      /* first: the waiter's address is the arrival's */
    struct fi_arrivals *arrivals; /* constant, as is the next one */
    struct filch_future *future;  /* must stay until this has come or was withdrawn */
    struct fi_arrival *next;      /* newest: an older one; first: a newer one */
};

struct fi_arrivals {
    _Atomic(struct fi_arrival *)
        newest;            /* who completes writes an arrival, the consumer the rest */
    struct fi_latch latch; /* made anew for each sleep */

    /* The consumer's own. */
    struct fi_arrival *first; /* those it took and has not given out, oldest first */
    struct fi_arrival **last; /* where the next one goes */
};

/* The consumer. */
void fi_arrivals_init(struct fi_arrivals *arrivals);

/* The consumer. Has `arrival` come when the future ends. One that has ended already comes at once,
 * behind those that have come. */
void fi_arrivals_expect(struct fi_arrivals *arrivals, struct fi_arrival *arrival,
                        struct filch_future *future);

/* The consumer, after fi_arrivals_expect(). `arrival` does not come any more, and nobody touches
 * it. May spin while its future's waiters are told. */
void fi_arrivals_withdraw(struct fi_arrival *arrival);

/* The consumer. Is there one that fi_arrivals_take() would give at once? */
bool fi_arrivals_any(const struct fi_arrivals *arrivals);

/* The consumer. Blocks until one has come, at most until the deadline; a worker runs other tasks
 * meanwhile. Nobody else touches that one any more. Returns NULL when the time is up. */
struct fi_arrival *fi_arrivals_take(struct fi_arrivals *arrivals, int64_t deadline);

#endif
