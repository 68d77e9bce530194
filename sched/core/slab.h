/* SPDX-License-Identifier: MIT
 *
 * Memory for what is submitted: blocks of few sizes, which one thread allocates and another frees,
 * a million times a second. As in Bonwick's magazines ("Magazines and vmem", 2001) a thread keeps
 * two magazines of free blocks a size to itself, and exchanges full ones for empty ones with the
 * others through a depot, once in 62 blocks. malloc() is called only when the depot is empty, so in
 * a steady state not at all. When the last pool goes the depot is emptied. */
#ifndef FI_SLAB_H
#define FI_SLAB_H

#include <stdbool.h>

enum fi_slab {
    FI_SLAB_FUTURE,
    FI_SLAB_ERRAND, /* a task without a future */
    FI_SLABS,
};

/* Bytes of a block. */
#define FI_SLAB_FUTURE_SIZE 104
#define FI_SLAB_ERRAND_SIZE 40

/* Any thread. Returns NULL when memory lacks. */
void *fi_slab_alloc(enum fi_slab slab);

/* Any thread. block: from fi_slab_alloc() of the same size, by whatever thread. */
void fi_slab_free(enum fi_slab slab, void *block);

/* Any thread: a pool comes, a pool goes. */
void fi_slab_enter(void);
void fi_slab_leave(void);

/* Any thread. Are there any? Others may know better by the time it returns. */
bool fi_slab_used(void);

/* Around fork(). */
void fi_slab_lock(void);
void fi_slab_unlock(void);

#endif
