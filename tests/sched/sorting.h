/* SPDX-License-Identifier: MIT
 *
 * What the suites of sorting and merging share: elements of any size that have a key and, if there
 * is room, their place; patterns of keys; comparisons of all kinds; a serial reference. */
#ifndef FILCH_TESTS_SORTING_H
#define FILCH_TESTS_SORTING_H

#include "pools.h"

#include <filch/cancel.h>
#include <filch/sort.h>

static const size_t element_sizes[] = {1,  2,  3,  4,  5,  7,  8,  9,  11, 12, 13, 16, 17,
                                       20, 23, 24, 25, 31, 32, 33, 40, 48, 63, 64, 200};

/* ---- Elements ---------------------------------------------------------------------------- */

/* Bytes of the key; the others are the element's place, as far as they go. */
static size_t key_size(size_t size)
{
    return size < 4 ? 1 : size < 8 ? 2 : 4;
}

static uint32_t key_of(const void *element, size_t size)
{
    uint32_t key = 0;
    memcpy(&key, element, key_size(size));
    return key;
}

/* Any thread: a number that looks random. */
static uint64_t random_number(void)
{
    static _Atomic(uint64_t) state;
    uint64_t x = atomic_fetch_add_explicit(&state, 0x9e3779b97f4a7c15u, memory_order_relaxed);
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

enum pattern { RANDOM, SORTED, REVERSED, EQUAL, FEW, ORGAN_PIPE, SAW_TOOTH, ALMOST, PATTERNS };

static size_t pattern_key(enum pattern pattern, size_t i, size_t count)
{
    switch (pattern) {
    case SORTED:
        return i;
    case REVERSED:
        return count - i;
    case EQUAL:
        return 42;
    case FEW:
        return random_number() % 5;
    case ORGAN_PIPE:
        return i < count / 2 ? i : count - i;
    case SAW_TOOTH:
        return i % (count / 7 + 1);
    case ALMOST:
        return random_number() % 100 ? i : random_number() % count;
    default:
        return (size_t)random_number();
    }
}

static char *elements_create(enum pattern pattern, size_t count, size_t size)
{
    char *elements = malloc(count * size + 1);
    cr_assert(elements);
    for (size_t i = 0; i < count; i++) {
        char *element = elements + i * size;
        size_t key = pattern_key(pattern, i, count), room = size - key_size(size);
        if (size < 4) /* in order, too, as far as that goes */
            key = pattern == RANDOM || pattern == FEW ? key : key * 255 / (count + 1);
        else if (size < 8 && count > 60000)
            key /= 32;
        memset(element, (int)(i % 251), size);
        memcpy(element, &key, key_size(size));
        memcpy(element + key_size(size), &i, room < sizeof i ? room : sizeof i);
    }
    return elements;
}

FILCH_UNUSED static char *copy_of(const void *elements, size_t bytes)
{
    char *copy = malloc(bytes + 1);
    cr_assert(copy);
    memcpy(copy, elements, bytes);
    return copy;
}

/* ---- Comparisons ------------------------------------------------------------------------- */

/* context: the size. */
static int compare_keys(const void *x, const void *y, void *context)
{
    uint32_t a = key_of(x, *(const size_t *)context), b = key_of(y, *(const size_t *)context);
    return (a > b) - (a < b);
}

/* Different for different bytes: to tell whether two arrays hold the same elements. */
static int compare_bytes(const void *x, const void *y, void *context)
{
    return memcmp(x, y, *(const size_t *)context);
}

FILCH_UNUSED static int lie_at_random(const void *x, const void *y, void *context)
{
    (void)x, (void)y, (void)context;
    return (int)(random_number() % 3) - 1;
}

FILCH_UNUSED static int say_less(const void *x, const void *y, void *context)
{
    (void)x, (void)y, (void)context;
    return -1;
}

FILCH_UNUSED static int say_greater(const void *x, const void *y, void *context)
{
    (void)x, (void)y, (void)context;
    return 1;
}

/* Scissors cut paper, paper wraps stone, stone breaks scissors. */
FILCH_UNUSED static int compare_in_a_circle(const void *x, const void *y, void *context)
{
    uint32_t a = key_of(x, *(const size_t *)context), b = key_of(y, *(const size_t *)context);
    return (int)((a % 3 + 4 - b % 3) % 3) - 1;
}

FILCH_UNUSED static filch_compare *const liars[] = {lie_at_random, say_less, say_greater,
                                                    compare_in_a_circle};

/* ---- References -------------------------------------------------------------------------- */

/* Stable: by what is compared, then by where it was. */
static int compare_places(const void *x, const void *y, void *context)
{
    const char *a = *(const char *const *)x, *b = *(const char *const *)y;
    int order = compare_keys(a, b, context);
    return order ? order : (a > b) - (a < b);
}

FILCH_UNUSED static char *sorted_copy(const char *elements, size_t count, size_t size)
{
    const char **places = malloc((count + 1) * sizeof *places);
    char *sorted = malloc(count * size + 1);
    cr_assert(places && sorted);
    for (size_t i = 0; i < count; i++)
        places[i] = elements + i * size;
    qsort_r(places, count, sizeof *places, compare_places, &size);
    for (size_t i = 0; i < count; i++)
        memcpy(sorted + i * size, places[i], size);
    free(places);
    return sorted;
}

/* Do they hold the same elements? Sorts both. */
static bool is_permutation(char *x, char *y, size_t count, size_t size)
{
    qsort_r(x, count, size, compare_bytes, &size);
    qsort_r(y, count, size, compare_bytes, &size);
    return memcmp(x, y, count * size) == 0;
}

/* ---- Stopping ---------------------------------------------------------------------------- */

/* Cancels a token at a certain comparison. */
struct stop {
    size_t size;
    struct filch_token *token;
    long at; /* negative: never */
    _Atomic(long) calls;
    _Atomic(int) wrong;
};

FILCH_UNUSED static int compare_and_stop(const void *x, const void *y, void *context)
{
    struct stop *stop = context;
    if (atomic_fetch_add(&stop->calls, 1) == stop->at) {
        if (filch_cancelled())
            atomic_fetch_add(&stop->wrong, 1);
        filch_token_cancel(stop->token);
        if (!filch_cancelled()) /* whichever thread this is */
            atomic_fetch_add(&stop->wrong, 1);
    }
    return compare_keys(x, y, &stop->size);
}

/* context: NULL, or an _Atomic(int) that is set to 1. */
FILCH_UNUSED static int compare_until_cancelled(const void *x, const void *y, void *context)
{
    if (context)
        atomic_store((_Atomic(int) *)context, 1);
    while (!filch_cancelled())
        sched_yield();
    return memcmp(x, y, 1);
}

#endif
