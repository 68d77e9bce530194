/* SPDX-License-Identifier: MIT
 *
 * Scratch memory: see filch/scratch.h. One comparison with `limit` carries "not made yet",
 * "touches new memory" and "used up". A worker's arena belongs to the worker, and is unmapped
 * with it; that of any other thread goes with the thread, by a key's destructor. */
#include "sched/core/scratch.h"

#include "sched/core/sanitize.h"
#include "sched/core/block_cache.h"
#include "sched/core/self.h"
#include "sched/core/worker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

#define ALIGNMENT ((size_t)16)
#define STEP      ((size_t)64 << 10) /* by which `limit` moves: no page is larger */
#define HEADER    ((size_t)FILCH_CACHE_LINE)
_Static_assert(sizeof(struct fi_scratch) <= HEADER, "the header has room");

/* Of threads that have none yet: no room, nothing in use. Never written. */
static struct fi_scratch none;
static _Thread_local struct fi_scratch *mine = &none;

static pthread_key_t key; /* of threads that are no workers */
static _Atomic(bool) has_key;

static size_t round_up(size_t size, size_t step)
{
    return (size + step - 1) & ~(step - 1);
}

/* ---- Arenas come and go ------------------------------------------------------------------ */

static struct fi_scratch *map(size_t size)
{
    size_t bytes = round_up(size + HEADER, STEP);
    struct fi_scratch *scratch = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (scratch == MAP_FAILED)
        return NULL;
    scratch->base = scratch->next = scratch->limit = (char *)scratch + HEADER;
    scratch->end = (char *)scratch + bytes;
    return scratch;
}

void fi_scratch_destroy(struct fi_scratch *scratch)
{
    if (!scratch)
        return;
    if (scratch ==
        mine) /* the last worker of a detached pool; the child of a task that forked */
        mine = &none;
    fi_unpoison(scratch->base, (size_t)(scratch->limit - scratch->base));
    munmap(scratch, (size_t)(scratch->end - (char *)scratch));
}

static void thread_ends(void *scratch)
{
    fi_scratch_destroy(scratch);
}

static void init(void)
{
    /* Relaxed, as all of it: pthread_once() brings the key. */
    atomic_store_explicit(&has_key, !pthread_key_create(&key, thread_ends),
                          memory_order_relaxed);
}

/* The library is unloaded, or the process ends, beside which other threads may go on. As in block_cache.c
 * what these might use is left to them: the arenas of others, and this thread's if there are tasks
 * that it may have handed memory to. */
__attribute__((destructor(101))) static void fini(void)
{
    if (!atomic_exchange_explicit(&has_key, false, memory_order_relaxed))
        return;
    pthread_key_delete(key);
    if (mine != &none && !fi_block_cache_used())
        fi_scratch_destroy(mine);
}

/* The arena of a thread that is no worker. */
static struct fi_scratch *make_outside(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, init);
    if (!atomic_load_explicit(&has_key, memory_order_relaxed))
        return NULL;
    struct fi_scratch *scratch = map(FI_SCRATCH_SIZE);
    if (scratch && pthread_setspecific(key, scratch)) {
        fi_scratch_destroy(scratch);
        return NULL;
    }
    return scratch;
}

/* The caller's arena, made if need be, or NULL. */
static struct fi_scratch *find(void)
{
    struct fi_worker *worker = fi_worker_self();
    struct fi_scratch *scratch = mine;

    if (scratch != &none)
        return scratch;
    if (worker)
        scratch = worker->scratch = map(worker->pool->plan.options.scratch_size);
    else
        scratch = make_outside();
    if (scratch)
        mine = scratch;
    return scratch;
}

/* ---- Memory is touched, and given back --------------------------------------------------- */

/* What is in use has grown beyond the limit. */
static void extend(struct fi_scratch *scratch)
{
    struct fi_worker *worker = fi_worker_self();
    char *before = scratch->limit, *start = (char *)scratch;

    scratch->limit = start + round_up((size_t)(scratch->next - start), STEP);
    fi_poison(before, (size_t)(scratch->limit - before));
    uint64_t bytes = (uint64_t)(scratch->limit - start);
    /* Relaxed: as fi_count(). */
    if (worker && bytes > atomic_load_explicit(&worker->scratched, memory_order_relaxed))
        atomic_store_explicit(&worker->scratched, bytes, memory_order_relaxed);
}

void fi_scratch_give_back(struct fi_scratch *scratch)
{
    char *start = (char *)scratch;
    size_t kept = round_up((size_t)(scratch->next - start), STEP);

    if (kept < FI_SCRATCH_KEEP)
        kept = FI_SCRATCH_KEEP;
    if (start + kept >= scratch->limit)
        return;
    size_t bytes = (size_t)(scratch->limit - start) - kept;
    fi_unpoison(start + kept, bytes); /* above the limit nothing is poisoned */
    /* Where it fails, since memory is locked, it stays: no harm. */
    (void)madvise(start + kept, bytes, MADV_DONTNEED);
    scratch->limit = start + kept;
}

void filch_scratch_trim(void)
{
    if (mine != &none)
        fi_scratch_trim(mine);
}

/* ---- Allocation -------------------------------------------------------------------------- */

static void *allocate(size_t size, size_t alignment)
{
    struct fi_scratch *scratch = find();

    if (!scratch)
        return NULL;
    size_t room = (size_t)(scratch->end - scratch->next);
    size_t pad = -(uintptr_t)scratch->next & (alignment - 1);
    if (size == 0)
        size = 1;
    if (pad > room || size > room - pad) /* both sides multiples of 16, but for the size */
        return NULL;
    char *block = scratch->next + pad;
    scratch->next = block + round_up(size, ALIGNMENT);
    if (scratch->next > scratch->limit)
        extend(scratch);
    fi_unpoison(block, size);
    return block;
}

FILCH_COLD static void *allocate_slowly(size_t size)
{
    return allocate(size, ALIGNMENT);
}

void *filch_scratch_alloc(size_t size)
{
    struct fi_scratch *scratch = mine;
    char *block = scratch->next;
    size_t bytes = round_up(size, ALIGNMENT); /* 0 also for a size that is too large */

    if (FILCH_UNLIKELY(bytes - 1 >= (size_t)(scratch->limit - block)))
        return allocate_slowly(size);
    scratch->next = block + bytes;
    fi_unpoison(block, size);
    return block;
}

void *filch_scratch_alloc_aligned(size_t size, size_t alignment)
{
    if (alignment == 0 || (alignment & (alignment - 1)))
        return NULL;
    return allocate(size, alignment < ALIGNMENT ? ALIGNMENT : alignment);
}

size_t filch_scratch_mark(void)
{
    return (size_t)(mine->next - mine->base);
}

void filch_scratch_reset(size_t mark)
{
    struct fi_scratch *scratch = mine;
    size_t used = (size_t)(scratch->next - scratch->base);

#ifdef FILCH_DEBUG
    assert(mark <= used && "filch_scratch_reset() with a mark that is gone");
#endif
    if (mark >= used)
        return;
    scratch->next = scratch->base + mark;
    fi_poison(scratch->next, used - mark);
}
