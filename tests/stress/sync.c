/* SPDX-License-Identifier: MIT
 *
 * Locks under load: tasks on pools with and without spares, and plain threads, ask for the same
 * mutex, semaphore, condition, barrier and channel, some with timeouts of about the time that they
 * have to wait. Imitates programs that were written for threads and moved to tasks. What is counted
 * must come out right, objects are freed by the first who may, and a lost wake-up shows as a round
 * that never ends: the watchdog reports it. */
#include "stress.h"

#include <filch/future.h>
#include <filch/sync.h>
#include <filch/task.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#define TASKS   12
#define THREADS 3
#define ALL     (TASKS + THREADS)
#define STEPS   (SANITIZED ? 40 : 200)

static _Atomic(long) rounds;
static const char *_Atomic scene;

/* Reports a round that takes over 30 s. */
static void *watchdog(void *argument)
{
    long seen = -1;
    for (;;) {
        sleep(30);
        long now = atomic_load(&rounds);
        if (now == seen) {
            printf("sync: round %ld, %s, does not end: a wake-up was lost\n", now,
                   atomic_load(&scene));
            fflush(stdout);
            _exit(1);
        }
        seen = now;
    }
    return argument;
}

/* Runs fn(argument) in TASKS tasks and THREADS threads; or, of two, the second in the threads. */
static void run(struct filch_pool *pool, filch_fn *fn, filch_fn *in_threads, void *argument)
{
    struct filch_future *futures[TASKS];
    pthread_t threads[THREADS];

    for (int i = 0; i < TASKS; i++)
        CHECK(!filch_pool_submit(pool, fn, argument, &futures[i]));
    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&threads[i], NULL, in_threads, argument));
    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_join(threads[i], NULL));
    for (int i = 0; i < TASKS; i++) {
        CHECK(!filch_future_result(futures[i], FILCH_FOREVER, NULL));
        filch_future_release(futures[i]);
    }
}

/* Mostly for ever; else up to 16 us, which is about what a wait takes. */
static double some_timeout(void)
{
    static _Atomic(uint64_t) draws;
    uint64_t draw = stress_mix(atomic_fetch_add_explicit(&draws, 1, memory_order_relaxed));
    return draw % 3 ? FILCH_FOREVER : (double)(draw % 16) * 1e-6;
}

static void lock(struct filch_mutex *mutex)
{
    int error;
    while ((error = filch_mutex_lock(mutex, some_timeout())))
        CHECK(error == FILCH_ETIMEDOUT);
}

/* ---- A counter ------------------------------------------------------------------------------- */

struct counter {
    struct filch_mutex mutex;
    long count;
    int users;
};

FILCH_VOID_TASK(beside)
{
    for (volatile int i = 0; i < 300; i++)
        continue;
}

FILCH_VOID_TASK(forks_with_the_lock, struct counter *, counter)
{
    lock(&counter->mutex);
    FILCH_FORK(beside);
    counter->count++;
    FILCH_JOIN(beside);
    CHECK(!filch_mutex_unlock(&counter->mutex));
}

static void *counts(void *argument)
{
    struct counter *counter = argument;
    struct filch_pool *pool = filch_pool_current();

    for (int i = 0; i < STEPS; i++) {
        if (pool && i % 8 == 0) {
            FILCH_RUN(pool, forks_with_the_lock, counter);
            continue;
        }
        lock(&counter->mutex);
        counter->count++;
        if (i % 16 == 0)
            sched_yield();
        CHECK(!filch_mutex_unlock(&counter->mutex));
    }
    lock(&counter->mutex);
    long count = counter->count;
    bool last = --counter->users == 0;
    CHECK(!filch_mutex_unlock(&counter->mutex));
    if (last) {
        CHECK(count == (long)ALL * STEPS);
        filch_mutex_fini(&counter->mutex);
        free(counter);
    }
    return NULL;
}

static void run_counter(struct filch_pool *pool, bool spares)
{
    struct counter *counter = malloc(sizeof *counter);
    (void)spares;
    CHECK(counter);
    filch_mutex_init(&counter->mutex);
    counter->count = 0;
    counter->users = ALL;
    run(pool, counts, counts, counter);
}

