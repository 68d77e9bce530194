/* SPDX-License-Identifier: MIT
 *
 * Completions: see completions.h. Labels A1, A2, ... are those of sched/README.md. */
#include "sched/futures/completions.h"

#include "sched/core/self.h"

#include <stddef.h>

/* Its address is the word's value while the consumer sleeps. */
static struct fi_completion asleep;
#define ASLEEP (&asleep)

void fi_completions_init(struct fi_completions *completions)
{
    atomic_init(&completions->newest, NULL);
    completions->first = NULL;
    completions->last = &completions->first;
}

/* Who ends the future, under its LOCKED: neither completion nor completions go before that does. */
static void complete_one(struct fi_waiter *waiter)
{
    struct fi_completion *completion = (struct fi_completion *)(void *)waiter;
    struct fi_completions *completions = completion->completions;
    /* Relaxed: the exchange below decides, and acquires. */
    struct fi_completion *newest =
        atomic_load_explicit(&completions->newest, memory_order_relaxed);

    /* A1, release, pairs with A3: the list. Acquire, with A2: the latch. */
    do
        completion->next = newest == ASLEEP ? NULL : newest;
    while (!atomic_compare_exchange_weak_explicit(&completions->newest, &newest, completion,
                                                  memory_order_acq_rel, memory_order_relaxed));
    if (newest == ASLEEP)
        (void)fi_latch_end(&completions->latch, FI_PENDING, FI_FINISHED, NULL);
}

static void append(struct fi_completions *completions, struct fi_completion *completion)
{
    completion->next = NULL;
    *completions->last = completion;
    completions->last = &completion->next;
}

/* Takes all that have come. Returns false if that is none. */
static bool collect(struct fi_completions *completions)
{
    struct fi_completion *oldest = NULL;

    /* Relaxed: spares an exchange where there is nothing. */
    if (!atomic_load_explicit(&completions->newest, memory_order_relaxed))
        return false;
    /* A3, acquire, pairs with A1: the list, and through their release sequence all of it. */
    struct fi_completion *completion =
        atomic_exchange_explicit(&completions->newest, NULL, memory_order_acquire);
    struct fi_completion **last = &completion->next;
    while (completion) {
        struct fi_completion *older = completion->next;
        completion->next = oldest;
        oldest = completion;
        completion = older;
    }
    *completions->last = oldest;
    completions->last = last;
    return true;
}

void fi_completions_expect(struct fi_completions *completions, struct fi_completion *completion,
                           struct filch_future *future)
{
    completion->waiter.notify = complete_one;
    completion->completions = completions;
    completion->future = future;
    if (!fi_latch_enlist(&future->latch, &completion->waiter)) {
        (void)collect(completions); /* those that ended before it */
        append(completions, completion);
    }
}

void fi_completions_withdraw(struct fi_completion *completion)
{
    /* One that was never listed, as it had ended, is told from the others by the latch. */
    fi_latch_delist(&completion->future->latch, &completion->waiter);
}

/* A wait for completions. */
struct waiting {
    struct fi_wait wait; /* first: its address is the whole's */
    struct fi_completions *completions;
};

static bool completions_help(struct fi_wait *wait)
{
    struct fi_completions *completions = ((struct waiting *)(void *)wait)->completions;
    return completions->help(completions);
}

static bool completions_stuck(void *object, struct fi_probe *probe)
{
    struct fi_completions *completions = ((struct waiting *)object)->completions;
    return !fi_latch_ended(&completions->latch) && completions->stuck(completions, probe);
}

/* Sleeps until something has come, or the time is up. Returns 0, or why it should not go on. */
static int doze_off(struct fi_completions *completions, int64_t deadline)
{
    struct waiting waiting = {fi_latch_waiting(&completions->latch, deadline), completions};
    struct fi_completion *newest = NULL;

    waiting.wait.help = completions_help;
    waiting.wait.stuck = completions_stuck;
    fi_latch_init(&completions->latch);
    /* A2, release, pairs with A1: the latch. Relaxed on failure: something has come. */
    if (!atomic_compare_exchange_strong_explicit(&completions->newest, &newest, ASLEEP,
                                                 memory_order_release, memory_order_relaxed))
        return 0;
    int error = fi_wait_for(&waiting.wait);
    newest = ASLEEP;
    /* Relaxed: nothing was published; A3 acquires what has come. If something has, then who
     * replaced ASLEEP may not have ended the latch yet: it comes out first, and
     * fi_completions_take() waits until it has let go, before the latch can be made anew. */
    (void)atomic_compare_exchange_strong_explicit(&completions->newest, &newest, NULL,
                                                  memory_order_relaxed, memory_order_relaxed);
    return error;
}

bool fi_completions_any(const struct fi_completions *completions)
{
    /* Relaxed: a hint until it is taken. */
    return completions->first ||
           atomic_load_explicit(&completions->newest, memory_order_relaxed);
}

int fi_completions_take(struct fi_completions *completions, int64_t deadline,
                        struct fi_completion **completion)
{
    int error = 0;

    while (!completions->first && !collect(completions)) {
        if (error || fi_is_late(deadline))
            return error ? error : FILCH_ETIMEDOUT;
        error = doze_off(completions, deadline);
    }
    if (error == FILCH_EINTR)
        fi_interrupt_self();
    *completion = completions->first;
    completions->first = (*completion)->next;
    if (completions->first)
        __builtin_prefetch(completions->first->future, 1); /* the one to be asked for next */
    else
        completions->last = &completions->first;
    fi_completions_withdraw(*completion);
    return 0;
}
