/* SPDX-License-Identifier: MIT
 *
 * See count_up.h. A million increments take less time than it takes to wake a thread, and a new
 * thread may well share its maker's processor: left alone, one task would often be over before
 * the next begins, and an unsafe counter would look safe. So each task gets a processor to
 * itself as long as there are enough, and all of them begin each of several laps together. */
#include "count_up.h"

#include "clock.h"

#include <filch/future.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* Several, since on a busy machine a task may lose its processor just when a lap begins. */
enum { LAPS = 64 };

/* Where the tasks wait for each other before each lap. */
struct gate {
    atomic_int tasks; /* how many will come: less than the caller wants if submitting fails */
    atomic_int arrivals; /* in all laps so far */
    bool crowded;        /* more tasks than processors: whoever waits must make room */
};

struct task {
    struct gate *gate;
    struct filch_counter *counter;
    uint64_t increments;
    int number; /* of the task, from 0 */
    double ns;  /* written by the task, read when its future is finished */
    struct filch_future *future;
};

static void gate_pass(struct gate *gate, int lap)
{
    atomic_fetch_add(&gate->arrivals, 1);
    while (atomic_load(&gate->arrivals) < atomic_load(&gate->tasks) * (lap + 1))
        if (gate->crowded)
            sched_yield();
}

/* Moves the calling thread to processor `number` of those that it may use. *before: where it
 * was allowed until now. Returns false if it stays where it is. */
static bool pin(int number, cpu_set_t *before)
{
    if (pthread_getaffinity_np(pthread_self(), sizeof *before, before) != 0)
        return false;
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, before) || number-- > 0)
            continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        return pthread_setaffinity_np(pthread_self(), sizeof one, &one) == 0;
    }
    return false;
}

/* The loop that is measured, once for each kind, so that the kind is a constant in it, as it is
 * in a program that has settled on one. The view is a copy whose address nobody gets: it stays
 * in registers (counter.h). Aligned, since one nanosecond more or less is what a loop of five
 * instructions costs when it happens to cross a cache line. */
#define COUNT_LOOP(name, the_kind)                                         \
    static __attribute__((noinline, aligned(FILCH_CACHE_LINE))) void name( \
        struct filch_counter_view view, uint64_t n)                        \
    {                                                                      \
        if (view.kind != (the_kind))                                       \
            return;                                                        \
        for (uint64_t i = 0; i < n; i++)                                   \
            filch_counter_increment(&view);                                \
    }
COUNT_LOOP(count_unsafe, FILCH_COUNTER_UNSAFE)
COUNT_LOOP(count_locked, FILCH_COUNTER_LOCKED)
COUNT_LOOP(count_atomic, FILCH_COUNTER_ATOMIC)
COUNT_LOOP(count_sharded, FILCH_COUNTER_SHARDED)

static void count(struct filch_counter_view view, uint64_t n)
{
    switch (view.kind) {
    case FILCH_COUNTER_UNSAFE:
        count_unsafe(view, n);
        break;
    case FILCH_COUNTER_LOCKED:
        count_locked(view, n);
        break;
    case FILCH_COUNTER_ATOMIC:
        count_atomic(view, n);
        break;
    case FILCH_COUNTER_SHARDED:
        count_sharded(view, n);
        break;
    }
}

/* Runs the laps; the time between two gates counts. Returns false if the counter lets nobody in
 * for want of memory: this task passes the gates all the same, or the others would wait for
 * ever. */
static bool run_laps(struct task *task)
{
    struct filch_counter_view view = {.cell = NULL};
    bool entered = filch_counter_enter(task->counter, &view) == 0;
    uint64_t increments = entered ? task->increments : 0, ns = 0;
    for (uint64_t lap = 0; lap < LAPS; lap++) {
        uint64_t first = increments * lap / LAPS, last = increments * (lap + 1) / LAPS;
        gate_pass(task->gate, (int)lap);
        uint64_t start = clock_now();
        count(view, last - first);
        ns += clock_now() - start;
    }
    if (entered)
        filch_counter_leave(&view);
    task->ns = (double)ns;
    return entered;
}

static void *increment(void *arg)
{
    struct task *task = arg;
    cpu_set_t before;
    bool pinned = !task->gate->crowded && pin(task->number, &before);
    bool entered = run_laps(task);
    if (pinned)
        pthread_setaffinity_np(pthread_self(), sizeof before, &before);
    return entered ? NULL : filch_fail(FILCH_ENOMEM, "%s", filch_strerror(FILCH_ENOMEM));
}

/* Submits all tasks and waits for them. */
static int run_tasks(struct filch_pool *pool, struct task *tasks, int count)
{
    int submitted = 0, error = 0;
    while (!error && submitted < count) {
        error = filch_pool_submit(pool, increment, &tasks[submitted], &tasks[submitted].future);
        if (!error)
            submitted++;
    }
    if (error)
        atomic_store(&tasks[0].gate->tasks, submitted);
    for (int i = 0; i < submitted; i++) {
        int failed = filch_future_result(tasks[i].future, FILCH_FOREVER, NULL);
        if (!error)
            error = failed;
        filch_future_release(tasks[i].future);
    }
    return error;
}

int count_up(struct filch_pool *pool, enum filch_counter_kind kind, uint64_t increments,
             struct count_up *result)
{
    int count = filch_pool_size(pool), error = FILCH_ENOMEM;
    cpu_set_t allowed;
    bool known = sched_getaffinity(0, sizeof allowed, &allowed) == 0;
    struct gate gate = {.crowded = !known || CPU_COUNT(&allowed) < count};
    atomic_init(&gate.tasks, count);
    atomic_init(&gate.arrivals, 0);

    struct filch_counter *counter = filch_counter_create(kind);
    struct task *tasks = calloc((size_t)count, sizeof *tasks);
    if (counter && tasks) {
        for (int i = 0; i < count; i++)
            tasks[i] = (struct task){.gate = &gate,
                                     .counter = counter,
                                     .increments = increments,
                                     .number = i};
        error = run_tasks(pool, tasks, count);
    }
    if (!error) {
        double sum = 0;
        for (int i = 0; i < count; i++)
            sum += tasks[i].ns;
        result->increment_ns = sum / ((double)count * (double)increments);
        result->value = filch_counter_value(counter);
    }
    free(tasks);
    filch_counter_destroy(counter);
    return error;
}
