/* SPDX-License-Identifier: MIT
 *
 * The slow paths of fork and join, and FILCH_RUN: what to share and when, how to wait for a
 * thief, and what to do when the deque is full. The fast paths are slot.h's. */
#include "sched/core/pool.h"
#include "sched/core/search.h"
#include "sched/core/self.h"
#include "sched/core/steal.h"
#include "sched/core/wait.h"

#include <filch/task.h>

#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* ---- How many of the newest forks stay private ------------------------------------------- */

/* A private fork costs about a call, a shared one some locked instructions and its way through the
 * slow path. So the slow path, which alone reads the clock, lets the private tail grow (`private_max`,
 * in slots) while it is entered more often than every SOON_NS. In a binary recursion it is then
 * entered once in 2^(keep / 2) forks, in a flat loop once in keep / 2.
 *
 * Forks that follow on a longer rest say nothing about the grain of what they fork: a row of long
 * leaves is forked as fast as a row of short ones. So after FI_SEARCH_NS without a fork the next
 * EAGER forks are all shared at once, whoever is there to take them. A worker searches for as long
 * before it falls asleep, so what it forks first when it wakes is always shared. */
#define SOON_NS      2000
#define EAGER        64
#define PRIVATE_MOST 1024

/* So many forks that nobody has stolen yet are enough for thieves: below them a task runs its
 * serial clone (task.h). In a binary recursion one fork in 2^PLENTY is still a real one. */
#define PLENTY 8

static uint32_t next_private_max(struct fi_level *level)
{
    int64_t now = fi_now(), gap = now - level->forked;

    level->forked = now;
    if (gap > FI_SEARCH_NS) {
        level->private_max = 0;
        level->eager = EAGER;
    } else if (level->eager) {
        level->eager--;
    } else if (gap < SOON_NS && level->private_max < PRIVATE_MOST) {
        level->private_max += level->private_max < 8 ? 2 : level->private_max / 2;
    }
    return level->private_max;
}

/* Clears the request, if there is one, and honours it: to be called when all is shared that
 * should be. */
static void watch(struct fi_level *level)
{
    struct filch_pool *pool = level->worker->pool;

    /* While results are spilled the joins must look there first. */
    fi_deque_watch(&level->deque, level->private_max, level->spilled != NULL);
    level->deque.front.serial_from = fi_deque_oldest(&level->deque) + PLENTY;
    if (!fi_idle_wanted(&pool->idle))
        return;
    if (fi_deque_has_shared(&level->deque))
        fi_pool_wake(pool);
    else
        fi_deque_ask(&level->deque); /* for the sleepers: the next fork shares at once */
}

/* ---- The deque is full ------------------------------------------------------------------- */

/* The fork runs in place. Its result waits on a list, newest first; head stays where it is. */
static struct filch_slot *spill(struct fi_level *level, struct filch_slot *head)
{
    struct fi_spill *spilled;

    fi_count(&level->worker->spills);
    /* A fork cannot fail. Where there is no memory for a result either, it waits until there
     * is. */
    while (!(spilled = malloc(sizeof *spilled)))
        sched_yield();
    memcpy(&spilled->slot, head, sizeof *head);
    spilled->slot.run(&level->deque.front, head, &spilled->slot);
    spilled->older = level->spilled;
    level->spilled = spilled;
    watch(level);
    return head;
}

/* The result of the newest spilled fork, in the scratch slot behind the last. */
static struct filch_slot *unspill(struct fi_level *level)
{
    struct fi_spill *spilled = level->spilled;

    memcpy(level->deque.end, &spilled->slot, sizeof spilled->slot);
    level->spilled = spilled->older;
    free(spilled);
    return level->deque.end;
}

/* ---- Fork -------------------------------------------------------------------------------- */

struct filch_slot *filch_front_fork(struct filch_front *front, struct filch_slot *head)
{
    struct fi_level *level = (struct fi_level *)(void *)front;
    struct fi_deque *deque = &level->deque;
    bool full = head == deque->end;
    struct filch_slot *next = full ? head : head + 1;
    /* What stays private: the newer half of a tail that has grown long. But whoever asks gets all
     * there is, the new slot included: its owner may be about to enter a long leaf. */
    uint32_t kept = next_private_max(level) / 2;

    if (full || fi_deque_asked(deque))
        kept = 0;
    if (next - fi_deque_split(deque) > kept)
        fi_deque_share(deque, next - kept);
    watch(level);
    return full ? spill(level, head) : next;
}

void filch_front_share(struct filch_front *front, struct filch_slot *head)
{
    struct fi_level *level = (struct fi_level *)(void *)front;

    if (head > fi_deque_split(&level->deque))
        fi_deque_share(&level->deque, head);
    watch(level);
}

