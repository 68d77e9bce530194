/* SPDX-License-Identifier: MIT
 *
 * Groups: errands that are counted together. */
#include "sched/core/process.h"
#include "sched/futures/errand.h"
#include "sched/futures/executor.h"
#include "sched/futures/frame.h"

#include <filch/cancel.h>
#include <filch/group.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NO_ERROR, WRITING, WRITTEN };

struct filch_group {
    struct fi_tally tally; /* of tasks that have not ended */
    struct filch_executor *executor;
    struct filch_token *token;
    unsigned generation; /* of sched/core/process.h */

    /* The first error: who moves the state on from NO_ERROR writes it. */
    _Atomic(int) state;
    int code;
    char text[FI_TEXT_SIZE];
};

int filch_group_create(struct filch_executor *executor, struct filch_token *parent,
                       struct filch_group **group)
{
    struct filch_group *new = malloc(sizeof *new);

    if (!new)
        return FILCH_ENOMEM;
    int error = filch_token_create(parent, &new->token);
    if (error) {
        free(new);
        return error;
    }
    fi_tally_init(&new->tally);
    new->executor = executor;
    new->generation = fi_process_generation();
    atomic_init(&new->state, NO_ERROR);
    *group = new;
    return 0;
}

struct fi_tally *fi_group_tally(struct filch_group *group)
{
    return &group->tally;
}

struct filch_token *fi_group_token(struct filch_group *group)
{
    return group->token;
}

void fi_group_note(struct filch_group *group, int code, const char *text)
{
    int state = NO_ERROR;

    /* Relaxed: decides who writes. */
    if (!atomic_compare_exchange_strong_explicit(&group->state, &state, WRITING,
                                                 memory_order_relaxed, memory_order_relaxed))
        return;
    group->code = code;
    snprintf(group->text, sizeof group->text, "%s", text ? text : filch_strerror(code));
    /* G1, release, pairs with G2. */
    atomic_store_explicit(&group->state, WRITTEN, memory_order_release);
}

int filch_group_submit(struct filch_group *group, filch_fn *fn, void *arg)
{
    return fi_errand_submit(group->executor, group, fn, arg);
}

int filch_group_submit_many(struct filch_group *group, filch_fn *fn, void *const *args,
                            size_t count, size_t *submitted)
{
    return fi_errand_submit_many(group->executor, group, fn, args, count, submitted);
}

const char *filch_group_error(struct filch_group *group, int *code)
{
    /* G2, acquire, pairs with G1: code and text. */
    bool written = atomic_load_explicit(&group->state, memory_order_acquire) == WRITTEN;

    if (code)
        *code = written ? group->code : 0;
    return written ? group->text : NULL;
}

/* Does one of its tasks run on this thread? */
static bool is_inside(const struct filch_group *group)
{
    for (const struct fi_frame *frame = fi_frame_current(); frame; frame = frame->outer)
        if (frame->scope->tally == &group->tally)
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
    if (!fi_tally_wait(&group->tally, fi_deadline(timeout)))
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
        (void)fi_tally_wait(&group->tally, FI_NEVER);
    }
    filch_token_release(group->token);
    free(group);
    return 0;
}
