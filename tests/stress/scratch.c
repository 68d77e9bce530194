/* SPDX-License-Identifier: MIT
 *
 * Scratch memory under load: trees of random shape, whose tasks hand blocks to their forks, are
 * run by several threads at once, some of which are workers; submitted tasks wait for others in
 * the middle, which run on top of them; between the rounds workers fall asleep, and give their
 * pages back. Imitates a search that gives each branch a board of its own, in a server that is
 * idle now and then. Blocks are written and read plainly, so that ThreadSanitizer sees one that
 * two tasks have. */
#include "stress.h"

#include <filch/future.h>
#include <filch/scratch.h>
#include <filch/stats.h>
#include <filch/task.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define DRIVERS 3
#define DEPTH   (SANITIZED ? 7 : 10)

static struct filch_pool *pool;
static _Atomic(uint64_t) tasks_run, trees;

/* Fills a block with what depends on the key alone. */
static void fill(uint64_t *words, size_t count, uint64_t key)
{
    for (size_t i = 0; i < count; i++)
        words[i] = stress_mix(key + i);
}

static void check(const uint64_t *words, size_t count, uint64_t key)
{
    for (size_t i = 0; i < count; i++)
        CHECK(words[i] == stress_mix(key + i));
}

/* Most are small, a few are larger than what an idle worker keeps. */
static size_t count_of(uint64_t key)
{
    return key % 256 ? 1 + key % 100 : 100000;
}

/* Fills the block that its parent has given it, has some of its own, and forks. */
FILCH_TASK(uint64_t, grow, uint64_t *, block, size_t, count, uint64_t, key, int, depth)
{
    enum { FORKS = 4 };
    size_t mark = filch_scratch_mark(), counts[FORKS], forks = key % (FORKS + 1);
    uint64_t *blocks[FORKS], tasks = 1;

    fill(block, count, key);
    for (size_t i = 0; depth > 0 && i < forks; i++) {
        uint64_t next = stress_mix(key * FORKS + i);
        counts[i] = count_of(next);
        blocks[i] = key % 3 ? filch_scratch_alloc(counts[i] * sizeof **blocks)
                            : filch_scratch_alloc_aligned(counts[i] * sizeof **blocks, 64);
        CHECK(blocks[i]);
        FILCH_FORK(grow, blocks[i], counts[i], next, depth - 1);
    }
    for (size_t i = depth > 0 ? forks : 0; i-- > 0;)
        tasks += FILCH_JOIN(grow);
    for (size_t i = 0; depth > 0 && i < forks; i++)
        check(blocks[i], counts[i], stress_mix(key * FORKS + i));
    check(block, count, key);
    filch_scratch_reset(mark);
    return tasks;
}

/* Any thread. A tree of its own, with a block of this thread's. */
static void grow_tree(uint64_t key)
{
    size_t mark = filch_scratch_mark(), count = count_of(key);
    uint64_t *block = filch_scratch_alloc(count * sizeof *block);

    CHECK(block);
    /* Relaxed: counts. */
    atomic_fetch_add_explicit(&tasks_run, FILCH_RUN(pool, grow, block, count, key, DEPTH),
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&trees, 1, memory_order_relaxed);
    check(block, count, key);
    filch_scratch_reset(mark);
}

struct chain {
    uint64_t key;
    int left;
};

/* Waits for another of its kind, which may run on top of it, with a block in use. */
static void *link_in(void *argument)
{
    const struct chain *chain = argument;
    size_t mark = filch_scratch_mark(), count = count_of(chain->key);
    uint64_t *block = filch_scratch_alloc(count * sizeof *block);
    struct chain *next = filch_scratch_alloc(sizeof *next);
    struct filch_future *future;

    CHECK(block && next);
    fill(block, count, chain->key);
    *next = (struct chain){stress_mix(chain->key), chain->left - 1};
    if (chain->left > 0) {
        CHECK(!filch_pool_submit(pool, link_in, next, &future));
        CHECK(!filch_future_result(future, FILCH_FOREVER, NULL));
        filch_future_release(future);
    } else {
        grow_tree(chain->key);
    }
    check(block, count, chain->key);
    filch_scratch_reset(mark);
    return argument;
}

static void *drive(void *argument)
{
    uint64_t key = (uint64_t)(uintptr_t)argument, least = key + 30 * DRIVERS;

    for (; key < least || stress_goes_on(); key += DRIVERS) {
        struct chain chain = {stress_mix(key), (int)(key % 5)};
        struct filch_future *future;
        CHECK(!filch_pool_submit(pool, link_in, &chain, &future));
        grow_tree(stress_mix(~key));
        if (key % 7 == 0)
            filch_scratch_trim();
        CHECK(!filch_future_result(future, FILCH_FOREVER, NULL));
        filch_future_release(future);
        CHECK(filch_scratch_mark() == 0);
        if (key % 16 == 0) { /* until all that have nothing to do are asleep, or nearly */
            struct timespec pause = {.tv_nsec = 1000000};
            nanosleep(&pause, NULL);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t drivers[DRIVERS];
    struct filch_stats stats;

    stress_begin(argc, argv);
    CHECK(!filch_pool_create(&(struct filch_pool_options){.workers = 4}, &pool));
    for (int i = 0; i < DRIVERS; i++)
        CHECK(!pthread_create(&drivers[i], NULL, drive, (void *)(uintptr_t)i));
    for (int i = 0; i < DRIVERS; i++)
        pthread_join(drivers[i], NULL);
    filch_stats_read(pool, &stats);
    CHECK(!filch_pool_destroy(pool));
    printf("scratch: %llu tasks in %llu trees, %llu parks, %llu KiB at most\n",
           (unsigned long long)atomic_load(&tasks_run), (unsigned long long)atomic_load(&trees),
           (unsigned long long)stats.parks, (unsigned long long)stats.scratch / 1024);
    return 0;
}
