/* SPDX-License-Identifier: MIT
 *
 * Memory for what is submitted: blocks of few sizes, which one thread allocates and another frees,
 * a million times a second. As in Bonwick's magazines ("Magazines and vmem", 2001) a thread keeps
 * two magazines of free blocks a size to itself, and exchanges full ones for empty ones with the
 * others through a depot, once in 62 blocks. malloc() is called only when the depot is empty, so in
 * a steady state not at all. When the last pool goes the depot is emptied. */
#ifndef FI_BLOCK_CACHE_H
#define FI_BLOCK_CACHE_H

#include <stdbool.h>

enum fi_block_class {
    FI_BLOCK_FUTURE,
    FI_BLOCK_PLAIN_TASK, /* a task without a future */
    FI_BLOCK_GROUP_TASK, /* one that the waiter of its group can find */
    FI_BLOCK_CLASSES,
};

/* Bytes of a block. */
#define FI_BLOCK_FUTURE_SIZE     104
#define FI_BLOCK_PLAIN_TASK_SIZE 40
#define FI_BLOCK_GROUP_TASK_SIZE 56

/* Any thread. Returns NULL when memory lacks. */
void *fi_block_cache_alloc(enum fi_block_class class);

/* Any thread. block: from fi_block_cache_alloc() of the same size, by whatever thread. */
void fi_block_cache_free(enum fi_block_class class, void *block);

/* Any thread: a pool comes, a pool goes. */
void fi_block_cache_enter(void);
void fi_block_cache_leave(void);

/* Any thread. Are there any? Others may know better by the time it returns. */
bool fi_block_cache_used(void);

/* Around fork(). */
void fi_block_cache_lock(void);
void fi_block_cache_unlock(void);

#endif
