/* SPDX-License-Identifier: MIT
 *
 * The sleep protocol, one thread at a time: what each transition answers and counts. That no work
 * is lost between threads is tests/model/idle.c's and tests/stress/park.c's to show. */
#include "sched/core/idle.h"

#include <filch/pool.h>

#include <criterion/criterion.h>

static struct fi_idle idle;

static uint32_t searching(void)
{
    return (uint32_t)fi_idle_searching(atomic_load(&idle.state));
}

static uint32_t sleeping(void)
{
    return fi_idle_sleeping(atomic_load(&idle.state));
}

static void fall_asleep(uint32_t worker)
{
    fi_idle_search(&idle);
    fi_idle_announce(&idle, worker);
}

Test(idle, at_first_all_workers_run)
{
    cr_assert_eq(searching(), 0);
    cr_assert_eq(sleeping(), 0);
    cr_assert_not(fi_idle_wanted(&idle));
    cr_assert_eq(fi_idle_claim(&idle, 0), -1);
}

Test(idle, who_searches_is_counted_until_it_has_found)
{
    fi_idle_search(&idle);
    fi_idle_search(&idle);
    cr_assert_eq(searching(), 2);
    (void)fi_idle_found(&idle);
    cr_assert_eq(searching(), 1);
    (void)fi_idle_found(&idle);
    cr_assert_eq(searching(), 0);
    cr_assert_eq(sleeping(), 0);
}

Test(idle, the_last_to_find_work_passes_the_search_on_if_others_sleep)
{
    fall_asleep(0);
    fi_idle_search(&idle);
    fi_idle_search(&idle);
    cr_assert_not(fi_idle_found(&idle), "another one searches");
    cr_assert(fi_idle_found(&idle), "nobody searches now");
}

Test(idle, the_last_to_find_work_owes_nothing_if_nobody_sleeps)
{
    fi_idle_search(&idle);
    cr_assert_not(fi_idle_found(&idle));
}

Test(idle, announcing_ends_the_search_and_counts_the_sleepers)
{
    fi_idle_search(&idle);
    fi_idle_search(&idle);
    fi_idle_search(&idle);
    fi_idle_announce(&idle, 2);
    cr_assert_eq(sleeping(), 1, "itself");
    cr_assert_eq(searching(), 2);
    fi_idle_announce(&idle, 0);
    cr_assert_eq(sleeping(), 2);
    fi_idle_announce(&idle, 1);
    cr_assert_eq(sleeping(), 3);
    cr_assert_eq(searching(), 0);
    cr_assert_eq(sleeping(), 3);
}

Test(idle, a_sleeper_is_wanted_only_while_nobody_searches)
{
    fi_idle_search(&idle);
    cr_assert_not(fi_idle_wanted(&idle), "one searches, none sleeps");
    fi_idle_announce(&idle, 0);
    cr_assert(fi_idle_wanted(&idle), "one sleeps, none searches");
    fi_idle_search(&idle);
    cr_assert_not(fi_idle_wanted(&idle), "one sleeps, one searches");
    cr_assert(fi_idle_found(&idle));
    cr_assert(fi_idle_wanted(&idle), "one sleeps, none searches any more");
}

Test(idle, a_claimed_sleeper_searches)
{
    fall_asleep(5);
    cr_assert_eq(fi_idle_claim(&idle, 6), -1, "from 6 on there is none");
    cr_assert_eq(fi_idle_claim(&idle, 0), 5);
    cr_assert_eq(sleeping(), 0);
    cr_assert_eq(searching(), 1);
    cr_assert_not(fi_idle_wanted(&idle));
}

Test(idle, each_sleeper_is_claimed_once)
{
    uint64_t seen = 0;

    for (uint32_t worker = 0; worker < 10; worker++)
        fall_asleep(worker);
    for (uint32_t left = 10; left > 0; left--) {
        int worker = fi_idle_claim(&idle, 0);
        cr_assert(worker >= 0 && worker < 10);
        cr_assert_not(seen >> worker & 1, "%d", worker);
        seen |= (uint64_t)1 << worker;
        cr_assert_eq(sleeping(), left - 1);
        cr_assert_eq(searching(), 10 - (left - 1));
    }
    cr_assert_eq(fi_idle_claim(&idle, 0), -1);
    cr_assert_eq(searching(), 10, "a claim of none counts none");
}

Test(idle, who_retracts_searches_and_cannot_be_claimed)
{
    fall_asleep(3);
    fall_asleep(4);
    fi_idle_retract(&idle, 3);
    cr_assert_eq(sleeping(), 1);
    cr_assert_eq(searching(), 1);
    cr_assert_eq(fi_idle_claim(&idle, 0), 4, "3 is awake");
    cr_assert_eq(fi_idle_claim(&idle, 0), -1);
}

Test(idle, who_was_claimed_is_counted_once_though_it_retracts_too)
{
    fall_asleep(3);
    fall_asleep(4);
    int claimed = fi_idle_claim(&idle, 0);
    cr_assert(claimed == 3 || claimed == 4);
    fi_idle_retract(&idle, (uint32_t)claimed);
    cr_assert_eq(sleeping(), 1);
    cr_assert_eq(searching(), 1);
    cr_assert_eq(fi_idle_claim(&idle, 0), claimed == 3 ? 4 : 3, "the other still sleeps");
}

Test(idle, a_worker_may_sleep_again_and_again)
{
    for (int round = 0; round < 100; round++) {
        fi_idle_search(&idle);
        fi_idle_announce(&idle, 7);
        cr_assert_eq(sleeping(), 1);
        if (round % 2)
            cr_assert_eq(fi_idle_claim(&idle, 0), 7);
        fi_idle_retract(&idle, 7);
        cr_assert_not(fi_idle_found(&idle));
        cr_assert_eq(atomic_load(&idle.state), 0);
    }
}

Test(idle, workers_of_any_number_are_found)
{
    static const uint32_t numbers[] = {0, 1, 31, 32, 63, 64, 65, 127, 128, 640, 1022, 1023};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        fall_asleep(numbers[i]);
        cr_assert_eq(fi_idle_claim(&idle, 0), (int)numbers[i]);
        cr_assert_eq(fi_idle_claim(&idle, 0), -1);
    }
}

Test(idle, workers_whose_numbers_differ_by_64_are_not_taken_for_each_other)
{
    fall_asleep(1);
    fall_asleep(65);
    fi_idle_retract(&idle, 1);
    cr_assert_eq(sleeping(), 1);
    cr_assert_eq(fi_idle_claim(&idle, 0), 65);
    fi_idle_retract(&idle, 1);
    cr_assert_eq(sleeping(), 0, "1 was awake already");
    cr_assert_eq(searching(), 2);
}

Test(idle, all_workers_and_spares_may_sleep)
{
    for (uint32_t worker = 0; worker < 64 * FI_IDLE_WORDS; worker++) {
        fi_idle_search(&idle);
        fi_idle_announce(&idle, worker);
        cr_assert_eq(sleeping(), worker + 1);
    }
    cr_assert(fi_idle_wanted(&idle));
    for (uint32_t worker = 0; worker < 64 * FI_IDLE_WORDS; worker++)
        cr_assert(fi_idle_claim(&idle, 0) >= 0);
    cr_assert_eq(fi_idle_claim(&idle, 0), -1);
    cr_assert_eq(searching(), 64 * FI_IDLE_WORDS);
    cr_assert_eq(sleeping(), 0);
}
