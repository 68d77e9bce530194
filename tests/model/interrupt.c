/* SPDX-License-Identifier: MIT
 *
 * Interrupts under a model checker: sched/core/self.c, wait.c and latch.c as shipped, with the event of
 * fake/. A thread waits for a latch, another one interrupts it: none is lost, and each ends one wait.
 *
 * Scenarios: 4
 *              1  an interrupt while the thread falls asleep, for what never comes
 *              2  an interrupt, and what it waits for comes: the interrupt ends this wait or the next
 *              3  the same, but the first wait is firm
 *              4  an interrupt of a wait whose time is up */
#include "outside.h"

#include "sched/core/latch.c"

#include <assert.h>

static struct fi_latch latch, never;
static int sent, result; /* plain: by whoever interrupts, by who ends the latch */
static struct filch_thread *thread_that_waits;

static int wait_for(struct fi_latch *what, int64_t deadline, bool firm)
{
    struct fi_wait wait = fi_latch_waiting(what, deadline);

    wait.firm = firm;
    int error = fi_wait_for(&wait);
    if (error)
        assert(error == FILCH_EINTR && sent == 1);
    else if (deadline == FI_NEVER)
        assert(what == &latch && result == 1);
    return error;
}

static void *interrupts(void *argument)
{
    sent = 1;
    filch_interrupt(thread_that_waits);
    return argument;
}

static void *ends(void *argument)
{
    result = 1;
    assert(fi_latch_end(&latch, FI_PENDING, FI_FINISHED, NULL));
    return argument;
}

static void *waits(void *argument)
{
#if SCENARIO == 1
    assert(wait_for(&never, FI_NEVER, false));
#elif SCENARIO == 2
    if (wait_for(&latch, FI_NEVER, false))
        assert(!wait_for(&latch, FI_NEVER, false));
    else
        assert(wait_for(&never, FI_NEVER, false));
#elif SCENARIO == 3
    assert(!wait_for(&latch, FI_NEVER, true));
    assert(wait_for(&never, FI_NEVER, false));
#elif SCENARIO == 4
    if (!wait_for(&never, 1000000000, false))
        assert(wait_for(&never, FI_NEVER, false));
#endif
    assert(!atomic_load_explicit(&thread_that_waits->interrupted, memory_order_relaxed));
    return argument;
}

int main(void)
{
    pthread_t threads[3];

    fi_latch_init(&latch);
    fi_latch_init(&never);
    thread_that_waits = filch_thread_current();
    pthread_create(&threads[0], NULL, waits, NULL);
    pthread_create(&threads[1], NULL, interrupts, NULL);
#if SCENARIO == 2 || SCENARIO == 3
    pthread_create(&threads[2], NULL, ends, NULL);
    pthread_join(threads[2], NULL);
#else
    (void)ends;
#endif
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    return 0;
}
