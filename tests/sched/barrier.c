/* SPDX-License-Identifier: MIT
 *
 * The barrier. */
#include "sync.h"

static struct filch_barrier barrier;

Test(barrier, without_parties_is_an_error)
{
    cr_assert_eq(filch_barrier_init(&barrier, 0), FILCH_EINVAL);
}

Test(barrier, of_one_party_never_waits)
{
    ASSERT_OK(filch_barrier_init(&barrier, 1));
    for (int i = 0; i < 3; i++)
        cr_assert_eq(filch_barrier_wait(&barrier), 1);
    filch_barrier_fini(&barrier);
}

/* ---- Rounds -------------------------------------------------------------------------------- */

#define PARTIES 12
#define ROUNDS  100

static _Atomic(int) ticket, firsts;
static int
    arrived_in[PARTIES]; /* plain: each party writes its own, all read after the barrier */

static void *goes_through_rounds(void *argument)
{
    int me = atomic_fetch_add(&ticket, 1);
    for (int round = 1; round <= ROUNDS; round++) {
        arrived_in[me] = round;
        atomic_fetch_add(&firsts, filch_barrier_wait(&barrier));
        for (int i = 0; i < PARTIES; i++)
            cr_assert_eq(arrived_in[i], round);
        atomic_fetch_add(&firsts, filch_barrier_wait(&barrier));
    }
    return argument;
}

Test(barrier, nobody_goes_on_before_all_have_come_and_one_hears_of_it)
{
    for (int i = 0; i < SHAPES; i++) {
        struct filch_pool *pool = pool_of(shapes[i].workers, shapes[i].spares);
        struct crowd crowd;
        int spares = shapes[i].spares ? shapes[i].spares : PARTIES;
        int threads = shapes[i].workers + spares < PARTIES ? PARTIES - 1 : 2;
        atomic_store(&ticket, 0);
        atomic_store(&firsts, 0);
        ASSERT_OK(filch_barrier_init(&barrier, PARTIES));
        crowd_start(&crowd, pool, PARTIES - threads, threads, goes_through_rounds, NULL);
        crowd_finish(&crowd);
        cr_assert_eq(atomic_load(&firsts), 2 * ROUNDS);
        filch_barrier_fini(&barrier);
        ASSERT_OK(filch_pool_destroy(pool));
    }
}

/* ---- More parties than workers ---------------------------------------------------------------- */

static _Atomic(int) passed;

static void *passes(void *argument)
{
    atomic_fetch_add(&firsts, filch_barrier_wait(&barrier));
    atomic_fetch_add(&passed, 1);
    return argument;
}

Test(barrier, a_hundred_parties_meet_on_two_workers)
{
    for (int spares = -1; spares <= 1; spares++) {
        struct filch_pool *pool = pool_of(2, spares);
        struct crowd crowd;
        atomic_store(&passed, 0);
        atomic_store(&firsts, 0);
        ASSERT_OK(filch_barrier_init(&barrier, MANY));
        crowd_start(&crowd, pool, MANY - 1, 0, passes, NULL);
        await(&barrier.word, &barrier.queue, MANY - 1, false);
        cr_assert_eq(atomic_load(&passed), 0);
        passes(NULL);
        crowd_finish(&crowd);
        cr_assert_eq(atomic_load(&passed), MANY);
        cr_assert_eq(atomic_load(&firsts), 1);
        filch_barrier_fini(&barrier);
        ASSERT_OK(filch_pool_destroy(pool));
    }
}

/* ---- Who returns first frees it ----------------------------------------------------------------- */

struct meeting {
    struct filch_barrier barrier;
    _Atomic(int) *left;
};

static void *leaves(void *argument)
{
    struct meeting *meeting = argument;
    _Atomic(int) *left = meeting->left;
    (void)filch_barrier_wait(&meeting->barrier);
    if (atomic_fetch_add(left, 1) == 0) {
        filch_barrier_fini(&meeting->barrier);
        free(meeting);
    }
    return NULL;
}

Test(barrier, can_be_freed_by_who_returns_first)
{
    struct filch_pool *pool = pool_of(2, 0);
    for (int round = 0; round < 300; round++) {
        _Atomic(int) left = 0;
        struct meeting *meeting = malloc(sizeof *meeting);
        struct crowd crowd;
        meeting->left = &left;
        ASSERT_OK(filch_barrier_init(&meeting->barrier, 4));
        crowd_start(&crowd, pool, 2, 2, leaves, meeting);
        crowd_finish(&crowd);
    }
    ASSERT_OK(filch_pool_destroy(pool));
}
