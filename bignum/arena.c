/* SPDX-License-Identifier: MIT
 *
 * A row of extents of whole pages, by address: blocks in use, and idle ones. A block is the idle
 * extent that fits best, cut to size, or a mapping of its own; freed, it grows together with its
 * idle neighbours. The kernel lets any pages go, wherever their mapping began, so there is nothing
 * but these extents to remember.
 *
 * It never outgrows a claim: a call's claim, which has been found to fit, is mapped when the call
 * begins, and for a mapping later on as many idle bytes go first. So all that is mapped is either
 * in use, or was kept or claimed before.
 *
 * One row for all threads, under a mutex, and none for each: blocks are large, so that F(10^8)
 * takes 150 of them, and whoever took one works on it for a thousand times as long as the lock was
 * held. What one thread kept for itself, another one would have to map. */
#include "bignum/arena.h"

#include "sched/core/sanitize.h"

#include <filch/bignum.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* When there are so many, blocks are left to the functions before: a search looks at all. */
enum { EXTENTS = 1024 };

struct extent {
    char *start; /* of a page */
    size_t bytes;
    bool used;
};

/* GMP's allocation functions. */
struct functions {
    void *(*allocate)(size_t);
    void *(*reallocate)(void *, size_t, size_t);
    void (*free)(void *, size_t);
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct functions before; /* written while no other thread is in GMP, read by all */

/* All under the lock. No two idle extents are adjacent. */
static struct {
    bool installed, sees_forks;
    size_t page;
    uint64_t keep;    /* the most bytes that stay idle */
    uint64_t claimed; /* beyond keep: bytes that calls in flight will hold */
    struct filch_gmp_arena_stats stats;
    size_t count;
    struct extent extents[EXTENTS];
} arena;

/* ---- The row; all under the lock ------------------------------------------------------------- */

static void insert(size_t i, struct extent extent)
{
    memmove(&arena.extents[i + 1], &arena.extents[i], (arena.count - i) * sizeof extent);
    arena.extents[i] = extent;
    arena.count++;
}

static void drop(size_t i)
{
    arena.count--;
    memmove(&arena.extents[i], &arena.extents[i + 1],
            (arena.count - i) * sizeof *arena.extents);
}

/* The first extent that does not start before it. */
static size_t place_of(const char *start)
{
    size_t low = 0, high = arena.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (arena.extents[middle].start < start)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Makes one of i and i + 1 if both are idle, and adjacent. */
static bool merge_with_next(size_t i)
{
    struct extent *e = &arena.extents[i];
    if (i + 1 >= arena.count || e[0].used || e[1].used || e[0].start + e[0].bytes != e[1].start)
        return false;
    e->bytes += e[1].bytes;
    drop(i + 1);
    return true;
}

/* An extent has become idle; returns where it is then. */
static size_t merge(size_t i)
{
    merge_with_next(i);
    return i > 0 && merge_with_next(i - 1) ? i - 1 : i;
}

/* So many idle bytes go back to the kernel, or all that there are. An extent that the kernel cannot
 * cut, as the process has too many mappings, stays. */
static void give_back(uint64_t bytes)
{
    for (size_t i = 0; i < arena.count && bytes > 0;) {
        struct extent *e = &arena.extents[i];
        size_t part = e->bytes < bytes ? e->bytes : (size_t)bytes;
        char *start = e->start + e->bytes - part;
        if (e->used) {
            i++;
            continue;
        }
        fi_unpoison(start, part);
        if (munmap(start, part) != 0) {
            fi_poison(start, part);
            i++;
            continue;
        }
        arena.stats.kept -= part;
        bytes -= part;
        e->bytes -= part;
        if (e->bytes == 0)
            drop(i);
    }
}

static void keep_to_bound(void)
{
    uint64_t kept = arena.stats.kept;
    if (kept > arena.keep && kept - arena.keep > arena.claimed)
        give_back(kept - arena.keep - arena.claimed);
}

/* A block out of an idle extent: one of that size, or the row has room for what is left of it. */
static void *take(size_t i, size_t bytes)
{
    struct extent *e = &arena.extents[i];
    if (e->bytes > bytes) {
        insert(i + 1, (struct extent){e->start + bytes, e->bytes - bytes, false});
        e->bytes = bytes;
    }
    e->used = true;
    fi_unpoison(e->start, bytes);
    arena.stats.kept -= bytes;
    arena.stats.used += bytes;
    return e->start;
}

static void leave(size_t i)
{
    struct extent *e = &arena.extents[i];
    e->used = false;
    fi_poison(e->start, e->bytes);
    arena.stats.used -= e->bytes;
    arena.stats.kept += e->bytes;
    merge(i);
    keep_to_bound();
}

static void *reuse(size_t bytes)
{
    size_t best = EXTENTS;
    for (size_t i = 0; i < arena.count; i++) {
        const struct extent *e = &arena.extents[i];
        bool fits = arena.count < EXTENTS ? e->bytes >= bytes : e->bytes == bytes;
        if (fits && !e->used && (best == EXTENTS || e->bytes < arena.extents[best].bytes))
            best = i;
    }
    if (best == EXTENTS)
        return NULL;
    arena.stats.reused++;
    return take(best, bytes);
}

/* Returns its place, or EXTENTS: there is no more memory, or no more room in the row. */
static size_t map_idle(size_t bytes)
{
    if (arena.count == EXTENTS)
        return EXTENTS;
    char *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED)
        return EXTENTS;
    fi_poison(start, bytes);
    size_t i = place_of(start);
    insert(i, (struct extent){start, bytes, false});
    arena.stats.kept += bytes;
    return merge(i);
}

static void *map(size_t bytes)
{
    if (arena.count == EXTENTS)
        return NULL;
    give_back(bytes);
    size_t i = map_idle(bytes);
    if (i == EXTENTS && arena.stats.kept > 0) {
        give_back(UINT64_MAX);
        i = map_idle(bytes);
    }
    if (i == EXTENTS)
        return NULL;
    arena.stats.mapped++;
    return take(i, bytes);
}

/* The block's place, or EXTENTS if it is none of the arena's. */
static size_t find(const void *block)
{
    size_t i = place_of(block);
    bool found = i < arena.count && arena.extents[i].start == block && arena.extents[i].used;
    return found ? i : EXTENTS;
}

static size_t in_pages(size_t bytes)
{
    return (bytes + arena.page - 1) / arena.page * arena.page;
}

/* ---- Blocks; without the lock ---------------------------------------------------------------- */

static bool is_large(uint64_t bytes)
{
    return bytes >= FI_ARENA_LARGE && bytes <= SIZE_MAX / 2;
}

/* The arena's blocks start at a page: few others need a look at the row. */
static bool is_foreign(const void *block)
{
    return !block || (uintptr_t)block % 4096 != 0;
}

/* NULL: the block is not for the arena, or it has none. */
static void *allocate(size_t bytes)
{
    if (!is_large(bytes))
        return NULL;
    void *block = NULL;
    pthread_mutex_lock(&lock);
    if (arena.installed) {
        block = reuse(in_pages(bytes));
        if (!block)
            block = map(in_pages(bytes));
        if (!block)
            arena.stats.passed++;
    }
    pthread_mutex_unlock(&lock);
    return block;
}

/* false: the block is none of the arena's. */
static bool release(void *block)
{
    if (is_foreign(block))
        return false;
    pthread_mutex_lock(&lock);
    size_t i = find(block);
    if (i < EXTENTS)
        leave(i);
    pthread_mutex_unlock(&lock);
    return i < EXTENTS;
}

static bool is_ours(const void *block)
{
    if (is_foreign(block))
        return false;
    pthread_mutex_lock(&lock);
    bool ours = find(block) < EXTENTS;
    pthread_mutex_unlock(&lock);
    return ours;
}

/* Makes a block smaller, or larger within its last page, where it is. false: nothing is done. */
static bool resize(void *block, size_t bytes)
{
    if (is_foreign(block) || !is_large(bytes))
        return false;
    pthread_mutex_lock(&lock);
    size_t i = find(block);
    bool fits = i < EXTENTS && bytes <= arena.extents[i].bytes;
    if (fits && in_pages(bytes) < arena.extents[i].bytes && arena.count < EXTENTS) {
        struct extent *e = &arena.extents[i];
        size_t rest = e->bytes - in_pages(bytes);
        e->bytes -= rest;
        insert(i + 1, (struct extent){e->start + e->bytes, rest, true});
        leave(i + 1);
    }
    pthread_mutex_unlock(&lock);
    return fits;
}

void *fi_block_allocate(size_t bytes)
{
    void *block = allocate(bytes);
    return block ? block : malloc(bytes);
}

void fi_block_free(void *block)
{
    if (!release(block))
        free(block);
}

void fi_arena_prepare(uint64_t bytes)
{
    if (!is_large(bytes))
        return;
    pthread_mutex_lock(&lock);
    arena.claimed += bytes;
    if (arena.installed && bytes > arena.stats.kept)
        map_idle(in_pages((size_t)(bytes - arena.stats.kept)));
    pthread_mutex_unlock(&lock);
}

void fi_arena_finish(uint64_t bytes)
{
    if (!is_large(bytes))
        return;
    pthread_mutex_lock(&lock);
    arena.claimed -= bytes;
    keep_to_bound();
    pthread_mutex_unlock(&lock);
}

/* ---- GMP's functions ------------------------------------------------------------------------- */

static void *gmp_allocate(size_t bytes)
{
    void *block = allocate(bytes);
    return block ? block : before.allocate(bytes);
}

static void gmp_free(void *block, size_t bytes)
{
    if (!release(block))
        before.free(block, bytes);
}

static void *gmp_reallocate(void *block, size_t old_bytes, size_t bytes)
{
    if (resize(block, bytes))
        return block;
    void *moved = allocate(bytes);
    if (!moved && !is_ours(block))
        return before.reallocate(block, old_bytes, bytes);
    if (!moved)
        moved = before.allocate(bytes);
    memcpy(moved, block, old_bytes < bytes ? old_bytes : bytes);
    gmp_free(block, old_bytes);
    return moved;
}

/* ---- Installing ------------------------------------------------------------------------------ */

/* In a child of fork() there is no other thread that could unlock. */
static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

/* Under the lock. */
static bool begin(void)
{
    if (!arena.sees_forks)
        arena.sees_forks = pthread_atfork(before_fork, after_fork, after_fork) == 0;
    if (!arena.sees_forks)
        return false;
    arena.page = (size_t)sysconf(_SC_PAGESIZE);
    arena.stats = (struct filch_gmp_arena_stats){.kept = arena.stats.kept};
    mp_get_memory_functions(&before.allocate, &before.reallocate, &before.free);
    mp_set_memory_functions(gmp_allocate, gmp_reallocate, gmp_free);
    arena.installed = true;
    return true;
}

int filch_gmp_arena_install(uint64_t keep)
{
    pthread_mutex_lock(&lock);
    bool installed = arena.installed || begin();
    if (installed) {
        arena.keep = keep;
        keep_to_bound();
    }
    pthread_mutex_unlock(&lock);
    return installed ? 0 : FILCH_ENOMEM;
}

int filch_gmp_arena_uninstall(void)
{
    int error = 0;
    void *(*now)(size_t) = NULL;
    pthread_mutex_lock(&lock);
    if (arena.installed) {
        mp_get_memory_functions(&now, NULL, NULL);
        if (arena.stats.used > 0 || arena.claimed > 0 || now != gmp_allocate)
            error = FILCH_EBUSY;
    }
    if (arena.installed && !error) {
        give_back(UINT64_MAX);
        mp_set_memory_functions(before.allocate, before.reallocate, before.free);
        arena.installed = false;
    }
    pthread_mutex_unlock(&lock);
    return error;
}

uint64_t filch_gmp_arena_trim(void)
{
    pthread_mutex_lock(&lock);
    uint64_t kept = arena.stats.kept;
    give_back(UINT64_MAX);
    uint64_t given = kept - arena.stats.kept;
    pthread_mutex_unlock(&lock);
    return given;
}

void filch_gmp_arena_stats_read(struct filch_gmp_arena_stats *stats)
{
    pthread_mutex_lock(&lock);
    *stats = arena.stats;
    pthread_mutex_unlock(&lock);
}
