/* SPDX-License-Identifier: MIT
 *
 * The channel. */
#include "sync.h"

static struct filch_channel *channel;

static void create(size_t capacity)
{
    channel = NULL;
    ASSERT_OK(filch_channel_create(capacity, &channel));
    cr_assert(channel);
}

static void *item_of(intptr_t number)
{
    return (void *)number;
}

static void send_item(intptr_t number)
{
    ASSERT_OK(filch_channel_send(channel, item_of(number), FILCH_FOREVER));
}

static intptr_t receive_item(void)
{
    void *item = &channel;
    ASSERT_OK(filch_channel_receive(channel, &item, FILCH_FOREVER));
    return (intptr_t)item;
}

#define ASSERT_RECEIVES_NOTHING(timeout, error)                               \
    do {                                                                      \
        void *item_ = &channel;                                               \
        cr_assert_eq(filch_channel_receive(channel, &item_, timeout), error); \
        cr_assert_eq(item_, &channel, "untouched");                           \
    } while (0)

/* ---- Rules --------------------------------------------------------------------------------- */

Test(channel, needs_room_for_an_item)
{
    struct filch_channel *untouched = (struct filch_channel *)&channel;
    cr_assert_eq(filch_channel_create(0, &untouched), FILCH_EINVAL);
    cr_assert_eq(filch_channel_create(SIZE_MAX, &untouched), FILCH_ENOMEM);
    cr_assert_eq(filch_channel_create(SIZE_MAX / sizeof(void *), &untouched), FILCH_ENOMEM);
    cr_assert_eq(untouched, (struct filch_channel *)&channel);
    filch_channel_destroy(NULL);
}

Test(channel, gives_back_in_order_what_was_put_in)
{
    for (size_t capacity = 1; capacity <= 5; capacity++) {
        intptr_t sent = 0, received = 0;
        create(capacity);
        for (size_t fill = 1; fill <= capacity; fill++)
            for (int round = 0; round < 7; round++) {
                for (size_t i = 0; i < fill; i++)
                    send_item(sent++);
                for (size_t i = 0; i < fill; i++)
                    cr_assert_eq(receive_item(), received++);
            }
        filch_channel_destroy(channel);
    }
}

Test(channel, takes_null_for_an_item)
{
    create(1);
    send_item(0);
    cr_assert_eq(receive_item(), 0);
    filch_channel_destroy(channel);
}

Test(channel, holds_no_more_than_its_capacity)
{
    create(3);
    for (int i = 0; i < SHORT_TIMEOUTS; i++)
        ASSERT_RECEIVES_NOTHING(short_timeouts[i], FILCH_ETIMEDOUT);
    for (int i = 0; i < 3; i++)
        ASSERT_OK(filch_channel_send(channel, item_of(i), 0));
    for (int i = 0; i < SHORT_TIMEOUTS; i++)
        cr_assert_eq(filch_channel_send(channel, NULL, short_timeouts[i]), FILCH_ETIMEDOUT);
    cr_assert_eq(receive_item(), 0);
    send_item(3);
    for (int i = 1; i <= 3; i++)
        cr_assert_eq(receive_item(), i);
    filch_channel_destroy(channel);
}

Test(channel, a_timeout_that_is_not_a_number_is_an_error)
{
    create(1);
    ASSERT_RECEIVES_NOTHING(NAN, FILCH_EINVAL);
    cr_assert_eq(filch_channel_send(channel, NULL, NAN), FILCH_EINVAL);
    ASSERT_RECEIVES_NOTHING(0, FILCH_ETIMEDOUT);
    filch_channel_destroy(channel);
}

Test(channel, that_is_destroyed_forgets_its_items)
{
    create(2);
    send_item(1);
    send_item(2);
    filch_channel_destroy(channel);
}

/* ---- Closing ------------------------------------------------------------------------------- */

Test(channel, once_closed_takes_nothing_and_gives_what_it_has)
{
    create(2);
    send_item(1);
    send_item(2);
    filch_channel_close(channel);
    filch_channel_close(channel);
    cr_assert_eq(filch_channel_send(channel, NULL, 0), FILCH_ECLOSED);
    cr_assert_eq(filch_channel_send(channel, NULL, FILCH_FOREVER), FILCH_ECLOSED);
    cr_assert_eq(filch_channel_send(channel, NULL, NAN), FILCH_EINVAL);
    cr_assert_eq(receive_item(), 1);
    cr_assert_eq(filch_channel_send(channel, NULL, 0), FILCH_ECLOSED);
    cr_assert_eq(receive_item(), 2);
    ASSERT_RECEIVES_NOTHING(0, FILCH_ECLOSED);
    ASSERT_RECEIVES_NOTHING(FILCH_FOREVER, FILCH_ECLOSED);
    filch_channel_destroy(channel);
}

