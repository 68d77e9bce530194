/* SPDX-License-Identifier: MIT
 *
 * Groups: tasks without a future that are counted, cancelled and waited for together. What those
 * do is in plain_task.h; the public side is filch/group.h. */
#ifndef FI_GROUP_H
#define FI_GROUP_H

#include "sched/core/block_cache.h"
#include "sched/core/count_latch.h"
#include "sched/futures/context.h"

#include <filch/base.h>
#include <filch/cancel.h>
#include <filch/group.h>

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* Constant once it is in the list. As small as a plain task: who has run one has just given its
 * memory back, so that a code is kept also where no memory is left. */
struct fi_group_failure {
    struct fi_group_failure *older;
    char *text; /* NULL: as its code says, or there was no memory for it */
    struct fi_detail detail;
    int code;
};
_Static_assert(sizeof(struct fi_group_failure) <= FI_BLOCK_PLAIN_TASK_SIZE,
               "it lies in a plain task's block");

struct fi_group_task;

struct filch_group {
    /* Constant: every task reads it, on a line that none of them writes. */
    alignas(FILCH_CACHE_LINE) struct filch_executor *executor;
    struct filch_token *token;
    unsigned generation; /* of sched/core/process.h */

    /* Of tasks that have not ended. */
    alignas(FILCH_CACHE_LINE) struct fi_count_latch count_latch;

    /* Tasks that workers have submitted, most of which have not started: plain_task.h. */
    _Atomic(struct fi_group_task *) listed;
    _Atomic(uint32_t) pushes;  /* onto that list since it was last looked through */
    _Atomic(uint32_t) lookout; /* after so many it is */

    _Atomic(uint32_t)
        references; /* its owner's, and of those who were asked to run its tasks */
    _Atomic(struct fi_group_failure *) newest;
    _Atomic(size_t) lost;    /* failures without a place in the list */
    _Atomic(size_t) skipped; /* tasks that were not run, or were cut short */
    _Atomic(int) refusal;    /* why the first of these was not; 0: there is none */

    /* Memory that does not lack: who sets `taken` writes it. */
    _Atomic(bool) taken;
    struct fi_group_failure reserve;
    char text[FI_TEXT_SIZE];
};

/* Who gives back a reference: the last one frees what is left of it. */
void fi_group_release(struct filch_group *group);

/* Who has run a task of the group, which failed. Keeps the failure and cancels the group. With
 * FILCH_ECANCELED the task was cut short, which is no failure: as fi_group_skip(). text: or
 * NULL. detail: the group's from now on. */
void fi_group_fail(struct filch_group *group, int code, const char *text,
                   struct fi_detail detail);

/* Who has not run a task of the group. refusal: why. */
void fi_group_skip(struct filch_group *group, int refusal);

#endif
