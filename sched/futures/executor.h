/* SPDX-License-Identifier: MIT
 *
 * The life of an executor, whatever is behind it: what a back end's constructor calls. Its public
 * side, and what a user does to end one, are in filch/executor.h. */
#ifndef FI_EXECUTOR_H
#define FI_EXECUTOR_H

#include "sched/futures/backend.h"

/* Any thread. Are those good that any back end takes, max_queued and when_full? Returns 0 or
 * FILCH_EINVAL. */
int fi_executor_check_options(const struct filch_executor_options *options);

/* Who has made it, before its user gets it. exit() has it finish what it has, if it is still
 * there. */
void fi_executor_join_process(struct filch_executor *executor);

#endif
