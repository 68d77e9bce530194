/* SPDX-License-Identifier: MIT
 *
 * Parking: an event ends a wait that began before it, and a deadline ends any. */
#include "atomics/event.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>

Test(event, a_notification_after_prepare_ends_the_wait_at_once)
{
    struct fi_event event;
    fi_event_init(&event);
    uint32_t ticket = fi_event_prepare(&event);
    fi_event_notify(&event);
    fi_event_wait(&event, ticket, FI_NEVER);
}

Test(event, a_wait_ends_at_its_deadline)
{
    struct fi_event event;
    fi_event_init(&event);
    int64_t deadline = fi_now() + 2000000;
    while (fi_now() < deadline)
        fi_event_wait(&event, fi_event_prepare(&event), deadline);
}

Test(event, a_deadline_that_has_passed_does_not_block)
{
    struct fi_event event;
    fi_event_init(&event);
    fi_event_wait(&event, fi_event_prepare(&event), fi_now());
    fi_event_wait(&event, fi_event_prepare(&event), 0);
}

static struct fi_event shared;
static _Atomic(int) turns;

static void *other(void *argument)
{
    (void)argument;
    for (int i = 0; i < 10000; i++) {
        atomic_fetch_add(&turns, 1);
        fi_event_notify(&shared);
    }
    return NULL;
}

Test(event, no_notification_is_lost_between_threads)
{
    pthread_t thread;
    fi_event_init(&shared);
    cr_assert_eq(pthread_create(&thread, NULL, other, NULL), 0);
    for (int seen = 0; seen < 10000;) {
        uint32_t ticket = fi_event_prepare(&shared);
        int now = atomic_load(&turns);
        if (now == seen && now < 10000)
            fi_event_wait(&shared, ticket, FI_NEVER);
        seen = now;
    }
    pthread_join(thread, NULL);
}

Test(event, the_clock_does_not_go_back)
{
    int64_t last = fi_now();
    for (int i = 0; i < 1000; i++) {
        int64_t now = fi_now();
        cr_assert(now >= last);
        last = now;
    }
}
