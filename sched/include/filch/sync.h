/* SPDX-License-Identifier: MIT
 *
 * Locks and the like for tasks: mutex, semaphore, condition, barrier, bounded channel. Tasks and
 * ordinary threads may use them together. Whoever has to wait looks again for a moment, then sleeps; a
 * spare takes the place of a worker that sleeps here (blocking.h). Nothing is run on top of a task that
 * waits, so a lock may be held across any wait, be it one of these or any other. Where no spare is to be
 * had (pool.h) a task that holds no mutex runs others while it waits, as the last resort.
 *
 * Caller-allocated, but for the channel: init before use, fini after the last use; not to be copied
 * or moved. No call fails but for the reasons that it names. timeout: seconds, as in
 * filch_future_result(): 0 or negative does not wait, FILCH_FOREVER waits as long as it takes.
 *
 * What a thread did before it unlocked, released, notified, arrived or sent is visible to who
 * thereby got the mutex, the permit, the notification, the round or the item. Who gives any of
 * these touches the object for the last time before anybody can have it: who got the last one
 * may call fini, or destroy, and free the memory at once. */
#ifndef FILCH_SYNC_H
#define FILCH_SYNC_H

#include <filch/base.h>
#include <filch/error.h>
#include <filch/future.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct filch_sync_waiter_;

/* Who waits; nothing for a user to look at. Guarded by a lock in the object's word, but for
 * `spins`. */
struct filch_sync_queue_ {
    struct filch_sync_waiter_ *first, *last;
    uint32_t coming;             /* woken, and not yet back */
    FILCH_ATOMIC(int32_t) spins; /* looks that it usually took until it came: an estimate */
};

struct filch_semaphore {
    FILCH_ATOMIC(uint64_t) word; /* permits, and two flags */
    struct filch_sync_queue_ queue;
};

struct filch_mutex {
    struct filch_semaphore semaphore; /* of one permit */
    FILCH_ATOMIC(void *) owner; /* the thread that holds it: that thread alone writes it */
};

struct filch_condition {
    FILCH_ATOMIC(uint64_t) word; /* two flags */
    struct filch_sync_queue_ queue;
};

struct filch_barrier {
    FILCH_ATOMIC(uint64_t) word; /* a flag, which guards the rest */
    struct filch_sync_queue_ queue;
    uint32_t parties, arrived;
};

struct filch_channel;

FILCH_BEGIN_DECLS

/* ---- Mutex: not recursive, no order among those who wait promised ---------------------------- */

/* Before any other thread knows it. */
FILCH_API void filch_mutex_init(struct filch_mutex *mutex);

/* After all others are done with it, and unlocked. */
FILCH_API void filch_mutex_fini(struct filch_mutex *mutex);

/* Any thread. Blocks for at most `timeout` seconds.
 * Errors: FILCH_ETIMEDOUT, FILCH_EINVAL (NaN), FILCH_EDEADLK (the caller's own thread holds it, or whoever does waits for the caller, by
 * however many steps:
 * this task, or one further down on its stack; or it waits for the caller), FILCH_EINTR
 * (filch_interrupt()). */
FILCH_API int filch_mutex_lock(struct filch_mutex *mutex, double timeout);

/* Any thread, does not block. Errors: FILCH_EAGAIN (somebody holds it). */
FILCH_API int filch_mutex_try_lock(struct filch_mutex *mutex);

/* The holder, in the task that locked it. Does not block.
 * Errors: FILCH_EPERM (the caller's thread does not hold it). */
FILCH_API int filch_mutex_unlock(struct filch_mutex *mutex);

/* ---- Semaphore ----------------------------------------------------------------------------- */

/* Before any other thread knows it. value: permits to begin with, at most UINT32_MAX. */
FILCH_API void filch_semaphore_init(struct filch_semaphore *semaphore, uint32_t value);

/* After all others are done with it. */
FILCH_API void filch_semaphore_fini(struct filch_semaphore *semaphore);

