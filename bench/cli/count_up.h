/* SPDX-License-Identifier: MIT
 *
 * The chapter's count_up: several threads increment one counter, all at the same time. */
#ifndef BENCH_CLI_COUNT_UP_H
#define BENCH_CLI_COUNT_UP_H

#include <filch/counter.h>
#include <filch/pool.h>

#include <stdint.h>

struct count_up {
    uint64_t value;      /* of the counter, in the end */
    double increment_ns; /* time of one increment of one thread, mean over the threads */
};

/* Not a worker of the pool. Increments a new counter `increments` times on each worker of the
 * pool, all of which must be free: each has a task of its own, and they begin together. Returns
 * 0 or an error code of filch. */
int count_up(struct filch_pool *pool, enum filch_counter_kind kind, uint64_t increments,
             struct count_up *result);

#endif
