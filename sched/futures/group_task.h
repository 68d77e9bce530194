/* SPDX-License-Identifier: MIT
 *
 * Tasks of a group that its waiter can find. They stand in the executor's submit queue like any, and
 * in a list of the group's as well: a task that waits for the group runs them itself, without a walk
 * through a queue of strangers. Whoever claims one first runs it; its memory goes when both the queue
 * and the list have let go of it.
 *
 *     state:  CLAIMED   somebody runs it, or has
 *             UNQUEUED  the submit queue has let go of it
 *             UNLISTED  the list has, and so has the waiter that ran it
 *
 * Only what workers submit is listed: others do not wait in a task, and a long list costs. */
#ifndef FI_GROUP_TASK_H
#define FI_GROUP_TASK_H

#include "sched/core/deadlock.h"
#include "sched/futures/group.h"
#include "sched/futures/plain_task.h"

struct fi_group_task {
    struct fi_plain_task plain; /* first: its address is the group task's */
    struct fi_group_task *next; /* in the list */
    _Atomic(uint32_t) state;
};
_Static_assert(sizeof(struct fi_group_task) == FI_BLOCK_GROUP_TASK_SIZE,
               "as block_cache.h says");

/* Any thread. A copy of `plain` that can be injected and listed, or NULL when memory lacks. */
struct fi_plain_task *fi_group_task_make(const struct fi_plain_task *plain);

/* Whoever has injected it. Lists it, unless it has begun. */
void fi_group_task_list(struct fi_plain_task *plain);

/* A worker. Runs a listed task of the group that has not begun, if it is one of its pool's. Returns
 * true if it has. */
bool fi_group_run_listed(struct filch_group *group);

#endif
