/* SPDX-License-Identifier: MIT
 *
 * Magazines and the depot: see block_cache.h. The depot is a pair of queues a size (atomics/queue.h),
 * whose orderings carry the blocks from thread to thread; everything else is a thread's own. */
#include "sched/core/block_cache.h"

#include "atomics/queue.h"
#include "sched/core/sanitize.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

static const size_t sizes[FI_BLOCK_CLASSES] = {
    [FI_BLOCK_FUTURE] = FI_BLOCK_FUTURE_SIZE,
    [FI_BLOCK_PLAIN_TASK] = FI_BLOCK_PLAIN_TASK_SIZE,
    [FI_BLOCK_GROUP_TASK] = FI_BLOCK_GROUP_TASK_SIZE,
};

/* AddressSanitizer should see each block come and go. */
#define DIRECT FI_ASAN

enum { ROUNDS = 63 }; /* with the count 512 bytes */

/* How many blocks ahead of the one that is handed out are fetched: another thread has used them
 * last, and the next locked instruction would wait until what is written there is the caller's. */
enum { AHEAD = 6 };

/* Blocks in a cache line of a magazine. */
enum { LINE = FILCH_CACHE_LINE / sizeof(void *) };

struct magazine {
    alignas(FILCH_CACHE_LINE) size_t count; /* neighbours are other threads' */
    void *blocks[ROUNDS];
};

/* What a thread keeps: one magazine in use, and one that is full or empty. */
struct cache {
    alignas(FILCH_CACHE_LINE) struct magazine *loaded[FI_BLOCK_CLASSES],
        *other[FI_BLOCK_CLASSES];
    struct cache *next, **link; /* of all caches */
};

static struct {
    struct fi_queue full[FI_BLOCK_CLASSES], empty[FI_BLOCK_CLASSES];
    pthread_key_t key;    /* its destructor gives back a thread's cache */
    bool ready;           /* without, every block comes from malloc() */
    _Atomic(int) users;   /* pools */
    pthread_mutex_t lock; /* guards the list */
    struct cache *caches;
} depot = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local struct cache *mine;

/* ---- The depot --------------------------------------------------------------------------- */

static void free_magazine(struct magazine *magazine)
{
    while (magazine && magazine->count)
        free(magazine->blocks[--magazine->count]);
    free(magazine);
}

static void empty_depot(void)
{
    for (int class = 0; class < FI_BLOCK_CLASSES; class ++) {
        struct magazine *magazine;
        while ((magazine = fi_queue_pop(&depot.full[class])))
            free_magazine(magazine);
        while ((magazine = fi_queue_pop(&depot.empty[class])))
            free_magazine(magazine);
    }
}

/* Hands over a magazine: to depot.full one with something in it. */
static void put(struct fi_queue *queue, struct magazine *magazine)
{
    /* Relaxed: without a pool magazines might stay, until there is one again. */
    if (!magazine)
        return;
    if (!atomic_load_explicit(&depot.users, memory_order_relaxed) ||
        fi_queue_push(queue, magazine))
        free_magazine(magazine);
}

/* ---- Caches ------------------------------------------------------------------------------ */

static void give_back(int class, struct magazine *magazine)
{
    if (magazine)
        put(magazine->count ? &depot.full[class] : &depot.empty[class], magazine);
}

static void free_cache(struct cache *cache)
{
    for (int class = 0; class < FI_BLOCK_CLASSES; class ++) {
        give_back(class, cache->loaded[class]);
        give_back(class, cache->other[class]);
    }
    *cache->link = cache->next;
    if (cache->next)
        cache->next->link = cache->link;
    free(cache);
}

static void thread_ends(void *cache)
{
    mine = NULL;
    fi_block_cache_lock();
    free_cache(cache);
    fi_block_cache_unlock();
}

static void init(void)
{
    int made = 0;

    while (made < FI_BLOCK_CLASSES && !fi_queue_init(&depot.full[made])) {
        if (fi_queue_init(&depot.empty[made])) {
            fi_queue_fini(&depot.full[made]);
            break;
        }
        made++;
    }
    depot.ready = made == FI_BLOCK_CLASSES && !pthread_key_create(&depot.key, thread_ends);
    while (!depot.ready && made-- > 0) {
        fi_queue_fini(&depot.full[made]);
        fi_queue_fini(&depot.empty[made]);
    }
}

/* The library is unloaded, or the process ends, beside which other threads may go on: what they
 * might use is left to them. 101: last, after what process.c and others' destructors wait for. */
