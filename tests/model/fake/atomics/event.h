/* SPDX-License-Identifier: MIT
 *
 * The event count of atomics/event.h as a model checker can see it: the same contract in C11
 * atomics, without Concurrency Kit, futexes and time. A wait that nobody ends is an endless loop,
 * which --check-liveness reports. */
#ifndef FI_EVENT_H
#define FI_EVENT_H

#include <stdatomic.h>
#include <stdint.h>

struct fi_event {
    _Atomic(uint32_t) count;
};

static inline void fi_event_init(struct fi_event *event)
{
    atomic_init(&event->count, 0);
}

/* As ck_ec.h promises: prepare and wait are read barriers, notify is a write barrier. */
static inline uint32_t fi_event_prepare(struct fi_event *event)
{
    return atomic_load_explicit(&event->count, memory_order_acquire);
}

static inline void fi_event_wait(struct fi_event *event, uint32_t ticket)
{
    while (atomic_load_explicit(&event->count, memory_order_acquire) == ticket)
        continue;
}

static inline void fi_event_notify(struct fi_event *event)
{
    atomic_fetch_add_explicit(&event->count, 1, memory_order_release);
}

#endif
