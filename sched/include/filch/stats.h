/* SPDX-License-Identifier: MIT
 *
 * What a pool has done so far. */
#ifndef FILCH_STATS_H
#define FILCH_STATS_H

#include <filch/base.h>
#include <filch/pool.h>

#include <stdint.h>

/* Sums over all workers since the pool was created; while it runs they are a snapshot, each
 * number for itself. */
struct filch_stats {
    uint64_t steals; /* forked tasks that a worker took from another's deque */
    uint64_t races;  /* attempts at it that another thief or the owner won */
    uint64_t tasks;  /* submitted tasks and FILCH_RUN roots that were run */
    uint64_t parks;  /* times that a worker went to sleep */
    /* Tasks that a waiting task ran on top of its own though it does not wait for them, as no thread
     * was to be had that could have (pool.h, spares). */
    uint64_t last_resorts;
    uint64_t spills; /* forks that ran in place because the deque was full */
    uint64_t
        scratch; /* bytes: the most scratch memory that each worker has used at a time, in steps of
                         64 KiB */
};

FILCH_BEGIN_DECLS

/* Any thread, does not block, O(workers). */
FILCH_API void filch_stats_read(const struct filch_pool *pool, struct filch_stats *stats);

FILCH_END_DECLS

#endif
