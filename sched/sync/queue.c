/* SPDX-License-Identifier: MIT
 *
 * The queue of those who wait for a lock: see queue.h. Labels S1, S2, ... are those of
 * sched/README.md. */
#include "sched/sync/queue.h"

#include "sched/core/self.h"
#include "sched/core/wait.h"

#include <ck_pr.h>
#include <sched.h>
#include <stddef.h>

#define ASLEEP 1u
#define CHOSEN 2u
#define TOLD   4u

/* Looks before a thread yields its processor: who is looked for may wait for that one. */
#define PATIENCE 64

/* Looks before a thread sleeps: 2 us at most, where a pause takes 40 cycles. None in a model. */
#ifndef FILCH_MODEL
#define SPINS_MOST  100
#define SPINS_LEAST 10
#else
#define SPINS_MOST  0
#define SPINS_LEAST 0
#endif

/* ---- The word ------------------------------------------------------------------------------ */

static void relax(uint32_t look)
{
#ifndef FILCH_MODEL /* where to look again is to go on */
    if (look % PATIENCE)
        ck_pr_stall();
    else
        sched_yield();
#endif
    (void)look;
}

uint64_t fi_word_read(const _Atomic(uint64_t) *word)
{
    uint64_t value;

    /* Relaxed: whoever acts on it changes the word, and that fails if it was not the newest. */
    for (uint32_t looks = 1;
         (value = atomic_load_explicit(word, memory_order_relaxed)) & FI_WORD_LOCKED; looks++)
        relax(looks);
    return value;
}

uint64_t fi_word_lock(_Atomic(uint64_t) *word)
{
    for (;;) {
        uint64_t value = fi_word_read(word);
        /* S1, acquire, pairs with S2: the queue is as its last holder left it; and with S4. */
        if (atomic_compare_exchange_weak_explicit(word, &value, value | FI_WORD_LOCKED,
                                                  memory_order_acquire, memory_order_relaxed))
            return value;
    }
}

void fi_word_unlock(_Atomic(uint64_t) *word, uint64_t value)
{
    /* S2, release, pairs with S1 and S3. A store: nobody else changes a LOCKED word. The object
     * may be gone after it. */
    atomic_store_explicit(word, value, memory_order_release);
}

/* ---- The queue ------------------------------------------------------------------------------ */

void fi_sync_queue_init(struct filch_sync_queue_ *queue)
{
    queue->first = NULL;
    atomic_init(&queue->spins, 0);
    queue->last = NULL;
    queue->coming = 0;
}

uint64_t fi_sync_queue_flag(const struct filch_sync_queue_ *queue)
{
    return queue->first ? FI_WORD_LISTED : 0;
}

void fi_sync_queue_join(struct filch_sync_queue_ *queue, struct filch_sync_waiter_ *waiter,
                        bool again)
{
    atomic_init(&waiter->state, 0);
    waiter->listed = true;
    waiter->previous = again ? NULL : queue->last;
    waiter->next = again ? queue->first : NULL;
    *(waiter->previous ? &waiter->previous->next : &queue->first) = waiter;
    *(waiter->next ? &waiter->next->previous : &queue->last) = waiter;
}

void fi_sync_queue_remove(struct filch_sync_queue_ *queue, struct filch_sync_waiter_ *waiter)
{
    waiter->listed = false;
    *(waiter->previous ? &waiter->previous->next : &queue->first) = waiter->next;
    *(waiter->next ? &waiter->next->previous : &queue->last) = waiter->previous;
}

void fi_sync_queue_leave(struct filch_sync_queue_ *queue, struct filch_sync_waiter_ *waiter)
{
    if (waiter->listed)
        fi_sync_queue_remove(queue, waiter);
    /* Relaxed: who chose it was LOCKED then; ASLEEP stays as it was found. */
    else if (atomic_load_explicit(&waiter->state, memory_order_relaxed) & ASLEEP)
        queue->coming--;
}

/* Returns true if its thread sleeps, and does nothing else before it sees that it was chosen. */
static bool choose(struct filch_sync_queue_ *queue, struct filch_sync_waiter_ *waiter)
{
    fi_sync_queue_remove(queue, waiter);
    waiter->next = NULL;
    /* S5, acquire, pairs with S6: the event. */
    return atomic_fetch_or_explicit(&waiter->state, CHOSEN, memory_order_acquire) & ASLEEP;
}

struct filch_sync_waiter_ *fi_sync_queue_choose(struct filch_sync_queue_ *queue, uint64_t ready)
{
    struct filch_sync_waiter_ *chosen = NULL, **end = &chosen;

    while (queue->first && queue->coming < ready) {
        *end = queue->first;
        queue->coming += choose(queue, *end);
        end = &(*end)->next;
    }
    return chosen;
}

struct filch_sync_waiter_ *fi_sync_queue_choose_one(struct filch_sync_queue_ *queue)
{
    struct filch_sync_waiter_ *waiter = queue->first;

    /* Relaxed: whichever is chosen is told, asleep or not. */
    while (waiter && !(atomic_load_explicit(&waiter->state, memory_order_relaxed) & ASLEEP))
        waiter = waiter->next;
    if (!waiter)
        waiter = queue->last;
    if (waiter)
        (void)choose(queue, waiter);
    return waiter;
}

struct filch_sync_waiter_ *fi_sync_queue_choose_all(struct filch_sync_queue_ *queue)
{
    struct filch_sync_waiter_ *chosen = NULL, **end = &chosen;

