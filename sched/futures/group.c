/* SPDX-License-Identifier: MIT
 *
 * Groups: see group.h. What fails is pushed onto a list, which only grows until the group goes. */
#include "sched/futures/group.h"

#include "sched/core/process.h"
#include "sched/core/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int filch_group_create(struct filch_executor *executor, struct filch_token *parent,
                       struct filch_group **group)
{
    struct filch_group *new = aligned_alloc(alignof(struct filch_group), sizeof *new);

    if (!new)
        return FILCH_ENOMEM;
    int error = filch_token_create(parent, &new->token);
    if (error) {
        free(new);
        return error;
    }
    fi_count_latch_init(&new->count_latch);
    new->executor = executor;
    new->generation = fi_process_generation();
    atomic_init(&new->listed, NULL);
    atomic_init(&new->pushes, 0);
    atomic_init(&new->lookout, 0);
    atomic_init(&new->references, 1);
    atomic_init(&new->newest, NULL);
    atomic_init(&new->lost, 0);
    atomic_init(&new->skipped, 0);
    atomic_init(&new->refusal, 0);
    atomic_init(&new->taken, false);
    *group = new;
    return 0;
}

/* ---- Failures ---------------------------------------------------------------------------- */

/* Returns NULL when memory lacks. */
static struct fi_group_failure *failure_make(struct filch_group *group, int code,
                                             const char *text, struct fi_detail detail)
{
    struct fi_group_failure *failure = &group->reserve;

    /* Relaxed: decides who writes. */
    if (!atomic_exchange_explicit(&group->taken, true, memory_order_relaxed)) {
        failure->text = text ? group->text : NULL;
        if (text)
            snprintf(group->text, sizeof group->text, "%s", text);
    } else {
        failure = fi_block_cache_alloc(FI_BLOCK_PLAIN_TASK);
        if (!failure)
            return NULL;
        failure->text = text ? strdup(text) : NULL;
    }
    failure->code = code;
    failure->detail = detail;
    return failure;
}

static void failures_free(struct filch_group *group)
{
    /* Relaxed: all tasks have ended (T1). */
    struct fi_group_failure *failure =
        atomic_load_explicit(&group->newest, memory_order_relaxed);

    while (failure) {
        struct fi_group_failure *older = failure->older;
        fi_detail_destroy(failure->detail);
        if (failure != &group->reserve) {
            free(failure->text);
            fi_block_cache_free(FI_BLOCK_PLAIN_TASK, failure);
        }
        failure = older;
    }
}

static struct fi_group_failure *newest(const struct filch_group *group)
{
    /* G2, acquire, pairs with G1 and through its release sequence with all before: code, text,
     * and what is older. */
    return atomic_load_explicit(&group->newest, memory_order_acquire);
}

void fi_group_fail(struct filch_group *group, int code, const char *text,
                   struct fi_detail detail)
{
    if (code == FILCH_ECANCELED) {
        fi_group_skip(group, code);
        fi_detail_destroy(detail);
        return;
    }
    struct fi_group_failure *failure = failure_make(group, code, text, detail);
    if (failure) {
        /* Relaxed: only the address counts. */
        failure->older = atomic_load_explicit(&group->newest, memory_order_relaxed);
        /* G1, release, pairs with G2. Nothing is taken off the list: no ABA. */
        while (!atomic_compare_exchange_weak_explicit(&group->newest, &failure->older, failure,
                                                      memory_order_release,
                                                      memory_order_relaxed))
            continue;
    } else {
        /* Relaxed, as all of these: a number that stands for itself. */
        atomic_fetch_add_explicit(&group->lost, 1, memory_order_relaxed);
        fi_detail_destroy(detail);
    }
    /* Last: who sees that the group is cancelled (C1, C2) also sees why. */
    filch_token_cancel(group->token);
}

void fi_group_skip(struct filch_group *group, int refusal)
{
    int none = 0;

    /* Relaxed, both: numbers that stand for themselves. */
    (void)atomic_compare_exchange_strong_explicit(&group->refusal, &none, refusal,
                                                  memory_order_relaxed, memory_order_relaxed);
    atomic_fetch_add_explicit(&group->skipped, 1, memory_order_relaxed);
}

static const char *text_of(const struct fi_group_failure *failure)
{
    return failure->text ? failure->text : filch_strerror(failure->code);
}

const char *filch_group_error(struct filch_group *group, int *code)
{
    const struct fi_group_failure *first = newest(group);
    /* Relaxed: see fi_group_skip(). */
    int refusal = atomic_load_explicit(&group->refusal, memory_order_relaxed);

    while (first && first->older)
        first = first->older;
    int error = first ? first->code : refusal;
    if (code)
        *code = error;
    if (!error)
        return NULL;
    return first ? text_of(first) : filch_strerror(error);
}

size_t filch_group_errors(struct filch_group *group, struct filch_group_failure *failures,
                          size_t room)
{
    /* Relaxed: see fi_group_fail(). */
    size_t lost = atomic_load_explicit(&group->lost, memory_order_relaxed), kept = 0;
    const struct fi_group_failure *last = newest(group);

    for (const struct fi_group_failure *each = last; each; each = each->older)
        kept++;
    size_t place = kept;
    for (const struct fi_group_failure *each = last; each; each = each->older)
        if (--place < room)
            failures[place] =
                (struct filch_group_failure){each->code, text_of(each), each->detail.object};
    for (place = kept; place < kept + lost && place < room; place++)
        failures[place] =
            (struct filch_group_failure){FILCH_ENOMEM, filch_strerror(FILCH_ENOMEM), NULL};
    return kept + lost;
}

size_t filch_group_skipped(struct filch_group *group)
{
    /* Relaxed: see fi_group_skip(). */
    return atomic_load_explicit(&group->skipped, memory_order_relaxed);
}

/* ---- Its end ------------------------------------------------------------------------------ */

struct filch_token *filch_group_token(struct filch_group *group)
{
    return group->token;
}

void fi_group_release(struct filch_group *group)
{
    /* F2, as for futures. */
    if (atomic_fetch_sub_explicit(&group->references, 1, memory_order_acq_rel) != 1)
        return;
    failures_free(group);
    filch_token_release(group->token);
    free(group);
}
