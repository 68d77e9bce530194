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
 * Prepare is a read barrier (what the sleeper does next comes after it) and notify a write
 * barrier: a model checker shows that the first is needed (tests/model/deque.c, scenario 6,
 * model imm). Concurrency Kit's atomics are inline assembly that ThreadSanitizer does not see,
 * but no data pass through an event: they come with the words that the caller looks at. */
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
