/* SPDX-License-Identifier: MIT
 *
 * Sources: where submitted tasks wait for a worker. A pool has one of its own and one for each
 * executor that works on it, so that one executor's tasks can be cancelled without the others',
 * and none can crowd the others out. A source has an injection queue (atomics/queue.h) for each
 * rank, made when it is first used.
 *
 * Of several sources a worker serves one after another. Of the ranks it serves the higher one
 * first, but every 8th time it begins with FI_NORMAL, and every 64th with FI_LOW. */
#ifndef FI_SOURCE_H
#define FI_SOURCE_H

#include "atomics/queue.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct fi_worker;
struct filch_slot;

/* What a source holds: a submitted task or a FILCH_RUN root. run() is called once, and may free
 * the task. refusal 0: on a worker; head is as for fi_worker_wait(). Otherwise worker is NULL: the
 * task is not to be run, and ends with this code. */
struct fi_task {
    void (*run)(struct fi_task *task, struct fi_worker *worker, struct filch_slot *head,
                int refusal);
};

enum fi_rank {
    FI_HIGH,
    FI_NORMAL,
    FI_LOW,
    FI_RANKS,
};

struct fi_source {
    /* On a line of its own: every submit reads it. */
    alignas(FILCH_CACHE_LINE) _Atomic(struct fi_queue *) ranks[FI_RANKS]; /* NULL until used */
    _Atomic(struct fi_source *) next; /* written once; the list only grows */
    bool used, closed;                /* guarded by the sources' lock */
};

struct fi_sources {
    struct fi_source own; /* FILCH_RUN, filch_pool_submit() */
    _Atomic(bool) ranked; /* there was a task of another rank than FI_NORMAL */
    pthread_mutex_t lock; /* queues and sources are made, opened, closed: rare */
};

/* A worker's place among the sources. */
struct fi_source_turn {
    uint32_t turn;
    struct fi_source *next; /* NULL: the first */
};

/* Before others know them. Returns 0, or FILCH_ENOMEM. */
int fi_sources_init(struct fi_sources *sources);

/* After all others are done with them. */
void fi_sources_fini(struct fi_sources *sources);

/* Any thread. One more source, empty and open; NULL when memory lacks. */
struct fi_source *fi_source_acquire(struct fi_sources *sources);

/* Its owner, with no push under way. It is closed and empty: it may be used again. */
void fi_source_release(struct fi_sources *sources, struct fi_source *source);

/* Any thread. Pushes so many tasks. Returns 0, FILCH_ENOMEM, or FILCH_ESHUTDOWN when it is closed;
 * *pushed: how many, from the first on, were pushed nevertheless. */
int fi_source_push(struct fi_sources *sources, struct fi_source *source, enum fi_rank rank,
                   void *const *tasks, uint32_t count, uint32_t *pushed);

/* Any thread. Nothing can be pushed from now on; what is in it can still be taken. */
void fi_source_close(struct fi_sources *sources, struct fi_source *source);

/* Any thread. Takes the oldest task of the highest rank, or NULL. */
struct fi_task *fi_source_pop(struct fi_source *source);

/* Worker. Takes what is due by the rules above, up to `max` tasks, all from *source; but only one
 * where ranks are in use. Returns how many. */
uint32_t fi_sources_pop_many(struct fi_sources *sources, struct fi_source_turn *turn,
                             void **tasks, uint32_t max, struct fi_source **source);

/* Any thread. Is there anything to take? seq_cst, for the last look before sleeping. */
bool fi_sources_empty(const struct fi_sources *sources);

/* Any thread. How many tasks there are to take: a snapshot. */
uint64_t fi_sources_count(const struct fi_sources *sources);

#endif
