/* SPDX-License-Identifier: MIT
 *
 * Arrivals: see arrivals.h. Labels A1, A2, ... are those of sched/README.md. */
#include "arrivals.h"

#include <stddef.h>

/* Its address is the word's value while the consumer sleeps. */
static struct fi_arrival asleep;
#define ASLEEP (&asleep)

void fi_arrivals_init(struct fi_arrivals *arrivals)
{
    atomic_init(&arrivals->newest, NULL);
    arrivals->first = NULL;
    arrivals->last = &arrivals->first;
}

/* Who ends the future, under its LOCKED: neither arrival nor arrivals go before that does. */
static void arrive(struct fi_waiter *waiter)
{
    struct fi_arrival *arrival = (struct fi_arrival *)(void *)waiter;
    struct fi_arrivals *arrivals = arrival->arrivals;
    /* Relaxed: the exchange below decides, and acquires. */
    struct fi_arrival *newest = atomic_load_explicit(&arrivals->newest, memory_order_relaxed);

    /* A1, release, pairs with A3: the list. Acquire, with A2: the latch. */
    do
        arrival->next = newest == ASLEEP ? NULL : newest;
    while (!atomic_compare_exchange_weak_explicit(&arrivals->newest, &newest, arrival,
                                                  memory_order_acq_rel, memory_order_relaxed));
    if (newest == ASLEEP)
        (void)fi_latch_end(&arrivals->latch, FI_PENDING, FI_FINISHED, NULL);
}

static void append(struct fi_arrivals *arrivals, struct fi_arrival *arrival)
{
    arrival->next = NULL;
    *arrivals->last = arrival;
    arrivals->last = &arrival->next;
}

/* Takes all that have come. Returns false if that is none. */
static bool collect(struct fi_arrivals *arrivals)
{
    struct fi_arrival *oldest = NULL;

    /* Relaxed: spares an exchange where there is nothing. */
    if (!atomic_load_explicit(&arrivals->newest, memory_order_relaxed))
        return false;
    /* A3, acquire, pairs with A1: the list, and through their release sequence all of it. */
    struct fi_arrival *arrival =
        atomic_exchange_explicit(&arrivals->newest, NULL, memory_order_acquire);
    struct fi_arrival **last = &arrival->next;
    while (arrival) {
        struct fi_arrival *older = arrival->next;
        arrival->next = oldest;
        oldest = arrival;
        arrival = older;
    }
    *arrivals->last = oldest;
    arrivals->last = last;
    return true;
}

void fi_arrivals_expect(struct fi_arrivals *arrivals, struct fi_arrival *arrival,
                        struct filch_future *future)
{
    arrival->waiter.notify = arrive;
    arrival->arrivals = arrivals;
    arrival->future = future;
    if (!fi_latch_enlist(&future->latch, &arrival->waiter)) {
        (void)collect(arrivals); /* those that ended before it */
        append(arrivals, arrival);
    }
}

void fi_arrivals_withdraw(struct fi_arrival *arrival)
{
    /* One that was never listed, as it had ended, is told from the others by the latch. */
    fi_latch_delist(&arrival->future->latch, &arrival->waiter);
}

/* Sleeps until something has come, or the time is up. */
static void doze(struct fi_arrivals *arrivals, int64_t deadline)
{
    struct fi_arrival *newest = NULL;

    fi_latch_init(&arrivals->latch);
    /* A2, release, pairs with A1: the latch. Relaxed on failure: something has come. */
    if (!atomic_compare_exchange_strong_explicit(&arrivals->newest, &newest, ASLEEP,
                                                 memory_order_release, memory_order_relaxed))
        return;
    fi_latch_wait(&arrivals->latch, deadline);
    newest = ASLEEP;
    /* Relaxed: nothing was published; A3 acquires what has come. If something has, then who
     * replaced ASLEEP may not have ended the latch yet: it comes out first, and
     * fi_arrivals_take() waits until it has let go, before the latch can be made anew. */
    (void)atomic_compare_exchange_strong_explicit(&arrivals->newest, &newest, NULL,
                                                  memory_order_relaxed, memory_order_relaxed);
}

bool fi_arrivals_any(const struct fi_arrivals *arrivals)
{
    /* Relaxed: a hint until it is taken. */
    return arrivals->first || atomic_load_explicit(&arrivals->newest, memory_order_relaxed);
}

struct fi_arrival *fi_arrivals_take(struct fi_arrivals *arrivals, int64_t deadline)
{
    while (!arrivals->first && !collect(arrivals)) {
        if (fi_is_late(deadline))
            return NULL;
        doze(arrivals, deadline);
    }
    struct fi_arrival *arrival = arrivals->first;
    arrivals->first = arrival->next;
    if (arrivals->first)
        __builtin_prefetch(arrivals->first->future, 1); /* the one to be asked for next */
    else
        arrivals->last = &arrivals->first;
    fi_arrivals_withdraw(arrival);
    return arrival;
}
