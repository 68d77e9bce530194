/* SPDX-License-Identifier: MIT
 *
 * Levels: the deques of one worker. worker.h says why there may be several. */
#ifndef FI_LEVEL_H
#define FI_LEVEL_H

#include "sched/core/worker.h"

/* Any thread. The next level of the same worker, or NULL. */
static inline struct fi_level *fi_level_newer(const struct fi_level *level)
{
    /* W2, seq_cst, pairs with W1 in level.c: the level's deque. */
    return atomic_load_explicit(&level->newer, memory_order_seq_cst);
}

/* Before the worker runs. Returns 0 or FILCH_ENOMEM. */
int fi_level_init(struct fi_level *level, struct fi_worker *worker, uint32_t slots);
void fi_level_fini(struct fi_level *level);

/* The worker, without a task: gives back the memory of its deques, which are empty. */
void fi_level_trim(struct fi_worker *worker);

/* Worker, about to run a task from a plain function. Makes a free level the current one and
 * returns its first slot. spare: what to use when memory lacks; lives until fi_level_leave(). */
struct filch_slot *fi_level_enter(struct fi_worker *worker, struct fi_level *spare,
                                  struct filch_slot *scratch);
void fi_level_leave(struct fi_worker *worker);

#endif
