/* SPDX-License-Identifier: MIT
 *
 * What submitting costs in memory: bytes a pending future, and calls of malloc() in a steady
 * state. */
#include "future.h"

#include <filch/executor.h>
#include <filch/group.h>

#include <malloc.h>

/* Counts, in this program alone. AddressSanitizer has a malloc() of its own. */
#if defined(__GLIBC__) && !ADDRESS_SANITIZER
#define MALLOC_IS_COUNTED 1
extern void *__libc_malloc(size_t size);
static _Atomic(uint64_t) mallocs;

void *malloc(size_t size)
{
    atomic_fetch_add(&mallocs, 1);
    return __libc_malloc(size);
}
#else
#define MALLOC_IS_COUNTED 0
static uint64_t mallocs;
#endif

TestSuite(submit_memory, .init = setup);

enum { MANY = 100000, ROUNDS = 1000, BURST = 100 };

Test(submit_memory, a_pending_future_takes_at_most_128_bytes)
{
    if (!MALLOC_IS_COUNTED)
        cr_skip_test("the heap is not measured under AddressSanitizer");
    struct filch_executor *executor = NULL;
    static struct filch_future *futures[MANY];
    cr_assert_eq(filch_executor_create(1, NULL, &executor), 0);
    struct filch_future *held = NULL;
    cr_assert_eq(filch_executor_submit(executor, hold, NULL, &held), 0);
    await_signal(&entered);
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    for (int i = 0; i < MANY; i++)
        cr_assert_eq(filch_executor_submit(executor, same, NULL, &futures[i]), 0);
    size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
    cr_expect_leq((after - before) / MANY, 128, "%zu bytes", (after - before) / MANY);
    cr_expect_geq((after - before) / MANY, 100, "%zu bytes: what was measured?",
                  (after - before) / MANY);
    sem_post(&leave);
    for (int i = 0; i < MANY; i++)
        filch_future_release(futures[i]);
    filch_future_release(held);
    filch_executor_destroy(executor);
}

/* A burst of futures whose results are read, and one of plain tasks. */
static void burst(struct filch_executor *executor, struct filch_group *group)
{
    struct filch_future *futures[BURST];
    for (int i = 0; i < BURST; i++)
        cr_assert_eq(filch_executor_submit(executor, same, NULL, &futures[i]), 0);
    for (int i = 0; i < BURST; i++) {
        cr_assert_eq(filch_future_result(futures[i], FILCH_FOREVER, NULL), 0);
        filch_future_release(futures[i]);
    }
    for (int i = 0; i < BURST; i++)
        cr_assert_eq(filch_group_submit(group, same, NULL), 0);
    cr_assert_eq(filch_group_wait(group, FILCH_FOREVER), 0);
}

Test(submit_memory, a_steady_state_calls_malloc_less_than_once_in_100_tasks)
{
    if (!MALLOC_IS_COUNTED)
        cr_skip_test("malloc is not counted under AddressSanitizer");
    struct filch_executor *executor = NULL;
    struct filch_group *group = NULL;
    cr_assert_eq(filch_executor_create(2, NULL, &executor), 0);
    cr_assert_eq(filch_group_create(executor, NULL, &group), 0);
    for (int i = 0; i < ROUNDS; i++)
        burst(executor, group);
    uint64_t before = mallocs;
    for (int i = 0; i < ROUNDS; i++)
        burst(executor, group);
    cr_expect_lt((mallocs - before) * 100, (uint64_t)ROUNDS * BURST * 2, "%llu calls",
                 (unsigned long long)(mallocs - before));
    filch_group_destroy(group);
    filch_executor_destroy(executor);
}
