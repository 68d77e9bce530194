/* SPDX-License-Identifier: MIT
 *
 * The deque, one thread at a time: what each operation answers in each state. What threads do
 * to each other is tests/stress/deque.c's and tests/model/deque.c's. */
#include "atomics/deque.h"

#include <criterion/criterion.h>

#define CAPACITY 8

static struct filch_slot slots[CAPACITY + 1];
static struct fi_deque deque;

static void setup(void)
{
    fi_deque_init(&deque, slots, CAPACITY);
}

TestSuite(deque, .init = setup);

static struct filch_slot *steal(void)
{
    struct filch_slot *slot;
    return fi_deque_steal(&deque, &slot) == FI_STOLEN ? slot : NULL;
}

Test(deque, a_new_one_shares_nothing)
{
    cr_assert_not(fi_deque_has_shared(&deque));
    cr_assert_eq(fi_deque_split(&deque), slots);
    cr_assert_null(steal());
}

Test(deque, the_first_fork_takes_the_slow_path)
{
    cr_assert(slots >= atomic_load(&deque.front.fork_limit));
}

Test(deque, thieves_take_the_oldest_first)
{
    fi_deque_share(&deque, slots + 3);
    cr_assert(fi_deque_has_shared(&deque));
    for (int i = 0; i < 3; i++)
        cr_assert_eq(steal(), slots + i);
    cr_assert_null(steal());
    cr_assert_not(fi_deque_has_shared(&deque));
}

Test(deque, private_slots_are_not_stolen)
{
    fi_deque_share(&deque, slots + 1);
    cr_assert_eq(steal(), slots);
    cr_assert_null(steal(), "slots 1 and above are private");
}

Test(deque, the_owner_takes_back_the_newest_first)
{
    fi_deque_share(&deque, slots + 2);
    cr_assert_eq(fi_deque_take(&deque, slots + 1), FI_TAKEN);
    cr_assert_eq(fi_deque_split(&deque), slots + 1);
    cr_assert_eq(steal(), slots, "the older one is still there");
}

Test(deque, the_last_slot_goes_to_one_of_owner_and_thief)
{
    fi_deque_share(&deque, slots + 1);
    cr_assert_eq(fi_deque_take(&deque, slots), FI_TAKEN);
    cr_assert_null(steal());
    cr_assert_eq(fi_deque_split(&deque), slots);
}

Test(deque, a_lost_slot_stays_shared_until_the_owner_falls_back)
{
    fi_deque_share(&deque, slots + 1);
    cr_assert_eq(steal(), slots);
    cr_assert_eq(fi_deque_take(&deque, slots), FI_LOST);
    cr_assert_eq(fi_deque_split(&deque), slots + 1, "what is forked now lies above it");
    fi_deque_fall_back(&deque, slots);
    cr_assert_eq(fi_deque_split(&deque), slots);
    cr_assert_null(steal(), "it is not stolen twice");
}

Test(deque, slots_above_a_lost_one_can_be_shared_and_taken)
{
    fi_deque_share(&deque, slots + 1);
    cr_assert_eq(steal(), slots);
    cr_assert_eq(fi_deque_take(&deque, slots), FI_LOST);
    fi_deque_share(&deque, slots + 3);
    cr_assert_eq(steal(), slots + 1);
    cr_assert_eq(fi_deque_take(&deque, slots + 2), FI_TAKEN);
    cr_assert_eq(fi_deque_take(&deque, slots + 1), FI_LOST);
    fi_deque_fall_back(&deque, slots + 1);
    fi_deque_fall_back(&deque, slots);
    fi_deque_share(&deque, slots + 1);
    cr_assert_eq(steal(), slots, "and the first one is used again");
}

Test(deque, a_reused_slot_begins_a_new_epoch)
{
    uint64_t before = atomic_load(&deque.top);
    fi_deque_share(&deque, slots + 1);
    cr_assert_eq(fi_deque_take(&deque, slots), FI_TAKEN);
    fi_deque_share(&deque, slots + 1);
    cr_assert_neq(atomic_load(&deque.top), before, "a stale CAS must fail");
    cr_assert_eq((uint32_t)atomic_load(&deque.top), 0);
}