    while (queue->first) {
        *end = queue->first;
        (void)choose(queue, *end);
        end = &(*end)->next;
    }
    return chosen;
}

void fi_sync_queue_spin(struct filch_sync_queue_ *queue, const _Atomic(uint64_t) *word,
                        uint64_t mask)
{
    /* Relaxed, as are the others here: an estimate, and a hint. */
    int usual = atomic_load_explicit(&queue->spins, memory_order_relaxed);
    int most = 2 * usual + SPINS_LEAST < SPINS_MOST ? 2 * usual + SPINS_LEAST : SPINS_MOST;
    int looks = 0;

    while (looks < most && !(atomic_load_explicit(word, memory_order_relaxed) & mask)) {
        ck_pr_stall();
        looks++;
    }
    if (looks == most) /* in vain */
        looks = 0;
    if (looks != usual)
        atomic_store_explicit(&queue->spins, usual + (looks - usual) / 8, memory_order_relaxed);
}

/* ---- The waiter ---------------------------------------------------------------------------- */

void fi_sync_queue_tell(struct filch_sync_waiter_ *chosen)
{
    while (chosen) {
        struct filch_sync_waiter_ *next = chosen->next;
        /* Relaxed: CHOSEN, so that nobody else changes it. */
        uint32_t state = atomic_load_explicit(&chosen->state, memory_order_relaxed);
        if (state & ASLEEP)
            fi_event_notify(chosen->event);
        /* S7, release, pairs with S8: the waiter and its event may go; what the waker did before
         * is visible. */
        atomic_store_explicit(&chosen->state, state | TOLD, memory_order_release);
        chosen = next;
    }
}

void fi_sync_waiter_settle(struct filch_sync_waiter_ *waiter)
{
    uint32_t looks = 1;

    /* S8, acquire, pairs with S7. */
    while ((atomic_load_explicit(&waiter->state, memory_order_acquire) & (CHOSEN | TOLD)) ==
           CHOSEN)
        relax(looks++);
}

static bool is_chosen(const struct filch_sync_waiter_ *waiter)
{
    /* Relaxed: fi_sync_waiter_settle() comes before anything that relies on it. */
    return atomic_load_explicit(&waiter->state, memory_order_relaxed) & CHOSEN;
}

static bool waiter_over(struct fi_wait *wait)
{
    return is_chosen(wait->object) || fi_is_late(wait->deadline);
}

static bool waiter_enlist(struct fi_wait *wait)
{
    struct filch_sync_waiter_ *waiter = wait->object;
    uint32_t awake = 0;

    waiter->event = wait->event;
    /* S6, release, pairs with S5: who chooses it from here on notifies the event. */
    return atomic_compare_exchange_strong_explicit(&waiter->state, &awake, ASLEEP,
                                                   memory_order_release, memory_order_relaxed);
}

static void waiter_delist(struct fi_wait *wait)
{
    struct filch_sync_waiter_ *waiter = wait->object;
    uint32_t asleep = ASLEEP;

    /* Relaxed: takes nothing along. If it fails then the waiter is chosen, and the waker may be
     * about to notify the event, which must outlive that. */
    if (!atomic_compare_exchange_strong_explicit(&waiter->state, &asleep, 0,
                                                 memory_order_relaxed, memory_order_relaxed))
        fi_sync_waiter_settle(waiter);
}

struct sync_wait {
    struct fi_wait wait; /* first: its address is the whole's; object: the waiter */
    const _Atomic(void *) *owner;
};

static bool owner_stuck(void *object, struct fi_probe *probe)
{
    const struct sync_wait *wait = object;

    /* Relaxed: a thread that sleeps while it owns the mutex has had the table's lock since it wrote
     * this (core/deadlock.c). */
    return fi_probe_thread(probe, atomic_load_explicit(wait->owner, memory_order_relaxed));
}

static struct sync_wait waiting_for(struct filch_sync_waiter_ *waiter, int64_t deadline)
{
    return (struct sync_wait){
        .wait =
            {
                .over = waiter_over,
                .enlist = waiter_enlist,
                .delist = waiter_delist,
                .deadline = deadline,
                .at_once = true, /* it has looked for a moment */
                .object = waiter,
            },
    };
}

/* Returns true if it was told. */
static bool was_told(struct filch_sync_waiter_ *waiter)
{
    if (!is_chosen(waiter))
        return false;
    fi_sync_waiter_settle(waiter);
    return true;
}

bool fi_sync_waiter_wait(struct filch_sync_waiter_ *waiter, int64_t deadline, bool spin)
{
    struct sync_wait wait = waiting_for(waiter, deadline);

    for (int looks = 0; spin && looks < SPINS_MOST && !is_chosen(waiter); looks++)
        ck_pr_stall();
    wait.wait.firm = true;
    (void)fi_wait_for(&wait.wait);
    return was_told(waiter);
}

int fi_sync_waiter_try(struct filch_sync_waiter_ *waiter, int64_t deadline,
                       const _Atomic(void *) *owner)
{
    struct sync_wait wait = waiting_for(waiter, deadline);

    wait.owner = owner;
    wait.wait.stuck = owner ? owner_stuck : NULL;
    int error = fi_wait_for(&wait.wait);
    if (was_told(waiter)) {
        if (error == FILCH_EINTR)
            fi_interrupt_self();
        return 0;
    }
    return error ? error : FILCH_ETIMEDOUT;
}