__attribute__((destructor(101))) static void fini(void)
{
    /* Relaxed: whether others may use it is decided with the lock. */
    if (!depot.ready || atomic_load_explicit(&depot.users, memory_order_relaxed))
        return;
    pthread_key_delete(depot.key);
    fi_block_cache_lock();
    if (mine)
        free_cache(mine);
    mine = NULL;
    bool alone = !depot.caches;
    fi_block_cache_unlock();
    empty_depot();
    depot.ready = !alone;
    for (int class = 0; alone && class < FI_BLOCK_CLASSES; class ++) {
        fi_queue_fini(&depot.full[class]);
        fi_queue_fini(&depot.empty[class]);
    }
}

static struct cache *make_cache(void)
{
    struct cache *cache = NULL;

    if (depot.ready)
        cache = aligned_alloc(alignof(struct cache), sizeof *cache);
    if (!cache)
        return NULL;
    *cache = (struct cache){.next = NULL};
    if (pthread_setspecific(depot.key, cache)) {
        free(cache);
        return NULL;
    }
    fi_block_cache_lock();
    cache->next = depot.caches;
    cache->link = &depot.caches;
    if (cache->next)
        cache->next->link = &cache->next;
    depot.caches = cache;
    fi_block_cache_unlock();
    mine = cache;
    return cache;
}

static void swap(struct cache *cache, enum fi_block_class class)
{
    struct magazine *loaded = cache->loaded[class];
    cache->loaded[class] = cache->other[class];
    cache->other[class] = loaded;
}

/* ---- Blocks ------------------------------------------------------------------------------ */

/* The loaded magazine is empty. Returns one that is not, or NULL. */
FILCH_COLD static struct magazine *load_full(struct cache *cache, enum fi_block_class class)
{
    swap(cache, class);
    if (cache->loaded[class] && cache->loaded[class]->count)
        return cache->loaded[class];
    struct magazine *full = fi_queue_pop(&depot.full[class]);
    if (full) {
        put(&depot.empty[class], cache->loaded[class]);
        cache->loaded[class] = full;
        /* Another thread has filled it: the misses overlap. */
        for (size_t i = 0; i < ROUNDS; i += LINE)
            __builtin_prefetch(&full->blocks[i], 1);
    }
    return full;
}

/* The loaded magazine is full. Returns one that is not, or NULL. */
FILCH_COLD static struct magazine *load_empty(struct cache *cache, enum fi_block_class class)
{
    swap(cache, class);
    if (cache->loaded[class] && cache->loaded[class]->count < ROUNDS)
        return cache->loaded[class];
    struct magazine *empty = fi_queue_pop(&depot.empty[class]);
    if (!empty && !(empty = aligned_alloc(alignof(struct magazine), sizeof *empty)))
        return NULL;
    empty->count = 0;
    put(&depot.full[class], cache->loaded[class]);
    return cache->loaded[class] = empty;
}

void *fi_block_cache_alloc(enum fi_block_class class)
{
    struct cache *cache = mine;

    if (DIRECT || (!cache && !(cache = make_cache())))
        return malloc(sizes[class]);
    struct magazine *magazine = cache->loaded[class];
    if (FILCH_UNLIKELY(!magazine || !magazine->count) && !(magazine = load_full(cache, class)))
        return malloc(sizes[class]);
    if (magazine->count > AHEAD)
        __builtin_prefetch(magazine->blocks[magazine->count - 1 - AHEAD], 1);
    return magazine->blocks[--magazine->count];
}

void fi_block_cache_free(enum fi_block_class class, void *block)
{
    struct cache *cache = mine;

    if (DIRECT || (!cache && !(cache = make_cache()))) {
        free(block);
        return;
    }
    struct magazine *magazine = cache->loaded[class];
    if (FILCH_UNLIKELY(!magazine || magazine->count == ROUNDS) &&
        !(magazine = load_empty(cache, class))) {
        free(block);
        return;
    }
    magazine->blocks[magazine->count++] = block;
}

/* ---- Pools come and go ------------------------------------------------------------------- */

void fi_block_cache_enter(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, init);
    /* Relaxed, as all of `users`: it says what is worth keeping; the queues carry the blocks. */
    atomic_fetch_add_explicit(&depot.users, 1, memory_order_relaxed);
}

void fi_block_cache_leave(void)
{
    if (atomic_fetch_sub_explicit(&depot.users, 1, memory_order_relaxed) == 1 && depot.ready)
        empty_depot();
}

bool fi_block_cache_used(void)
{
    return atomic_load_explicit(&depot.users, memory_order_relaxed) > 0;
}

void fi_block_cache_lock(void)
{
    pthread_mutex_lock(&depot.lock);
}

void fi_block_cache_unlock(void)
{
    pthread_mutex_unlock(&depot.lock);
}
