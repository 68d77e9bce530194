/* SPDX-License-Identifier: MIT
 *
 * Tokens: see token.h. Nothing is told to those below: a task that asks looks upwards. */
#include "sched/futures/token.h"

#include "sched/core/wait.h"

#include <math.h>
#include <stdalign.h>
#include <stdlib.h>

/* On a line of its own: every task that it stands for reads it. */
struct filch_token {
    alignas(FILCH_CACHE_LINE) _Atomic(uint32_t) references;
    _Atomic(bool) cancelled;
    _Atomic(int64_t) deadline;  /* of fi_now(), or FI_NEVER */
    struct filch_token *parent; /* or NULL; constant */
};

int filch_token_create(struct filch_token *parent, struct filch_token **token)
{
    struct filch_token *new = aligned_alloc(alignof(struct filch_token), sizeof *new);

    if (!new)
        return FILCH_ENOMEM;
    atomic_init(&new->references, 1);
    atomic_init(&new->cancelled, false);
    atomic_init(&new->deadline, FI_NEVER);
    new->parent = parent ? filch_token_retain(parent) : NULL;
    *token = new;
    return 0;
}

struct filch_token *filch_token_retain(struct filch_token *token)
{
    /* F1, as for futures. */
    atomic_fetch_add_explicit(&token->references, 1, memory_order_relaxed);
    return token;
}

void filch_token_release(struct filch_token *token)
{
    while (token) {
        struct filch_token *parent = token->parent;
        /* F2, as for futures. */
        if (atomic_fetch_sub_explicit(&token->references, 1, memory_order_acq_rel) != 1)
            return;
        free(token);
        token = parent;
    }
}

void filch_token_cancel(struct filch_token *token)
{
    /* C1, release, pairs with C2: what the canceller wrote before, such as the reason. */
    atomic_store_explicit(&token->cancelled, true, memory_order_release);
}

int filch_token_set_deadline(struct filch_token *token, double seconds)
{
    if (isnan(seconds))
        return FILCH_EINVAL;
    /* Relaxed: a number that stands for itself. */
    atomic_store_explicit(&token->deadline, fi_deadline(seconds), memory_order_relaxed);
    return 0;
}

bool filch_token_cancelled(const struct filch_token *token)
{
    int64_t first = FI_NEVER;

    for (; token; token = token->parent) {
        /* C2, acquire, pairs with C1: what came before the cancelling. */
        if (atomic_load_explicit(&token->cancelled, memory_order_acquire))
            return true;
        /* Relaxed: see filch_token_set_deadline(). */
        int64_t deadline = atomic_load_explicit(&token->deadline, memory_order_relaxed);
        first = deadline < first ? deadline : first;
    }
    return fi_is_late(first);
}
