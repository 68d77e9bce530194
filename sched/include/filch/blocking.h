/* SPDX-License-Identifier: MIT
 *
 * Calls that block, in a task. A worker that sleeps in read() or sleep() runs nothing else; with
 * all workers asleep a pool stands still. Around such a call
 *
 *     filch_blocking_begin();
 *     ssize_t got = read(fd, buffer, size);
 *     filch_blocking_end();
 *
 * a spare worker takes the place of the one that blocks: it is woken, or started, when there is
 * work for it, finds that work in the injection queue and in all deques, that of the blocked one
 * included, and retires when its place is taken again. A pool has a limited number of spares
 * (filch_pool_options.spares); with all of them in use a blocking call blocks its worker as it
 * would without these two calls.
 *
 * What filch's own locks (sync.h) wait for is covered in the same way, without them. */
#ifndef FILCH_BLOCKING_H
#define FILCH_BLOCKING_H

#include <filch/base.h>

FILCH_BEGIN_DECLS

/* Any thread; does something on a worker only. Does not block, but may start a thread: some 20 us
 * then, else below 1 us. May be nested; each needs its filch_blocking_end(), on the same thread.
 * Between the two: no FILCH_FORK, CALL, JOIN, RUN, and nothing that waits for a future.
 * In the body of a task (FILCH_TASK) that has forked, FILCH_SHARE() comes first: forks that it has
 * not shared yet stay where they are until its next fork or join. */
FILCH_API void filch_blocking_begin(void);

/* The thread that called filch_blocking_begin(). Does not block. */
FILCH_API void filch_blocking_end(void);

FILCH_END_DECLS

#endif