/* ---- Permits ---------------------------------------------------------------------------------- */

static _Atomic(int) inside;

static void *enters(void *argument)
{
    struct filch_semaphore *semaphore = argument;

    for (int i = 0; i < STEPS; i++) {
        int error;
        while ((error = filch_semaphore_acquire(semaphore, some_timeout())))
            CHECK(error == FILCH_ETIMEDOUT);
        CHECK(atomic_fetch_add(&inside, 1) < 2);
        if (i % 16 == 0)
            sched_yield();
        atomic_fetch_sub(&inside, 1);
        CHECK(!filch_semaphore_release(semaphore, 1));
    }
    return NULL;
}

static void run_permits(struct filch_pool *pool, bool spares)
{
    struct filch_semaphore semaphore;
    (void)spares;
    filch_semaphore_init(&semaphore, 2);
    run(pool, enters, enters, &semaphore);
    for (int i = 0; i < 2; i++)
        CHECK(!filch_semaphore_try_acquire(&semaphore));
    CHECK(filch_semaphore_try_acquire(&semaphore) == FILCH_EAGAIN);
    filch_semaphore_fini(&semaphore);
}

/* ---- A buffer of two, and a channel ------------------------------------------------------------ */

struct buffer {
    struct filch_mutex mutex;
    struct filch_condition not_full, not_empty;
    int items;
    struct filch_channel *channel; /* NULL: use the above */
    _Atomic(int) producers;
    _Atomic(long) sent, received;
};

#define END (-1) /* among the items: all is sent */

static void put(struct buffer *buffer)
{
    lock(&buffer->mutex);
    while (buffer->items == 2)
        (void)filch_condition_wait(&buffer->not_full, &buffer->mutex, some_timeout());
    buffer->items++;
    CHECK(!filch_mutex_unlock(&buffer->mutex));
    filch_condition_notify_one(&buffer->not_empty);
}

/* Returns false when all is sent and taken. */
static bool get(struct buffer *buffer)
{
    lock(&buffer->mutex);
    while (!buffer->items)
        (void)filch_condition_wait(&buffer->not_empty, &buffer->mutex, some_timeout());
    bool got = buffer->items != END;
    if (got) {
        buffer->items--;
        filch_condition_notify_one(&buffer->not_full);
    }
    CHECK(!filch_mutex_unlock(&buffer->mutex));
    return got;
}

static void end(struct buffer *buffer)
{
    lock(&buffer->mutex);
    while (buffer->items)
        (void)filch_condition_wait(&buffer->not_full, &buffer->mutex, some_timeout());
    buffer->items = END;
    CHECK(!filch_mutex_unlock(&buffer->mutex));
    filch_condition_notify_all(&buffer->not_empty);
}

static void *produces(void *argument)
{
    struct buffer *buffer = argument;
    intptr_t sum = 0;

    for (intptr_t i = 1; i <= STEPS; i++) {
        int error = 0;
        do
            if (!buffer->channel)
                put(buffer);
            else
                error = filch_channel_send(buffer->channel, (void *)i, some_timeout());
        while (error == FILCH_ETIMEDOUT);
        CHECK(!error);
        sum += buffer->channel ? i : 1;
    }
    atomic_fetch_add(&buffer->sent, sum);
    if (atomic_fetch_sub(&buffer->producers, 1) > 1)
        return NULL;
    if (buffer->channel)
        filch_channel_close(buffer->channel);
    else
        end(buffer);
    return NULL;
}

static void *consumes(void *argument)
{
    struct buffer *buffer = argument;
    intptr_t sum = 0;

    for (;;) {
        void *item = (void *)1;
        int error = 0;
        if (!buffer->channel)
            error = get(buffer) ? 0 : FILCH_ECLOSED;
        else
            error = filch_channel_receive(buffer->channel, &item, some_timeout());
        if (error == FILCH_ECLOSED)
            break;
        CHECK(!error || error == FILCH_ETIMEDOUT);
        if (!error)
            sum += (intptr_t)item;
    }
    atomic_fetch_add(&buffer->received, sum);
    return NULL;
}

