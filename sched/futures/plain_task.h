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

/* Whoever is to run it, and sees to its memory and to its executor. worker: the caller, at its top
 * level, or NULL: inside another task, or elsewhere. refusal: not 0: it is not to be run after all. */
void fi_plain_task_run(const struct fi_plain_task *plain, struct fi_worker *worker,
                       int refusal);

/* What task.run is to be: the worker takes it out of its submit queue. */
void fi_plain_task_take(struct fi_task *task, struct fi_worker *worker, struct filch_slot *head,
                        int refusal);

#endif
