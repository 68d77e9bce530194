/* SPDX-License-Identifier: MIT
 *
 * The counters, one behaviour a test. tests/stress/counter.c runs them longer and under
 * ThreadSanitizer. */
#include <filch/counter.h>

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define MAX_THREADS 64

static const enum filch_counter_kind kinds[] = {FILCH_COUNTER_UNSAFE, FILCH_COUNTER_LOCKED,
                                                FILCH_COUNTER_ATOMIC, FILCH_COUNTER_SHARDED};
#define KINDS (sizeof kinds / sizeof *kinds)

struct crowd {
    struct filch_counter *counter;
    pthread_barrier_t start;
    long each;
    atomic_int failed;
};

static void *increment(void *argument)
{
    struct crowd *crowd = argument;
    struct filch_counter_view view;
    if (filch_counter_enter(crowd->counter, &view) != 0) {
        atomic_fetch_add(&crowd->failed, 1);
        pthread_barrier_wait(&crowd->start);
        return NULL;
    }
    pthread_barrier_wait(&crowd->start);
    for (long i = 0; i < crowd->each; i++)
        filch_counter_increment(&view);
    filch_counter_leave(&view);
    return NULL;
}

/* What the counter says after `threads` threads added `each` ones. */
static uint64_t count(struct filch_counter *counter, unsigned threads, long each)
{
    struct crowd crowd = {.counter = counter, .each = each};
    pthread_t ids[MAX_THREADS];
    pthread_barrier_init(&crowd.start, NULL, threads);
    for (unsigned i = 0; i < threads; i++)
        cr_assert_eq(pthread_create(&ids[i], NULL, increment, &crowd), 0);
    for (unsigned i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    pthread_barrier_destroy(&crowd.start);
    cr_assert_eq(atomic_load(&crowd.failed), 0);
    return filch_counter_value(counter);
}

Test(counter, every_kind_starts_at_zero_and_knows_its_kind)
{
    for (size_t k = 0; k < KINDS; k++) {
        struct filch_counter *counter = filch_counter_create(kinds[k]);
        cr_assert_not_null(counter);
        cr_assert_eq(filch_counter_value(counter), 0);
        cr_assert_eq(filch_counter_kind(counter), kinds[k]);
        filch_counter_destroy(counter);
    }
}

Test(counter, one_thread_counts_right_with_every_kind)
{
    for (size_t k = 0; k < KINDS; k++) {
        struct filch_counter *counter = filch_counter_create(kinds[k]);
        struct filch_counter_view view;
        cr_assert_eq(filch_counter_enter(counter, &view), 0);
        for (int i = 0; i < 1000; i++)
            filch_counter_increment(&view);
        filch_counter_add(&view, 234);
        filch_counter_add(&view, 0);
        cr_assert_eq(filch_counter_value(counter), 1234);
        filch_counter_leave(&view);
        cr_assert_eq(filch_counter_value(counter), 1234);
        filch_counter_destroy(counter);
    }
}

Test(counter, safe_kinds_are_exact_with_2_to_64_threads)
{
    for (size_t k = 1; k < KINDS; k++)
        for (unsigned threads = 2; threads <= MAX_THREADS; threads *= 2) {
            struct filch_counter *counter = filch_counter_create(kinds[k]);
            cr_assert_eq(count(counter, threads, 10000), threads * UINT64_C(10000), "%s, %u",
                         filch_counter_kind_name(kinds[k]), threads);
            filch_counter_destroy(counter);
        }
}

Test(counter, unsafe_never_counts_too_much)
{
    for (int round = 0; round < 10; round++) {
        struct filch_counter *counter = filch_counter_create(FILCH_COUNTER_UNSAFE);
        uint64_t value = count(counter, 8, 10000);
        cr_assert_leq(value, 80000);
        cr_assert_geq(value, 2);
        filch_counter_destroy(counter);
    }
}

Test(counter, counts_stay_when_threads_leave_and_others_come)
{
    for (size_t k = 1; k < KINDS; k++) {
        struct filch_counter *counter = filch_counter_create(kinds[k]);
        for (unsigned round = 1; round <= 20; round++)
            cr_assert_eq(count(counter, 1 + round % 8, 0), filch_counter_value(counter));
        uint64_t want = 0;
        for (unsigned round = 1; round <= 20; round++) {
            want += UINT64_C(100) * (1 + round % 8);
            cr_assert_eq(count(counter, 1 + round % 8, 100), want);
        }
        filch_counter_destroy(counter);
    }
}

Test(counter, a_shard_is_used_again_after_its_thread_left)
{
    struct filch_counter *counter = filch_counter_create(FILCH_COUNTER_SHARDED);
    struct filch_counter_view first, second, third;
    cr_assert_eq(filch_counter_enter(counter, &first), 0);
    cr_assert_eq(filch_counter_enter(counter, &second), 0);
    cr_assert_neq((uintptr_t)first.cell, (uintptr_t)second.cell);
    uintptr_t cell = (uintptr_t)first.cell;
    filch_counter_add(&first, 5);
    filch_counter_leave(&first);
    cr_assert_eq(filch_counter_enter(counter, &third), 0);
    cr_assert_eq((uintptr_t)third.cell, cell);
    filch_counter_add(&third, 7);
    cr_assert_eq(filch_counter_value(counter), 12);
    filch_counter_leave(&third);
    filch_counter_leave(&second);
    filch_counter_destroy(counter);
}

Test(counter, cells_never_share_a_cache_line)
{
    struct filch_counter *counters[8];
    struct filch_counter_view views[16];
    for (size_t i = 0; i < 8; i++) {
        counters[i] = filch_counter_create(kinds[i % KINDS]);
        cr_assert_eq(filch_counter_enter(counters[i], &views[2 * i]), 0);
        /* A second shard where there are shards. */
        cr_assert_eq(filch_counter_enter(counters[i], &views[2 * i + 1]), 0);
    }
    for (size_t i = 0; i < 16; i++)
        for (size_t j = 0; j < i; j++)
            if (views[i].cell != views[j].cell)
                cr_assert_neq((uintptr_t)views[i].cell / FILCH_CACHE_LINE,
                              (uintptr_t)views[j].cell / FILCH_CACHE_LINE);
    for (size_t i = 0; i < 16; i++)
        filch_counter_leave(&views[i]);
    for (size_t i = 0; i < 8; i++)
        filch_counter_destroy(counters[i]);
}

Test(counter, counts_wrap_at_2_to_the_64)
{
    for (size_t k = 0; k < KINDS; k++) {
        struct filch_counter *counter = filch_counter_create(kinds[k]);
        struct filch_counter_view view;
        cr_assert_eq(filch_counter_enter(counter, &view), 0);
        filch_counter_add(&view, UINT64_MAX);
        filch_counter_add(&view, 3);
        filch_counter_leave(&view);
        cr_assert_eq(filch_counter_value(counter), 2);
        filch_counter_destroy(counter);
    }
}

Test(counter, an_unknown_kind_is_refused)
{
    cr_assert_null(filch_counter_create((enum filch_counter_kind)4));
    cr_assert_null(filch_counter_create((enum filch_counter_kind)1000));
    cr_assert_null(filch_counter_kind_name((enum filch_counter_kind)4));
}

Test(counter, kinds_have_names)
{
    cr_assert_str_eq(filch_counter_kind_name(FILCH_COUNTER_UNSAFE), "unsafe");
    cr_assert_str_eq(filch_counter_kind_name(FILCH_COUNTER_LOCKED), "locked");
    cr_assert_str_eq(filch_counter_kind_name(FILCH_COUNTER_ATOMIC), "atomic");
    cr_assert_str_eq(filch_counter_kind_name(FILCH_COUNTER_SHARDED), "sharded");
}

Test(counter, destroying_nothing_does_nothing)
{
    filch_counter_destroy(NULL);
}
