/* SPDX-License-Identifier: MIT
 *
 * Groups: plain tasks that are counted together. What fails is pushed onto a list, which only grows
 * until the group goes. */
#include "sched/core/process.h"
#include "sched/futures/plain_task.h"
#include "sched/futures/executor.h"
#include "sched/futures/context.h"

#include <filch/cancel.h>
#include <filch/group.h>

#include <math.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Constant once it is in the list. As small as a plain task: who has run one has just given its memory
 * back, so that a code is kept also where no memory is left. */
struct failure {
    struct failure *older;
    char *text; /* NULL: as its code says, or there was no memory for it */
    int code;
};
_Static_assert(sizeof(struct failure) <= FI_BLOCK_PLAIN_TASK_SIZE,
               "it lies in an plain's block");

struct filch_group {
    /* Constant: every task reads it, on a line that none of them writes. */
    alignas(FILCH_CACHE_LINE) struct filch_executor *executor;
    struct filch_token *token;
    unsigned generation; /* of sched/core/process.h */

    alignas(FILCH_CACHE_LINE) struct fi_count_latch
        count_latch; /* of tasks that have not ended */

    _Atomic(struct failure *) newest;
    _Atomic(size_t) lost;    /* failures without a place in the list */
    _Atomic(size_t) skipped; /* tasks that were not run, or were cut short */
    _Atomic(int) refusal;    /* why the first of these was not; 0: there is none */

    /* Memory that does not lack: who sets `taken` writes it. */
    _Atomic(bool) taken;
    struct failure reserve;
    char text[FI_TEXT_SIZE];
};

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
    atomic_init(&new->newest, NULL);
    atomic_init(&new->lost, 0);
    atomic_init(&new->skipped, 0);
    atomic_init(&new->refusal, 0);
    atomic_init(&new->taken, false);
    *group = new;
    return 0;
}

struct fi_count_latch *fi_group_count_latch(struct filch_group *group)
{
    return &group->count_latch;
}

struct filch_token *fi_group_token(struct filch_group *group)
{
    return group->token;
}

/* ---- Failures ---------------------------------------------------------------------------- */

/* Returns NULL when memory lacks. */
static struct failure *failure_make(struct filch_group *group, int code, const char *text)
{
    struct failure *failure = &group->reserve;

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
    return failure;
}

static void failures_free(struct filch_group *group)
{
    /* Relaxed: all tasks have ended (T1). */
    struct failure *failure = atomic_load_explicit(&group->newest, memory_order_relaxed);

    while (failure) {
        struct failure *older = failure->older;
        if (failure != &group->reserve) {
            free(failure->text);
            fi_block_cache_free(FI_BLOCK_PLAIN_TASK, failure);
        }
        failure = older;
    }
}

static struct failure *newest(const struct filch_group *group)
{
    /* G2, acquire, pairs with G1 and through its release sequence with all before: code, text,
     * and what is older. */
    return atomic_load_explicit(&group->newest, memory_order_acquire);
}

void fi_group_fail(struct filch_group *group, int code, const char *text)
{
    if (code == FILCH_ECANCELED) {
        fi_group_skip(group, code);
        return;
    }
    struct failure *failure = failure_make(group, code, text);
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

static const char *text_of(const struct failure *failure)
{
    return failure->text ? failure->text : filch_strerror(failure->code);
}

const char *filch_group_error(struct filch_group *group, int *code)
{
    const struct failure *first = newest(group);
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
    const struct failure *last = newest(group);

    for (const struct failure *each = last; each; each = each->older)
        kept++;
    size_t place = kept;
    for (const struct failure *each = last; each; each = each->older)
        if (--place < room)
            failures[place] = (struct filch_group_failure){each->code, text_of(each)};
    for (place = kept; place < kept + lost && place < room; place++)
        failures[place] =
            (struct filch_group_failure){FILCH_ENOMEM, filch_strerror(FILCH_ENOMEM)};
    return kept + lost;
}

size_t filch_group_skipped(struct filch_group *group)
{
    /* Relaxed: see fi_group_skip(). */
    return atomic_load_explicit(&group->skipped, memory_order_relaxed);
}

/* ---- Submitting, waiting ----------------------------------------------------------------- */

int filch_group_submit(struct filch_group *group, filch_fn *fn, void *arg)
{
    return fi_plain_task_submit(group->executor, group, fn, arg);
}

int filch_group_submit_many(struct filch_group *group, filch_fn *fn, void *const *args,
                            size_t count, size_t *submitted)
{
    return fi_plain_task_submit_many(group->executor, group, fn, args, count, submitted);
}

/* Does one of its tasks run on this thread? */
static bool is_inside(const struct filch_group *group)
{
    for (const struct fi_context *context = fi_context_current(); context;
         context = context->outer)
        if (context->scope->count_latch == &group->count_latch)
            return true;
    return false;
}

/* Its tasks stayed behind in the parent process. */
static bool is_orphaned_by_fork(const struct filch_group *group)
{
    return group->generation != fi_process_generation();
}

int filch_group_wait(struct filch_group *group, double timeout)
{
    int code;

    if (isnan(timeout))
        return FILCH_EINVAL;
    if (is_orphaned_by_fork(group))
        return FILCH_EFORKED;
    if (is_inside(group))
        return FILCH_EDEADLK;
    if (!fi_count_latch_wait(&group->count_latch, fi_deadline(timeout)))
        return FILCH_ETIMEDOUT;
    (void)filch_group_error(group, &code);
    return code;
}

struct filch_token *filch_group_token(struct filch_group *group)
{
    return group->token;
}

int filch_group_destroy(struct filch_group *group)
{
    if (!group)
        return 0;
    if (!is_orphaned_by_fork(group)) {
        if (is_inside(group))
            return FILCH_EDEADLK;
        (void)fi_count_latch_wait(&group->count_latch, FI_NEVER);
    }
    failures_free(group);
    filch_token_release(group->token);
    free(group);
    return 0;
}
