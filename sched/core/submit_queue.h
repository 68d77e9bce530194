/* SPDX-License-Identifier: MIT
 *
 * submit queues: where submitted tasks wait for a worker. A pool has one of its own and one for each
 * executor that works on it, so that one executor's tasks can be cancelled without the others',
 * and none can crowd the others out. A submit queue has an injection queue (atomics/queue.h) for each
 * priority, made when it is first used.
 *
 * Of several submit queues a worker serves one after another. Of the priorities it serves the higher one
 * first, but every 8th time it begins with FI_NORMAL, and every 64th with FI_LOW. */
#ifndef FI_SUBMIT_QUEUE_H
#define FI_SUBMIT_QUEUE_H

#include "atomics/queue.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct fi_worker;
struct filch_slot;

/* What a submit queue holds: a submitted task or a FILCH_RUN root. run() is called once, and may free
 * the task. refusal 0: it is to be run; head is as for fi_worker_wait(), and worker NULL inside another
 * task. Otherwise worker is NULL: the task is not to be run, and ends with this code. */
struct fi_task {
    void (*run)(struct fi_task *task, struct fi_worker *worker, struct filch_slot *head,
                int refusal);
};

enum fi_priority {
    FI_HIGH,
    FI_NORMAL,
    FI_LOW,
    FI_PRIORITIES,
};

struct fi_submit_queue {
    /* On a line of its own: every submit reads it. */
    alignas(FILCH_CACHE_LINE) _Atomic(struct fi_queue *)
        queues[FI_PRIORITIES];              /* NULL until used */
    _Atomic(struct fi_submit_queue *) next; /* written once; the list only grows */
    bool used, closed;                      /* guarded by the submit queues' lock */
};

struct fi_submit_queues {
    struct fi_submit_queue own; /* FILCH_RUN, filch_pool_submit() */
    _Atomic(bool) prioritized;  /* there was a task of another priority than FI_NORMAL */
    pthread_mutex_t lock;       /* queues and submit queues are made, opened, closed: rare */
};

/* A worker's place among the submit queues. */
struct fi_submit_turn {
    uint32_t turn;
    struct fi_submit_queue *next; /* NULL: the first */
};

/* Before others know them. Returns 0, or FILCH_ENOMEM. */
int fi_submit_queues_init(struct fi_submit_queues *submit_queues);

/* After all others are done with them. */
void fi_submit_queues_fini(struct fi_submit_queues *submit_queues);

/* Any thread. One more submit queue, empty and open; NULL when memory lacks. */
struct fi_submit_queue *fi_submit_queue_acquire(struct fi_submit_queues *submit_queues);

/* Its owner, with no push under way. It is closed and empty: it may be used again. */
void fi_submit_queue_release(struct fi_submit_queues *submit_queues,
                             struct fi_submit_queue *submit_queue);

/* Any thread. Pushes so many tasks. Returns 0, FILCH_ENOMEM, or FILCH_ESHUTDOWN when it is closed;
 * *pushed: how many, from the first on, were pushed nevertheless. */
int fi_submit_queue_push(struct fi_submit_queues *submit_queues,
                         struct fi_submit_queue *submit_queue, enum fi_priority priority,
                         void *const *tasks, uint32_t count, uint32_t *pushed);

/* Any thread. Nothing can be pushed from now on; what is in it can still be taken. */
void fi_submit_queue_close(struct fi_submit_queues *submit_queues,
                           struct fi_submit_queue *submit_queue);

/* Any thread. Takes the oldest task of the highest priority, or NULL. */
struct fi_task *fi_submit_queue_pop(struct fi_submit_queue *submit_queue);

/* Any thread. How many tasks there are in it: a snapshot. */
uint64_t fi_submit_queue_count(const struct fi_submit_queue *submit_queue);

/* Worker. Takes what is due by the rules above, up to `max` tasks, all from *submit queue; but only one
 * where priorities are in use. Returns how many. */
uint32_t fi_submit_queues_pop_many(struct fi_submit_queues *submit_queues,
                                   struct fi_submit_turn *turn, void **tasks, uint32_t max,
                                   struct fi_submit_queue **submit_queue);

/* Any thread. Is there anything to take? seq_cst, for the last look before sleeping. */
bool fi_submit_queues_empty(const struct fi_submit_queues *submit_queues);

/* Any thread. How many tasks there are to take: a snapshot. */
uint64_t fi_submit_queues_count(const struct fi_submit_queues *submit_queues);

#endif