/* The channel is opaque: who is about to wait says so, and may not have got there. */
static _Atomic(int) about_to_wait, refused;

static void *sends_in_vain(void *argument)
{
    atomic_fetch_add(&about_to_wait, 1);
    cr_assert_eq(filch_channel_send(channel, NULL, FILCH_FOREVER), FILCH_ECLOSED);
    atomic_fetch_add(&refused, 1);
    return argument;
}

static void *receives_in_vain(void *argument)
{
    atomic_fetch_add(&about_to_wait, 1);
    ASSERT_RECEIVES_NOTHING(FILCH_FOREVER, FILCH_ECLOSED);
    atomic_fetch_add(&refused, 1);
    return argument;
}

Test(channel, closing_wakes_all_who_wait_to_send)
{
    for (int i = 0; i < SHAPES; i++) {
        struct filch_pool *pool = pool_of(shapes[i].workers, shapes[i].spares);
        struct crowd crowd;
        create(2);
        send_item(1);
        send_item(2);
        atomic_store(&refused, 0);
        atomic_store(&about_to_wait, 0);
        crowd_start(&crowd, pool, 12, 3, sends_in_vain, NULL);
        await_value(&about_to_wait, 15);
        cr_assert_eq(atomic_load(&refused), 0);
        filch_channel_close(channel);
        crowd_finish(&crowd);
        cr_assert_eq(receive_item(), 1);
        cr_assert_eq(receive_item(), 2);
        filch_channel_destroy(channel);
        ASSERT_OK(filch_pool_destroy(pool));
    }
}

Test(channel, closing_wakes_all_who_wait_to_receive)
{
    for (int i = 0; i < SHAPES; i++) {
        struct filch_pool *pool = pool_of(shapes[i].workers, shapes[i].spares);
        struct crowd crowd;
        create(2);
        atomic_store(&refused, 0);
        atomic_store(&about_to_wait, 0);
        crowd_start(&crowd, pool, 12, 3, receives_in_vain, NULL);
        await_value(&about_to_wait, 15);
        cr_assert_eq(atomic_load(&refused), 0);
        filch_channel_close(channel);
        crowd_finish(&crowd);
        filch_channel_destroy(channel);
        ASSERT_OK(filch_pool_destroy(pool));
    }
}

/* ---- Producers and consumers ------------------------------------------------------------------- */

#define ITEMS 500

static void *produces(void *argument)
{
    for (intptr_t i = 1; i <= ITEMS; i++)
        send_item(i);
    return argument;
}

static void *consumes(void *argument)
{
    for (intptr_t i = 1; i <= ITEMS; i++)
        cr_assert_eq(receive_item(), i);
    return argument;
}

Test(channel, of_one_item_joins_two_tasks_on_one_worker)
{
    for (int consumer_first = 0; consumer_first < 2; consumer_first++) {
        struct filch_pool *pool = pool_of(1, 0);
        create(1);
        struct filch_future *first = submit(pool, consumer_first ? consumes : produces, NULL);
        struct filch_future *second = submit(pool, consumer_first ? produces : consumes, NULL);
        finish(first);
        finish(second);
        filch_channel_destroy(channel);
        ASSERT_OK(filch_pool_destroy(pool));
    }
}

Test(channel, joins_a_task_and_a_thread_on_a_worker_without_spares)
{
    struct filch_pool *pool = pool_of(1, -1);
    create(1);
    struct filch_future *future = submit(pool, produces, NULL);
    consumes(NULL);
    finish(future);
    future = submit(pool, consumes, NULL);
    produces(NULL);
    finish(future);
    filch_channel_destroy(channel);
    ASSERT_OK(filch_pool_destroy(pool));
}

static void *receives_one(void *argument)
{
    cr_assert_eq(receive_item(), 7);
    return argument;
}

static void *sends_one(void *argument)
{
    send_item(7);
    return argument;
}

