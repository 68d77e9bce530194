/* SPDX-License-Identifier: MIT
 *
 * submit queues: see submit_queue.h. Labels P1, P2, ... are those of sched/README.md. */
#include "sched/core/submit_queue.h"

#include <filch/error.h>

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/* ---- Queues ------------------------------------------------------------------------------ */

static struct fi_queue *queue_of(const struct fi_submit_queue *submit_queue,
                                 enum fi_priority priority)
{
    /* P2 pairs with P1: the queue is set up. seq_cst, as P1, P3 and P4: they come between what a
     * sleeper announces and what it sees, or between what is pushed and the look for sleepers, so
     * the first task of a new queue is not missed (sched/core/idle.h). */
    return atomic_load_explicit(&submit_queue->queues[priority], memory_order_seq_cst);
}

/* With the lock. The queue, made if need be. */
static int make_queue(struct fi_submit_queue *submit_queue, enum fi_priority priority)
{
    struct fi_queue *queue;

    if (submit_queue->closed)
        return FILCH_ESHUTDOWN;
    if (queue_of(submit_queue, priority))
        return 0;
    queue = aligned_alloc(alignof(struct fi_queue), sizeof *queue);
    if (!queue)
        return FILCH_ENOMEM;
    if (fi_queue_init(queue)) {
        free(queue);
        return FILCH_ENOMEM;
    }
    /* P1, seq_cst, pairs with P2. */
    atomic_store_explicit(&submit_queue->queues[priority], queue, memory_order_seq_cst);
    return 0;
}

static void free_queues(struct fi_submit_queue *submit_queue)
{
    for (enum fi_priority priority = 0; priority < FI_PRIORITIES; priority++) {
        struct fi_queue *queue = queue_of(submit_queue, priority);
        if (queue)
            fi_queue_fini(queue);
        free(queue);
    }
}

/* ---- submit queues ----------------------------------------------------------------------------- */

static struct fi_submit_queue *next_of(const struct fi_submit_queue *submit_queue)
{
    /* P4, seq_cst, pairs with P3: the submit queue is set up. */
    return atomic_load_explicit(&submit_queue->next, memory_order_seq_cst);
}

int fi_submit_queues_init(struct fi_submit_queues *submit_queues)
{
    int error;

    memset(&submit_queues->own, 0, sizeof submit_queues->own);
    error = make_queue(&submit_queues->own, FI_NORMAL);
    if (error)
        return error;
    submit_queues->own.used = true;
    if (pthread_mutex_init(&submit_queues->lock, NULL)) {
        free_queues(&submit_queues->own);
        return FILCH_ENOMEM;
    }
    return 0;
}

void fi_submit_queues_fini(struct fi_submit_queues *submit_queues)
{
    struct fi_submit_queue *submit_queue = next_of(&submit_queues->own);

    free_queues(&submit_queues->own);
    while (submit_queue) {
        struct fi_submit_queue *next = next_of(submit_queue);
        free_queues(submit_queue);
        free(submit_queue);
        submit_queue = next;
    }
    pthread_mutex_destroy(&submit_queues->lock);
}

/* One that has been given back, or a new one at the end of the list. */
static struct fi_submit_queue *find_unused(struct fi_submit_queues *submit_queues)
{
    struct fi_submit_queue *last = &submit_queues->own, *next;

    while ((next = next_of(last))) {
        if (!next->used)
            return next;
        last = next;
    }
    next = aligned_alloc(alignof(struct fi_submit_queue), sizeof *next);
    if (!next)
        return NULL;
    memset(next, 0, sizeof *next);
    if (make_queue(next, FI_NORMAL)) {
        free(next);
        return NULL;
    }
    /* P3, seq_cst, pairs with P4. */
    atomic_store_explicit(&last->next, next, memory_order_seq_cst);
    return next;
}

struct fi_submit_queue *fi_submit_queue_acquire(struct fi_submit_queues *submit_queues)
{
    pthread_mutex_lock(&submit_queues->lock);
    struct fi_submit_queue *submit_queue = find_unused(submit_queues);
    if (submit_queue) {
        submit_queue->used = true;
        submit_queue->closed = false;
        for (enum fi_priority priority = 0; priority < FI_PRIORITIES; priority++)
            if (queue_of(submit_queue, priority))
                fi_queue_reopen(queue_of(submit_queue, priority));
    }
    pthread_mutex_unlock(&submit_queues->lock);
    return submit_queue;
}

void fi_submit_queue_release(struct fi_submit_queues *submit_queues,
                             struct fi_submit_queue *submit_queue)
{
    pthread_mutex_lock(&submit_queues->lock);
    submit_queue->used = false;
    pthread_mutex_unlock(&submit_queues->lock);
}

void fi_submit_queue_close(struct fi_submit_queues *submit_queues,
                           struct fi_submit_queue *submit_queue)
{
    pthread_mutex_lock(&submit_queues->lock);
    submit_queue->closed = true;
    for (enum fi_priority priority = 0; priority < FI_PRIORITIES; priority++)
        if (queue_of(submit_queue, priority))
            fi_queue_close(queue_of(submit_queue, priority));
    pthread_mutex_unlock(&submit_queues->lock);
}

/* ---- Tasks ------------------------------------------------------------------------------- */

