/* SPDX-License-Identifier: MIT
 *
 * The count latch under a model checker: sched/core/count_latch.c and wait.c as shipped, with the
 * event of fake/. Who waits alone frees the count latch, its record and its event when it has waited:
 * a plain write, a data race with whoever still touches them.
 *
 * Scenarios: 7
 *              1  one waits for a task; result, record and count latch go away
 *              2  one waits for two tasks: both results are there, and all goes away
 *              3  one waits while another comes: it is not lost
 *              4  one waits while another gives up, whose record goes away
 *              5  a task has another one added before it ends: in between the count latch is not 0
 *              6  it falls to 0, rises and falls again while one waits
 *              7  two come at once, to one who is listed: the list is whole */
#define SEVERAL_WAIT
#include "outside.h"

#include "sched/core/count_latch.c"

#include <assert.h>

/* What is on a stack must be there before the thread's first read: see sync.c. */
#pragma clang attribute push(__attribute__((always_inline)), apply_to = function)

/* ---- Parties --------------------------------------------------------------------------------- */

static struct fi_count_latch count_latch;
static int results[2]; /* plain: written by tasks, read by who waited */

/* The thread ends. */
static void let_event_go(void)
{
    *(volatile uint32_t *)&fi_event_self()->count = 0;
}

static void *waits(void *argument)
{
    assert(fi_count_latch_wait(&count_latch, FI_NEVER));
    let_event_go();
    assert(results[0] == 1);
    return argument;
}

static void *waits_and_frees(void *argument)
{
    assert(fi_count_latch_wait(&count_latch, FI_NEVER));
    let_event_go();
    assert(results[0] == 1 && results[1] == 1);
    *(volatile uint64_t *)&count_latch.word = 0;
    count_latch.waiters = NULL;
    return argument;
}

static struct fi_wait others[3]; /* who waits and does not look */
static struct fi_event events[3];

static void come(int i)
{
    others[i].event = &events[i];
    others[i].object = &count_latch;
    count_enlist(&others[i]);
}

static void *comes(void *argument)
{
    come(argument == &results[1]);
    return argument;
}

static void *gives_up(void *argument)
{
    count_delist(&others[0]);
    others[0].waiter.next = NULL; /* it goes away */
    others[0].waiter.link = NULL;
    others[0].waiter.event = NULL;
    fi_event_init(&events[0]);
    return argument;
}

static void *ends(void *argument)
{
    results[argument == &results[1]] = 1;
    fi_count_latch_sub(&count_latch, 1);
    return argument;
}

static void *ends_and_more(void *argument)
{
    results[0] = 1;
    fi_count_latch_sub(&count_latch, 1);
    fi_count_latch_add(&count_latch, 1); /* its owner does */
    fi_count_latch_sub(&count_latch, 1);
    return argument;
}

static void run(int count, void *(*a)(void *), void *(*b)(void *), void *(*c)(void *))
{
    pthread_t threads[3];
    pthread_create(&threads[0], NULL, a, &results[0]);
    pthread_create(&threads[1], NULL, b, &results[1]);
    if (count > 2)
        pthread_create(&threads[2], NULL, c, &results[0]);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

#if SCENARIO == 5
static void *ends_later(void *argument)
{
    ends(argument);
    return NULL;
}

static void *adds(void *argument)
{
    pthread_t other;

    fi_count_latch_add(&count_latch, 1);
    pthread_create(&other, NULL, ends_later, &results[0]);
    ends(&results[1]);
    pthread_join(other, NULL);
    return argument;
}
#endif

#pragma clang attribute pop

int main(void)
{
    fi_count_latch_init(&count_latch);
#if SCENARIO == 1
    results[1] = 1;
    fi_count_latch_add(&count_latch, 1);
    run(2, ends, waits_and_frees, NULL);
#elif SCENARIO == 2
    fi_count_latch_add(&count_latch, 2);
    run(3, waits_and_frees, ends, ends);
#elif SCENARIO == 3
    fi_count_latch_add(&count_latch, 1);
    run(3, ends, waits, comes);
#elif SCENARIO == 4
    fi_count_latch_add(&count_latch, 1);
    come(0);
    run(3, ends, waits, gives_up);
#elif SCENARIO == 5
    fi_count_latch_add(&count_latch, 1);
    run(2, adds, waits_and_frees, NULL);
#elif SCENARIO == 6
    fi_count_latch_add(&count_latch, 1);
    run(2, ends_and_more, waits, NULL);
#elif SCENARIO == 7
    int count = 0;
    come(2);
    run(2, comes, comes, NULL);
    for (struct fi_waiter *waiter = count_latch.waiters; waiter; waiter = waiter->next) {
        assert(*waiter->link == waiter);
        count++;
    }
    assert(count == 3);
#endif
    return 0;
}
