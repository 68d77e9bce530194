/* SPDX-License-Identifier: MIT
 *
 * min_max: each piece finds its own two, then contests those found so far. */
#include "sched/algorithms/array.h"

#include <filch/algorithm.h>

#include <stdatomic.h>

struct contest {
    const void *base;
    size_t size;
    filch_compare *compare;
    void *context;
    _Atomic(size_t) min, max; /* indices */
};

/* Is element `a` smaller than `b` (sign 1) or larger (-1), or as large and before it? */
static bool wins(const struct contest *contest, size_t a, size_t b, int sign)
{
    int order =
        contest->compare(fi_array_at(contest->base, contest->size, a),
                         fi_array_at(contest->base, contest->size, b), contest->context);

    return order == 0 ? a < b : (order < 0) == (sign > 0);
}

/* Relaxed: an index that stands for itself, of an element that nobody changes. */
static void contend(const struct contest *contest, _Atomic(size_t) *holder, size_t index,
                    int sign)
{
    size_t held = atomic_load_explicit(holder, memory_order_relaxed);

    while (index != held && wins(contest, index, held, sign) &&
           !atomic_compare_exchange_weak_explicit(holder, &held, index, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
}

static int find_both(void *context, size_t begin, size_t end)
{
    struct contest *contest = context;
    size_t min = begin, max = begin;

    for (size_t i = begin + 1; i < end; i++) {
        if (wins(contest, i, min, 1))
            min = i;
        else if (wins(contest, i, max, -1))
            max = i;
    }
    contend(contest, &contest->min, min, 1);
    contend(contest, &contest->max, max, -1);
    return 0;
}

int filch_min_max(struct filch_pool *pool, const void *base, size_t count, size_t size,
                  filch_compare *compare, void *context, size_t *min, size_t *max,
                  const struct filch_loop *options)
{
    struct contest contest = {base, size, compare, context, 0, 0};
    int error = compare ? fi_array_check(base, count, size) : FILCH_EINVAL;

    if (!error && count == 0)
        error = FILCH_EINVAL;
    if (!error)
        error = filch_for(pool, 0, count, find_both, &contest, options);
    if (error)
        return error;
    /* Relaxed: the loop has ended. */
    *min = atomic_load_explicit(&contest.min, memory_order_relaxed);
    *max = atomic_load_explicit(&contest.max, memory_order_relaxed);
    return 0;
}
