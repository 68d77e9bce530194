/* SPDX-License-Identifier: MIT
 *
 * Futures one after another, as they complete: an iterator over completions (completions.h), one
 * for each future that it was given. */
#include <filch/wait.h>

#include "sched/core/hash.h"
#include "sched/futures/await.h"
#include "sched/futures/completions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct filch_as_completed {
    struct fi_completions completions;
    int64_t deadline;
    size_t total; /* different futures */
    size_t left;  /* of these, not given out */
    size_t tried; /* records below it were offered to this thread to run */
    size_t hope;  /* records below it were given out, or were hopeless when last looked at */
    char text[64];
    struct fi_completion records[]; /* future: NULL once it was given out */
};

/* ---- Memory ------------------------------------------------------------------------------ */

#define HUGE_PAGE ((size_t)2 << 20)

/* As malloc(). Much of it in huge pages, where the system has them: in a million futures' worth of
 * small ones every second access would miss the TLB. */
static void *array_alloc(size_t size)
{
    if (size < HUGE_PAGE)
        return malloc(size);
    size = (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *memory = aligned_alloc(HUGE_PAGE, size);
    if (memory)
        (void)madvise(memory, size, MADV_HUGEPAGE);
    return memory;
}

/* ---- Each once --------------------------------------------------------------------------- */

/* A set of futures: open addressing, at most half full, so that a look takes O(1). */
struct set {
    struct filch_future **slots;
    unsigned bits; /* of their number */
};

static int set_init(struct set *set, size_t count)
{
    set->bits = 1;
    while ((size_t)1 << set->bits < 2 * count)
        set->bits++;
    size_t size = ((size_t)1 << set->bits) * sizeof *set->slots;
    set->slots = array_alloc(size);
    if (!set->slots)
        return FILCH_ENOMEM;
    memset(set->slots, 0, size);
    return 0;
}

/* Returns false if it was in the set already. */
static bool set_add(struct set *set, struct filch_future *future)
{
    size_t at = fi_hash(future, set->bits);

    while (set->slots[at]) {
        if (set->slots[at] == future)
            return false;
        at = (at + 1) & (((size_t)1 << set->bits) - 1);
    }
    set->slots[at] = future;
    return true;
}

/* ---- The iterator ------------------------------------------------------------------------ */

/* With each different future, none of which is expected yet. */
static struct filch_as_completed *iterator_alloc(struct filch_future *const *futures,
                                                 size_t count)
{
    struct filch_as_completed *iterator = NULL;
    struct set set;

    /* Twice as many pointers fit, too. */
    if (count <= (PTRDIFF_MAX - sizeof *iterator) / sizeof *iterator->records)
        iterator = array_alloc(sizeof *iterator + count * sizeof *iterator->records);
    if (!iterator)
        return NULL;
    if (set_init(&set, count)) {
        free(iterator);
        return NULL;
    }
    iterator->total = 0;
    for (size_t i = 0; i < count; i++)
        if (set_add(&set, futures[i]))
            iterator->records[iterator->total++].future = futures[i];
    free(set.slots);
    return iterator;
}

/* ---- While it waits ----------------------------------------------------------------------- */

/* A worker runs one that has not started. Each is tried once: one that was waiting for another then
 * is left to others. */
static bool iterator_help(struct fi_completions *completions)
{
    struct filch_as_completed *iterator = (struct filch_as_completed *)(void *)completions;

    while (iterator->tried < iterator->total) {
        struct filch_future *future = iterator->records[iterator->tried++].future;
        if (future && fi_future_run_awaited(future))
            return true;
    }
    return false;
}

/* Any one will do. */
static bool iterator_stuck(struct fi_completions *completions, struct fi_probe *probe)
{
    struct filch_as_completed *iterator = (struct filch_as_completed *)(void *)completions;

    for (size_t i = 0; i < iterator->total; i++) {
        struct filch_future *future = iterator->records[i].future;
        if (future && (fi_latch_ended(&future->latch) || !fi_future_stuck(future, probe)))
            return false;
    }
    return true;
}

/* ---- Making ------------------------------------------------------------------------------ */

/* How many futures ahead of the one at hand are fetched: most were last written by other
 * threads. */
#define AHEAD 8

/* Takes a reference to each future, and expects it. */
static void expect_all(struct filch_as_completed *iterator)
{
    iterator->completions.help = iterator_help;
    iterator->completions.stuck = iterator_stuck;
    fi_completions_init(&iterator->completions);
    for (size_t i = 0; i < iterator->total; i++) {
        if (iterator->total - i > AHEAD)
            __builtin_prefetch(iterator->records[i + AHEAD].future, 1);
        fi_completions_expect(&iterator->completions, &iterator->records[i],
                              filch_future_retain(iterator->records[i].future));
    }
}

int filch_as_completed_create(struct filch_future *const *futures, size_t count, double timeout,
                              struct filch_as_completed **iterator)
{
    if (isnan(timeout) || (!futures && count > 0))
        return FILCH_EINVAL;
    for (size_t i = 0; i < count; i++)
        if (!futures[i])
            return FILCH_EINVAL;
    int64_t deadline = fi_deadline(timeout);
    struct filch_as_completed *new = iterator_alloc(futures, count);
    if (!new)
        return FILCH_ENOMEM;
    new->deadline = deadline;
    new->left = new->total;
    new->tried = new->hope = 0;
    expect_all(new);
    *iterator = new;
    return 0;
}

/* The time is up and nothing has come. But a future may have ended whose completion is on its way:
 * it counts as done, so it has to come. Returns true if there is one. */
static bool hurry(struct filch_as_completed *iterator)
{
    for (size_t i = 0; i < iterator->total; i++) {
        struct fi_completion *record = &iterator->records[i];
        if (record->future && fi_latch_ended(&record->future->latch)) {
            fi_completions_withdraw(record); /* now all who waited for it have been told */
            return true;
        }
    }
    return false;
}

/* Will any of those that are left end while the caller waits? Returns 0, or why not. O(1), spread
 * over all calls, since a thread has few tasks on its stack. */
static int check_hope(struct filch_as_completed *iterator)
{
    struct filch_future *last = NULL;
    int error = 0;

    for (int round = 0; round < 2; round++) {
        for (; iterator->hope < iterator->total; iterator->hope++) {
            struct filch_future *future = iterator->records[iterator->hope].future;
            if (!future)
                continue;
            if (fi_latch_ended(&future->latch))
                return 0;
            int reason = fi_future_check_wait(future);
            if (!reason)
                return 0;
            error = reason;
            last = future;
        }
        iterator->hope = 0; /* what was hopeless may have become another thread's to wait for */
    }
    return error ? fi_future_refuse_wait(last, error) : 0;
}

/* Before the thread sleeps. Returns 0 if there is something to wait for. */
static int prepare(struct filch_as_completed *iterator)
{
    if (fi_completions_any(&iterator->completions) || fi_is_late(iterator->deadline))
        return 0;
    return check_hope(iterator);
}

int filch_as_completed_next(struct filch_as_completed *iterator, struct filch_future **future)
{
    struct fi_completion *record;

    if (iterator->left == 0)
        return FILCH_EEND;
    int error = prepare(iterator);
    if (error)
        return error;
    do
        error = fi_completions_take(&iterator->completions, iterator->deadline, &record);
    while (error == FILCH_ETIMEDOUT && hurry(iterator));
    if (error)
        return error;
    iterator->left--;
    *future = record->future; /* and the iterator's reference with it */
    record->future = NULL;
    return 0;
}

const char *filch_as_completed_error(struct filch_as_completed *iterator)
{
    (void)snprintf(iterator->text, sizeof iterator->text, "%zu (of %zu) futures unfinished",
                   iterator->left, iterator->total);
    return iterator->text;
}

void filch_as_completed_destroy(struct filch_as_completed *iterator)
{
    if (!iterator)
        return;
    for (size_t i = 0; i < iterator->total; i++) {
        struct fi_completion *record = &iterator->records[i];
        if (record->future) {
            fi_completions_withdraw(record);
            filch_future_release(record->future);
        }
    }
    free(iterator);
}
