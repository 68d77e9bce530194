/* SPDX-License-Identifier: MIT
 *
 * The injection queue, one behaviour a test, through its internal header. Races in earnest are
 * in tests/stress/queue.c, all of them (for a few operations) in tests/model/queue.c. */
#include "atomics/queue.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

static struct fi_queue queue;

static void setup(void)
{
    cr_assert_eq(fi_queue_init(&queue), 0);
}

static void teardown(void)
{
    fi_queue_fini(&queue);
}

TestSuite(queue, .init = setup, .fini = teardown);

/* Items are numbers from 1 in the shape of pointers: the queue never follows them. */
static void *item(uintptr_t number)
{
    return (void *)number;
}

static void push(uintptr_t from, uintptr_t count)
{
    for (uintptr_t i = from; i < from + count; i++)
        cr_assert_eq(fi_queue_push(&queue, item(i)), 0);
}

static void pop(uintptr_t from, uintptr_t count)
{
    for (uintptr_t i = from; i < from + count; i++)
        cr_assert_eq(fi_queue_pop(&queue), item(i));
}

Test(queue, a_new_queue_is_empty)
{
    cr_assert(fi_queue_empty(&queue));
    cr_assert_null(fi_queue_pop(&queue));
    cr_assert_null(fi_queue_pop(&queue));
    cr_assert(fi_queue_empty(&queue));
}

Test(queue, one_item_comes_back_once)
{
    push(1, 1);
    cr_assert_not(fi_queue_empty(&queue));
    pop(1, 1);
    cr_assert(fi_queue_empty(&queue));
    cr_assert_null(fi_queue_pop(&queue));
}

Test(queue, items_come_in_their_order_over_many_segments)
{
    push(1, 10 * FI_QUEUE_SEGMENT + 3);
    pop(1, 10 * FI_QUEUE_SEGMENT + 3);
    cr_assert_null(fi_queue_pop(&queue));
}

Test(queue, hovering_about_a_segment_border_loses_nothing)
{
    push(1, FI_QUEUE_SEGMENT - 2);
    pop(1, FI_QUEUE_SEGMENT - 2);
    for (uintptr_t i = 0; i < 5; i++) {
        push(1 + i, 1);
        cr_assert_not(fi_queue_empty(&queue));
        pop(1 + i, 1);
        cr_assert(fi_queue_empty(&queue));
        cr_assert_null(fi_queue_pop(&queue));
    }
}

Test(queue, it_can_be_used_for_long_while_nearly_empty)
{
    push(1, 3);
    for (uintptr_t i = 4; i < 40 * FI_QUEUE_SEGMENT; i++) {
        push(i, 1);
        pop(i - 3, 1);
    }
    pop(40 * FI_QUEUE_SEGMENT - 3, 3);
    cr_assert(fi_queue_empty(&queue));
}

Test(queue, a_million_items_may_be_pending)
{
    push(1, 1000000);
    pop(1, 1000000);
    cr_assert(fi_queue_empty(&queue));
}

Test(queue, fini_frees_what_nobody_popped)
{
    /* AddressSanitizer's leak check is the judge, here and for the queue of the fixture. */
    struct fi_queue other;
    cr_assert_eq(fi_queue_init(&other), 0);
    for (uintptr_t i = 1; i < 5 * FI_QUEUE_SEGMENT; i++)
        cr_assert_eq(fi_queue_push(&other, item(i)), 0);
    for (uintptr_t i = 1; i < 2 * FI_QUEUE_SEGMENT; i++)
        cr_assert_eq(fi_queue_pop(&other), item(i));
    fi_queue_fini(&other);
    push(1, 2 * FI_QUEUE_SEGMENT);
}

Test(queue, writers_of_its_words_have_a_cache_line_each)
{
    cr_assert_eq((uintptr_t)&queue.tail % FILCH_CACHE_LINE, 0);
    cr_assert_eq((uintptr_t)&queue.head - (uintptr_t)&queue.tail, FILCH_CACHE_LINE);
    cr_assert_eq((uintptr_t)&queue.directory - (uintptr_t)&queue.head, FILCH_CACHE_LINE);
}

enum { PRODUCERS = 3, CONSUMERS = 3, EACH = 20000 };

static atomic_int taken[PRODUCERS * EACH];
static atomic_int total;

static void *produce(void *argument)
{
    uintptr_t first = (uintptr_t)argument * EACH;
    for (uintptr_t i = 0; i < EACH; i++)
        if (fi_queue_push(&queue, item(first + i + 1)) != 0)
            abort();
    return NULL;
}

static void *consume(void *argument)
{
    uintptr_t last[PRODUCERS] = {0};
    while (atomic_load(&total) < PRODUCERS * EACH) {
        uintptr_t number = (uintptr_t)fi_queue_pop(&queue);
        if (number == 0)
            continue;
        if (number <= last[(number - 1) / EACH])
            abort(); /* out of its producer's order */
        last[(number - 1) / EACH] = number;
        atomic_fetch_add(&taken[number - 1], 1);
        atomic_fetch_add(&total, 1);
    }
    return argument;
}

Test(queue, producers_and_consumers_pass_every_item_once_and_in_order)
{
    pthread_t ids[PRODUCERS + CONSUMERS];
    for (uintptr_t i = 0; i < PRODUCERS; i++)
        pthread_create(&ids[i], NULL, produce, item(i));
    for (int i = 0; i < CONSUMERS; i++)
        pthread_create(&ids[PRODUCERS + i], NULL, consume, NULL);
    for (int i = 0; i < PRODUCERS + CONSUMERS; i++)
        pthread_join(ids[i], NULL);
    for (int i = 0; i < PRODUCERS * EACH; i++)
        cr_assert_eq(atomic_load(&taken[i]), 1);
    cr_assert(fi_queue_empty(&queue));
}
