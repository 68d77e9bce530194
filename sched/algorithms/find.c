/* SPDX-License-Identifier: MIT
 *
 * find, any, all: loops that end early. Of a search for the first match the pieces behind the best
 * one so far need not be looked at, so it answers the same on every run. */
#include "sched/algorithms/array.h"

#include <filch/algorithm.h>

#include <stdatomic.h>

struct search {
    const void *base;
    size_t size;
    filch_predicate *matches;
    void *context;
    bool wanted;           /* by any and all: the answer that ends it */
    _Atomic(size_t) first; /* by find: the lowest match so far, or the number of elements */
};

/* Relaxed, as in note(): an index that stands for itself; the last look comes after the loop. */
static size_t first_of(struct search *search)
{
    return atomic_load_explicit(&search->first, memory_order_relaxed);
}

static void note(struct search *search, size_t index)
{
    size_t first = first_of(search);

    while (index < first &&
           !atomic_compare_exchange_weak_explicit(&search->first, &first, index,
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
}

static bool matches(struct search *search, size_t index)
{
    return search->matches(search->context, fi_array_at(search->base, search->size, index));
}

static int find(void *context, size_t begin, size_t end)
{
    struct search *search = context;

    for (size_t i = begin; i < end && i < first_of(search); i++)
        if (matches(search, i))
            note(search, i);
    return 0;
}

int filch_find(struct filch_pool *pool, const void *base, size_t count, size_t size,
               filch_predicate *predicate, void *context, size_t *index,
               const struct filch_loop *options)
{
    struct search search = {base, size, predicate, context, true, count};
    int error = predicate ? fi_array_check(base, count, size) : FILCH_EINVAL;

    if (!error)
        error = filch_for(pool, 0, count, find, &search, options);
    if (!error)
        *index = first_of(&search);
    return error;
}

/* ---- Any, all ---------------------------------------------------------------------------- */

/* Ends the loop. Not an error: bodies of this file have none. */
enum { KNOWN = 1 };

static int ask_until_known(void *context, size_t begin, size_t end)
{
    struct search *search = context;

    for (size_t i = begin; i < end; i++)
        if (matches(search, i) == search->wanted)
            return KNOWN;
    return 0;
}

/* *answer: what is wanted if an element gives it, else the opposite. */
static int ask_all(struct filch_pool *pool, const void *base, size_t count, size_t size,
                   filch_predicate *predicate, void *context, bool wanted, bool *answer,
                   const struct filch_loop *options)
{
    struct search search = {base, size, predicate, context, wanted, count};
    int error = predicate ? fi_array_check(base, count, size) : FILCH_EINVAL;

    if (!error)
        error = filch_for(pool, 0, count, ask_until_known, &search, options);
    if (error && error != KNOWN)
        return error;
    *answer = error == KNOWN ? wanted : !wanted;
    return 0;
}

int filch_any(struct filch_pool *pool, const void *base, size_t count, size_t size,
              filch_predicate *predicate, void *context, bool *answer,
              const struct filch_loop *options)
{
    return ask_all(pool, base, count, size, predicate, context, true, answer, options);
}

int filch_all(struct filch_pool *pool, const void *base, size_t count, size_t size,
              filch_predicate *predicate, void *context, bool *answer,
              const struct filch_loop *options)
{
    return ask_all(pool, base, count, size, predicate, context, false, answer, options);
}
