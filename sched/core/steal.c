/* SPDX-License-Identifier: MIT
 *
 * Stealing: see steal.h; why fi_steal_back() never gets a stranger's fork is in sched/README.md. */
#include "sched/core/steal.h"

#include "sched/core/level.h"
#include "sched/core/settle.h"
#include "sched/core/wake.h"

/* From the thief on to its thief, and so on: so many at most. */
#define HOPS 4

/* Marsaglia's xorshift. */
static uint32_t next_random(struct fi_worker *worker)
{
    worker->random ^= worker->random << 13;
    worker->random ^= worker->random >> 7;
    worker->random ^= worker->random << 17;
    return (uint32_t)(worker->random >> 32);
}

/* ---- Running ----------------------------------------------------------------------------- */

static void run_at(struct fi_worker *worker, struct filch_slot *start, struct filch_slot *slot)
{
    slot->run(&worker->level->deque.front, start, slot);
}

void fi_worker_run(struct fi_worker *worker, struct filch_slot *head, struct filch_slot *slot)
{
    struct fi_level spare;
    struct filch_slot scratch;

    if (head) {
        run_at(worker, head, slot);
        return;
    }
    run_at(worker, fi_level_enter(worker, &spare, &scratch), slot);
    fi_level_leave(worker);
}

/* What to say of a slot that is run from `start` on. */
static uint64_t theft_at(const struct fi_worker *worker, const struct filch_slot *start)
{
    const struct fi_level *level = worker->level;
    uint32_t number = level->number < FI_THEFT_LEVELS ? level->number : FI_THEFT_LEVELS - 1;

    return fi_theft(worker->number, number, (uint32_t)(start - level->deque.base));
}

static void run_stolen(struct fi_worker *worker, struct filch_slot *head,
                       struct filch_slot *slot, struct fi_worker *victim)
{
    struct fi_level spare;
    struct filch_slot scratch;

    fi_count(&worker->steals);
    struct filch_slot *start = head ? head : fi_level_enter(worker, &spare, &scratch);
    fi_slot_begin(slot, theft_at(worker, start));
    worker->victim = victim;
    fi_worker_end_search(worker);
    fi_worker_settle(worker);
    run_at(worker, start, slot);
    if (!head)
        fi_level_leave(worker);
    /* The slot is its owner's again once it is finished; the victim lives as long as the pool. */
    if (fi_slot_finish(slot))
        fi_event_notify(&victim->event);
}

/* ---- From anybody ------------------------------------------------------------------------- */

/* Runs the oldest task that `victim` shares; asks for more where there is none. */
static bool steal_from(struct fi_worker *worker, struct filch_slot *head,
                       struct fi_worker *victim)
{
    for (struct fi_level *level = &victim->first; level; level = fi_level_newer(level)) {
        struct filch_slot *slot;
        switch (fi_deque_steal(&level->deque, &slot)) {
        case FI_STOLEN:
            run_stolen(worker, head, slot, victim);
            return true;
        case FI_LOST_RACE:
            fi_count(&worker->races);
            break;
        case FI_EMPTY:
            if (victim != worker)
                fi_deque_ask(&level->deque);
            break;
        }
    }
    return false;
}

/* Steals from the first who has something of those with numbers from `first` to `end` - 1. */
static bool steal_from_range(struct fi_worker *worker, struct filch_slot *head, uint32_t first,
                             uint32_t end)
{
    for (uint32_t i = first; fi_pool_next_visible(worker->pool, &i) && i < end; i++)
        if (steal_from(worker, head, worker->pool->workers[i]))
            return true;
    return false;
}

/* Likewise, beginning with a random one. */
static bool steal_from_some(struct fi_worker *worker, struct filch_slot *head, uint32_t first,
                            uint32_t end)
{
    uint32_t start = first + next_random(worker) % (end - first);

    return steal_from_range(worker, head, start, end) ||
           steal_from_range(worker, head, first, start);
}

