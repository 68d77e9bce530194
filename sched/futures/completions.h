/* SPDX-License-Identifier: MIT
 *
 * Completions: futures come to one thread, the consumer, in the order in which they end. What
 * as_completed and the unordered map have in common. A completion costs one push onto a lock-free
 * list (Treiber's; the consumer takes all of it at once, so there is no ABA), and a wake-up only
 * if the consumer sleeps.
 *
 *     newest:  NULL        nothing has come
 *              ASLEEP      nothing has come, and the consumer waits for `latch`
 *              a completion  the newest of those that have come since the consumer took them
 *
 * All is decided by changes of this one word: whoever replaces ASLEEP ends the latch, so a push
 * either comes before the consumer falls asleep, and keeps it awake, or wakes it. */
#ifndef FI_COMPLETIONS_H
#define FI_COMPLETIONS_H

#include "sched/core/wait.h"
#include "sched/futures/future.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* One future that is to come. 56 bytes. */
struct fi_completion {
    struct fi_waiter waiter;            /* first: the waiter's address is the completion's */
    struct fi_completions *completions; /* constant, as is the next one */
    struct filch_future *future;        /* must stay until this has come or was withdrawn */
    struct fi_completion *next;         /* newest: an older one; first: a newer one */
};

struct fi_completions {
    /* Who completes writes a completion, the consumer the rest. */
    _Atomic(struct fi_completion *) newest;
    struct fi_latch latch; /* made anew for each sleep */

    /* Constant; of whom they belong to. As in struct fi_wait: runs one that has not started; will
     * none of those come that have not? */
    bool (*help)(struct fi_completions *completions);
    bool (*stuck)(struct fi_completions *completions, struct fi_probe *probe);

    /* The consumer's own. */
    struct fi_completion *first; /* those it took and has not given out, oldest first */
    struct fi_completion **last; /* where the next one goes */
};

/* The consumer. `help` and `stuck` are set. */
void fi_completions_init(struct fi_completions *completions);

/* The consumer. Has `completion` come when the future ends. One that has ended already comes at
 * once, behind those that have come. */
void fi_completions_expect(struct fi_completions *completions, struct fi_completion *completion,
                           struct filch_future *future);

/* The consumer, after fi_completions_expect(). `completion` does not come any more, and nobody
 * touches it. May spin while its future's waiters are told. */
void fi_completions_withdraw(struct fi_completion *completion);

/* The consumer. Is there one that fi_completions_take() would give at once? */
bool fi_completions_any(const struct fi_completions *completions);

/* The consumer. Blocks until one has come, at most until the deadline. Returns 0, and nobody else
 * touches that one any more; or FILCH_ETIMEDOUT, FILCH_EDEADLK, FILCH_EINTR. */
int fi_completions_take(struct fi_completions *completions, int64_t deadline,
                        struct fi_completion **completion);

#endif
