/* SPDX-License-Identifier: MIT
 *
 * wake: how long one task takes from outside and back when the workers sleep: the caller rests for
 * 1 ms before each, longer than a worker stays awake for nothing. The baseline is what the system
 * takes for that: two threads wake each other by futex, and sleep at once. */
#include "trips.h"

#include "bench/cli/clock.h"
#include "bench/workloads/workload.h"

#include <filch/error.h>

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REST_NS UINT64_C(1000000)

static const struct workload work = {.name = "wake", .size = 400, .quick_size = 20};

/* ---- futex --------------------------------------------------------------------------------- */

/* A number from one thread to another, which sleeps until it is there. Relaxed, as it is all that
 * is handed over; the system keeps wait and wake in order. */
struct letterbox {
    _Atomic(uint32_t) letter; /* NO_LETTER, or a number; the futex */
};

enum { NO_LETTER, LAST_LETTER, FIRST_NUMBER };

struct letters {
    struct trips trips;
    struct letterbox there, back;
    pthread_t answerer;
};

static void post(struct letterbox *box, uint32_t letter)
{
    atomic_store_explicit(&box->letter, letter, memory_order_relaxed);
    syscall(SYS_futex, &box->letter, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static uint32_t take(struct letterbox *box)
{
    uint32_t letter;
    while ((letter = atomic_exchange_explicit(&box->letter, NO_LETTER, memory_order_relaxed)) ==
           NO_LETTER)
        syscall(SYS_futex, &box->letter, FUTEX_WAIT_PRIVATE, NO_LETTER, NULL, NULL, 0);
    return letter;
}

static void *answer(void *of)
{
    struct letters *letters = of;
    uint32_t letter;
    while ((letter = take(&letters->there)) != LAST_LETTER)
        post(&letters->back, letter);
    return NULL;
}

static const char *travel(struct trips *trips, struct trip *trip)
{
    struct letters *letters = (struct letters *)trips;
    uint64_t start = clock_now();
    post(&letters->there, (uint32_t)trip->there + FIRST_NUMBER);
    trip->back = take(&letters->back) - FIRST_NUMBER;
    trip->ns = (double)(clock_now() - start);
    return NULL;
}

static const char *setup_futex(const struct bench_job *job, void **state)
{
    struct letters *letters = calloc(1, sizeof *letters);
    if (!letters)
        return filch_strerror(FILCH_ENOMEM);
    letters->trips.travel = travel;
    atomic_init(&letters->there.letter, NO_LETTER);
    atomic_init(&letters->back.letter, NO_LETTER);
    *state = letters;
    const char *text = trips_init(&letters->trips, job, REST_NS);
    if (text)
        return text;
    int error = pthread_create(&letters->answerer, NULL, answer, letters);
    return error ? filch_strerror(FILCH_ETHREAD) : NULL;
}

static void teardown_futex(void *state)
{
    struct letters *letters = state;
    post(&letters->there, LAST_LETTER);
    pthread_join(letters->answerer, NULL);
    trips_fini(&letters->trips);
    free(letters);
}

/* ---- filch --------------------------------------------------------------------------------- */

static const char *setup(const struct bench_job *job, void **state)
{
    return trips_setup(job, REST_NS, state);
}

#define SYSTEM_FUTEX "futex"

static const struct bench_program programs[] = {
    {"wake", SYSTEM_FUTEX, "ns", BENCH_TWO, 0, setup_futex, trips_run, teardown_futex, NULL},
    {"wake", BENCH_SYSTEM_FILCH, "ns", BENCH_LISTED, 0, setup, trips_run, trips_teardown, NULL},
};

const struct bench bench_wake = {
    .name = "wake",
    .title = "submit one task after 1 ms of rest and wait for its result; ns a task",
    .tails = true,
    .baseline = SYSTEM_FUTEX,
    .peers = true,
    .workload = &work,
    .programs = programs,
    .program_count = sizeof programs / sizeof programs[0],
};
