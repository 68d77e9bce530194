/* SPDX-License-Identifier: MIT
 *
 * The deque under a model checker: one owner that follows a script of forks and joins, and one
 * or two thieves. Checks that every task runs exactly once, that its arguments arrive and its
 * result comes back, in every execution that the memory model allows. tests/model/run.sh runs
 * each scenario, and each mutant of deque.mutants, which must fail.
 *
 * Scenarios: 6
 *              1  share two, take both back          1 thief x 2
 *              2  share, take, reuse the slot twice  1 thief x 3
 *              3  lose a slot, fork above it while waiting, fall back, reuse    1 thief x 2
 *              4  share two                          2 thieves x 1
 *              5  share, take, reuse                 2 thieves x 2
 *              6  the owner sleeps until the thief is done                      1 thief x 2 */
#include "atomics/deque.c"
#include "atomics/event.h"

#include <assert.h>
#include <pthread.h>

#define CAPACITY 4
#define TASKS    4

static struct fi_deque deque;
static struct filch_slot slots[CAPACITY + 1];
static struct filch_slot *head;

/* Plain memory: a task that two threads run is a data race, whatever the values. */
static int ran[TASKS];

static struct fi_event owner_event;

/* ---- A task: its argument is its number, its result the number and 100 -------------------- */

static void run(struct filch_slot *slot)
{
    int *payload = (int *)(void *)slot->payload;
    ran[*payload]++;
    *payload += 100;
}

static void thief_steal(int attempts, uint32_t number)
{
    for (int i = 0; i < attempts; i++) {
        struct filch_slot *slot;
        if (fi_deque_steal(&deque, &slot) != FI_STOLEN)
            continue;
        fi_slot_begin(slot, fi_theft(number, 0, 0));
        run(slot);
        if (fi_slot_finish(slot))
            fi_event_notify(&owner_event);
    }
}

/* ---- The owner, as sched/core/forkjoin.c does it ------------------------------------------- */

static void owner_fork(int task)
{
    *(int *)(void *)head->payload = task;
    head++;
}

static void owner_share(void)
{
    fi_deque_share(&deque, head);
}

/* Joins the newest fork. While it waits for a thief it runs `meanwhile` as one more task. */
static void owner_join(int task, int meanwhile, bool sleeps)
{
    struct filch_slot *slot = --head;

    if (slot >= fi_deque_split(&deque) || fi_deque_take(&deque, slot) == FI_TAKEN) {
        run(slot);
    } else {
        head = slot + 1;
        if (meanwhile >= 0) {
            owner_fork(meanwhile);
            owner_share();
            owner_join(meanwhile, -1, false);
        }
        if (sleeps) {
            uint32_t ticket = fi_event_prepare(&owner_event);
            if (fi_slot_await(slot) && !fi_slot_done(slot))
                fi_event_wait(&owner_event, ticket);
        }
        while (!fi_slot_done(slot))
            continue;
        fi_deque_fall_back(&deque, slot);
        head = slot;
    }
    assert(*(int *)(void *)slot->payload == task + 100);
    assert(ran[task] == 1);
}

/* ---- Scenarios --------------------------------------------------------------------------- */

#if SCENARIO == 1 || SCENARIO == 6
#define STEALS 2
#elif SCENARIO == 2
#define STEALS 3
#elif SCENARIO == 3
#define STEALS 2
#elif SCENARIO == 4
#define STEALS  1
#define THIEVES 2
#else
#define STEALS  2
#define THIEVES 2
#endif
#ifndef THIEVES
#define THIEVES 1
#endif

static void owner(void)
{
#if SCENARIO == 1 || SCENARIO == 4
    owner_fork(0);
    owner_fork(1);
    owner_share();
    owner_join(1, -1, false);
    owner_join(0, -1, false);
#elif SCENARIO == 2
    for (int task = 0; task < 3; task++) {
        owner_fork(task);
        owner_share();
        owner_join(task, -1, false);
    }
#elif SCENARIO == 3
    owner_fork(0);
    owner_share();
    owner_join(0, 1, false);
    owner_fork(2);
    owner_share();
    owner_join(2, -1, false);
#elif SCENARIO == 5
    owner_fork(0);
    owner_share();
    owner_fork(1);
    owner_join(1, -1, false);
    owner_join(0, -1, false);
    owner_fork(2);
    owner_share();
    owner_join(2, -1, false);
#elif SCENARIO == 6
    owner_fork(0);
    owner_share();
    owner_join(0, -1, true);
    owner_fork(1);
    owner_join(1, -1, false);
#endif
}

static uint32_t numbers[] = {1, 2};

static void *thief(void *number)
{
    thief_steal(STEALS, *(uint32_t *)number);
    return NULL;
}

int main(void)
{
    pthread_t thieves[THIEVES];

    fi_deque_init(&deque, slots, CAPACITY);
    fi_event_init(&owner_event);
    head = slots;
    for (int i = 0; i < THIEVES; i++)
        pthread_create(&thieves[i], NULL, thief, &numbers[i]);
    owner();
    for (int i = 0; i < THIEVES; i++)
        pthread_join(thieves[i], NULL);
    return 0;
}
