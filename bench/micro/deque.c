/* SPDX-License-Identifier: MIT
 *
 * deque: the two things that a deque is there for, alone.
 *   deque-pair   push and pop by the owner: a fork of an empty task and its join, which nobody
 *                disturbs; ns a pair. The serial baseline calls an empty function.
 *   deque-steal  steal by a thief: tasks that another thread has just written and shared,
 * taken, read and marked as done one by one; ns a task. Nobody races the thief. */
#include "bench.h"

#include "atomics/deque.h"
#include "bench/cli/clock.h"

#include <filch/pool.h>
#include <filch/task.h>

#include <pthread.h>
#include <stdlib.h>

enum { FULL_PAIRS = 20000000, QUICK_PAIRS = 10000 };

/* Tasks that the owner shares at a time: they fit into its first-level cache, as fresh tasks
 * do. */
enum { BATCH = 256, FULL_BATCHES = 400, QUICK_BATCHES = 4 };

/* ---- deque-pair ---- */

struct pairs {
    struct filch_pool *pool; /* NULL: serial */
    long count;
};

/* Empty, but not to the compiler: each call and each task stays. */
#define KEEP() __asm__ volatile("" ::: "memory")

FILCH_VOID_TASK(nothing)
{
    KEEP();
}

FILCH_VOID_TASK(fork_and_join, long, count)
{
    for (long i = 0; i < count; i++) {
        FILCH_FORK(nothing);
        FILCH_JOIN(nothing);
    }
}

static __attribute__((noinline)) void call_nothing(void)
{
    KEEP();
}

static const char *setup_pairs_serial(const struct bench_job *job, void **state)
{
    struct pairs *pairs = calloc(1, sizeof *pairs);
    if (!pairs)
        return filch_strerror(FILCH_ENOMEM);
    pairs->count = job->quick ? QUICK_PAIRS : FULL_PAIRS;
    *state = pairs;
    return NULL;
}

static const char *setup_pairs(const struct bench_job *job, void **state)
{
    const char *error = setup_pairs_serial(job, state);
    if (error)
        return error;
    struct pairs *pairs = *state;
    struct filch_pool_options options = {.workers = job->workers};
    int code = filch_pool_create(&options, &pairs->pool);
    return code ? filch_strerror(code) : NULL;
}

static const char *run_pairs(void *state, struct bench_sample *sample)
{
    struct pairs *pairs = state;
    uint64_t start = clock_now();
    if (pairs->pool)
        FILCH_RUN(pairs->pool, fork_and_join, pairs->count);
    else
        for (long i = 0; i < pairs->count; i++)
            call_nothing();
    sample->value = (double)(clock_now() - start) / (double)pairs->count;
    return NULL;
}

static void teardown_pairs(void *state)
{
    struct pairs *pairs = state;
    filch_pool_destroy(pairs->pool);
    free(pairs);
}

/* ---- deque-steal ---- */

struct steals {
    struct fi_deque deque;
    struct filch_slot slots[BATCH + 1]; /* begin a cache line, as the deque does */
    int batches;                        /* a run */
    pthread_t thief;
    pthread_barrier_t turn; /* owner shares | thief steals | owner cleans up */
    bool over;              /* written by the owner before its turn ends */
    const char *error;      /* written by the thief before its turn ends, as is ns */
    double ns;
};

static void run_nothing(struct filch_front *front, struct filch_slot *head,
                        struct filch_slot *slot)
{
    (void)front;
    (void)head;
    (void)slot;
}

/* The thief: takes everything. The task is read, as a worker would, but not run. */
static const char *steal_all(struct steals *steals)
{
    for (int i = 0; i < BATCH; i++) {
        struct filch_slot *slot;
        if (fi_deque_steal(&steals->deque, &slot) != FI_STOLEN)
            return "a steal without a rival did not succeed";
        fi_slot_begin(slot, fi_theft(0, 0, 0));
        if (slot->run != run_nothing || slot->payload[0] != (unsigned char)i)
            return "a stolen task was not the one that was shared";
        fi_slot_finish(slot);
    }
    return NULL;
}

static void *be_thief(void *state)
{
    struct steals *steals = state;
    for (;;) {
        pthread_barrier_wait(&steals->turn);
        if (steals->over)
            return NULL;
        uint64_t start = clock_now();
        steals->error = steal_all(steals);
        steals->ns = (double)(clock_now() - start);
        pthread_barrier_wait(&steals->turn);
    }
}

static const char *setup_steals(const struct bench_job *job, void **state)
{
    struct steals *steals = aligned_alloc(alignof(struct steals), sizeof *steals);
    if (!steals)
        return filch_strerror(FILCH_ENOMEM);
    steals->batches = job->quick ? QUICK_BATCHES : FULL_BATCHES;
    steals->over = false;
    fi_deque_init(&steals->deque, steals->slots, BATCH);
    pthread_barrier_init(&steals->turn, NULL, 2);
    *state = steals;
    int error = pthread_create(&steals->thief, NULL, be_thief, steals);
    return error ? filch_strerror(FILCH_ETHREAD) : NULL;
}

/* The owner: one batch, until it is stolen and every slot is free again. */
static const char *offer_batch(struct steals *steals)
{
    struct filch_slot *end = steals->slots + BATCH;
    for (int i = 0; i < BATCH; i++) {
        steals->slots[i].run = run_nothing;
        steals->slots[i].payload[0] = (unsigned char)i;
    }
    fi_deque_share(&steals->deque, end);
    pthread_barrier_wait(&steals->turn);
    pthread_barrier_wait(&steals->turn);
    if (steals->error)
        return steals->error;

    while (end > steals->slots) {
        end--;
        if (fi_deque_take(&steals->deque, end) != FI_LOST || !fi_slot_done(end))
            return "a stolen task was still there";
        fi_deque_fall_back(&steals->deque, end);
    }
    return NULL;
}

static const char *run_steals(void *state, struct bench_sample *sample)
{
    struct steals *steals = state;
    double ns = 0;
    for (int i = 0; i < steals->batches; i++) {
        const char *error = offer_batch(steals);
        if (error)
            return error;
        ns += steals->ns;
    }
    sample->value = ns / ((double)steals->batches * BATCH);
    return NULL;
}

static void teardown_steals(void *state)
{
    struct steals *steals = state;
    steals->over = true;
    pthread_barrier_wait(&steals->turn);
    pthread_join(steals->thief, NULL);
    pthread_barrier_destroy(&steals->turn);
    free(steals);
}

static const struct bench_program programs[] = {
    {"deque-pair", BENCH_SYSTEM_SERIAL, "ns", BENCH_ONE, 0, setup_pairs_serial, run_pairs,
     teardown_pairs, NULL},
    {"deque-pair", BENCH_SYSTEM_FILCH, "ns", BENCH_ONE, 0, setup_pairs, run_pairs,
     teardown_pairs, NULL},
    {"deque-steal", BENCH_SYSTEM_FILCH, "ns", BENCH_TWO, 0, setup_steals, run_steals,
     teardown_steals, NULL},
};

const struct bench bench_deque = {
    .name = "deque",
    .title = "push and pop by the owner, ns a pair; steal by a thief, ns a task",
    .programs = programs,
    .program_count = sizeof programs / sizeof programs[0],
};