static bool steal_from_listed(struct fi_worker *worker, struct filch_slot *head,
                              const uint16_t *numbers, uint32_t count)
{
    uint32_t start = next_random(worker) % count;

    for (uint32_t i = 0; i < count; i++)
        if (steal_from(worker, head, worker->pool->workers[numbers[(start + i) % count]]))
            return true;
    return false;
}

/* All who are pinned, near ones first; then the spares, who are anywhere. */
static FILCH_COLD bool steal_in_order(struct fi_worker *worker, struct filch_slot *head)
{
    const struct fi_order *order = worker->order;
    uint32_t first = 0, known = (uint32_t)fi_pool_known(worker->pool);

    for (int distance = 0; distance < FI_DISTANCES; distance++) {
        uint32_t end = order->ends[distance];
        if (end > first && steal_from_listed(worker, head, order->workers + first, end - first))
            return true;
        first = end;
    }
    return known > first && steal_from_some(worker, head, first, known);
}

bool fi_steal_last(struct fi_worker *worker, struct filch_slot *head)
{
    if (worker->victim && steal_from(worker, head, worker->victim))
        return true;
    worker->victim = NULL;
    return false;
}

bool fi_steal_any(struct fi_worker *worker, struct filch_slot *head)
{
    if (worker->order)
        return steal_in_order(worker, head);
    return steal_from_some(worker, head, 0, (uint32_t)fi_pool_known(worker->pool));
}

/* ---- From the thief ------------------------------------------------------------------------ */

/* A stolen slot, and what its state word said. */
struct link {
    const struct filch_slot *slot;
    uint64_t theft;
};

/* Have all of these thefts been going on since they were looked at? From the last one to the first:
 * what lies on a thief's stack above its theft stays under it only while that one goes on. */
static bool go_on(const struct link *chain, int length)
{
    while (length-- > 0)
        if (fi_slot_theft(chain[length].slot) != chain[length].theft)
            return false;
    return true;
}

/* NULL for the last number, which stands for all that are too large. */
static struct fi_level *level_of(struct fi_worker *thief, uint32_t number)
{
    struct fi_level *level = number < FI_THEFT_LEVELS - 1 ? &thief->first : NULL;

    while (level && level->number < number)
        level = fi_level_newer(level);
    return level;
}

/* The last theft of the chain is `thief`'s, which stood at `from` of `level` when it began. *next:
 * the newest slot that was stolen from it since, or NULL. */
static bool steal_above(struct fi_worker *worker, struct filch_slot *head,
                        const struct link *chain, int length, struct fi_worker *thief,
                        struct fi_level *level, uint32_t from, const struct filch_slot **next)
{
    *next = NULL;
    for (; level; level = fi_level_newer(level), from = 0) {
        struct filch_slot *slot, *stolen = fi_deque_newest_stolen(&level->deque, from);
        uint64_t top;

        if (fi_deque_look(&level->deque, from, &top) == FI_EMPTY)
            fi_deque_ask(&level->deque);
        else if (!go_on(chain, length))
            return false;
        else if (fi_deque_steal_seen(&level->deque, top, &slot) == FI_STOLEN) {
            run_stolen(worker, head, slot, thief);
            return true;
        }
        if (stolen)
            *next = stolen;
    }
    return false;
}

bool fi_steal_back(struct fi_worker *worker, struct filch_slot *head,
                   const struct filch_slot *slot)
{
    struct link chain[HOPS];

    for (int length = 0; slot && length < HOPS;) {
        uint64_t theft = fi_slot_theft(slot);
        struct fi_worker *thief = worker->pool->workers[fi_theft_thief(theft)];

        if (!theft || thief == worker)
            return false;
        chain[length++] = (struct link){slot, theft};
        if (steal_above(worker, head, chain, length, thief,
                        level_of(thief, fi_theft_level(theft)), fi_theft_index(theft), &slot))
            return true;
    }
    return false;
}
