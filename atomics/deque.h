/* SPDX-License-Identifier: MIT
 *
 * The work-stealing deque: a Chase-Lev deque (Chase and Lev, "Dynamic circular work-stealing
 * deque", 2005) of 64-byte task slots, split in two as in Dinan et al. ("Scalable work
 * stealing", 2009) and Lace, with a fence-free take as in Le et al. ("Correct and efficient
 * work-stealing for weak memory models", 2013) where an exchange stands for the fence.
 *
 *     base          top              split             head           end
 *      | free again  | thieves: CAS   | owner: plain    | free         | one scratch slot
 *      +-------------+----------------+-----------------+--------------+--+
 *                      shared           private tail
 *
 * The owner forks and joins at `head`, which lives in a register of the running task (slot.h).
 * Slots below `split` are shared; `join_limit` is the address of `split`, or FILCH_JOIN_LIMIT_ASKED.
 * Slots are positions of a stack: after a theft the owner falls back below `top` and uses them
 * again. So `top` is a word of epoch and index, and falling back starts a new epoch, on which
 * the CAS of a thief with an old word fails. Indices count slots from base.
 *
 * This file and deque.c hold the mechanism only, in plain C11 atomics, so that a model checker
 * and ThreadSanitizer check what is shipped. When to share, whom to steal from and how to wait is
 * sched/core's. atomics/README.md has the argument and the table of ordering pairs (labels D1,
 * D2, ...). */
#ifndef FI_DEQUE_H
#define FI_DEQUE_H

#include <filch/slot.h>

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The state word of a shared slot:
 *
 *     FI_SLOT_SHARED  --thief-->  a theft  --thief-->  FI_SLOT_DONE
 *                                   | --owner--> the same + FI_SLOT_AWAITED --thief--^
 *
 * A theft says who took the slot, and where on its own stack of slots it stood when it began to run
 * it: what lies there or above was forked under it, what lies below belongs to somebody else.
 *
 *     bits 62..32 | bits 31..16 | bits 15..3 | bit 2 | bit 1   | bit 0
 *        index    |    level    |   thief    |   1   | AWAITED | DONE
 *
 * Meaningless while the slot is private. */
#define FI_SLOT_SHARED  ((uint64_t)0)
#define FI_SLOT_DONE    ((uint64_t)1)
#define FI_SLOT_AWAITED ((uint64_t)2)

#define FI_THEFT_THIEVES ((uint32_t)1 << 13) /* the thief's number is below it */
#define FI_THEFT_LEVELS  ((uint32_t)1 << 16) /* as is that of its deque */

static inline uint64_t fi_theft(uint32_t thief, uint32_t level, uint32_t index)
{
    return (uint64_t)index << 32 | (uint64_t)level << 16 | (uint64_t)thief << 3 | 4;
}

static inline uint32_t fi_theft_thief(uint64_t theft)
{
    return (uint32_t)(theft >> 3) & (FI_THEFT_THIEVES - 1);
}

static inline uint32_t fi_theft_level(uint64_t theft)
{
    return (uint32_t)(theft >> 16) & (FI_THEFT_LEVELS - 1);
}

static inline uint32_t fi_theft_index(uint64_t theft)
{
    return (uint32_t)(theft >> 32);
}

struct fi_deque {
    /* Written by the owner, and by hungry thieves when they ask; read by the owner at every fork
     * and join, and by thieves when they look. Thieves write seldom, so the line stays with the
     * owner. */
    alignas(FILCH_CACHE_LINE) struct filch_front front;
    _Atomic(uint64_t) split; /* index; owner writes, thieves read */
    struct filch_slot *base; /* constant, as is end */
    struct filch_slot *end;  /* one scratch slot more lies here */

    /* Written by thieves, and by the owner when it takes back or falls back. */
    alignas(FILCH_CACHE_LINE) _Atomic(uint64_t) top; /* epoch << 32 | index */
};

enum fi_take {
    FI_TAKEN, /* the slot is the owner's alone again */
    FI_LOST,  /* a thief has it */
};

enum fi_steal {
    FI_STOLEN,    /* the slot is the thief's */
    FI_EMPTY,     /* nothing is shared */
    FI_LOST_RACE, /* another took it first: try again */
};

