/* SPDX-License-Identifier: MIT
 *
 * What all calls of one loop have in common: the scope that they run in, and the first error, which
 * stops them. */
#ifndef FI_GUARD_H
#define FI_GUARD_H

#include <filch/cancel.h>
#include <filch/error.h>

#include <stdatomic.h>
#include <stdbool.h>

struct fi_guard {
    struct filch_scope *scope; /* of the task that calls the loop, or NULL; constant */
    _Atomic(int) error;        /* 0, or the first */
};

/* The caller of the loop. */
static inline void fi_guard_init(struct fi_guard *guard)
{
    guard->scope = filch_scope_current();
    atomic_init(&guard->error, 0);
}

/* Any worker. Stops the loop. Only the first error counts; 0 is none. */
static inline void fi_guard_fail(struct fi_guard *guard, int error)
{
    int none = 0;

    /* Relaxed: a number that stands for itself; who returns it has joined who wrote it. */
    if (error)
        (void)atomic_compare_exchange_strong_explicit(&guard->error, &none, error,
                                                      memory_order_relaxed,
                                                      memory_order_relaxed);
}

/* Any worker, before it calls the user's function. */
static inline bool fi_guard_stopped(struct fi_guard *guard)
{
    /* Relaxed: one call more or less. */
    if (atomic_load_explicit(&guard->error, memory_order_relaxed))
        return true;
    if (!guard->scope || !filch_scope_cancelled(guard->scope))
        return false;
    fi_guard_fail(guard, FILCH_ECANCELED);
    return true;
}

/* The caller of the loop, after the last call. */
static inline int fi_guard_error(struct fi_guard *guard)
{
    /* Relaxed: the calls were joined. */
    return atomic_load_explicit(&guard->error, memory_order_relaxed);
}

#endif
