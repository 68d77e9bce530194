/* SPDX-License-Identifier: MIT
 *
 * Threads that take blocks from the arena, fill them, resize them, and leave them to each other in
 * a row of places, while another one trims it, asks what it has, changes its bound, and forks.
 * Imitates GMP on many workers whose results are freed elsewhere; a block that two have at a time
 * shows in its words, one that is lost in the count at the end. */
#include "stress.h"

#include <filch/bignum.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, PLACES = 64, LARGE = 64 << 10, ROUNDS = SANITIZED ? 500 : 4000 };

struct block {
    size_t bytes;
    uint64_t key;
    uint64_t words[]; /* key + i, here and there */
};

static struct block *_Atomic places[PLACES];
static _Atomic(uint64_t) steps;
static _Atomic bool over;

static void *(*allocate)(size_t);
static void *(*reallocate)(void *, size_t, size_t);
static void (*release)(void *, size_t);

/* Every 512th word: one on each page, and the last one. */
static size_t word_after(size_t i, size_t count)
{
    return i == count - 1 ? count : i + 512 < count ? i + 512 : count - 1;
}

static size_t words_of(size_t bytes)
{
    return (bytes - sizeof(struct block)) / sizeof(uint64_t);
}

static void fill(struct block *block, size_t bytes, uint64_t key)
{
    size_t count = words_of(bytes);
    block->bytes = bytes;
    block->key = key;
    for (size_t i = 0; i < count; i = word_after(i, count))
        block->words[i] = key + i;
}

static void check(const struct block *block)
{
    size_t count = words_of(block->bytes);
    for (size_t i = 0; i < count; i = word_after(i, count))
        CHECK(block->words[i] == block->key + i);
}

/* Some are too small for the arena, most are small ones of its own. */
static size_t some_bytes(uint64_t random)
{
    size_t bytes = LARGE / 2 + random % (random & 1 << 20 ? 4 * LARGE : 32 * LARGE);
    return bytes & ~(size_t)7;
}

static void *take_and_leave(void *argument)
{
    uint64_t key = (uint64_t)(uintptr_t)argument << 40;
    for (unsigned round = 0; round < ROUNDS || stress_goes_on(); round++) {
        uint64_t random = stress_mix(++key);
        size_t bytes = some_bytes(random);
        struct block *block = allocate(bytes);
        fill(block, bytes, key);
        if (random >> 60 == 0) {
            size_t resized = some_bytes(stress_mix(random));
            uint64_t first = block->words[0];
            block = reallocate(block, bytes, resized);
            CHECK(block->key == key && block->words[0] == first);
            fill(block, resized, key);
        }
        /* acq_rel: what the block holds goes with it. */
        block = atomic_exchange_explicit(&places[random >> 32 & (PLACES - 1)], block,
                                         memory_order_acq_rel);
        if (block) {
            check(block);
            release(block, block->bytes);
        }
        /* Relaxed: a count for the last line. */
        atomic_fetch_add_explicit(&steps, 1, memory_order_relaxed);
    }
    return NULL;
}

static void *interfere(void *unused)
{
    (void)unused;
    uint64_t most = 0;
    for (unsigned round = 0; !atomic_load(&over); round++) {
        struct filch_gmp_arena_stats stats;
        filch_gmp_arena_stats_read(&stats);
        CHECK(stats.used % 4096 == 0 && stats.kept % 4096 == 0);
        most = stats.kept > most ? stats.kept : most;
        if (round % 16 == 0)
            filch_gmp_arena_trim();
        CHECK(!filch_gmp_arena_install(round % 4 * (UINT64_C(1) << 20)));
        /* ThreadSanitizer does not go through a fork with several threads. */
        if (round % 64 == 0 && !SANITIZED) {
            pid_t child = fork();
            if (child == 0) {
                release(allocate(LARGE), LARGE);
                _exit(0);
            }
            int status;
            CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
        }
        sched_yield();
    }
    CHECK(most > 0);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS], other;
    struct filch_gmp_arena_stats stats;

    stress_begin(argc, argv);
    CHECK(!filch_gmp_arena_install(UINT64_MAX));
    mp_get_memory_functions(&allocate, &reallocate, &release);
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&threads[i], NULL, take_and_leave, (void *)(i + 1)));
    CHECK(!pthread_create(&other, NULL, interfere, NULL));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&over, true);
    pthread_join(other, NULL);
    for (int i = 0; i < PLACES; i++)
        if (places[i]) {
            check(places[i]);
            release(places[i], places[i]->bytes);
        }
    filch_gmp_arena_stats_read(&stats);
    CHECK(stats.used == 0 && stats.passed == 0);
    CHECK(!filch_gmp_arena_uninstall());
    filch_gmp_arena_stats_read(&stats);
    CHECK(stats.kept == 0);
    printf("arena: %llu blocks, %llu reused, %llu mapped, none lost\n",
           (unsigned long long)atomic_load(&steps), (unsigned long long)stats.reused,
           (unsigned long long)stats.mapped);
    return 0;
}
