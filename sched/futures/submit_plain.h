/* SPDX-License-Identifier: MIT
 *
 * Submitting tasks without a future. */
#ifndef FI_SUBMIT_PLAIN_H
#define FI_SUBMIT_PLAIN_H

#include <filch/future.h>

#include <stddef.h>

struct filch_executor;
struct filch_group;

/* Any thread. As filch_executor_submit(), without a future. */
int fi_plain_task_submit(struct filch_executor *executor, struct filch_group *group,
                         filch_fn *fn, void *arg);

/* Likewise, fn(args[0]) to fn(args[count - 1]). *submitted, if not NULL: how many, from the first
 * on, even if there is an error. */
int fi_plain_task_submit_many(struct filch_executor *executor, struct filch_group *group,
                              filch_fn *fn, void *const *args, size_t count, size_t *submitted);

#endif
