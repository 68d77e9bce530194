/* SPDX-License-Identifier: MIT
 *
 * Sources: see source.h. Labels P1, P2, ... are those of sched/README.md. */
#include "sched/core/source.h"

#include <filch/error.h>

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/* ---- Queues ------------------------------------------------------------------------------ */

static struct fi_queue *queue_of(const struct fi_source *source, enum fi_rank rank)
{
    /* P2 pairs with P1: the queue is set up. seq_cst, as P1, P3 and P4: they come between what a
     * sleeper announces and what it sees, or between what is pushed and the look for sleepers, so
     * the first task of a new queue is not missed (sched/core/idle.h). */
    return atomic_load_explicit(&source->ranks[rank], memory_order_seq_cst);
}

/* With the lock. The queue, made if need be. */
static int make_queue(struct fi_source *source, enum fi_rank rank)
{
    struct fi_queue *queue;

    if (source->closed)
        return FILCH_ESHUTDOWN;
    if (queue_of(source, rank))
        return 0;
    queue = aligned_alloc(alignof(struct fi_queue), sizeof *queue);
    if (!queue)
        return FILCH_ENOMEM;
    if (fi_queue_init(queue)) {
        free(queue);
        return FILCH_ENOMEM;
    }
    /* P1, seq_cst, pairs with P2. */
    atomic_store_explicit(&source->ranks[rank], queue, memory_order_seq_cst);
    return 0;
}

static void free_queues(struct fi_source *source)
{
    for (enum fi_rank rank = 0; rank < FI_RANKS; rank++) {
        struct fi_queue *queue = queue_of(source, rank);
        if (queue)
            fi_queue_fini(queue);
        free(queue);
    }
}

/* ---- Sources ----------------------------------------------------------------------------- */

static struct fi_source *next_of(const struct fi_source *source)
{
    /* P4, seq_cst, pairs with P3: the source is set up. */
    return atomic_load_explicit(&source->next, memory_order_seq_cst);
}

int fi_sources_init(struct fi_sources *sources)
{
    int error;

    memset(&sources->own, 0, sizeof sources->own);
    error = make_queue(&sources->own, FI_NORMAL);
    if (error)
        return error;
    sources->own.used = true;
    if (pthread_mutex_init(&sources->lock, NULL)) {
        free_queues(&sources->own);
        return FILCH_ENOMEM;
    }
    return 0;
}

void fi_sources_fini(struct fi_sources *sources)
{
    struct fi_source *source = next_of(&sources->own);

    free_queues(&sources->own);
    while (source) {
        struct fi_source *next = next_of(source);
        free_queues(source);
        free(source);
        source = next;
    }
    pthread_mutex_destroy(&sources->lock);
}

/* One that has been given back, or a new one at the end of the list. */
static struct fi_source *find_unused(struct fi_sources *sources)
{
    struct fi_source *last = &sources->own, *next;

