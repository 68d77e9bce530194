/* SPDX-License-Identifier: MIT
 *
 * No wake-up is lost: a million rounds in which a task comes to a pool whose workers are about
 * to sleep, or sleep. Imitates a program that hands over one task at a time, after a rest that
 * varies from none to longer than the workers search. A lost wake-up shows as a round that
 * never ends: the watchdog reports it. Scaled down under sanitizers and by the seconds given;
 * with no argument the million is run whole. */
#include "stress.h"

#include <filch/future.h>
#include <filch/stats.h>
#include <filch/task.h>

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define ROUNDS 1000000

static _Atomic(long) rounds;

/* Reports a round that takes over 20 s. */
static void *watchdog(void *argument)
{
    long seen = -1;
    (void)argument;
    for (;;) {
        sleep(20);
        long now = atomic_load(&rounds);
        if (now == seen) {
            printf("park: round %ld does not end: a wake-up was lost\n", now);
            fflush(stdout);
            _exit(1);
        }
        seen = now;
    }
    return NULL;
}

static void *task(void *argument)
{
    return argument;
}

/* A fork whose other branch waits until a thief has run it: needs the sleeper. */
static _Atomic(int) ran;

FILCH_VOID_TASK(leaf)
{
    atomic_store(&ran, 1);
}

FILCH_VOID_TASK(forks)
{
    atomic_store(&ran, 0);
    FILCH_FORK(leaf);
    while (!atomic_load(&ran))
        usleep(1);
    FILCH_JOIN(leaf);
}

/* Rests for anything between nothing and some times the length of a search. */
static void rest(unsigned round)
{
    unsigned draw = round * 2654435761u >> 20;
    if (draw % 64 == 0)
        usleep(draw % 200);
    else
        for (volatile unsigned i = 0; i < draw % 256; i++)
            continue;
}

int main(int argc, char **argv)
{
    struct filch_pool *pool;
    struct filch_stats stats;
    pthread_t thread;
    bool whole = argc < 2 && !SANITIZED;

    stress_begin(argc, argv);
    CHECK(!pthread_create(&thread, NULL, watchdog, NULL));
    CHECK(!filch_pool_create(&(struct filch_pool_options){.workers = 3}, &pool));
    for (unsigned round = 0; whole ? round < ROUNDS : stress_goes_on(); round++) {
        struct filch_future *future;
        void *result;

        atomic_store(&rounds, (long)round);
        rest(round);
        if (round % 256 == 0) {
            FILCH_RUN(pool, forks);
            continue;
        }
        CHECK(!filch_pool_submit(pool, task, &round, &future));
        CHECK(!filch_future_result(future, FILCH_FOREVER, &result) && result == &round);
        filch_future_release(future);
    }
    filch_stats_read(pool, &stats);
    CHECK(stats.parks > 0);
    CHECK(!filch_pool_destroy(pool));
    printf("park: %ld rounds, %llu times asleep, no wake-up lost\n", atomic_load(&rounds) + 1,
           (unsigned long long)stats.parks);
    return 0;
}
