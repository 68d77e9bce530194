/* SPDX-License-Identifier: MIT
 *
 * GMP's live bytes, counted through its own hooks, on any number of threads. */
#ifndef FILCH_TESTS_COUNTING_H
#define FILCH_TESTS_COUNTING_H

#include <filch/base.h>
#include <gmp.h>
#include <stdatomic.h>
#include <stdlib.h>

static _Atomic size_t live, peak;

static void count(size_t grown, size_t shrunk)
{
    size_t now = atomic_fetch_add(&live, grown) + grown;
    size_t seen = peak;
    while (now > seen && !atomic_compare_exchange_weak(&peak, &seen, now))
        continue;
    live -= shrunk;
}

static void *counting_allocate(size_t size)
{
    count(size, 0);
    return malloc(size);
}

static void *counting_reallocate(void *block, size_t old_size, size_t new_size)
{
    count(new_size, old_size);
    return realloc(block, new_size);
}

static void counting_free(void *block, size_t size)
{
    count(0, size);
    free(block);
}

/* What is live now counts as nothing. */
FILCH_UNUSED static void counting_restart(void)
{
    live = 0;
    peak = 0;
}

FILCH_UNUSED static void counting_begin(void)
{
    mp_set_memory_functions(counting_allocate, counting_reallocate, counting_free);
    counting_restart();
}

#endif
