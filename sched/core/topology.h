/* SPDX-License-Identifier: MIT
 *
 * Where the workers of a pool run, and who of them is near whom. A pool that pins nothing has no
 * topology: nothing is read for it. For one that does:
 *
 *     read     the processors that may be used, and what they share (topology_hwloc.c or _none.c)
 *     plan     those of one node; in the order in which workers are pinned to them (topology.c)
 *     order    for each worker the workers that it may steal from, near ones first
 *     bind     a thread to its processor
 *
 * Only the first step asks the machine, so that the plan can be made for any other, with
 * HWLOC_SYNTHETIC; threads are not bound then. Without hwloc the processors are known, and not what
 * they share. Internal: the public side is filch/pool.h. */
#ifndef FI_TOPOLOGY_H
#define FI_TOPOLOGY_H

#include <filch/pool.h>

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is not known is -1, and shared with none. */
struct fi_place {
    int processor;         /* the system's number */
    int core, cache, node; /* cache: the L3; node: of NUMA, the system's number */
};

struct fi_topology {
    struct fi_place *places;
    int count;     /* of these; 0: nothing is known, threads are not bound */
    bool is_known; /* what they share */
    bool is_here;  /* they are this machine's: threads can be bound */
    bool pins;     /* worker i to places[i % count], and not all workers to all places */
};

/* The nearest thing that two places share. */
enum fi_distance {
    FI_SAME_CORE,
    FI_SAME_CACHE,
    FI_SAME_NODE,
    FI_REMOTE,
    FI_DISTANCES,
};

/* Whom one worker steals from in which order: all that are pinned, itself included, by their distance. */
struct fi_order {
    uint32_t ends[FI_DISTANCES]; /* where those of each distance end */
    uint16_t workers[];
};

/* ---- topology_hwloc.c or topology_none.c ----------------------------------------------------- */

/* The processors that the calling thread may use, neighbours beside each other, and nothing planned
 * yet. Returns 0, FILCH_ENOMEM or FILCH_ETOPOLOGY. */
int fi_topology_read(struct fi_topology *topology);

/* ---- topology.c ------------------------------------------------------------------------------ */

/* Reads and plans what the options ask for: nothing by default. Returns 0, FILCH_EINVAL,
 * FILCH_ENOMEM or FILCH_ETOPOLOGY. */
int fi_topology_plan(const struct filch_pool_options *options, struct fi_topology *topology);
void fi_topology_fini(struct fi_topology *topology);

/* The processor of a worker, or -1. */
int fi_topology_processor(const struct fi_topology *topology, int worker);

/* Has a thread start where that worker is pinned; or, for a spare (-1), and where none is, on any
 * of the processors. Returns 0 or FILCH_ENOMEM. */
int fi_topology_bind(const struct fi_topology *topology, int worker,
                     pthread_attr_t *attributes);

enum fi_distance fi_distance(const struct fi_place *a, const struct fi_place *b);

/* For one of so many workers, all pinned. Returns NULL when memory lacks; free() frees it. */
struct fi_order *fi_order_create(const struct fi_topology *topology, int workers, int worker);

#endif
