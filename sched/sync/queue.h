/* SPDX-License-Identifier: MIT
 *
 * Who waits for a lock, in which order, and how each hears that it may go on. What the files of
 * this folder share.
 *
 *     word:  | value: 32 bits | ... |  bit 1  |  bit 0  |
 *            |                      | LISTED  | LOCKED  |
 *
 * Each object has one word. Whoever sets LOCKED has the word, the queue and all else to itself,
 * until it clears it again in one store, which also writes the word's new value. What needs the
 * value alone may change it with one CAS from a word that is not LOCKED; LISTED tells it that there
 * are waiters. So all changes come one after another, and nobody is woken, no clock is read and
 * nothing is allocated while it is LOCKED: it is for a few instructions.
 *
 * A waiter is a record on the stack of a thread that waits. The thread puts it into the queue,
 * unlocks, and sleeps:
 *
 *     thread:    AWAKE <--> ASLEEP        as often as it wakes up for other reasons
 *     waker:     either of them --> CHOSEN    LOCKED; the waiter leaves the queue
 *                CHOSEN --> TOLD              not LOCKED; this is its last access to the waiter
 *
 * A waker unlocks before it tells: its last access to the object comes before who waits can go on,
 * free what it waited for, and return. A waiter that gives up looks, LOCKED, whether it still is in
 * the queue. If it is not then a waker has a TOLD on the way, which it awaits.
 *
 * Where being told is a mere hint to look again (semaphores, channels), fi_sync_queue_choose()
 * keeps this: at every unlock either nobody is in the queue, or as many waiters are coming, CHOSEN
 * while they were ASLEEP, as could go on. Who was CHOSEN while AWAKE may have a stranger's task on
 * top of its stack and be back in an hour, so it does not count. Who comes looks at the value when
 * it leaves, LOCKED, even if its time is up: what it does not take is still there when it unlocks,
 * and the next one is chosen for it. And nobody else is woken for what somebody is coming for:
 * without that count eight threads that held a mutex for 200 ns each changed places 100 times as
 * often. sched/README.md has the argument in full. */
#ifndef FI_SYNC_QUEUE_H
#define FI_SYNC_QUEUE_H

#include "atomics/event.h"

#include <filch/sync.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define FI_WORD_LOCKED ((uint64_t)1)
#define FI_WORD_LISTED ((uint64_t)2)

struct filch_sync_waiter_ {
    struct filch_sync_waiter_ *next, *previous; /* in the queue; next also among the chosen */
    struct fi_event *event;                     /* the waiter's, while it is ASLEEP */
    _Atomic(uint32_t) state;
    bool listed; /* in the queue; LOCKED guards it */
};

/* ---- The word ------------------------------------------------------------------------------ */

/* Any thread. The word, when it is not LOCKED. */
uint64_t fi_word_read(const _Atomic(uint64_t) *word);

/* Any thread. Sets LOCKED. Returns the word without it. */
uint64_t fi_word_lock(_Atomic(uint64_t) *word);

/* Who set LOCKED. value: the new word, without it. */
void fi_word_unlock(_Atomic(uint64_t) *word, uint64_t value);

/* ---- The queue: with LOCKED, but for fi_sync_queue_spin() ---------------------------------- */

void fi_sync_queue_init(struct filch_sync_queue_ *queue);

/* LISTED, or 0. */
uint64_t fi_sync_queue_flag(const struct filch_sync_queue_ *queue);

/* A new waiter goes last; again: one that has been told, and waits once more, goes first. */
void fi_sync_queue_join(struct filch_sync_queue_ *queue, struct filch_sync_waiter_ *waiter,
                        bool again);

/* Its thread, which is back: fi_sync_queue_choose() may have chosen it. */
void fi_sync_queue_leave(struct filch_sync_queue_ *queue, struct filch_sync_waiter_ *waiter);

/* Removes a waiter that is listed: it was not chosen, and will not be. */
void fi_sync_queue_remove(struct filch_sync_queue_ *queue, struct filch_sync_waiter_ *waiter);

/* Chooses, longest first, until `ready` waiters are coming. Returns them, for
 * fi_sync_queue_tell(). */
struct filch_sync_waiter_ *fi_sync_queue_choose(struct filch_sync_queue_ *queue,
                                                uint64_t ready);

/* Chooses one: the longest that is ASLEEP or, with none, the newest, for others may lie under it on
 * its worker's stack. */
struct filch_sync_waiter_ *fi_sync_queue_choose_one(struct filch_sync_queue_ *queue);

/* Chooses all. */
struct filch_sync_waiter_ *fi_sync_queue_choose_all(struct filch_sync_queue_ *queue);

/* Any thread, before it takes its place. Looks for a moment whether a bit of `mask` gets set: some
 * microseconds at most, less where that did not help before. */
void fi_sync_queue_spin(struct filch_sync_queue_ *queue, const _Atomic(uint64_t) *word,
                        uint64_t mask);

/* ---- The waiter: without LOCKED ------------------------------------------------------------ */

/* Who chose them. They, and what they waited for, may be gone when it returns. */
void fi_sync_queue_tell(struct filch_sync_waiter_ *chosen);

/* Its thread. Blocks until it was told or the deadline has passed; spin: looks for a moment first.
 * Returns true if it was told. */
bool fi_sync_waiter_wait(struct filch_sync_waiter_ *waiter, int64_t deadline, bool spin);

/* The same, without looking; unless it was told: FILCH_ETIMEDOUT, FILCH_EINTR, or FILCH_EDEADLK if
 * the thread that `owner` names (NULL: nobody knows it) waits for this one. owner: as fi_thread_id()
 * has it. */
int fi_sync_waiter_try(struct filch_sync_waiter_ *waiter, int64_t deadline,
                       const FILCH_ATOMIC(void *) *owner);

/* The waiter, with a waiter that is not listed. If it was chosen, waits until it has been told, in a
 * moment. Nobody touches it afterwards. */
void fi_sync_waiter_settle(struct filch_sync_waiter_ *waiter);

#endif
