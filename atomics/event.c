/* SPDX-License-Identifier: MIT
 *
 * What ck_ec needs from the system: a clock, and futexes. */
#include "event.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int now_timespec(const struct ck_ec_ops *ops, struct timespec *out)
{
    (void)ops;
    return clock_gettime(CLOCK_MONOTONIC, out);
}

/* The thread. When its wait is to end. ck_ec waits in steps, each eight times as long as the one before,
 * and does not cut the last one: a wait of 100 ms ended after 128. */
static _Thread_local int64_t wait_until;

static bool is_before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

static struct timespec timespec_of(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

/* Both return early for any reason, as ck_ec allows: it looks at the count itself. */
static void futex_wait_until(const struct ck_ec_wait_state *state, const uint32_t *address,
                             uint32_t expected, const struct timespec *deadline)
{
    struct timespec until = timespec_of(wait_until);

    (void)state;
    if (deadline && is_before(&until, deadline))
        deadline = &until;
    /* WAIT_BITSET takes an absolute time of the monotonic clock; WAIT a relative one. */
    syscall(SYS_futex, address, FUTEX_WAIT_BITSET_PRIVATE, expected, deadline, NULL,
            FUTEX_BITSET_MATCH_ANY);
}

/* ck_ec waits for ever in steps of 2 ms and more, which only its single-producer mode needs. A
 * timer on an idle processor costs: waking one took 35 us with it and 11 us without. */
static void futex_wait(const struct ck_ec_wait_state *state, const uint32_t *address,
                       uint32_t expected, const struct timespec *deadline)
{
    (void)deadline;
    futex_wait_until(state, address, expected, NULL);
}

static void futex_wake(const struct ck_ec_ops *ops, const uint32_t *address)
{
    (void)ops;
    syscall(SYS_futex, address, FUTEX_WAKE_PRIVATE, INT_MAX);
}

/* The worker has spun for itself before it comes here: one look is enough. */
static const struct ck_ec_ops until_ops = {
    .gettime = now_timespec,
    .wait32 = futex_wait_until,
    .wake32 = futex_wake,
    .busy_loop_iter = 1,
};
static const struct ck_ec_ops forever_ops = {
    .gettime = now_timespec,
    .wait32 = futex_wait,
    .wake32 = futex_wake,
    .busy_loop_iter = 1,
};

static const struct ck_ec_mode until_mode = {.ops = &until_ops, .single_producer = false};
static const struct ck_ec_mode forever_mode = {.ops = &forever_ops, .single_producer = false};

int64_t fi_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void fi_event_init(struct fi_event *event)
{
    ck_ec32_init(&event->count, 0);
}

uint32_t fi_event_prepare(struct fi_event *event)
{
    return ck_ec32_value(&event->count);
}

void fi_event_wait(struct fi_event *event, uint32_t ticket, int64_t deadline)
{
    struct timespec until = timespec_of(deadline);

    wait_until = deadline;
    if (deadline == FI_NEVER)
        (void)ck_ec32_wait(&event->count, &forever_mode, ticket, NULL);
    else
        (void)ck_ec32_wait(&event->count, &until_mode, ticket, &until);
}

void fi_event_notify(struct fi_event *event)
{
    ck_ec32_inc(&event->count, &forever_mode);
}
