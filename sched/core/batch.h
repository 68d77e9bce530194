/* SPDX-License-Identifier: MIT
 *
 * A batch: submitted tasks that a worker has taken out of a submit queue together, when they are so many
 * and so short that taking them one by one would be most of the work. It is not the worker's alone:
 * any worker may take the oldest one, as the task that runs may be a long one after all, or wait
 * for one of them.
 *
 *     word:  bits 63..32 | bits 31..16 | bits 15..0
 *               epoch    |    next     |   count        items[next] to items[count - 1] are there
 *
 * Only the owner fills it, and only when it is empty; each filling is an epoch. Who takes an item
 * reads it first and then moves `next` on: the CAS fails if the word is not that of this item any
 * more. Plain C11 atomics, for ThreadSanitizer and the model checker. */
#ifndef FI_BATCH_H
#define FI_BATCH_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef FI_BATCH_MAX
#define FI_BATCH_MAX 32
#endif

struct fi_batch {
    _Alignas(64) _Atomic(uint64_t) word;
    _Atomic(void *) submit_queue; /* where the items come from */
    _Atomic(void *) items[FI_BATCH_MAX];
};

#define FI_BATCH_NEXT ((uint64_t)1 << 16)

static inline uint32_t fi_batch_count(uint64_t word)
{
    return (uint32_t)(word & 0xffff) - (uint32_t)(word >> 16 & 0xffff);
}

/* Any worker. Is there nothing to take? seq_cst, for the last look before sleeping. */
static inline bool fi_batch_empty(const struct fi_batch *batch)
{
    /* B3 pairs with B1, as Q17 with Q2: see fi_queue_empty(). */
    return fi_batch_count(atomic_load_explicit(&batch->word, memory_order_seq_cst /* B3 */)) ==
           0;
}

/* The owner, of an empty batch. Whoever fills it must then look at the sleepers (idle.h): items
 * that were visible in their submit queue were not for a moment. */
static inline void fi_batch_fill(struct fi_batch *batch, void *submit_queue, void *const *items,
                                 uint32_t count)
{
    /* Relaxed: the owner has found it empty by fi_batch_take(), whose B2 pairs with the B4 of
     * whoever took the last item: all reads of the old items that count come before the stores
     * below. */
    uint64_t before = atomic_load_explicit(&batch->word, memory_order_relaxed);
    uint64_t epoch = (before >> 32) + 1;

    assert(fi_batch_count(before) == 0);

    /* Relaxed, and atomic since who is late may read them: its CAS will fail. */
    atomic_store_explicit(&batch->submit_queue, submit_queue, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++)
        atomic_store_explicit(&batch->items[i], items[i], memory_order_relaxed);
    /* B1, release, pairs with B2: the items, and what they point to. seq_cst with B3. */
    atomic_store_explicit(&batch->word, epoch << 32 | count, memory_order_seq_cst /* B1 */);
}

/* Any worker. Takes the oldest item if it comes from `submit queue` (NULL: from any), or returns NULL. */
static inline void *fi_batch_take(struct fi_batch *batch, const void *submit_queue)
{
    /* B2, acquire, pairs with B1, which every B4 passes on, as it is a read-modify-write: the
     * items. The owner's, of an empty batch, pairs with B4: see fi_batch_fill(). */
    uint64_t word = atomic_load_explicit(&batch->word, memory_order_acquire /* B2 */);

    while (fi_batch_count(word)) {
        /* Relaxed, both: B4 fails if they are of another epoch than the word. */
        void *from = atomic_load_explicit(&batch->submit_queue, memory_order_relaxed);
        void *item =
            atomic_load_explicit(&batch->items[word >> 16 & 0xffff], memory_order_relaxed);
        if (submit_queue && from != submit_queue)
            return NULL;
        /* B4: the word has not changed since B2, so neither have the items: the owner fills an
         * empty batch only, in a new epoch. Release, pairs with the owner's B2: keeps the reads
         * above before it. When it fails it is B2 again; acquire when it succeeds, too, since C11
         * wants that no weaker. */
        if (atomic_compare_exchange_weak_explicit(&batch->word, &word, word + FI_BATCH_NEXT,
                                                  memory_order_acq_rel, /* B4 */
                                                  memory_order_acquire))
            return item;
    }
    return NULL;
}

#endif
