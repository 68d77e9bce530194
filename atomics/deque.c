/* SPDX-License-Identifier: MIT
 *
 * The work-stealing deque: see deque.h for the picture, atomics/README.md for the proof. A
 * label at each ordering (D1, D2, ...) is the one that the README's table and tests/model/ use.
 */
#include "deque.h"

#include <assert.h>
#include <stddef.h>

static_assert(offsetof(struct fi_deque, front) == 0, "the front is the deque's address");
static_assert(offsetof(struct fi_deque, top) == FILCH_CACHE_LINE,
              "thieves have a line of their own");
static_assert(sizeof(struct fi_deque) == 2 * FILCH_CACHE_LINE, "two writers, two lines");

static uint64_t index_of(uint64_t top)
{
    return top & UINT32_MAX;
}

/* The word that begins a new epoch at `index`. 2^32 epochs must pass within one theft for a stale
 * word to fit again. */
static uint64_t next_epoch(uint64_t top, uint64_t index)
{
    return ((top >> 32) + 1) << 32 | index;
}

void fi_deque_init(struct fi_deque *deque, struct filch_slot *slots, uint32_t capacity)
{
    deque->base = slots;
    deque->end = slots + capacity;
    atomic_init(&deque->split, 0);
    atomic_init(&deque->top, 0);
    /* The first fork takes the slow path, which sets the limit. */
    atomic_init(&deque->front.fork_limit, slots);
    atomic_init(&deque->front.join_limit, slots);
    deque->front.serial_from = slots + capacity + 1; /* never, until the owner says so */
    deque->front.stack_end = 0;
}

void fi_deque_share(struct fi_deque *deque, struct filch_slot *upto)
{
    for (struct filch_slot *slot = fi_deque_split(deque); slot < upto; slot++)
        /* Relaxed: D1 publishes it. */
        atomic_store_explicit(&slot->state, FI_SLOT_SHARED, memory_order_relaxed);
    /* D1, release, pairs with D5: a thief that sees the new split sees run, payload and state of
     * the slots below it. seq_cst: a share, then a look at the sleepers (idle.h, I4), against an
     * announcement (I2), then a look at split (D8): one of the two sees the other. */
    atomic_store_explicit(&deque->split, (uint64_t)(upto - deque->base), memory_order_seq_cst);
}

enum fi_take fi_deque_take(struct fi_deque *deque, struct filch_slot *slot)
{
    uint64_t index = (uint64_t)(slot - deque->base);

    /* D2, seq_cst, with D3, D4 and D5: the owner lowers split, then reads top; a thief reads top,
     * then split. Either the owner sees that top has passed the slot, or the thief sees the lower
     * split. An exchange and no store, since it stands for the fence between D2 and D3. */
    atomic_exchange_explicit(&deque->split, index, memory_order_seq_cst);
    /* D3: see D2. */
    uint64_t top = atomic_load_explicit(&deque->top, memory_order_seq_cst);

    if (index_of(top) < index)
        return FI_TAKEN;
    if (index_of(top) == index &&
        /* D6, seq_cst, against D7: the last slot goes to whoever swings top. The new epoch
         * makes a thief fail that read top before. Relaxed when it fails: nothing is read. */
        atomic_compare_exchange_strong_explicit(&deque->top, &top, next_epoch(top, index),
                                                memory_order_seq_cst, memory_order_relaxed))
        return FI_TAKEN;
    /* D9, release, pairs with D5, as D1: nothing new is shared, but a thief that reads this split
     * must see a slot above it as it was when shared. */
    atomic_store_explicit(&deque->split, index + 1, memory_order_release);
    return FI_LOST;
}

void fi_deque_fall_back(struct fi_deque *deque, struct filch_slot *slot)
{
    uint64_t index = (uint64_t)(slot - deque->base);
    /* Relaxed: top stands at split, so no thief can move it. */
    uint64_t top = atomic_load_explicit(&deque->top, memory_order_relaxed);

    /* D10, release, as D9. First split, then top: the other way round a thief could take the slot
     * a second time. */
    atomic_store_explicit(&deque->split, index, memory_order_release);
    /* D11, release, pairs with D4: a thief that sees the new epoch sees the lower split. */
    atomic_store_explicit(&deque->top, next_epoch(top, index), memory_order_release);
}

enum fi_steal fi_deque_look(const struct fi_deque *deque, uint32_t from, uint64_t *top)
{
    /* D4, seq_cst, before D5: see D2. Acquire: see D11. */
    *top = atomic_load_explicit(&deque->top, memory_order_seq_cst);
    /* D5, seq_cst: see D2. Acquire: see D1, and D17: what comes next is not read earlier. */
    uint64_t split = atomic_load_explicit(&deque->split, memory_order_seq_cst);

    return index_of(*top) < split && index_of(*top) >= from ? FI_STOLEN : FI_EMPTY;
}

enum fi_steal fi_deque_steal_seen(struct fi_deque *deque, uint64_t top,
                                  struct filch_slot **slot)
{
    uint64_t index = index_of(top);

