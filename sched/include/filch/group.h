/* SPDX-License-Identifier: MIT
 *
 * Groups: many small tasks without a future each. They are submitted into a group, which is waited
 * for as a whole, and cancelled as a whole; all of them have ended before the group goes. The first
 * one that fails cancels the group: those that have not started are not run, those that run are
 * told to stop (cancel.h), and it takes no further ones. Half the cost of a future. */
#ifndef FILCH_GROUP_H
#define FILCH_GROUP_H

#include <filch/base.h>
#include <filch/error.h>
#include <filch/executor.h>
#include <filch/future.h>

#include <stddef.h>

struct filch_group;
struct filch_token;

/* What a task gave to filch_fail() or filch_fail_detail(). Text and detail are valid as long as the
 * group. */
struct filch_group_failure {
    int code;
    const char *text;
    void *detail; /* or NULL */
};

FILCH_BEGIN_DECLS

/* Any thread. Does not block. A group of tasks that `executor`, which must outlive it, will run.
 * parent: a token (cancel.h) above the group's own, or NULL. NULL is none in a task, too: a group
 * that should be cancelled with the one whose task makes it is given that one's
 * filch_group_token(). Errors: FILCH_ENOMEM. */
FILCH_API int filch_group_create(struct filch_executor *executor, struct filch_token *parent,
                                 struct filch_group **group);

/* Any thread, tasks of the group included. Does not block, but for max_queued. As
 * filch_executor_submit(), without a future. Where the group is cancelled before the task starts
 * it is not run. Errors: those of filch_executor_submit(); FILCH_ECANCELED (the group is cancelled:
 * a task has failed, or its token says so; for good, but for a deadline that is moved). */
FILCH_API int filch_group_submit(struct filch_group *group, filch_fn *fn, void *arg);

/* Likewise, fn(args[0]) to fn(args[count - 1]); args may go when it returns. *submitted, if not NULL:
 * how many were submitted; less than count only if there is an error. */
FILCH_API int filch_group_submit_many(struct filch_group *group, filch_fn *fn,
                                      void *const *args, size_t count, size_t *submitted);

/* Any thread. Blocks until all tasks submitted so far, and by them, have ended, for at most
 * `timeout` seconds (as filch_future_result()); without tasks it returns at once. A task that
 * waits runs tasks of the group that have not started, and nothing else. May be called again, and the group used again until it is
 * cancelled. Errors: the first that a task gave to filch_fail(), which stays; else why the first
 * of the tasks that were skipped was: as a rule FILCH_ECANCELED, also after a deadline (if all were
 * run by then, 0); FILCH_ETIMEDOUT; FILCH_EINVAL (NaN); FILCH_EDEADLK (from a task of this group);
 * FILCH_EFORKED (it was made before this process was forked); FILCH_EINTR (filch_interrupt()). */
FILCH_API int filch_group_wait(struct filch_group *group, double timeout);

/* Any thread. Does not block. The text of the error that filch_group_wait() would return if all had
 * ended, or NULL; *code, if not NULL, its code or 0. Valid as long as the group. */
FILCH_API const char *filch_group_error(struct filch_group *group, int *code);

/* Any thread. Does not block. How many tasks have failed so far; the first `room` of them, in the
 * order in which they did, are written to failures[] (NULL if room is 0). What has a place in that
 * order keeps it. Where memory lacked for its text, that of its code stands for it; where there was
 * none at all, it comes behind the others, as FILCH_ENOMEM: never the only one. */
FILCH_API size_t filch_group_errors(struct filch_group *group,
                                    struct filch_group_failure *failures, size_t room);

/* Any thread. Does not block. How many tasks were skipped so far: not run, since the group was
 * cancelled or its executor refused; or cut short, which is what FILCH_ECANCELED given to
 * filch_fail() means. None of them is a failure, nor cancels the others. */
FILCH_API size_t filch_group_skipped(struct filch_group *group);

/* Any thread. Does not block. The group's own token, to cancel its tasks, set their deadline, or
 * put tokens below it; it belongs to the group. */
FILCH_API struct filch_token *filch_group_token(struct filch_group *group);

/* Any thread but the group's tasks. Blocks until all tasks have ended, then frees the group. group:
 * NULL is fine. Errors: FILCH_EDEADLK (nothing is done). */
FILCH_API int filch_group_destroy(struct filch_group *group);

FILCH_END_DECLS

#endif
