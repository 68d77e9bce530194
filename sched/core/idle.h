/* SPDX-License-Identifier: MIT
 *
 * The sleep protocol: who is searching, who sleeps, whom to wake. Nothing here blocks: each
 * worker sleeps on its own event (atomics/event.h). Plain C11 atomics, so that a model checker
 * and ThreadSanitizer see the shipped code; rayon-core's sleep module and Go's scheduler argue
 * alike.
 *
 *     running --fi_idle_search--> searching --fi_idle_announce--> sleeping
 *        ^------fi_idle_found-----/   ^-----fi_idle_retract or fi_idle_claim-----/
 *
 *     state:  | sleeping: 32 bits | searching: 32 bits |       asleep: one bit a worker
 *
 * The promise: work that is ready is seen. Who makes work visible (W) looks at the state (I4)
 * and claims a sleeper if nobody is searching. A worker announces itself (I1, I2), asks every
 * deque for its private work, and looks for work (R) before it sleeps. W, I2, I4 and R are
 * sequentially consistent, so either R sees the work, or I4 sees the sleeper. When I4 sees
 * somebody searching instead, then that worker's next I2 comes after W, and its R sees the
 * work; or it finds other work and is the last to search, and then fi_idle_found() tells it to
 * pass the search on. sched/README.md has the whole argument. */
#ifndef FI_IDLE_H
#define FI_IDLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#ifndef FI_IDLE_WORDS
#define FI_IDLE_WORDS 80 /* of 64 workers each: FILCH_WORKERS_MAX and FILCH_SPARES_MAX */
#endif

#define FI_IDLE_SEARCHING ((uint64_t)1)
#define FI_IDLE_SLEEPING  ((uint64_t)1 << 32)

struct fi_idle {
    _Alignas(64) _Atomic(uint64_t) state;
    _Alignas(64) _Atomic(uint64_t) asleep[FI_IDLE_WORDS];
};

/* Below 0 for a moment when a worker that is being claimed wakes up by itself, and ends its search
 * before its waker has counted it (I7); then one is taken off the sleepers, too. */
static inline int32_t fi_idle_searching(uint64_t state)
{
    return (int32_t)(uint32_t)state;
}

static inline uint32_t fi_idle_sleeping(uint64_t state)
{
    return (uint32_t)(state >> 32);
}

/* Any thread. Is there a sleeper that should be woken for work just made visible? */
static inline bool fi_idle_wanted(const struct fi_idle *idle)
{
    /* I4, seq_cst: after W; see the promise. */
    uint64_t state = atomic_load_explicit(&idle->state, memory_order_seq_cst);
    return fi_idle_sleeping(state) && fi_idle_searching(state) <= 0;
}

/* Worker. Begins to search. */
static inline void fi_idle_search(struct fi_idle *idle)
{
    /* I5, seq_cst: one order of all changes of the state with I2 and I4. */
    atomic_fetch_add_explicit(&idle->state, FI_IDLE_SEARCHING, memory_order_seq_cst);
}

/* Worker. Ends its search because it found work, or need not search. Returns true if it was the
 * last one and others sleep: it must then wake one if it sees more work, or else ask all
 * deques. */
static inline bool fi_idle_found(struct fi_idle *idle)
{
    /* I6, seq_cst: who saw this worker searching at I4 wrote its work before; what the last one
     * then looks at or asks for comes after. */
    uint64_t state =
        atomic_fetch_sub_explicit(&idle->state, FI_IDLE_SEARCHING, memory_order_seq_cst);
    return fi_idle_searching(state) <= 1 && fi_idle_sleeping(state);
}

/* Worker. Ends its search and counts as asleep from now on: it must ask, look for work once
 * more, and then sleep or retract. */
static inline void fi_idle_announce(struct fi_idle *idle, uint32_t worker)
{
    /* I1, seq_cst, before I2: who sees the count finds the bit, or finds that another cleared
     * it. */
    atomic_fetch_or_explicit(&idle->asleep[worker / 64], (uint64_t)1 << worker % 64,
                             memory_order_seq_cst);
    /* I2, seq_cst: before R; see the promise. */
    atomic_fetch_add_explicit(&idle->state, FI_IDLE_SLEEPING - FI_IDLE_SEARCHING,
                              memory_order_seq_cst);
}

/* Clears the bit of a sleeper. Returns true to whoever does it first, who then has to count. */
static inline bool fi_idle_unmark(struct fi_idle *idle, uint32_t worker)
{
    uint64_t bit = (uint64_t)1 << worker % 64;

    /* I7, seq_cst: of claim and retract one clears the bit, and counts, in one order with I2, I4
     * and I6. */
    return atomic_fetch_and_explicit(&idle->asleep[worker / 64], ~bit, memory_order_seq_cst) &
           bit;
}

/* Clears the bit of a sleeper and, for whoever does it first, counts it as searching. */
static inline bool fi_idle_clear(struct fi_idle *idle, uint32_t worker)
{
    if (!fi_idle_unmark(idle, worker))
        return false;
    atomic_fetch_add_explicit(&idle->state, FI_IDLE_SEARCHING - FI_IDLE_SLEEPING,
                              memory_order_seq_cst);
    return true;
}

/* Any thread, for a worker that neither runs nor counts: it counts as asleep from now on. The
 * caller must then ask and look for work, as after fi_idle_announce(). */
static inline void fi_idle_admit(struct fi_idle *idle, uint32_t worker)
{
    /* I8, I9, seq_cst: as I1 and I2. */
    atomic_fetch_or_explicit(&idle->asleep[worker / 64], (uint64_t)1 << worker % 64,
                             memory_order_seq_cst);
    atomic_fetch_add_explicit(&idle->state, FI_IDLE_SLEEPING, memory_order_seq_cst);
}

/* Worker, after fi_idle_announce(). It is searching again, whoever brought that about. */
static inline void fi_idle_retract(struct fi_idle *idle, uint32_t worker)
{
    /* First, so that who claims another in its place, as this bit is gone, knows of one who
     * searches. If the bit is gone already then a waker has claimed this worker, and will notify
     * it: one needless notification. It has counted it as searching or is about to; until then the
     * count is too low: fi_idle_found() and fi_idle_wanted() then wake one too many. */
    fi_idle_search(idle);
    atomic_fetch_sub_explicit(&idle->state,
                              fi_idle_unmark(idle, worker) ? FI_IDLE_SLEEPING
                                                           : FI_IDLE_SEARCHING,
                              memory_order_seq_cst);
}

/* Any thread. Claims a sleeper, of those from number `first` on, which then counts as searching;
 * the caller must notify it. Returns its number, or -1 when there is none left to claim. */
static inline int fi_idle_claim(struct fi_idle *idle, uint32_t first)
{
    for (uint32_t word = first / 64; word < FI_IDLE_WORDS; word++) {
        uint32_t bit = word == first / 64 ? first % 64 : 0;
        uint64_t bits;
        /* I3, seq_cst: after I4. */
        while (
            (bits = atomic_load_explicit(&idle->asleep[word], memory_order_seq_cst) >> bit)) {
            while (!(bits & 1)) {
                bits >>= 1;
                bit++;
            }
            if (fi_idle_clear(idle, word * 64 + bit))
                return (int)(word * 64 + bit);
        }
    }
    return -1;
}

#endif
