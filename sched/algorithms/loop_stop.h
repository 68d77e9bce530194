/* SPDX-License-Identifier: MIT
 *
 * What all calls of one loop have in common: the scope that they run in, and the first error, which
 * stops them. */
#ifndef FI_LOOP_STOP_H
#define FI_LOOP_STOP_H

#include <filch/cancel.h>
#include <filch/error.h>

#include <stdatomic.h>
#include <stdbool.h>

struct fi_loop_stop {
    struct filch_scope *scope; /* of the task that calls the loop, or NULL; constant */
    _Atomic(int) error;        /* 0, or the first */
};

/* The caller of the loop. */
static inline void fi_loop_stop_init(struct fi_loop_stop *stop)
{
    stop->scope = filch_scope_current();
    atomic_init(&stop->error, 0);
}

/* Any worker. Stops the loop. Only the first error counts; 0 is none. */
static inline void fi_loop_fail(struct fi_loop_stop *stop, int error)
{
    int none = 0;

    /* Relaxed: a number that stands for itself; who returns it has joined who wrote it. */
    if (error)
        (void)atomic_compare_exchange_strong_explicit(&stop->error, &none, error,
                                                      memory_order_relaxed,
                                                      memory_order_relaxed);
}

/* Any worker, before it calls the user's function. */
static inline bool fi_loop_stopped(struct fi_loop_stop *stop)
{
    /* Relaxed: one call more or less. */
    if (atomic_load_explicit(&stop->error, memory_order_relaxed))
        return true;
    if (!stop->scope || !filch_scope_cancelled(stop->scope))
        return false;
    fi_loop_fail(stop, FILCH_ECANCELED);
    return true;
}

/* The caller of the loop, after the last call. */
static inline int fi_loop_error(struct fi_loop_stop *stop)
{
    /* Relaxed: the calls were joined. */
    return atomic_load_explicit(&stop->error, memory_order_relaxed);
}

#endif
