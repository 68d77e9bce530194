/* SPDX-License-Identifier: MIT
 *
 * Plain tasks: tasks that are submitted without a future, alone or as part of a group. */
#ifndef FI_PLAIN_TASK_H
#define FI_PLAIN_TASK_H

#include "sched/core/block_cache.h"
#include "sched/core/worker.h"

#include <filch/future.h>

struct filch_executor;
struct filch_group;

struct fi_plain_task {
    struct fi_task task; /* first: the task's address is the plain task's */
    filch_fn *fn;
    void *arg;
    struct filch_executor *executor;
    struct filch_group *group; /* or NULL */
};
_Static_assert(sizeof(struct fi_plain_task) == FI_BLOCK_PLAIN_TASK_SIZE,
               "as block_cache.h says");

/* Any thread. As filch_executor_submit(), without a future. */
int fi_plain_task_submit(struct filch_executor *executor, struct filch_group *group,
                         filch_fn *fn, void *arg);

/* Likewise, fn(args[0]) to fn(args[count - 1]). *submitted, if not NULL: how many, from the first
 * on, even if there is an error. */
int fi_plain_task_submit_many(struct filch_executor *executor, struct filch_group *group,
                              filch_fn *fn, void *const *args, size_t count, size_t *submitted);

#endif
