/* SPDX-License-Identifier: MIT
 *
 * The injection queue: what threads outside a pool hand to its workers. An unbounded lock-free
 * FIFO of pointers with any number of pushing and popping threads. It is not the work-stealing
 * deque (deque.h), which has one owner and is several times as fast for that owner; and it does
 * not sleep: that is event.h's business, for which fi_queue_empty() makes one promise below.
 *
 * A push and a pop each draw a ticket, the next number of `tail` or of `head`. Ticket t is cell
 * t % N of segment t / N; the pop with ticket t takes what the push with ticket t wrote, and no
 * other thread ever touches that cell. A pop that comes first waits for a moment, then spoils
 * the cell, and both draw new tickets. The idea is that of Morrison and Afek, "Fast concurrent
 * queues for x86 processors" (2013), in the array form of Yang and Mellor-Crummey, "A wait-free
 * queue as fast as fetch-and-add" (2016), and of Ramalhete and Correia's FAAArrayQueue (2016).
 *
 * New here is how memory comes and goes without hazard pointers. Segments hang in a directory,
 * a ring of D words, and the word of segment g is the only place where g is ever found:
 *
 *       bits   63 ........................ 2   1        0
 *     vacant   [ lap of the segment to come     ][ 0 ]      lap = g / D
 *   occupied   [ address of the segment    ][ lap & 1 ][ 1 ]
 *
 *     vacant(0) -> occupied(0) -> vacant(1) -> occupied(1) -> ...
 *               open           close        open
 *
 * A thread reads the word, then draws its ticket, then follows the pointer. The ticket itself
 * guards the segment: it is freed after all N pairs of tickets were used, and the one just
 * drawn was not. The argument is in queue.c, the table of orderings in README.md. */
#ifndef FI_QUEUE_H
#define FI_QUEUE_H

#include <filch/base.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Cells in a segment (N): 8 KiB, so that a segment's malloc and zeroing cost well under a
 * nanosecond an item, and an idle queue keeps no more than two of them. */
#ifndef FI_QUEUE_SEGMENT
#define FI_QUEUE_SEGMENT 1024
#endif

/* Words in the directory (D). (D - 1) * N items, over 2^26, may be pending. One MiB of address
 * space, of which a page is touched for every half million items that pass, round and round. */
#ifndef FI_QUEUE_DIRECTORY
#define FI_QUEUE_DIRECTORY (1 << 17)
#endif

struct fi_queue_segment;

/* 64-byte aligned: memory for one comes from aligned_alloc or is static. */
struct fi_queue {
    /* Pushing threads write it; everybody reads it. Tickets of pushes: never wraps. Its highest bit
     * says that the queue is closed. */
    FILCH_ALIGNAS(FILCH_CACHE_LINE) FILCH_ATOMIC(uint64_t) tail;

    /* Popping threads write it and read it. Never above tail. */
    FILCH_ALIGNAS(FILCH_CACHE_LINE) FILCH_ATOMIC(uint64_t) head;

    /* Everybody reads the pointer. Beside it lies what is written once a segment, by whoever
     * opens or closes one: too rare for a cache line of its own. */
    FILCH_ALIGNAS(FILCH_CACHE_LINE) FILCH_ATOMIC(uintptr_t) *directory;
    FILCH_ATOMIC(struct fi_queue_segment *) spare; /* NULL, or one segment for the next open */
};
FILCH_STATIC_ASSERT(sizeof(struct fi_queue) == 3 * FILCH_CACHE_LINE, "one line a writer");

FILCH_BEGIN_DECLS

/* Before any other thread knows q. Returns 0, or -1 when memory lacks (q is then as it was). */
int fi_queue_init(struct fi_queue *q);

/* After all other threads are done with q. Frees its memory, not the items still in it. */
void fi_queue_fini(struct fi_queue *q);

/* What fi_queue_push() returns if it does not push; nothing is changed then. */
enum {
    FI_QUEUE_FULL = -1, /* memory lacks or the directory is full: more than
                             (FI_QUEUE_DIRECTORY - 1) * FI_QUEUE_SEGMENT tickets between the oldest
                             that is still in use and the newest */
    FI_QUEUE_CLOSED = -2,
};

/* Any thread. Lock-free but for malloc, once in FI_QUEUE_SEGMENT items. Appends item, which may
 * not be NULL. Everything the caller did before is visible to the thread that pops the item.
 * Returns 0, FI_QUEUE_FULL or FI_QUEUE_CLOSED. */
int fi_queue_push(struct fi_queue *q, void *item);

/* Any thread. As fi_queue_push(), of `count` items in their order, at the cost of one push and
 * little for each of the others. *pushed: how many, from the first on, were appended; all if 0 is
 * returned. Who pops may find each not stored yet, and pass it over: a hundred at once are many. */
int fi_queue_push_many(struct fi_queue *q, void *const *items, uint32_t count, uint32_t *pushed);

/* Any thread. Wait-free. From now on nothing can be pushed: what a push that returns 0 has appended
 * comes before, in the one order of the changes of tail. */
void fi_queue_close(struct fi_queue *q);

/* Any thread, when no push is under way. Undoes fi_queue_close(). */
void fi_queue_reopen(struct fi_queue *q);

/* Any thread. Lock-free. Returns the oldest item, which is then the caller's, or NULL when at
 * one moment of the call there was none. Items of one pushing thread come in their order. A
 * push that has not returned yet may be waited for, for about a microsecond, and is then passed
 * over. */
void *fi_queue_pop(struct fi_queue *q);

/* Any thread. Lock-free. Takes up to `max` items, at least 1, in their order, at the cost of little
 * more than one. Returns how many; 0 as fi_queue_pop() returns NULL. */
uint32_t fi_queue_pop_many(struct fi_queue *q, void **items, uint32_t max);

/* Any thread. Wait-free. Whether at one moment of the call there was nothing to pop. A
 * non-empty queue never looks empty: once fi_queue_push() has returned, any call that comes
 * later, in the order of happens-before or in that of the seq_cst operations, returns false
 * until some pop has drawn that item's ticket. So "push, then look for sleepers" in one thread
 * and "announce sleep, then look for items" in another cannot both see nothing, provided that
 * the look for sleepers and the announcement are seq_cst too. The reverse does not hold: after
 * false a pop may still return NULL. */
bool fi_queue_empty(const struct fi_queue *q);

/* Any thread. Wait-free. How many items there are to pop: a snapshot. */
uint64_t fi_queue_count(const struct fi_queue *q);

FILCH_END_DECLS

#endif
