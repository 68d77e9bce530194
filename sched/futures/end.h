/* SPDX-License-Identifier: MIT
 *
 * When has an executor ended? Its `unfinished` says how much may still run: each task where they are
 * counted; elsewhere one for all that its threads run, which is taken away when these leave. Once it
 * is closed nothing new comes, so whoever brings that to 0 then, or finds it there, ends it. Those who
 * wait for that have a future, which any number of them share. */
#ifndef FI_END_H
#define FI_END_H

#include "sched/futures/backend_table.h"

void fi_executor_check_end(struct filch_executor *executor);

/* Who keeps at least the executor's memory. So many of `unfinished` have ended. */
static inline void fi_executor_count_out(struct filch_executor *executor, uint32_t count)
{
    fi_count_latch_sub(&executor->unfinished, count);
    /* Relaxed: if this is the last change of the count it comes after the one in
     * fi_executor_closed(), and T2 has brought what that one found (T2, with itself). */
    if (FILCH_UNLIKELY(atomic_load_explicit(&executor->closed, memory_order_relaxed)))
        fi_executor_check_end(executor);
}

/* Whoever has closed it, when no submitter is left. Again is fine. Calls callbacks if it has ended. */
void fi_executor_closed(struct filch_executor *executor);

/* The thread, which would wait for the end while one of the executor's tasks runs on it. Keeps a text of
 * it. Returns FILCH_EDEADLK. */
int fi_executor_refuse_wait(const struct filch_executor *executor);

/* The last thread of a back end that does not count its tasks, or whoever closes it if it has none.
 * Once. Calls callbacks. */
void fi_executor_left(struct filch_executor *executor);

#endif