/* ---- Join -------------------------------------------------------------------------------- */

/* A wait for a stolen slot. */
struct joining {
    struct fi_wait wait; /* first: its address is the whole's; object: the slot */
    struct fi_worker *worker;
};

static bool slot_over(struct fi_wait *wait)
{
    return fi_slot_done(wait->object);
}

static bool slot_enlist(struct fi_wait *wait)
{
    return fi_slot_await(wait->object);
}

static bool slot_help(struct fi_wait *wait)
{
    return fi_steal_back(((struct joining *)(void *)wait)->worker, wait->head, wait->object);
}

static bool slot_stuck(void *object, struct fi_probe *probe)
{
    const struct joining *joining = object;
    uint64_t theft = fi_slot_theft(joining->wait.object);

    if (!theft)
        return false;
    const struct fi_worker *thief = joining->worker->pool->workers[fi_theft_thief(theft)];
    /* Relaxed: if the thread sleeps, and only then does it matter, it has had the table's lock. */
    return fi_probe_thread(probe, atomic_load_explicit(&thief->id, memory_order_relaxed));
}

/* A thief has the slot. It stays this worker's: what is run meanwhile forks above it. */
static void wait_for_thief(struct fi_level *level, struct filch_slot *slot)
{
    struct joining joining = {
        .wait.over = slot_over,
        .wait.enlist = slot_enlist,
        .wait.help = slot_help,
        .wait.stuck = slot_stuck,
        .wait.deadline = FI_NEVER,
        .wait.firm = true,
        .wait.head = slot + 1,
        .wait.object = slot,
        .worker = level->worker,
    };

    watch(level);
    (void)fi_wait_for(&joining.wait);
    fi_deque_fall_back(&level->deque, slot);
}

uintptr_t filch_front_join(struct filch_front *front, struct filch_slot *slot)
{
    struct fi_level *level = (struct fi_level *)(void *)front;
    struct fi_deque *deque = &level->deque;
    uintptr_t joined = (uintptr_t)slot;

    if (level->spilled && slot + 1 == deque->end) {
        joined = (uintptr_t)unspill(level) | FILCH_JOINED;
    } else if (slot >= fi_deque_split(deque)) {
        /* Private, so somebody has asked (or results are spilled): share all that is older. */
        fi_deque_share(deque, slot);
    } else if (fi_deque_take(deque, slot) == FI_LOST) {
        wait_for_thief(level, slot);
        joined |= FILCH_JOINED;
    }
    watch(level);
    return joined;
}

/* ---- From outside ------------------------------------------------------------------------ */

struct root {
    struct fi_task task; /* first: the task's address is the root's */
    struct filch_slot *slot;
    struct fi_latch latch;
    _Atomic(const void *) thread; /* that runs it; NULL: none yet */
};

static void run_root(struct fi_task *task, struct fi_worker *worker, struct filch_slot *head,
                     int refusal)
{
    struct root *root = (struct root *)(void *)task;

    (void)refusal; /* the pool's own submit queue is not refused */
    /* Relaxed: as a thief's. */
    atomic_store_explicit(&root->thread, fi_thread_id(), memory_order_relaxed);
    fi_worker_run(worker, head, root->slot);
    fi_worker_ending(worker);
    /* The root lies on the stack of a thread that may go on at once. */
    (void)fi_latch_end(&root->latch, FI_PENDING, FI_FINISHED, NULL);
}

static bool root_stuck(void *object, struct fi_probe *probe)
{
    const struct fi_wait *wait = object;
    const struct root *root =
        (const void *)((const char *)wait->object - offsetof(struct root, latch));

    return !fi_latch_ended(&root->latch) &&
           fi_probe_thread(probe, atomic_load_explicit(&root->thread, memory_order_relaxed));
}

void filch_pool_run(struct filch_pool *pool, struct filch_slot *slot)
{
    struct fi_worker *worker = fi_worker_self();
    struct root root = {.task.run = run_root, .slot = slot};

    if (filch_pool_check(pool)) { /* a fork has left it without threads */
        memset(slot->payload, 0, sizeof slot->payload);
        return;
    }
    if (worker && worker->pool == pool) {
        fi_count(&worker->tasks);
        fi_worker_run(worker, NULL, slot);
        return;
    }
    fi_latch_init(&root.latch);
    /* Memory for the queue comes back as the workers empty it. */
    while (fi_pool_inject(pool, &pool->submit_queues.own, FI_NORMAL, &root.task))
        sched_yield();
    struct fi_wait wait = fi_latch_waiting(&root.latch, FI_NEVER);
    wait.firm = true;
    wait.stuck = root_stuck;
    (void)fi_wait_for(&wait);
}
