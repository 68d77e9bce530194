/* SPDX-License-Identifier: MIT
 *
 * Sorts and merges from several threads at a time on one pool: of random lengths and grains, some
 * cancelled at any time by another thread, some from within comparisons. Stable, and complete,
 * every time. */
#include "stress.h"

#include <filch/filch.h>

#include <pthread.h>
#include <string.h>

#define THREADS 3
#define MOST    (SANITIZED ? 3000u : 30000u)
#define ROUNDS  30

struct element {
    uint32_t key, place;
};

FILCH_SORT_DEFINE(sort_elements, struct element, a->key < b->key);

static struct filch_pool *pool;
static _Atomic(unsigned) cancelled;

static int compare(const void *x, const void *y, void *context)
{
    const struct element *a = x, *b = y;

    (void)context;
    return (a->key > b->key) - (a->key < b->key);
}

/* Sorts something else now and then. */
static int compare_and_sort(const void *x, const void *y, void *context)
{
    struct element few[40];
    const struct element *a = x;

    if (stress_mix(a->key) % 64 == 0) {
        for (uint32_t i = 0; i < 40; i++)
            few[i] = (struct element){i * 17 % 40, i};
        int error = sort_elements(pool, few, 40, NULL, &(struct filch_loop){.grain = 8});
        CHECK(!error || (error == FILCH_ECANCELED && filch_cancelled()));
        for (uint32_t i = 0; !error && i < 40; i++)
            CHECK(few[i].key == i);
    }
    return compare(x, y, context);
}

static void *cancel(void *token)
{
    filch_token_cancel(token);
    return NULL;
}

static void check_sorted(const struct element *elements, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        CHECK(elements[i - 1].key < elements[i].key ||
              (elements[i - 1].key == elements[i].key &&
               elements[i - 1].place < elements[i].place));
}

static void check_complete(const struct element *elements, uint32_t count)
{
    static _Thread_local bool seen[30000];

    memset(seen, 0, sizeof seen);
    for (uint32_t i = 0; i < count; i++) {
        CHECK(elements[i].place < count && !seen[elements[i].place]);
        seen[elements[i].place] = true;
    }
}

static void *sort_and_merge(void *argument)
{
    uint64_t seed = stress_mix((uintptr_t)argument);
    struct element *elements = malloc(MOST * sizeof *elements);
    struct element *merged = malloc(MOST * sizeof *merged);

    CHECK(elements && merged);
    for (unsigned round = 0; round < ROUNDS || stress_goes_on(); round++) {
        uint64_t random = stress_mix(seed += 0x9e3779b97f4a7c15u);
        uint32_t count = (uint32_t)random % MOST, half = count / 3;
        struct filch_loop loop = {.grain = 1 + (random >> 32) % 1000};
        bool stopped = round % 3 == 0;
        pthread_t thread;
        int error;

        for (uint32_t i = 0; i < count; i++)
            elements[i] =
                (struct element){(uint32_t)(stress_mix(seed + i) % (round % 2 ? 100 : 1000000)),
                                 i};
        if (stopped) {
            CHECK(!filch_token_create(NULL, &loop.token));
            CHECK(!pthread_create(&thread, NULL, cancel, loop.token));
        }
        if (round % 4 == 0)
            error = sort_elements(pool, elements, count, NULL, &loop);
        else
            error = filch_sort(pool, elements, count, sizeof *elements,
                               round % 4 == 1 ? compare_and_sort : compare, NULL, &loop);
        if (stopped) {
            pthread_join(thread, NULL);
            filch_token_release(loop.token);
            loop.token = NULL;
        }
        CHECK(!error || (stopped && error == FILCH_ECANCELED));
        atomic_fetch_add(&cancelled, error != 0);
        check_complete(elements, count);
        if (error)
            continue;
        check_sorted(elements, count);
        /* Of the two parts those of the left one come first, which they do in the whole. */
        CHECK(!filch_merge(pool, elements, half, elements + half, count - half, merged,
                           sizeof *elements, compare, NULL, &loop));
        CHECK(!memcmp(merged, elements, count * sizeof *elements));
    }
    free(elements);
    free(merged);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];

    stress_begin(argc, argv);
    CHECK(!filch_pool_create(&(struct filch_pool_options){.workers = 3}, &pool));
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&threads[i], NULL, sort_and_merge, (void *)(i + 1)));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK(!filch_pool_destroy(pool));
    printf("sort: %d threads, %u sorts cancelled, all complete and stable\n", THREADS,
           atomic_load(&cancelled));
    return 0;
}
