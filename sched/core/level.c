/* SPDX-License-Identifier: MIT
 *
 * Levels: see level.h. Their memory is address space that is reserved, and used only as slots are
 * touched. */
#include "sched/core/level.h"

#include <stdlib.h>
#include <sys/mman.h>

static size_t bytes_of(uint32_t slots)
{
    return ((size_t)slots + 1) * sizeof(struct filch_slot);
}

static void level_setup(struct fi_level *level, struct fi_worker *worker,
                        struct filch_slot *slots, uint32_t capacity)
{
    fi_deque_init(&level->deque, slots, capacity);
    level->deque.front.stack_end = worker->stack_end;
    level->worker = worker;
    level->older = NULL;
    level->spilled = NULL;
    level->forked = 0;
    level->private_max = 0;
    level->eager = 0;
    level->number = 0;
    atomic_init(&level->newer, NULL);
}

int fi_level_init(struct fi_level *level, struct fi_worker *worker, uint32_t slots)
{
    void *memory = mmap(NULL, bytes_of(slots), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return FILCH_ENOMEM;
    level_setup(level, worker, memory, slots);
    return 0;
}

void fi_level_fini(struct fi_level *level)
{
    munmap(level->deque.base, bytes_of((uint32_t)(level->deque.end - level->deque.base)));
}

void fi_level_trim(struct fi_worker *worker)
{
    for (struct fi_level *level = &worker->first; level; level = fi_level_newer(level)) {
        struct fi_deque *deque = &level->deque;
        /* Where it fails, since memory is locked, it stays: no harm. */
        (void)madvise(deque->base, bytes_of((uint32_t)(deque->end - deque->base)),
                      MADV_DONTNEED);
    }
}

/* The level above the current one, made if need be; NULL when memory lacks. */
static struct fi_level *newer_level(struct fi_worker *worker)
{
    struct fi_level *current = worker->level;
    /* Relaxed: this worker wrote it. */
    struct fi_level *level = atomic_load_explicit(&current->newer, memory_order_relaxed);

    if (level || current->deque.base == current->deque.end) /* a spare one gets no successor */
        return level;
    level = aligned_alloc(alignof(struct fi_level), sizeof *level);
    if (!level)
        return NULL;
    if (fi_level_init(level, worker,
                      (uint32_t)(worker->first.deque.end - worker->first.deque.base))) {
        free(level);
        return NULL;
    }
    level->older = current;
    level->number = current->number + 1;
    /* W1, release, pairs with W2: a thief that sees the level sees its deque. seq_cst, as D1: it
     * comes before the owner's look at the sleepers (I4), so that the last look of one that this
     * misses finds the level. */
    atomic_store_explicit(&current->newer, level, memory_order_seq_cst);
    return level;
}

struct filch_slot *fi_level_enter(struct fi_worker *worker, struct fi_level *spare,
                                  struct filch_slot *scratch)
{
    if (worker->level == &worker->first && !worker->busy) {
        worker->busy = true;
        return worker->level->deque.base;
    }
    struct fi_level *level = newer_level(worker);
    if (!level) {
        /* No room for a single fork: each runs in place. Thieves never see this one. */
        level = spare;
        level_setup(level, worker, scratch, 0);
        level->older = worker->level;
        level->number = worker->level->number + 1;
    }
    worker->level = level;
    return level->deque.base;
}

void fi_level_leave(struct fi_worker *worker)
{
    if (worker->level == &worker->first)
        worker->busy = false;
    else
        worker->level = worker->level->older;
}