    while ((next = next_of(last))) {
        if (!next->used)
            return next;
        last = next;
    }
    next = aligned_alloc(alignof(struct fi_source), sizeof *next);
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

struct fi_source *fi_source_acquire(struct fi_sources *sources)
{
    pthread_mutex_lock(&sources->lock);
    struct fi_source *source = find_unused(sources);
    if (source) {
        source->used = true;
        source->closed = false;
        for (enum fi_rank rank = 0; rank < FI_RANKS; rank++)
            if (queue_of(source, rank))
                fi_queue_reopen(queue_of(source, rank));
    }
    pthread_mutex_unlock(&sources->lock);
    return source;
}

void fi_source_release(struct fi_sources *sources, struct fi_source *source)
{
    pthread_mutex_lock(&sources->lock);
    source->used = false;
    pthread_mutex_unlock(&sources->lock);
}

void fi_source_close(struct fi_sources *sources, struct fi_source *source)
{
    pthread_mutex_lock(&sources->lock);
    source->closed = true;
    for (enum fi_rank rank = 0; rank < FI_RANKS; rank++)
        if (queue_of(source, rank))
            fi_queue_close(queue_of(source, rank));
    pthread_mutex_unlock(&sources->lock);
}

/* ---- Tasks ------------------------------------------------------------------------------- */

int fi_source_push(struct fi_sources *sources, struct fi_source *source, enum fi_rank rank,
                   void *const *tasks, uint32_t count, uint32_t *pushed)
{
    struct fi_queue *queue = queue_of(source, rank);

    if (FILCH_UNLIKELY(!queue)) {
        pthread_mutex_lock(&sources->lock);
        /* Before anybody can push to the new queue. Relaxed: a worker that does not see it yet
         * takes some tasks together once more, and finds none of another rank; but it does not fall
         * asleep, as fi_sources_empty() looks at all. */
        atomic_store_explicit(&sources->ranked, true, memory_order_relaxed);
        int error = make_queue(source, rank);
        pthread_mutex_unlock(&sources->lock);
        if (error) {
            *pushed = 0;
            return error;
        }
        queue = queue_of(source, rank);
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

struct fi_task *fi_source_pop(struct fi_source *source)
{
    void *task = NULL;

    for (enum fi_rank rank = 0; !task && rank < FI_RANKS; rank++)
        if (queue_of(source, rank))
            task = fi_queue_pop(queue_of(source, rank));
    return task;
}

/* Tasks of this rank from a source that has some, the one whose turn it is first. */
static uint32_t pop_of_rank(struct fi_sources *sources, struct fi_source_turn *turn,
                            enum fi_rank rank, void **tasks, uint32_t max,
                            struct fi_source **from)
{
    struct fi_source *first = turn->next ? turn->next : &sources->own, *source = first;

    do {
        struct fi_source *next = next_of(source);
        struct fi_queue *queue = queue_of(source, rank);
        uint32_t count = queue ? fi_queue_pop_many(queue, tasks, max) : 0;
        if (!next)
            next = &sources->own;
        if (count) {
            turn->next = next;
            *from = source;
            return count;
        }
        source = next;
    } while (source != first);
    return 0;
}

/* Which rank comes first, in place of FI_HIGH. */
static enum fi_rank favoured(uint32_t turn)
{
    return turn % 64 == 0 ? FI_LOW : turn % 8 == 0 ? FI_NORMAL : FI_HIGH;
}

static uint32_t pop_ranked(struct fi_sources *sources, struct fi_source_turn *turn, void **task,
                           struct fi_source **from)
{
    /* After a favoured one come the others below FI_HIGH. */
    static const enum fi_rank orders[FI_RANKS][FI_RANKS] = {
        [FI_HIGH] = {FI_HIGH, FI_NORMAL, FI_LOW},
        [FI_NORMAL] = {FI_NORMAL, FI_LOW, FI_HIGH},
        [FI_LOW] = {FI_LOW, FI_NORMAL, FI_HIGH},
    };
    const enum fi_rank *order = orders[favoured(turn->turn + 1)];
    uint32_t count = 0;

    for (int i = 0; !count && i < FI_RANKS; i++)
        count = pop_of_rank(sources, turn, order[i], task, 1, from);
    turn->turn += count;
    return count;
}

uint32_t fi_sources_pop_many(struct fi_sources *sources, struct fi_source_turn *turn,
                             void **tasks, uint32_t max, struct fi_source **source)
{
    /* Relaxed: see fi_source_push(). */
    if (atomic_load_explicit(&sources->ranked, memory_order_relaxed))
        return pop_ranked(sources, turn, tasks, source);
    return pop_of_rank(sources, turn, FI_NORMAL, tasks, max, source);
}

uint64_t fi_sources_count(const struct fi_sources *sources)
{
    uint64_t count = 0;

    for (const struct fi_source *source = &sources->own; source; source = next_of(source))
        for (enum fi_rank rank = 0; rank < FI_RANKS; rank++) {
            struct fi_queue *queue = queue_of(source, rank);
            count += queue ? fi_queue_count(queue) : 0;
        }
    return count;
}

bool fi_sources_empty(const struct fi_sources *sources)
{
    for (const struct fi_source *source = &sources->own; source; source = next_of(source))
        for (enum fi_rank rank = 0; rank < FI_RANKS; rank++) {
            struct fi_queue *queue = queue_of(source, rank);
            if (queue && !fi_queue_empty(queue))
                return false;
        }
    return true;
}
