/* SPDX-License-Identifier: MIT
 *
 * Counters that many threads increment: one API over four ways to do it, from the wrong one to
 * the fast one, so that a program can measure what each costs.
 *
 *     FILCH_COUNTER_UNSAFE   load, add 1, store, on one shared cell. Two threads that load the same
 *                            value lose an increment. It is what `counter++` does in machine code,
 *                            written with relaxed atomics so that its behaviour is defined
 *     FILCH_COUNTER_LOCKED   the same three steps under a mutex: exact, and the threads queue up
 *     FILCH_COUNTER_ATOMIC   one fetch-and-add on the shared cell: exact, but the cell's cache line
 *                            still travels between the cores, once an increment
 *     FILCH_COUNTER_SHARDED  load, add 1, store again, on a cell of the thread's own that no other
 *                            thread writes: exact, and nothing travels. A reader adds up the cells
 *
 * A thread enters a counter before it increments it and leaves it afterwards:
 *
 *     struct filch_counter_view view;
 *     if (filch_counter_enter(counter, &view) != 0) return; // SHARDED only: no memory
 *     for (long i = 0; i < n; i++)
 *         filch_counter_increment(&view);
 *     filch_counter_leave(&view);
 *
 * This is not a statistic of the scheduler (stats.h), and no gate or barrier: reading a counter
 * orders nothing else. Counts are modulo 2^64. */
#ifndef FILCH_COUNTER_H
#define FILCH_COUNTER_H

#include <filch/base.h>

#include <stddef.h>
#include <stdint.h>

enum filch_counter_kind {
    FILCH_COUNTER_UNSAFE,
    FILCH_COUNTER_LOCKED,
    FILCH_COUNTER_ATOMIC,
    FILCH_COUNTER_SHARDED
};

struct filch_counter;

/* One thread's way into a counter, in the caller's memory: best a local variable whose address
 * goes to the functions below and nowhere else. They are inline and pass no pointer to it on,
 * so that the compiler keeps it in registers: two loads fewer an increment. Written by
 * filch_counter_enter() and filch_counter_leave() alone. */
struct filch_counter_view {
    FILCH_ATOMIC(uint64_t) *cell; /* where this thread counts; NULL outside the counter */
    struct filch_counter *counter;
    enum filch_counter_kind kind;
};
FILCH_STATIC_ASSERT(sizeof(FILCH_ATOMIC(uint64_t)) == 8, "one layout in C and in C++");

FILCH_BEGIN_DECLS

/* Any thread. A counter at 0, or NULL: out of memory, or no such kind. */
FILCH_API struct filch_counter *filch_counter_create(enum filch_counter_kind kind);

/* The last user, when every thread has left. NULL does nothing. */
FILCH_API void filch_counter_destroy(struct filch_counter *counter);

/* Any thread, does not block. The sum of what was added, exact once the threads that added have
 * left and this thread knows it (it joined them, say). Earlier it is a sum of recent values:
 * never more than was added so far, and of one thread's increments never fewer than before.
 * (UNSAFE promises nothing but that it is not more.) */
FILCH_API uint64_t filch_counter_value(const struct filch_counter *counter);

/* "unsafe", "locked", "atomic" or "sharded", a static string; NULL for anything else. */
FILCH_API const char *filch_counter_kind_name(enum filch_counter_kind kind);

/* Any thread, does not block. The kind that the counter was created with. */
FILCH_API enum filch_counter_kind filch_counter_kind(const struct filch_counter *counter);

/* Any thread; from filch_counter_enter() alone. The cell for the calling thread, or NULL when
 * memory lacks. Lock-free, but for malloc. */
FILCH_API FILCH_ATOMIC(uint64_t) *filch_counter_cell_claim(struct filch_counter *counter);

/* The thread that claimed the cell; from filch_counter_leave() alone. Gives it back. */
FILCH_API void filch_counter_cell_release(struct filch_counter *counter,
                                          FILCH_ATOMIC(uint64_t) *cell);

/* The thread that claimed its cell; from filch_counter_add() alone. Adds under the lock: blocks. */
FILCH_API void filch_counter_cell_add_locked(struct filch_counter *counter, uint64_t n);

/* Any thread, does not block. Makes *view the calling thread's own way into the counter.
 * Returns 0, or -1 when memory lacks, with *view as it was: SHARDED alone can fail. The cell of
 * a thread that left is used again, so there are never more than threads were inside at one
 * time. */
static inline int filch_counter_enter(struct filch_counter *counter,
                                      struct filch_counter_view *view)
{
    FILCH_ATOMIC(uint64_t) *cell = filch_counter_cell_claim(counter);
    if (cell == NULL)
        return -1;
    view->cell = cell;
    view->counter = counter;
    view->kind = filch_counter_kind(counter);
    return 0;
}

/* The thread that entered, does not block. What it added stays. */
static inline void filch_counter_leave(struct filch_counter_view *view)
{
    filch_counter_cell_release(view->counter, view->cell);
    view->cell = NULL;
    view->counter = NULL;
}

/* The thread that entered. Adds n. Wait-free, but for LOCKED. */
static inline void filch_counter_add(struct filch_counter_view *view, uint64_t n)
{
    /* Relaxed: a count orders nothing but itself. The two plain-looking steps are one body for
     * two kinds: what makes SHARDED exact is whose cell it is. */
    switch (view->kind) {
    case FILCH_COUNTER_UNSAFE:
    case FILCH_COUNTER_SHARDED:
        FILCH_STORE_RELAXED(*view->cell, FILCH_LOAD_RELAXED(*view->cell) + n);
        break;
    case FILCH_COUNTER_ATOMIC:
        (void)FILCH_ADD_RELAXED(*view->cell, n);
        break;
    case FILCH_COUNTER_LOCKED:
        filch_counter_cell_add_locked(view->counter, n);
        break;
    }
}

/* The thread that entered. Adds 1. */
static inline void filch_counter_increment(struct filch_counter_view *view)
{
    filch_counter_add(view, 1);
}

FILCH_END_DECLS

#endif
