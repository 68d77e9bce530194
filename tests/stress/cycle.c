/* SPDX-License-Identifier: MIT
 *
 * Tasks that wait for each other, without a limit of time: each for another one at random, so that
 * some of them wait in a cycle. In each cycle at least one must be told, or none ever ends; those
 * that wait for one which ends must not be forgotten. A round of some tasks on two executors. */
#include "stress.h"

#include <filch/executor.h>

#include <sched.h>
#include <stdatomic.h>

#define TASKS   12
#define WORKERS 3

static struct filch_executor *executors[2];
static struct filch_future *futures[TASKS];
static uintptr_t awaited[TASKS];
static _Atomic(bool) complete;   /* all futures are known */
static _Atomic(uint64_t) losers; /* tasks that were told */

static void *await_another(void *argument)
{
    uintptr_t number = (uintptr_t)argument;
    void *result = NULL;

    while (!atomic_load(&complete))
        sched_yield();
    int error = filch_future_result(futures[awaited[number]], FILCH_FOREVER, &result);
    CHECK(error == 0 || error == FILCH_EDEADLK);
    CHECK(error || (uintptr_t)result == awaited[number]);
    atomic_fetch_add(&losers, error != 0);
    return argument;
}

/* Each task waits for one other: the cycles are where the ways from all of them end. */
static uint64_t count_cycles(void)
{
    uint64_t cycles = 0;

    for (uintptr_t i = 0; i < TASKS; i++) {
        uintptr_t least = i, at = awaited[i];
        for (int steps = 0; at != i && steps < TASKS; steps++, at = awaited[at])
            least = at < least ? at : least;
        cycles += at == i && least == i;
    }
    return cycles;
}

int main(int argc, char **argv)
{
    uint64_t rounds = 0, all_cycles = 0, all_losers = 0;

    stress_begin(argc, argv);
    for (int i = 0; i < 2; i++)
        CHECK(!filch_executor_create(WORKERS, NULL, &executors[i]));
    for (; stress_goes_on(); rounds++) {
        atomic_store(&complete, false);
        atomic_store(&losers, 0);
        for (uintptr_t i = 0; i < TASKS; i++) {
            uint64_t random = stress_mix(rounds * TASKS + i + 1);
            awaited[i] = (i + 1 + random % (TASKS - 1)) % TASKS;
            CHECK(!filch_executor_submit(executors[random >> 32 & 1], await_another, (void *)i,
                                         &futures[i]));
        }
        atomic_store(&complete, true);
        for (uintptr_t i = 0; i < TASKS; i++)
            CHECK(!filch_future_result(futures[i], FILCH_FOREVER, NULL));
        CHECK(atomic_load(&losers) >= count_cycles());
        all_cycles += count_cycles();
        all_losers += atomic_load(&losers);
        for (int i = 0; i < TASKS; i++)
            filch_future_release(futures[i]);
    }
    CHECK(rounds > 0);
    for (int i = 0; i < 2; i++)
        CHECK(!filch_executor_destroy(executors[i]));
    printf("cycle: %llu rounds, %llu cycles, %llu tasks were told\n",
           (unsigned long long)rounds, (unsigned long long)all_cycles,
           (unsigned long long)all_losers);
    return 0;
}
