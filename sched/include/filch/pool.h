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

#include <stddef.h>

struct filch_pool;

#define FILCH_WORKERS_MAX 1024

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
    int spares; /* further workers at most, who take the place of those that block (blocking.h), up
                   to FILCH_WORKERS_MAX; 0: 256; -1: none */
    size_t
        scratch_size; /* bytes of scratch memory (scratch.h) that a worker can have in use, at most
                         SIZE_MAX / 4; 0: 64 MiB. Address space, made at its first use */
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
 * Errors: FILCH_EINVAL (an option out of range), FILCH_EWORKERS, FILCH_ENOMEM,
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

FILCH_END_DECLS

#endif
