/* SPDX-License-Identifier: MIT
 *
 * Pools: a fixed number of workers, each a thread with a deque of its own, that run forked tasks
 * (task.h) and submitted ones (future.h). A pool is explicit: there is no hidden global one, and
 * any number may exist side by side. Workers block all signals and sleep when there is nothing
 * to do. */
#ifndef FILCH_POOL_H
#define FILCH_POOL_H

#include <filch/base.h>
#include <filch/error.h>

#include <stdbool.h>
#include <stddef.h>

struct filch_pool;

#define FILCH_WORKERS_MAX 1024
#define FILCH_SPARES_MAX  4096

/* Where workers run. One that is pinned has one processor, and steals from those first that are
 * near: of the same core, then those that share its L3 cache, then its NUMA node, then the others.
 * COMPACT, SCATTER and nodes need hwloc, which FILCH_HWLOC of the build decides on; a LIST does not, but
 * without hwloc nobody is known to be near. Where there are more workers than processors it goes on
 * with the first processor. The processors are those that the thread which creates the pool may
 * use; spares may run on any of them, of a LIST on any in it. */
enum filch_pinning {
    FILCH_PIN_NONE,    /* wherever the system likes */
    FILCH_PIN_COMPACT, /* fills a core, then the cores of an L3, of a node, then the next node */
    FILCH_PIN_SCATTER, /* spreads: each next one is on the node with the fewest so far; there, at
                          the L3 with the fewest; there, on the core */
    FILCH_PIN_LIST,    /* worker i is on processors[i % processor_count] */
};

/* All fields 0 means the defaults. */
struct filch_pool_options {
    int workers; /* 1 to FILCH_WORKERS_MAX; 0: filch_sizing_read()'s answer */
    size_t
        stack_size; /* bytes of a worker's stack, at least 64 KiB; 0: 16 MiB. Below it lie 64 KiB
                           of guard pages: an overflow ends in SIGSEGV there, and a debug build
                           names the task just before (task.h) */
    size_t deque_slots; /* forks of one worker that can be pending at a time, 1 to 2^30; 0:
                           1,048,576. Address space, 64 bytes each; memory is used only as it
                           is touched. Further forks run at once, in place */
    const char
        *thread_name_prefix; /* of the threads' names, as `ps -T` shows them: "PREFIX_0", cut
                                       to 15 bytes in all; NULL: "filch" */
    /* Further workers at most, who take the place of those that sleep in a task, since it waits or
     * blocks (blocking.h): 1 to FILCH_SPARES_MAX; 0: that many; -1: none. They are made when they are
     * needed, and end when they have not been for 5 s. With none left, or no thread to be had, a
     * waiting task runs others on top of its own (stats.h, last_resorts), and may hang if one of
     * these waits for it. But in a pool of one worker with no spares it never does: there tasks do
     * not overlap, except that a task runs what it waits for. */
    int spares;
    size_t
        scratch_size; /* bytes of scratch memory (scratch.h) that a worker can have in use, at most
                         SIZE_MAX / 4; 0: 64 MiB. Address space, made at its first use */
    enum filch_pinning pinning;
    /* Of a LIST, else NULL: the system's numbers of processors that the thread which creates the
     * pool may use. Read by filch_pool_create() alone. */
    const int *processors;
    size_t processor_count; /* 1 to FILCH_WORKERS_MAX, else 0 */
    bool on_node; /* all threads stay on the processors of NUMA node `node`, pinned or not; the
                     default number of workers is at most that of these processors then */
    int node;     /* the system's number of it; only with on_node */
};

/* What hwloc knows of the machine. */
struct filch_topology {
    int packages, nodes, caches, cores, processors; /* caches: L3; nodes: NUMA */
};

/* How the default number of workers comes about. */
struct filch_sizing {
    int affinity; /* processors that this process may run on */
    double quota; /* processors' worth of time that its cgroups (v1 or v2) allow; 0: no limit */
    int env;      /* FILCH_WORKERS, or 0 where it is not set */
    int workers;  /* env if set, else min(affinity, quota rounded up), at least 1 */
};

FILCH_BEGIN_DECLS

/* Any thread. Reads files, may allocate. Finds the default number of workers. cgroup_root: the
 * directory that the cgroup file systems are mounted under, NULL for /sys/fs/cgroup; what cannot be
 * read there, or for lack of memory, is no limit.
 * Errors: FILCH_EWORKERS when FILCH_WORKERS is set to anything but a number from 1 to 1024. */
FILCH_API int filch_sizing_read(const char *cgroup_root, struct filch_sizing *sizing);

/* Any thread. Blocks until all threads run. options: NULL for the defaults. *pool belongs to the
 * caller until filch_pool_destroy().
 * With pinning or on_node it asks hwloc, which takes milliseconds, and does not check all of its own
 * allocations. If hwloc describes another machine (its variable HWLOC_SYNTHETIC) the pool is made as
 * for that one, and its threads are not bound.
 * Errors: FILCH_EINVAL (an option out of range; a processor that may not be used; a node with none
 * that may), FILCH_EWORKERS, FILCH_ENOMEM, FILCH_ETOPOLOGY (hwloc is needed, and is not built in),
 * FILCH_ETHREAD (none of its threads is left running). */
FILCH_API int filch_pool_create(const struct filch_pool_options *options,
                                struct filch_pool **pool);

/* Any thread but the pool's own workers. Blocks: runs everything submitted so far and all that
 * comes of it, then ends the workers and frees the pool. Futures stay valid. Meanwhile and
 * afterwards no other thread may use the pool. pool: NULL is fine.
 * Errors: FILCH_EDEADLK when a worker of this very pool calls it (nothing is done). */
FILCH_API int filch_pool_destroy(struct filch_pool *pool);

/* Any thread, does not block. May the pool be used? Errors: FILCH_EFORKED: it was made by a process
 * that this one was forked from, and has no threads here. Every call that can fail says so by itself;
 * FILCH_RUN cannot, and runs nothing then: its result is made of zeros, and where FILCH_DEBUG is
 * defined an assertion fails. Such a pool should be destroyed, which frees its memory here. */
FILCH_API int filch_pool_check(const struct filch_pool *pool);

/* Any thread, does not block. The number of workers. */
FILCH_API int filch_pool_size(const struct filch_pool *pool);

/* Any thread, does not block. The pool whose worker is calling, or NULL elsewhere. */
FILCH_API struct filch_pool *filch_pool_current(void);

/* Any thread, does not block. The caller's number in the pool whose worker it is, from 0 to
 * size - 1, or, where workers block and a spare has taken a place, to filch_pool_capacity() - 1;
 * -1 elsewhere. No two threads of a pool have the same. */
FILCH_API int filch_pool_worker(void);

/* Any thread, does not block. The number of workers, spares included, that there can be. */
FILCH_API int filch_pool_capacity(const struct filch_pool *pool);

/* Any thread, does not block. The processor that a worker, from 0 to size - 1, is pinned to; -1
 * where it is not, and for any other number. */
FILCH_API int filch_pool_processor(const struct filch_pool *pool, int worker);

/* Any thread. Takes milliseconds, allocates. Asks hwloc; all is 0 where it is not built in. A kind
 * that the machine does not have is 0, too.
 * Errors: FILCH_ENOMEM, FILCH_ETOPOLOGY (hwloc fails). */
FILCH_API int filch_topology_read(struct filch_topology *topology);

FILCH_END_DECLS

#endif