/* Before any other thread knows the deque. slots: an array of capacity + 1; capacity below
 * 2^31. */
void fi_deque_init(struct fi_deque *deque, struct filch_slot *slots, uint32_t capacity);

/* Owner. The first slot that is not shared. */
static inline struct filch_slot *fi_deque_split(const struct fi_deque *deque)
{
    /* Relaxed: only the owner writes it. */
    return deque->base + atomic_load_explicit(&deque->split, memory_order_relaxed);
}

/* Owner. The oldest slot that was not stolen when this was called, or some time before. */
static inline struct filch_slot *fi_deque_oldest(const struct fi_deque *deque)
{
    /* Relaxed: a hint, old as soon as it is read. */
    uint64_t top = atomic_load_explicit(&deque->top, memory_order_relaxed);
    return deque->base + (uint32_t)top;
}

/* Owner. Shares every private slot below `upto`, which is at least fi_deque_split(). O(slots). */
void fi_deque_share(struct fi_deque *deque, struct filch_slot *upto);

/* Owner. Takes back the newest shared slot, which lies just below split. FI_LOST: it stays
 * shared, and the owner must wait for FI_SLOT_DONE, then call fi_deque_fall_back(). Meanwhile
 * it may fork above the slot. */
enum fi_take fi_deque_take(struct fi_deque *deque, struct filch_slot *slot);

/* Owner. After FI_LOST and FI_SLOT_DONE, with nothing shared above: the slot is free again. */
void fi_deque_fall_back(struct fi_deque *deque, struct filch_slot *slot);

/* Any thread. Takes the oldest shared slot. Lock-free. */
enum fi_steal fi_deque_steal(struct fi_deque *deque, struct filch_slot **slot);

/* The same in two steps, between which the thief looks whose the slot is. The second one fails
 * (FI_LOST_RACE) if the slot that the first one saw was taken, by whomever, in between: it succeeds
 * only if that very fork has been there all the time. First step: FI_STOLEN if there is one at
 * `from` (an index) or above, else FI_EMPTY; *top: for the second step. */
enum fi_steal fi_deque_look(const struct fi_deque *deque, uint32_t from, uint64_t *top);
enum fi_steal fi_deque_steal_seen(struct fi_deque *deque, uint64_t top,
                                  struct filch_slot **slot);

/* Any thread. The newest slot that thieves have taken at index `from` or above and the owner has
 * not had back, or NULL: where the owner waits, it waits for that one. A hint. */
struct filch_slot *fi_deque_newest_stolen(const struct fi_deque *deque, uint32_t from);

/* Any thread. Is anything shared? Sequentially consistent, for the check before sleeping. */
bool fi_deque_has_shared(const struct fi_deque *deque);

/* Any thread. Leaves a request: the owner's next fork and next join take their slow paths. */
void fi_deque_ask(struct fi_deque *deque);

/* Owner. Has a request been left since fi_deque_watch()? */
bool fi_deque_asked(const struct fi_deque *deque);

/* Owner. Clears the request, and lets the tail grow to `private_max` slots before the next fork takes
 * its slow path. `careful`: joins take theirs each time. Whoever clears a request must look at
 * the sleepers after it: see sched/core/idle.h. */
void fi_deque_watch(struct fi_deque *deque, uint32_t private_max, bool careful);

/* Thief. The slot is stolen; says so in the state word. */
void fi_slot_begin(struct filch_slot *slot, uint64_t theft);

/* Thief. The result is written: gives the slot back to its owner. Returns true if the owner
 * sleeps and must be woken. The slot must not be touched afterwards. */
bool fi_slot_finish(struct filch_slot *slot);

/* Owner, of a slot that was lost. Is the result there? If so, it may be read. */
bool fi_slot_done(const struct filch_slot *slot);

/* Any thread, of a slot that was stolen. The theft, without AWAITED, or 0 while the thief has not
 * said and when it is done. What it did before it began is visible. */
uint64_t fi_slot_theft(const struct filch_slot *slot);

/* Owner, of a slot that was lost, before it sleeps. Asks the thief for a wake-up. Returns false
 * if that is not possible now: the slot is done, or the thief has not said who it is. */
bool fi_slot_await(struct filch_slot *slot);

#endif
