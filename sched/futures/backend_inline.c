/* SPDX-License-Identifier: MIT
 *
 * Executors without a thread: whoever submits a task runs it. Nothing waits, so there is nothing
 * that exit() would have to finish. */
#include "sched/futures/backend.h"

static const struct fi_backend inline_ = {.counted = true, .caller_runs = true};

int filch_executor_create_inline(struct filch_executor **out)
{
    static const struct filch_executor_options none;
    struct filch_executor *executor = fi_executor_alloc(&inline_, &none);

    if (!executor)
        return FILCH_ENOMEM;
    *out = executor;
    return 0;
}
