/* SPDX-License-Identifier: MIT
 *
 * Parking: a thread sleeps on an event of its own until somebody notifies it. An event count,
 * from Concurrency Kit (ck_ec, in its mode for several producers), over Linux futexes. Used as
 *
 *     ticket = fi_event_prepare(event);
 *     announce oneself; look again whether there is a reason to stay awake
 *     fi_event_wait(event, ticket, ...);
 *
 * A notification that comes after prepare, at whatever point, ends the wait: none is lost.
 * Wakes without a notification are possible: the caller looks again and loops.
 *
 * Prepare and wait are read barriers, and notify is a write barrier: what the sleeper does after
 * prepare comes after it, and after a wait it sees what its waker did before it notified. A model
 * checker shows that both are needed (tests/model/: deque.c, scenario 6, and latch.c, 1). They
 * are Concurrency Kit's inline assembly, which ThreadSanitizer does not see; no plain data rely
 * on them. */
#ifndef FI_EVENT_H
#define FI_EVENT_H

#include <ck_ec.h>
#include <stdbool.h>
#include <stdint.h>

struct fi_event {
    struct ck_ec32 count;
};

/* A point of the monotonic clock, in nanoseconds; FI_NEVER does not come. */
#define FI_NEVER INT64_MAX

/* Any thread. Nanoseconds of the monotonic clock. */
int64_t fi_now(void);

void fi_event_init(struct fi_event *event);

/* The sleeper. Does not block. */
uint32_t fi_event_prepare(struct fi_event *event);

/* The sleeper. Blocks until a notification that came after `ticket` was drawn, or until
 * `deadline`. */
void fi_event_wait(struct fi_event *event, uint32_t ticket, int64_t deadline);

/* Any thread. Does not block. Costs a system call only if somebody sleeps. Touches the event
 * after the sleeper may have gone on: the event must outlive the call. */
void fi_event_notify(struct fi_event *event);

#endif