/* Two of three consume. */
static void *takes_part(void *argument)
{
    static _Atomic(int) number;
    return atomic_fetch_add(&number, 1) % 3 ? consumes(argument) : produces(argument);
}

/* Without spares what lies under a producer cannot consume: they have threads of their own. */
static void exchange(struct filch_pool *pool, bool spares, struct buffer *buffer)
{
    atomic_init(&buffer->producers, spares ? ALL / 3 : THREADS);
    run(pool, spares ? takes_part : consumes, spares ? takes_part : produces, buffer);
    CHECK(buffer->sent == buffer->received);
}

static void run_buffer(struct filch_pool *pool, bool spares)
{
    struct buffer buffer = {.items = 0};

    filch_mutex_init(&buffer.mutex);
    filch_condition_init(&buffer.not_full);
    filch_condition_init(&buffer.not_empty);
    exchange(pool, spares, &buffer);
    filch_condition_fini(&buffer.not_full);
    filch_condition_fini(&buffer.not_empty);
    filch_mutex_fini(&buffer.mutex);
}

static void run_channel(struct filch_pool *pool, bool spares)
{
    struct buffer buffer = {.items = 0};

    CHECK(!filch_channel_create(1 + (size_t)rounds % 3, &buffer.channel));
    exchange(pool, spares, &buffer);
    filch_channel_destroy(buffer.channel);
}

/* ---- Barriers --------------------------------------------------------------------------------- */

struct meeting {
    struct filch_barrier barrier;
    int round[ALL]; /* of each party: plain, the barrier orders it */
    _Atomic(int) number, *left;
    int rounds;
};

/* Who returns first from the last round frees it. */
static void *meets(void *argument)
{
    struct meeting *meeting = argument;
    _Atomic(int) *left = meeting->left;
    int me = atomic_fetch_add(&meeting->number, 1), last = meeting->rounds;

    for (int round = 1; round < last; round++) {
        meeting->round[me] = round;
        (void)filch_barrier_wait(&meeting->barrier);
        for (int i = 0; i < ALL; i++)
            CHECK(meeting->round[i] == round);
        (void)filch_barrier_wait(&meeting->barrier);
    }
    (void)filch_barrier_wait(&meeting->barrier);
    if (atomic_fetch_add(left, 1) == 0) {
        filch_barrier_fini(&meeting->barrier);
        free(meeting);
    }
    return NULL;
}

static void run_meeting(struct filch_pool *pool, bool spares)
{
    struct meeting *meeting = malloc(sizeof *meeting);
    _Atomic(int) left = 0;

    CHECK(meeting && !filch_barrier_init(&meeting->barrier, ALL));
    atomic_init(&meeting->number, 0);
    meeting->left = &left;
    meeting->rounds = spares ? STEPS / 20 : 1; /* without spares a party lies under others */
    run(pool, meets, meets, meeting);
}

int main(int argc, char **argv)
{
    static const struct filch_pool_options shapes[] = {
        {.workers = 1},
        {.workers = 2, .spares = -1},
        {.workers = 3},
        {.workers = 1, .spares = -1},
        {.workers = 2, .spares = 2},
    };
    static const struct {
        const char *name;
        void (*run)(struct filch_pool *pool, bool spares);
    } scenes[] = {
        {"a counter", run_counter}, {"permits", run_permits},   {"a buffer", run_buffer},
        {"a channel", run_channel}, {"a meeting", run_meeting},
    };
    pthread_t thread;

    stress_begin(argc, argv);
    CHECK(!pthread_create(&thread, NULL, watchdog, NULL));
    do {
        const struct filch_pool_options *shape = &shapes[rounds % 5];
        bool spares = shape->spares == 0; /* as many as it takes */
        struct filch_pool *pool;

        CHECK(!filch_pool_create(shape, &pool));
        for (int i = 0; i < 5; i++) {
            atomic_store(&scene, scenes[i].name);
            scenes[i].run(pool, spares);
        }
        CHECK(!filch_pool_destroy(pool));
        atomic_fetch_add(&rounds, 1);
    } while (rounds < 5 || stress_goes_on());
    printf("sync: %ld rounds of a counter, permits, a buffer, a channel and a meeting, nothing "
           "lost\n",
           atomic_load(&rounds));
    return 0;
}