int fi_submit_queue_push(struct fi_submit_queues *submit_queues,
                         struct fi_submit_queue *submit_queue, enum fi_priority priority,
                         void *const *tasks, uint32_t count, uint32_t *pushed)
{
    struct fi_queue *queue = queue_of(submit_queue, priority);

    if (FILCH_UNLIKELY(!queue)) {
        pthread_mutex_lock(&submit_queues->lock);
        /* Before anybody can push to the new queue. Relaxed: a worker that does not see it yet
         * takes some tasks together once more, and finds none of another priority; but it does not fall
         * asleep, as fi_submit_queues_empty() looks at all. */
        atomic_store_explicit(&submit_queues->prioritized, true, memory_order_relaxed);
        int error = make_queue(submit_queue, priority);
        pthread_mutex_unlock(&submit_queues->lock);
        if (error) {
            *pushed = 0;
            return error;
        }
        queue = queue_of(submit_queue, priority);
    }
    switch (fi_queue_push_many(queue, tasks, count, pushed)) {
    case 0:
        return 0;
    case FI_QUEUE_CLOSED:
        return FILCH_ESHUTDOWN;
    default:
        return FILCH_ENOMEM;
    }
}

struct fi_task *fi_submit_queue_pop(struct fi_submit_queue *submit_queue)
{
    void *task = NULL;

    for (enum fi_priority priority = 0; !task && priority < FI_PRIORITIES; priority++)
        if (queue_of(submit_queue, priority))
            task = fi_queue_pop(queue_of(submit_queue, priority));
    return task;
}

/* Tasks of this priority from a submit queue that has some, the one whose turn it is first. */
static uint32_t pop_of_priority(struct fi_submit_queues *submit_queues,
                                struct fi_submit_turn *turn, enum fi_priority priority,
                                void **tasks, uint32_t max, struct fi_submit_queue **from)
{
    struct fi_submit_queue *first = turn->next ? turn->next : &submit_queues->own,
                           *submit_queue = first;

    do {
        struct fi_submit_queue *next = next_of(submit_queue);
        struct fi_queue *queue = queue_of(submit_queue, priority);
        uint32_t count = queue ? fi_queue_pop_many(queue, tasks, max) : 0;
        if (!next)
            next = &submit_queues->own;
        if (count) {
            turn->next = next;
            *from = submit_queue;
            return count;
        }
        submit_queue = next;
    } while (submit_queue != first);
    return 0;
}

/* Which priority comes first, in place of FI_HIGH. */
static enum fi_priority favoured(uint32_t turn)
{
    return turn % 64 == 0 ? FI_LOW : turn % 8 == 0 ? FI_NORMAL : FI_HIGH;
}

static uint32_t pop_prioritized(struct fi_submit_queues *submit_queues,
                                struct fi_submit_turn *turn, void **task,
                                struct fi_submit_queue **from)
{
    /* After a favoured one come the others below FI_HIGH. */
    static const enum fi_priority orders[FI_PRIORITIES][FI_PRIORITIES] = {
        [FI_HIGH] = {FI_HIGH, FI_NORMAL, FI_LOW},
        [FI_NORMAL] = {FI_NORMAL, FI_LOW, FI_HIGH},
        [FI_LOW] = {FI_LOW, FI_NORMAL, FI_HIGH},
    };
    const enum fi_priority *order = orders[favoured(turn->turn + 1)];
    uint32_t count = 0;

    for (int i = 0; !count && i < FI_PRIORITIES; i++)
        count = pop_of_priority(submit_queues, turn, order[i], task, 1, from);
    turn->turn += count;
    return count;
}

uint32_t fi_submit_queues_pop_many(struct fi_submit_queues *submit_queues,
                                   struct fi_submit_turn *turn, void **tasks, uint32_t max,
                                   struct fi_submit_queue **submit_queue)
{
    /* Relaxed: see fi_submit_queue_push(). */
    if (atomic_load_explicit(&submit_queues->prioritized, memory_order_relaxed))
        return pop_prioritized(submit_queues, turn, tasks, submit_queue);
    return pop_of_priority(submit_queues, turn, FI_NORMAL, tasks, max, submit_queue);
}

uint64_t fi_submit_queue_count(const struct fi_submit_queue *submit_queue)
{
    uint64_t count = 0;

    for (enum fi_priority priority = 0; priority < FI_PRIORITIES; priority++) {
        struct fi_queue *queue = queue_of(submit_queue, priority);
        count += queue ? fi_queue_count(queue) : 0;
    }
    return count;
}

uint64_t fi_submit_queues_count(const struct fi_submit_queues *submit_queues)
{
    uint64_t count = 0;

    for (const struct fi_submit_queue *each = &submit_queues->own; each; each = next_of(each))
        count += fi_submit_queue_count(each);
    return count;
}

bool fi_submit_queues_empty(const struct fi_submit_queues *submit_queues)
{
    for (const struct fi_submit_queue *submit_queue = &submit_queues->own; submit_queue;
         submit_queue = next_of(submit_queue))
        for (enum fi_priority priority = 0; priority < FI_PRIORITIES; priority++) {
            struct fi_queue *queue = queue_of(submit_queue, priority);
            if (queue && !fi_queue_empty(queue))
                return false;
        }
    return true;
}
