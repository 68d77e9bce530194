/* SPDX-License-Identifier: MIT
 *
 * What a pool has done so far. */
#include <filch/stats.h>

#include "sched/core/worker.h"

void filch_stats_read(const struct filch_pool *pool, struct filch_stats *stats)
{
    *stats = (struct filch_stats){0};
    for (int i = 0; i < fi_pool_known(pool); i++) {
        struct fi_worker *worker = pool->workers[i];
        /* Relaxed: a snapshot of each number for itself. */
        stats->steals += atomic_load_explicit(&worker->steals, memory_order_relaxed);
        stats->races += atomic_load_explicit(&worker->races, memory_order_relaxed);
        stats->tasks += atomic_load_explicit(&worker->tasks, memory_order_relaxed);
        stats->parks += atomic_load_explicit(&worker->parks, memory_order_relaxed);
        stats->spills += atomic_load_explicit(&worker->spills, memory_order_relaxed);
        stats->last_resorts +=
            atomic_load_explicit(&worker->last_resorts, memory_order_relaxed);
        stats->scratch += atomic_load_explicit(&worker->scratched, memory_order_relaxed);
    }
}