    /* D7, seq_cst, against D6 and other thieves. The slot is read only once it is won: before,
     * its owner may be writing a new task into it. Relaxed when it fails, for that reason. */
    if (!atomic_compare_exchange_strong_explicit(&deque->top, &top, top + 1,
                                                 memory_order_seq_cst, memory_order_relaxed))
        return FI_LOST_RACE;
    *slot = deque->base + index;
    return FI_STOLEN;
}

enum fi_steal fi_deque_steal(struct fi_deque *deque, struct filch_slot **slot)
{
    uint64_t top;

    if (fi_deque_look(deque, 0, &top) == FI_EMPTY)
        return FI_EMPTY;
    return fi_deque_steal_seen(deque, top, slot);
}

struct filch_slot *fi_deque_newest_stolen(const struct fi_deque *deque, uint32_t from)
{
    /* Relaxed: a hint. */
    uint64_t index = index_of(atomic_load_explicit(&deque->top, memory_order_relaxed));
    return index > from ? deque->base + index - 1 : NULL;
}

bool fi_deque_has_shared(const struct fi_deque *deque)
{
    /* D8, seq_cst: see D1. */
    uint64_t top = atomic_load_explicit(&deque->top, memory_order_seq_cst);
    return index_of(top) < atomic_load_explicit(&deque->split, memory_order_seq_cst);
}

bool fi_deque_asked(const struct fi_deque *deque)
{
    /* Relaxed: a hint. A request that is missed here is cleared by D13, after which the owner
     * looks for sleepers anyway; a thief that is awake asks again. */
    return !atomic_load_explicit(&deque->front.fork_limit, memory_order_relaxed) ||
           atomic_load_explicit(&deque->front.join_limit, memory_order_relaxed) ==
               FILCH_JOIN_LIMIT_ASKED;
}

void fi_deque_ask(struct fi_deque *deque)
{
    /* D12, seq_cst, with D13 and idle.h's I2 and I4: a sleeper announces itself, then asks; an
     * owner clears the request, then looks for sleepers. Either the request stands, or the
     * owner sees the sleeper. A request that stands is left alone: its line is the owner's. */
    if (!atomic_load_explicit(&deque->front.fork_limit, memory_order_seq_cst) &&
        atomic_load_explicit(&deque->front.join_limit, memory_order_seq_cst) ==
            FILCH_JOIN_LIMIT_ASKED)
        return;
    atomic_store_explicit(&deque->front.fork_limit, NULL, memory_order_seq_cst);
    atomic_store_explicit(&deque->front.join_limit, FILCH_JOIN_LIMIT_ASKED,
                          memory_order_seq_cst);
}

void fi_deque_watch(struct fi_deque *deque, uint32_t private_max, bool careful)
{
    struct filch_slot *split = fi_deque_split(deque);
    struct filch_slot *limit = deque->end - split > private_max ? split + private_max : deque->end;

    /* D13: see D12. */
    atomic_store_explicit(&deque->front.fork_limit, limit, memory_order_seq_cst);
    atomic_store_explicit(&deque->front.join_limit, careful ? FILCH_JOIN_LIMIT_ASKED : split,
                          memory_order_seq_cst);
}

void fi_slot_begin(struct filch_slot *slot, uint64_t theft)
{
    /* D18, release, pairs with D17: the thief's own slots are as they were before it began. */
    atomic_store_explicit(&slot->state, theft, memory_order_release);
}

bool fi_slot_finish(struct filch_slot *slot)
{
    /* D14, release, pairs with D15: the owner sees the result. An exchange against D16: either
     * the thief sees that it is awaited, or the owner's CAS fails. */
    return atomic_exchange_explicit(&slot->state, FI_SLOT_DONE, memory_order_release) &
           FI_SLOT_AWAITED;
}

bool fi_slot_done(const struct filch_slot *slot)
{
    /* D15, acquire: see D14. */
    return atomic_load_explicit(&slot->state, memory_order_acquire) == FI_SLOT_DONE;
}

uint64_t fi_slot_theft(const struct filch_slot *slot)
{
    /* D17, acquire, pairs with D18. Who looks at the thief's deque looks here before and after: what
     * it has seen there in between, if it was shared after the end of this theft, brings D14 along
     * (D1 and D5, D7 or D11 and D4), so that the second look sees the end. */
    uint64_t state = atomic_load_explicit(&slot->state, memory_order_acquire);
    return state == FI_SLOT_SHARED || state == FI_SLOT_DONE ? 0 : state & ~FI_SLOT_AWAITED;
}

bool fi_slot_await(struct filch_slot *slot)
{
    /* Relaxed: D16 fails on a state that is not the newest. */
    uint64_t state = atomic_load_explicit(&slot->state, memory_order_relaxed);

    if (state == FI_SLOT_SHARED || state == FI_SLOT_DONE)
        return false;
    /* D16, relaxed: against D14 only the order of changes to this one word matters. */
    return (state & FI_SLOT_AWAITED) ||
           atomic_compare_exchange_strong_explicit(&slot->state, &state,
                                                   state | FI_SLOT_AWAITED,
                                                   memory_order_relaxed, memory_order_relaxed);
}
