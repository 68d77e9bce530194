/* SPDX-License-Identifier: MIT
 *
 * Counting later: see settle.h. */
#include "sched/core/settle.h"

#include <stddef.h>

void fi_worker_count_later(struct fi_worker *worker, struct fi_count_latch *count_latch)
{
    worker->count_latch = count_latch;
    worker->uncounted++;
}

void fi_worker_settle(struct fi_worker *worker)
{
    struct fi_count_latch *count_latch = worker->count_latch;
    uint64_t count = worker->uncounted;

    if (!count_latch)
        return;
    worker->count_latch = NULL;
    worker->uncounted = 0;
    fi_count_latch_sub(count_latch, count);
}

void fi_worker_settle_but(struct fi_worker *worker, const struct fi_count_latch *count_latch)
{
    if (worker->count_latch != count_latch)
        fi_worker_settle(worker);
}
