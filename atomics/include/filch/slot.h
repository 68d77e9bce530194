/* SPDX-License-Identifier: MIT
 *
 * What a fork and a join touch: one slot, and the front of the deque that it lies in. The macros
 * of task.h inline these few instructions into the user's code; everything else of the deque is
 * in atomics/deque.h, which is not public. Nothing here is meant to be called by hand.
 *
 * The fast path is Lace's (van Dijk and van de Pol, "Lace: non-blocking split deque for
 * work-stealing", 2014): tasks are written in place, and the top of the owner's stack of slots,
 * `head`, travels through calls as an argument. It differs in that one comparison with `fork_limit`
 * carries "array full", "much is private" and "somebody is hungry". */
#ifndef FILCH_SLOT_H
#define FILCH_SLOT_H

#include <filch/base.h>

#include <stddef.h>
#include <stdint.h>

/* Bytes that the arguments of a task, or its result, may take. */
#define FILCH_PAYLOAD 40

struct filch_front;
struct filch_slot;

/* Runs the task in `slot` and writes its result over its arguments. `head` is the first free
 * slot of the running worker's own deque, whose front is `front`. */
typedef void filch_slot_run(struct filch_front *front, struct filch_slot *head,
                            struct filch_slot *slot);

/* One task, one cache line. The owner writes run and payload at the fork. Once shared the slot
 * belongs to whoever takes it: a thief reads run and payload, writes the result into payload,
 * and sets state last. */
struct filch_slot {
    filch_slot_run *run;
    FILCH_ALIGNAS(8) FILCH_ATOMIC(uint64_t) state; /* of a shared slot: see atomics/deque.h */
    FILCH_ALIGNAS(8) unsigned char payload[FILCH_PAYLOAD];
    unsigned char reserved[64 - FILCH_PAYLOAD - 2 * sizeof(uint64_t)];
};
FILCH_STATIC_ASSERT(sizeof(struct filch_slot) == 64, "a slot is one cache line");

/* The part of a deque that the owner reads at every fork and every join. The owner writes both
 * words; a hungry thief overwrites them (fork_limit with NULL, join_limit with FILCH_JOIN_LIMIT_ASKED) so
 * that the owner's next fork or join takes its slow path. */
struct filch_front {
    FILCH_ATOMIC(struct filch_slot *)
        fork_limit; /* a fork at or above it takes the slow path */
    FILCH_ATOMIC(struct filch_slot *) join_limit; /* a join below it takes the slow path */
    uintptr_t answer;                             /* the owner's: of its last slow path */
    struct filch_slot *serial_from; /* the owner's: a task at or above it runs serially */
    uintptr_t
        stack_end; /* constant: where little of the owner's stack is left; for debug builds */
};

#define FILCH_JOIN_LIMIT_ASKED ((struct filch_slot *)UINTPTR_MAX)

FILCH_BEGIN_DECLS

/* Owner, from FILCH_FORK alone. The slow path of a fork: `head` holds the new task. Shares what
 * is due, or runs the task at once when the array is full. Returns the new head. */
FILCH_API FILCH_COLD struct filch_slot *filch_front_fork(struct filch_front *front,
                                                         struct filch_slot *head);

/* Owner, from FILCH_JOIN alone. The slow path of a join of `slot`, the newest fork not yet
 * joined. Returns the slot itself when its task has not been taken: the caller runs it. Otherwise
 * the task is finished: returns the slot that holds its result, which is the new head, with
 * FILCH_JOINED in its lowest bit. While another worker runs the task this one runs others, then
 * sleeps. */
FILCH_API FILCH_COLD uintptr_t filch_front_join(struct filch_front *front,
                                                struct filch_slot *slot);

#define FILCH_JOINED ((uintptr_t)1)

/* Owner, from FILCH_SHARE alone. Shares every fork below `head`. */
FILCH_API FILCH_COLD void filch_front_share(struct filch_front *front, struct filch_slot *head);

FILCH_END_DECLS

/* The way to both from the fast paths; the answer lies in the front. Where a compiler can be told
 * that a call changes no register (clang's preserve_most, which in clang 14 keeps a result from
 * its register, too), the fast path saves none on its account, and a task that forks nothing
 * saves none at all. */
#if defined(__clang__) && defined(__x86_64__)
#define FILCH_SLOW_ static FILCH_COLD FILCH_UNUSED __attribute__((preserve_most))
#else
#define FILCH_SLOW_ static FILCH_COLD FILCH_UNUSED
#endif

/* Owner, from FILCH_FORK alone: see filch_front_fork(). */
FILCH_SLOW_ void filch_slow_fork_(struct filch_front *front, struct filch_slot *head)
{
    front->answer = (uintptr_t)filch_front_fork(front, head);
}

/* Owner, from FILCH_JOIN alone: see filch_front_join(). */
FILCH_SLOW_ void filch_slow_join_(struct filch_front *front, struct filch_slot *slot)
{
    front->answer = filch_front_join(front, slot);
}

#endif