Test(channel, a_worker_without_spares_runs_the_task_that_sends)
{
    struct filch_pool *pool = pool_of(1, -1);
    create(1);
    struct filch_future *receiver = submit(pool, receives_one, NULL);
    struct filch_future *sender = submit(pool, sends_one, NULL);
    finish(receiver);
    finish(sender);
    filch_channel_destroy(channel);
    ASSERT_OK(filch_pool_destroy(pool));
}

Test(channel, a_hundred_tasks_wait_for_items_on_two_workers)
{
    for (int spares = -1; spares <= 0; spares++) {
        struct filch_pool *pool = pool_of(2, spares);
        struct crowd crowd;
        create(3);
        crowd_start(&crowd, pool, MANY, 0, receives_one, NULL);
        for (int i = 0; i < MANY; i++)
            send_item(7);
        crowd_finish(&crowd);
        ASSERT_RECEIVES_NOTHING(0, FILCH_ETIMEDOUT);
        filch_channel_destroy(channel);
        ASSERT_OK(filch_pool_destroy(pool));
    }
}

/* Items are numbered by producer, so that order can be seen: producer * ITEMS + 0, 1, ... */
#define PRODUCERS 4

static _Atomic(int) producer_count;
static _Atomic(int) seen[PRODUCERS * ITEMS];

static void *produces_numbered(void *argument)
{
    intptr_t me = atomic_fetch_add(&producer_count, 1);
    for (intptr_t i = 0; i < ITEMS; i++) {
        double timeout = i % 4 ? FILCH_FOREVER : 1e-6;
        int error;
        while ((error = filch_channel_send(channel, item_of(me * ITEMS + i), timeout)))
            cr_assert_eq(error, FILCH_ETIMEDOUT);
    }
    return argument;
}

static void *consumes_until_closed(void *argument)
{
    intptr_t newest[PRODUCERS] = {-1, -1, -1, -1};
    for (int i = 0;; i++) {
        void *item;
        int error = filch_channel_receive(channel, &item, i % 4 ? FILCH_FOREVER : 1e-6);
        if (error == FILCH_ECLOSED)
            return argument;
        if (error == FILCH_ETIMEDOUT)
            continue;
        ASSERT_OK(error);
        intptr_t number = (intptr_t)item;
        cr_assert_eq(atomic_fetch_add(&seen[number], 1), 0);
        cr_assert_gt(number % ITEMS, newest[number / ITEMS]);
        newest[number / ITEMS] = number % ITEMS;
    }
}

Test(channel, each_item_arrives_once_and_each_producers_in_order)
{
    static const size_t capacities[] = {1, 2, 7, 1000};
    for (int i = 0; i < 4; i++) {
        struct filch_pool *pool = pool_of(2, 0);
        struct crowd producers, consumers;
        atomic_store(&producer_count, 0);
        for (int j = 0; j < PRODUCERS * ITEMS; j++)
            atomic_store(&seen[j], 0);
        create(capacities[i]);
        crowd_start(&consumers, pool, 3, 2, consumes_until_closed, NULL);
        crowd_start(&producers, pool, 3, 1, produces_numbered, NULL);
        crowd_finish(&producers);
        filch_channel_close(channel);
        crowd_finish(&consumers);
        for (int j = 0; j < PRODUCERS * ITEMS; j++)
            cr_assert_eq(atomic_load(&seen[j]), 1);
        filch_channel_destroy(channel);
        ASSERT_OK(filch_pool_destroy(pool));
    }
}

/* ---- Who got the last item frees it -------------------------------------------------------------- */

static void *sends_into(void *argument)
{
    ASSERT_OK(filch_channel_send(argument, NULL, FILCH_FOREVER));
    return NULL;
}

static void *closes(void *argument)
{
    filch_channel_close(argument);
    return NULL;
}

Test(channel, can_be_destroyed_by_who_received_the_last_item)
{
    struct filch_pool *pool = pool_of(2, 0);
    for (int round = 0; round < 500; round++) {
        struct filch_channel *own;
        void *item;
        ASSERT_OK(filch_channel_create(1, &own));
        struct filch_future *future = submit(pool, round % 2 ? sends_into : closes, own);
        cr_assert_eq(filch_channel_receive(own, &item, FILCH_FOREVER),
                     round % 2 ? 0 : FILCH_ECLOSED);
        filch_channel_destroy(own);
        finish(future);
    }
    ASSERT_OK(filch_pool_destroy(pool));
}
