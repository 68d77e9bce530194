/* SPDX-License-Identifier: MIT
 *
 * The counters of <filch/counter.h>: what is not the increment itself, which the header
 * inlines.
 *
 * The lock of LOCKED is a pthread mutex, not a spinlock. An uncontended spinlock is three times
 * as fast, but with more threads than cores a preempted holder leaves everyone else spinning
 * for whole time slices, where a mutex lets them sleep; and ThreadSanitizer knows what it
 * means.
 *
 * The shards hang in a list that only grows until the counter is destroyed: a thread pushes a
 * new shard, or claims one whose thread has left. Nothing is ever popped, so the CAS of the
 * push has no ABA problem and readers walk the list without protection. C11 atomics rather than
 * CK's stack, whose inline assembly ThreadSanitizer cannot see. */
#include <filch/counter.h>

#include <assert.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

/* The cell of one thread of a SHARDED counter, alone on its cache line: `claimed` changes once
 * a thread, and `next` never again. */
struct filch_counter_shard {
    /* Written by the thread that holds the shard; read by all. First: a view points to it. */
    alignas(FILCH_CACHE_LINE) _Atomic(uint64_t) cell;
    _Atomic(unsigned) claimed;        /* 1 while a thread holds the shard */
    struct filch_counter_shard *next; /* set before the shard is published */
};
static_assert(offsetof(struct filch_counter_shard, cell) == 0, "a view's cell is its shard");
static_assert(sizeof(struct filch_counter_shard) == FILCH_CACHE_LINE, "one line a thread");

struct filch_counter {
    /* All incrementing threads, except SHARDED. The mutex lies with what it guards: one line,
     * not two, travels to the thread that gets it. */
    alignas(FILCH_CACHE_LINE) _Atomic(uint64_t) cell;
    pthread_mutex_t lock;

    /* Read on enter and by readers; shards is written once for each new thread. */
    alignas(FILCH_CACHE_LINE) _Atomic(struct filch_counter_shard *) shards;
    enum filch_counter_kind kind;
};
static_assert(offsetof(struct filch_counter, shards) == FILCH_CACHE_LINE,
              "what is only read is on a line of its own");
static_assert(sizeof(struct filch_counter) == 2 * FILCH_CACHE_LINE,
              "no other object shares the lines of a counter");

struct filch_counter *filch_counter_create(enum filch_counter_kind kind)
{
    if (filch_counter_kind_name(kind) == NULL)
        return NULL;
    struct filch_counter *counter = aligned_alloc(FILCH_CACHE_LINE, sizeof *counter);
    if (counter == NULL)
        return NULL;
    if (pthread_mutex_init(&counter->lock, NULL) != 0) {
        free(counter);
        return NULL;
    }
    atomic_init(&counter->cell, 0);
    atomic_init(&counter->shards, NULL);
    counter->kind = kind;
    return counter;
}

void filch_counter_destroy(struct filch_counter *counter)
{
    if (counter == NULL)
        return;
    /* Relaxed, both: the caller knows that every thread has left, and that ordered the rest. */
    struct filch_counter_shard *shard =
        atomic_load_explicit(&counter->shards, memory_order_relaxed);
    while (shard != NULL) {
        struct filch_counter_shard *next = shard->next;
        assert(atomic_load_explicit(&shard->claimed, memory_order_relaxed) == 0);
        free(shard);
        shard = next;
    }
    pthread_mutex_destroy(&counter->lock);
    free(counter);
}

uint64_t filch_counter_value(const struct filch_counter *counter)
{
    /* Relaxed: a count orders nothing; a reader who wants the final sum has joined the threads.
     */
    uint64_t sum = atomic_load_explicit(&counter->cell, memory_order_relaxed);
    /* C2 pairs with C1 in shard_new(): the shard and its next are written. */
    const struct filch_counter_shard *shard =
        atomic_load_explicit(&counter->shards, memory_order_acquire);
    for (; shard != NULL; shard = shard->next)
        sum += atomic_load_explicit(&shard->cell, memory_order_relaxed);
    return sum;
}

const char *filch_counter_kind_name(enum filch_counter_kind kind)
{
    switch (kind) {
    case FILCH_COUNTER_UNSAFE:
        return "unsafe";
    case FILCH_COUNTER_LOCKED:
        return "locked";
    case FILCH_COUNTER_ATOMIC:
        return "atomic";
    case FILCH_COUNTER_SHARDED:
        return "sharded";
    }
    return NULL;
}

/* Claims a shard that a thread has left, or returns NULL. */
static struct filch_counter_shard *shard_reuse(struct filch_counter *counter)
{
    /* C2, as in filch_counter_value(). */
    struct filch_counter_shard *shard =
        atomic_load_explicit(&counter->shards, memory_order_acquire);
    for (; shard != NULL; shard = shard->next) {
        /* Relaxed: a glance, to leave the lines of counting threads alone. */
        if (atomic_load_explicit(&shard->claimed, memory_order_relaxed) != 0)
            continue;
        unsigned idle = 0;
        /* C4 pairs with C3 in filch_counter_cell_release(): this thread goes on from the count
         * at which the last one left. Relaxed when it fails: nothing is read. */
        if (atomic_compare_exchange_strong_explicit(&shard->claimed, &idle, 1,
                                                    memory_order_acquire, memory_order_relaxed))
            return shard;
    }
    return NULL;
}

/* Adds a shard that the calling thread holds, or returns NULL: no memory. */
static struct filch_counter_shard *shard_new(struct filch_counter *counter)
{
    struct filch_counter_shard *shard = aligned_alloc(FILCH_CACHE_LINE, sizeof *shard);
    if (shard == NULL)
        return NULL;
    atomic_init(&shard->cell, 0);
    atomic_init(&shard->claimed, 1);
    /* Relaxed: the pointer is stored, not followed. */
    shard->next = atomic_load_explicit(&counter->shards, memory_order_relaxed);
    /* C1 pairs with C2: the shard is written before it can be found. An older push stays
     * visible too, since this CAS continues its release sequence. Relaxed when it fails: as
     * above. */
    while (!atomic_compare_exchange_weak_explicit(&counter->shards, &shard->next, shard,
                                                  memory_order_release, memory_order_relaxed))
        continue;
    return shard;
}

enum filch_counter_kind filch_counter_kind(const struct filch_counter *counter)
{
    return counter->kind;
}

_Atomic(uint64_t) *filch_counter_cell_claim(struct filch_counter *counter)
{
    if (counter->kind != FILCH_COUNTER_SHARDED)
        return &counter->cell;
    struct filch_counter_shard *shard = shard_reuse(counter);
    if (shard == NULL)
        shard = shard_new(counter);
    return shard == NULL ? NULL : &shard->cell;
}

void filch_counter_cell_release(struct filch_counter *counter, _Atomic(uint64_t) *cell)
{
    assert(cell != NULL);
    if (counter->kind != FILCH_COUNTER_SHARDED)
        return;
    struct filch_counter_shard *shard = (struct filch_counter_shard *)cell;
    /* C3 pairs with C4: the count is complete for whoever holds the shard next. */
    atomic_store_explicit(&shard->claimed, 0, memory_order_release);
}

void filch_counter_cell_add_locked(struct filch_counter *counter, uint64_t n)
{
    pthread_mutex_lock(&counter->lock);
    /* Relaxed: the mutex orders them. Atomic only for filch_counter_value(), which takes none.
     */
    uint64_t count = atomic_load_explicit(&counter->cell, memory_order_relaxed);
    atomic_store_explicit(&counter->cell, count + n, memory_order_relaxed);
    pthread_mutex_unlock(&counter->lock);
}