/* Any thread. Takes a permit; blocks until there is one, for at most `timeout` seconds.
 * Errors: FILCH_ETIMEDOUT, FILCH_EINVAL (NaN), FILCH_EINTR (filch_interrupt()). */
FILCH_API int filch_semaphore_acquire(struct filch_semaphore *semaphore, double timeout);

/* Any thread, does not block. Errors: FILCH_EAGAIN (there is no permit). */
FILCH_API int filch_semaphore_try_acquire(struct filch_semaphore *semaphore);

/* Any thread, does not block. Gives `count` permits. Errors: FILCH_EINVAL (there would be more than
 * UINT32_MAX; none is given). */
FILCH_API int filch_semaphore_release(struct filch_semaphore *semaphore, uint32_t count);

/* ---- Condition ------------------------------------------------------------------------------ */

/* Before any other thread knows it. */
FILCH_API void filch_condition_init(struct filch_condition *condition);

/* After all others are done with it: their waits have returned, or were without a timeout and have
 * been notified. */
FILCH_API void filch_condition_fini(struct filch_condition *condition);

/* The holder of `mutex`. Unlocks it, blocks until a notification that comes after that, for at most
 * `timeout` seconds, and locks it again whatever happened. Wakes without a notification are
 * possible: look again, and loop. Errors: FILCH_ETIMEDOUT, FILCH_EINVAL (NaN), FILCH_EPERM (the
 * mutex is not the caller's; it stays as it is). */
FILCH_API int filch_condition_wait(struct filch_condition *condition, struct filch_mutex *mutex,
                                   double timeout);

/* Any thread, does not block. Wakes one that waits, if there is one: the one that waits longest
 * among those that sleep, and not one whose worker runs another task meanwhile if it can be
 * helped. */
FILCH_API void filch_condition_notify_one(struct filch_condition *condition);

/* Any thread, does not block. Wakes all that wait. */
FILCH_API void filch_condition_notify_all(struct filch_condition *condition);

/* ---- Barrier -------------------------------------------------------------------------------- */

/* Before any other thread knows it. Errors: FILCH_EINVAL (no parties). */
FILCH_API int filch_barrier_init(struct filch_barrier *barrier, uint32_t parties);

/* Once filch_barrier_wait() has returned to one party of the last round. */
FILCH_API void filch_barrier_fini(struct filch_barrier *barrier);

/* Any thread. Blocks until `parties` have come, then begins anew. Returns 1 to one of them, 0 to the
 * others. With fewer workers than parties, and no spare left, a worker runs other parties' tasks
 * while it waits. */
FILCH_API int filch_barrier_wait(struct filch_barrier *barrier);

/* ---- Channel: a bounded queue of pointers, first in, first out ------------------------------ */

/* Any thread. capacity: at least 1. *channel: the caller's.
 * Errors: FILCH_EINVAL (capacity 0), FILCH_ENOMEM. */
FILCH_API int filch_channel_create(size_t capacity, struct filch_channel **channel);

/* After all others are done with it. What is still in it is forgotten. channel: NULL is fine. */
FILCH_API void filch_channel_destroy(struct filch_channel *channel);

/* Any thread. Appends item; blocks while the channel is full, for at most `timeout` seconds (0: tries).
 * Errors: FILCH_ETIMEDOUT, FILCH_EINVAL (NaN), FILCH_ECLOSED. */
FILCH_API int filch_channel_send(struct filch_channel *channel, void *item, double timeout);

/* Any thread. Takes the oldest item; blocks while there is none, likewise.
 * Errors: FILCH_ETIMEDOUT, FILCH_EINVAL (NaN), FILCH_ECLOSED (and empty). */
FILCH_API int filch_channel_receive(struct filch_channel *channel, void **item, double timeout);

/* Any thread, does not block. Nothing more can be sent; what is in it can still be received. Wakes all
 * who wait. Again is fine. */
FILCH_API void filch_channel_close(struct filch_channel *channel);

FILCH_END_DECLS

#endif
