/* SPDX-License-Identifier: MIT
 *
 * What the suites of reduce, scan and sum share: numbers, and operations whose
 * order shows: polynomials that are chained, on accumulators of any size. */
#ifndef FILCH_TESTS_REDUCTION_H
#define FILCH_TESTS_REDUCTION_H

#include "pools.h"

#include <filch/algorithm.h>
#include <filch/cancel.h>

FILCH_UNUSED static void setup_pools(void)
{
    setup();
    pools_create();
}

/* ---- Numbers ----------------------------------------------------------------------------- */

/* Steele, Lea and Flood's SplitMix. */
FILCH_UNUSED static uint64_t mixed(uint64_t key)
{
    uint64_t x = (key + 1) * 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* Below `bound`, from a state that moves on. */
FILCH_UNUSED static size_t dice(uint64_t *state, size_t bound)
{
    return mixed((*state)++) % bound;
}

/* Of either sign, with so many exponents around 0. Where they are few a change of the order shows
 * in a sum, as almost each addition rounds off something. */
FILCH_UNUSED static double some_double(uint64_t key, int exponents)
{
    uint64_t x = mixed(key);
    double value = (double)(x >> 11) * 0x1p-53;
    for (int i = (int)(x % (uint64_t)exponents); i < exponents / 2; i++)
        value *= 0.5;
    for (int i = exponents / 2; i < (int)(x % (uint64_t)exponents); i++)
        value *= 2;
    return x & 0x400 ? -value : value;
}

enum { WILD = 120, TAME = 4 };

FILCH_UNUSED static double *doubles_of(size_t count, int exponents)
{
    double *values = malloc(count * sizeof *values);
    cr_assert(values);
    for (size_t i = 0; i < count; i++)
        values[i] = some_double(i, exponents);
    return values;
}

/* ---- Chains ------------------------------------------------------------------------------ */

/* Index i stands for the map x -> a x + b modulo 2^8 in each lane of two bytes, with a and b that
 * depend on i, and is applied after what comes before it: not commutative, but associative. An odd
 * last byte counts indices. */
struct chain {
    size_t size; /* of an accumulator */
    size_t begin;
    unsigned char *writes; /* a scan's: what it found at each index; or NULL */
    bool exclusive;
    _Atomic(size_t) calls, largest;
};

enum { CHAIN_SIZE_MAX = 1000 };

FILCH_UNUSED static void chain_identity(unsigned char *to, size_t size)
{
    memset(to, 0, size);
    for (size_t i = 0; i + 1 < size; i += 2)
        to[i] = 1;
}

/* left := left, then right. */
FILCH_UNUSED static void chain_append(size_t size, unsigned char *left,
                                      const unsigned char *right)
{
    for (size_t i = 0; i + 1 < size; i += 2) {
        left[i + 1] = (unsigned char)(right[i] * left[i + 1] + right[i + 1]);
        left[i] = (unsigned char)(right[i] * left[i]);
    }
    if (size % 2)
        left[size - 1] = (unsigned char)(left[size - 1] + right[size - 1]);
}

FILCH_UNUSED static void chain_index(size_t size, unsigned char *to, size_t index)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (unsigned char)(mixed(index) >> i * 8 % 56);
    for (size_t i = 0; i + 1 < size; i += 2)
        to[i] |= 1;
    if (size % 2)
        to[size - 1] = 1;
}

FILCH_UNUSED static int chain_fold(void *context, size_t begin, size_t end, void *accumulator)
{
    struct chain *chain = context;
    unsigned char one[CHAIN_SIZE_MAX];
    size_t largest = atomic_load(&chain->largest);
    atomic_fetch_add(&chain->calls, 1);
    while (largest < end - begin &&
           !atomic_compare_exchange_weak(&chain->largest, &largest, end - begin))
        ;
    for (size_t i = begin; i < end; i++) {
        unsigned char *write =
            chain->writes ? chain->writes + (i - chain->begin) * chain->size : NULL;
        chain_index(chain->size, one, i);
        if (write && chain->exclusive)
            memcpy(write, accumulator, chain->size);
        chain_append(chain->size, accumulator, one);
        if (write && !chain->exclusive)
            memcpy(write, accumulator, chain->size);
    }
    return begin < end && (uintptr_t)accumulator % FILCH_CACHE_LINE == 0 ? 0 : 1;
}

FILCH_UNUSED static int chain_combine(void *context, void *left, const void *right)
{
    struct chain *chain = context;
    chain_append(chain->size, left, right);
    return 0;
}

FILCH_UNUSED static const size_t chain_lengths[] = {0,   1,   2,   3,    5,    63,   64,
                                                    255, 256, 257, 1000, 4097, 20000};
FILCH_UNUSED static const size_t chain_grains[] = {0, 1, 3, 64, 1000, SIZE_MAX};

/* Long ranges, of accumulators of all sizes. */
FILCH_UNUSED static const struct {
    size_t length, size;
} long_chains[] = {{1000000, 5}, {ADDRESS_SANITIZER ? 50000 : 500000, 64}};

/* ---- Errors ------------------------------------------------------------------------------ */

/* What goes wrong, and where. */
struct trouble {
    size_t index;              /* the call that meets it returns 42 ... */
    struct filch_token *token; /* ... or cancels this, if it is not NULL */
    _Atomic(size_t) calls, wrong;
};

/* Accumulators count indices. */
FILCH_UNUSED static int troubled_fold(void *context, size_t begin, size_t end,
                                      void *accumulator)
{
    struct trouble *trouble = context;
    atomic_fetch_add(&trouble->calls, 1);
    *(size_t *)accumulator += end - begin;
    if (trouble->index < begin || trouble->index >= end)
        return 0;
    if (!trouble->token)
        return 42;
    atomic_fetch_add(&trouble->wrong, filch_cancelled());
    filch_token_cancel(trouble->token);
    atomic_fetch_add(&trouble->wrong, !filch_cancelled()); /* whichever thread this is */
    return 0;
}

FILCH_UNUSED static int counting_fold(void *context, size_t begin, size_t end,
                                      void *accumulator)
{
    (void)context;
    *(size_t *)accumulator += end - begin;
    return 0;
}

FILCH_UNUSED static int counting_combine(void *context, void *left, const void *right)
{
    (void)context;
    *(size_t *)left += *(const size_t *)right;
    return 0;
}

FILCH_UNUSED static int failing_combine(void *context, void *left, const void *right)
{
    (void)context, (void)left, (void)right;
    return 43;
}

/* context: NULL, or an _Atomic(int) that is set to 1. */
FILCH_UNUSED static int wait_for_the_end_of_time(void *context, size_t begin, size_t end,
                                                 void *accumulator)
{
    (void)begin, (void)end, (void)accumulator;
    if (context)
        atomic_store((_Atomic(int) *)context, 1);
    while (!filch_cancelled())
        sched_yield();
    return 0;
}

FILCH_UNUSED static const struct filch_reduction counting = {sizeof(size_t), NULL,
                                                             counting_fold, counting_combine};

#endif