Test(deque, a_request_stops_the_next_fork_and_the_next_join)
{
    fi_deque_watch(&deque, 4, false);
    cr_assert_not(fi_deque_asked(&deque));
    cr_assert(slots + 3 < atomic_load(&deque.front.fork_limit));
    cr_assert(slots >= atomic_load(&deque.front.join_limit));
    fi_deque_ask(&deque);
    cr_assert(fi_deque_asked(&deque));
    cr_assert(slots >= atomic_load(&deque.front.fork_limit));
    cr_assert(slots + CAPACITY < atomic_load(&deque.front.join_limit));
    fi_deque_watch(&deque, 4, false);
    cr_assert_not(fi_deque_asked(&deque));
}

Test(deque, the_limit_never_lies_behind_the_end)
{
    fi_deque_share(&deque, slots + 6);
    fi_deque_watch(&deque, 1000, false);
    cr_assert_eq(atomic_load(&deque.front.fork_limit), slots + CAPACITY);
}

Test(deque, careful_joins_all_take_the_slow_path)
{
    fi_deque_watch(&deque, 4, true);
    cr_assert(slots + CAPACITY < atomic_load(&deque.front.join_limit));
}

Test(deque, a_theft_says_who_it_was_and_where_it_stood)
{
    uint64_t theft = fi_theft(FI_THEFT_THIEVES - 1, FI_THEFT_LEVELS - 1, 1u << 30);

    cr_assert_eq(fi_theft_thief(theft), FI_THEFT_THIEVES - 1);
    cr_assert_eq(fi_theft_level(theft), FI_THEFT_LEVELS - 1);
    cr_assert_eq(fi_theft_index(theft), 1u << 30);
    cr_assert_neq(fi_theft(0, 0, 0), FI_SLOT_SHARED);
    cr_assert_eq(fi_theft(0, 0, 0) & (FI_SLOT_DONE | FI_SLOT_AWAITED), 0);
}

Test(deque, what_lies_below_is_not_stolen_by_those_who_look_above)
{
    struct filch_slot *slot;
    uint64_t top;

    fi_deque_share(&deque, slots + 2);
    cr_assert_eq(fi_deque_look(&deque, 1, &top), FI_EMPTY, "the oldest lies below");
    cr_assert_null(fi_deque_newest_stolen(&deque, 0));
    cr_assert_eq(steal(), slots);
    cr_assert_eq(fi_deque_newest_stolen(&deque, 0), slots);
    cr_assert_null(fi_deque_newest_stolen(&deque, 1));
    cr_assert_eq(fi_deque_look(&deque, 1, &top), FI_STOLEN);
    cr_assert_eq(fi_deque_steal_seen(&deque, top, &slot), FI_STOLEN);
    cr_assert_eq(slot, slots + 1);
}

Test(deque, what_was_seen_and_taken_back_is_not_stolen)
{
    struct filch_slot *slot;
    uint64_t top;

    fi_deque_share(&deque, slots + 1);
    cr_assert_eq(fi_deque_look(&deque, 0, &top), FI_STOLEN);
    cr_assert_eq(fi_deque_take(&deque, slots), FI_TAKEN);
    fi_deque_share(&deque, slots + 1);
    cr_assert_eq(fi_deque_steal_seen(&deque, top, &slot), FI_LOST_RACE, "it is another fork");
}

Test(deque, the_state_word_tells_thief_done_and_awaited)
{
    uint64_t theft = fi_theft(7, 1, 3);

    fi_deque_share(&deque, slots + 1);
    cr_assert_eq(steal(), slots);
    cr_assert_eq(fi_slot_theft(slots), 0, "it has not said yet");
    cr_assert_not(fi_slot_await(slots), "so nobody could wake the owner");
    fi_slot_begin(slots, theft);
    cr_assert_eq(fi_slot_theft(slots), theft);
    cr_assert_not(fi_slot_done(slots));
    cr_assert(fi_slot_await(slots));
    cr_assert(fi_slot_await(slots), "asking twice changes nothing");
    cr_assert_eq(fi_slot_theft(slots), theft);
    cr_assert(fi_slot_finish(slots), "the owner waits");
    cr_assert(fi_slot_done(slots));
    cr_assert_eq(fi_slot_theft(slots), 0);
    cr_assert_not(fi_slot_await(slots), "nobody would notify any more");
}

Test(deque, an_owner_that_does_not_wait_is_not_woken)
{
    fi_deque_share(&deque, slots + 1);
    cr_assert_eq(steal(), slots);
    fi_slot_begin(slots, fi_theft(0, 0, 0));
    cr_assert_not(fi_slot_finish(slots));
}
