/* SPDX-License-Identifier: MIT
 *
 * Groups: many small tasks without a future each. They are submitted into a group, which is waited
 * for as a whole, and cancelled as a whole; the first error is kept. Half the cost of a
 * future. */
#ifndef FILCH_GROUP_H
#define FILCH_GROUP_H

#include <filch/base.h>
#include <filch/error.h>
#include <filch/executor.h>
#include <filch/future.h>

#include <stddef.h>

struct filch_group;
struct filch_token;

FILCH_BEGIN_DECLS

/* Any thread. Does not block. A group of tasks that `executor`, which must outlive it, will run.
 * parent: a token (cancel.h) above the group's own, or NULL. Errors: FILCH_ENOMEM. */
FILCH_API int filch_group_create(struct filch_executor *executor, struct filch_token *parent,
                                 struct filch_group **group);

/* Any thread, tasks of the group included. Does not block, but for max_queued. As
 * filch_executor_submit(), without a future. Where the group is cancelled before the task starts
 * it is not run. Errors: those of filch_executor_submit(). */
FILCH_API int filch_group_submit(struct filch_group *group, filch_fn *fn, void *arg);

/* Likewise, fn(args[0]) to fn(args[count - 1]); args may go when it returns. *submitted, if not NULL:
 * how many were submitted; less than count only if there is an error. */
FILCH_API int filch_group_submit_many(struct filch_group *group, filch_fn *fn,
                                      void *const *args, size_t count, size_t *submitted);

/* Any thread. Blocks until all tasks submitted so far, and by them, have ended, for at most
 * `timeout` seconds (as filch_future_result()); without tasks it returns at once. A worker that
 * waits runs other tasks meanwhile. May be called again, and the group used again, errors included.
 * Errors: the first that a task gave to filch_fail(), else FILCH_ECANCELED if a task was not run
 * since the group is cancelled; FILCH_ETIMEDOUT; FILCH_EINVAL (NaN); FILCH_EDEADLK (from a task of
 * this group); FILCH_EFORKED (it was made before this process was forked). */
FILCH_API int filch_group_wait(struct filch_group *group, double timeout);

/* Any thread. Does not block. The text of the first failure so far, or NULL; *code, if not NULL, its
 * code or 0. Valid as long as the group. */
FILCH_API const char *filch_group_error(struct filch_group *group, int *code);

/* Any thread. Does not block. The group's own token, to cancel its tasks, set their deadline, or
 * put tokens below it; it belongs to the group. */
FILCH_API struct filch_token *filch_group_token(struct filch_group *group);

/* Any thread but the group's tasks. Blocks until all tasks have ended, then frees the group. group:
 * NULL is fine. Errors: FILCH_EDEADLK (nothing is done). */
FILCH_API int filch_group_destroy(struct filch_group *group);

FILCH_END_DECLS

#endif
