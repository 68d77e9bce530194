/* SPDX-License-Identifier: MIT
 *
 * Calls that block: see filch/blocking.h and spare.c. */
#include <filch/blocking.h>

#include "sched/core/self.h"
#include "sched/core/spare.h"

void filch_blocking_begin(void)
{
    struct fi_worker *worker = fi_worker_self();

    if (worker && worker->blocking++ == 0)
        worker->covered = fi_spare_cover(worker) == FI_COVERED;
}

void filch_blocking_end(void)
{
    struct fi_worker *worker = fi_worker_self();

    if (!worker || worker->blocking == 0 || --worker->blocking > 0 || !worker->covered)
        return;
    worker->covered = false;
    fi_spare_uncover(worker);
}
