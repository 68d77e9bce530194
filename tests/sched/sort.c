/* SPDX-License-Identifier: MIT
 *
 * filch_sort, and sorts made by FILCH_SORT_DEFINE: any length, size and pattern on any number of
 * workers, stable; comparisons that lie; errors, cancelling, nesting. */
#include "sorting.h"

#include <filch/task.h>

#include <math.h>

TestSuite(sort, .init = setup);

/* ---- Sorted, and stable ------------------------------------------------------------------ */

static void check_sort(struct filch_pool *pool, enum pattern pattern, size_t count, size_t size,
                       size_t grain)
{
    struct filch_loop loop = {.grain = grain};
    char *elements = elements_create(pattern, count, size);
    char *expected = sorted_copy(elements, count, size);
    cr_assert_eq(filch_sort(pool, elements, count, size, compare_keys, &size, &loop), 0);
    cr_assert(memcmp(elements, expected, count * size) == 0,
              "pattern %d, %zu elements of %zu bytes, grain %zu", pattern, count, size, grain);
    free(elements);
    free(expected);
}

Test(sort, of_few_elements_sorts_them_whatever_their_size)
{
    for (size_t i = 0; i < COUNT(element_sizes); i++)
        for (size_t count = 0; count < 70; count++)
            for (int pattern = 0; pattern < PATTERNS; pattern++)
                check_sort(NULL, (enum pattern)pattern, count, element_sizes[i], 0);
}

/* All of their orders, with repetitions. */
Test(sort, of_up_to_six_elements_sorts_them_whatever_their_order)
{
    static const size_t size = 8;
    for (size_t count = 1; count <= 6; count++) {
        size_t orders = 1;
        for (size_t i = 0; i < count; i++)
            orders *= count;
        for (size_t order = 0; order < orders; order++) {
            uint32_t elements[6][2];
            for (uint32_t i = 0, rest = (uint32_t)order; i < count;
                 i++, rest /= (uint32_t)count)
                elements[i][0] = rest % (uint32_t)count, elements[i][1] = i;
            char *expected = sorted_copy((char *)elements, count, size);
            cr_assert_eq(filch_sort(NULL, elements, count, size, compare_keys, (void *)&size,
                                    NULL),
                         0);
            cr_assert_eq(memcmp(elements, expected, count * size), 0);
            free(expected);
        }
    }
}

Test(sort, is_stable_for_all_lengths_sizes_patterns_and_workers)
{
    pools_create();
    for (int round = 0; round < (ADDRESS_SANITIZER ? 100 : 600); round++) {
        size_t grain = random_number() % 4 ? 1 + random_number() % 500 : 0;
        check_sort(pools[random_number() % POOLS], (enum pattern)(random_number() % PATTERNS),
                   random_number() % ((size_t)1 << random_number() % 16),
                   element_sizes[random_number() % COUNT(element_sizes)], grain);
    }
    pools_destroy();
}

Test(sort, is_stable_for_every_size_of_element_up_to_64)
{
    struct filch_pool *pool = pool_of(3);
    for (size_t size = 1; size <= 64; size++)
        check_sort(pool, RANDOM, 3000, size, 256);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

Test(sort, of_many_elements_is_stable)
{
    struct filch_pool *pool = pool_of(16);
    size_t most = ADDRESS_SANITIZER ? 100000 : 1000000;
    for (int pattern = 0; pattern < PATTERNS; pattern++) {
        check_sort(pool, (enum pattern)pattern, most / 5, 8, 0);
        check_sort(pool, (enum pattern)pattern, most / 20, 40, 0);
    }
    check_sort(NULL, RANDOM, most / 5, 16, 0);
    check_sort(pool, RANDOM, most, 64, 0);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

/* ---- One type ---------------------------------------------------------------------------- */

struct keyed {
    uint32_t key, place;
};

struct large {
    uint32_t key, place;
    char more[52];
};

FILCH_SORT_DEFINE(sort_bytes, unsigned char, *a < *b);
FILCH_SORT_DEFINE(sort_doubles, double, *a < *b);
FILCH_SORT_DEFINE(sort_strings, const char *, strcmp(*a, *b) < 0);
FILCH_SORT_DEFINE(sort_keyed, struct keyed, a->key < b->key);
FILCH_SORT_DEFINE(sort_large, struct large, a->key < b->key);
FILCH_SORT_DEFINE(sort_indices, uint32_t,
                  ((const double *)context)[*a] < ((const double *)context)[*b]);

Test(sort, of_one_type_is_stable)
{
    pools_create();
    for (int round = 0; round < (ADDRESS_SANITIZER ? 60 : 300); round++) {
        struct filch_pool *pool = pools[random_number() % POOLS];
        enum pattern pattern = (enum pattern)(random_number() % PATTERNS);
        size_t count = random_number() % ((size_t)1 << random_number() % 16);
        struct filch_loop loop = {.grain = round % 3 ? 1 + random_number() % 500 : 0};
        size_t size = round % 2 ? sizeof(struct large) : sizeof(struct keyed);
        char *elements = elements_create(pattern, count, size);
        char *expected = sorted_copy(elements, count, size);
        int error = round % 2 ? sort_large(pool, (void *)elements, count, NULL, &loop)
                              : sort_keyed(pool, (void *)elements, count, NULL, &loop);
        cr_assert_eq(error, 0);
        cr_assert_eq(memcmp(elements, expected, count * size), 0);
        free(elements);
        free(expected);
    }
    pools_destroy();
}

Test(sort, of_one_type_takes_any_type_and_a_context)
{
    enum { N = 10000 };
    static unsigned char bytes[N];
    static double doubles[N], keys[N];
    static uint32_t indices[N];
    const char *strings[] = {"pear", "apple", "fig", "apple", "date", "cherry", "banana"};
    struct filch_pool *pool = pool_of(2);
    for (uint32_t i = 0; i < N; i++) {
        bytes[i] = (unsigned char)random_number();
        doubles[i] = keys[i] = (double)random_number() - 1e19;
        indices[i] = i;
    }
    doubles[77] = -INFINITY;
    doubles[78] = -0.0;
    cr_assert_eq(sort_bytes(pool, bytes, N, NULL, NULL), 0);
    cr_assert_eq(sort_doubles(pool, doubles, N, NULL, NULL), 0);
    cr_assert_eq(sort_indices(pool, indices, N, keys, NULL), 0);
    cr_assert_eq(sort_strings(pool, strings, COUNT(strings), NULL, NULL), 0);
    for (size_t i = 1; i < N; i++) {
        cr_assert_leq(bytes[i - 1], bytes[i]);
        cr_assert_leq(doubles[i - 1], doubles[i]);
        cr_assert_leq(keys[indices[i - 1]], keys[indices[i]]);
    }
    for (size_t i = 1; i < COUNT(strings); i++)
        cr_assert_leq(strcmp(strings[i - 1], strings[i]), 0);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

/* A comparison with a NaN is false both ways: no order at all. */
Test(sort, of_doubles_with_nans_keeps_all_of_them)
{
    enum { N = 30000 };
    struct filch_pool *pool = pool_of(2);
    size_t size = sizeof(double);
    for (int round = 0; round < 10; round++) {
        double *doubles = (double *)(void *)elements_create(RANDOM, N, size);
        for (size_t i = 0; i < N; i += 1 + random_number() % 20)
            doubles[i] = NAN;
        char *before = copy_of(doubles, N * size);
        cr_assert_eq(sort_doubles(round % 2 ? pool : NULL, doubles, N, NULL, NULL), 0);
        cr_assert(is_permutation(before, (char *)doubles, N, size));
        free(before);
        free(doubles);
    }
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

/* ---- Comparisons that lie ---------------------------------------------------------------- */

FILCH_SORT_DEFINE(sort_by_lies, struct keyed, a != b && random_number() % 2);

Test(sort, with_a_comparison_that_lies_gives_a_permutation)
{
    pools_create();
    for (int round = 0; round < (ADDRESS_SANITIZER ? 150 : 600); round++) {
        size_t count = random_number() % ((size_t)1 << random_number() % 16);
        size_t size = element_sizes[random_number() % COUNT(element_sizes)];
        struct filch_loop loop = {.grain = random_number() % 2 * 64};
        struct filch_pool *pool = pools[random_number() % POOLS];
        int liar = round % ((int)COUNT(liars) + 1) - 1;
        size = liar < 0 ? sizeof(struct keyed) : size;
        char *elements = elements_create(RANDOM, count, size);
        char *before = copy_of(elements, count * size);
        int error = liar < 0
                        ? sort_by_lies(pool, (void *)elements, count, NULL, &loop)
                        : filch_sort(pool, elements, count, size, liars[liar], &size, &loop);
        cr_assert_eq(error, 0);
        cr_assert(is_permutation(elements, before, count, size),
                  "comparison %d, %zu elements of %zu bytes", liar, count, size);
        free(elements);
        free(before);
    }
    pools_destroy();
}

/* ---- How many comparisons ---------------------------------------------------------------- */

struct counts {
    size_t size;
    _Atomic(size_t) calls;
};

static int compare_and_count(const void *x, const void *y, void *context)
{
    struct counts *counts = context;
    atomic_fetch_add_explicit(&counts->calls, 1, memory_order_relaxed);
    return compare_keys(x, y, &counts->size);
}

static double comparisons_each(enum pattern pattern, size_t count, size_t size)
{
    struct counts counts = {.size = size};
    char *elements = elements_create(pattern, count, size);
    cr_assert_eq(filch_sort(NULL, elements, count, size, compare_and_count, &counts, NULL), 0);
    free(elements);
    return (double)counts.calls / (double)count;
}

Test(sort, of_what_is_in_order_makes_one_comparison_each)
{
    cr_assert_lt(comparisons_each(SORTED, 100000, 8), 1.01);
    cr_assert_lt(comparisons_each(EQUAL, 100000, 8), 1.01);
    cr_assert_lt(comparisons_each(REVERSED, 100000, 8), 1.01);
    cr_assert_lt(comparisons_each(SORTED, 100000, 40), 1.01);
}

Test(sort, of_few_runs_or_few_different_elements_makes_few_comparisons)
{
    cr_assert_lt(comparisons_each(ORGAN_PIPE, 100000, 8), 4);
    cr_assert_lt(comparisons_each(SAW_TOOTH, 100000, 8), 8);
    cr_assert_lt(comparisons_each(FEW, 100000, 8), 8);
    cr_assert_lt(comparisons_each(RANDOM, 100000, 8), 1.25 * log2(100000));
}

/* McIlroy's adversary ("A killer adversary for quicksort", 1999): decides what an element is only
 * when it must, so that every pivot is among the least. */
struct adversary {
    size_t values[200000];
    size_t solid, candidate, calls;
};

#define GAS ((size_t)COUNT(((struct adversary *)0)->values))

static int compare_adversely(const void *x, const void *y, void *context)
{
    struct adversary *adversary = context;
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    size_t *values = adversary->values;
    adversary->calls++;
    if (values[a] == GAS && values[b] == GAS)
        values[a == adversary->candidate ? a : b] = adversary->solid++;
    if (values[a] == GAS)
        adversary->candidate = a;
    else if (values[b] == GAS)
        adversary->candidate = b;
    return (values[a] > values[b]) - (values[a] < values[b]);
}

Test(sort, against_an_adversary_makes_no_more_than_n_log_n_comparisons)
{
    struct adversary *adversary = calloc(1, sizeof *adversary);
    uint32_t *elements = malloc(GAS * sizeof *elements);
    cr_assert(adversary && elements);
    for (uint32_t i = 0; i < GAS; i++) { /* it decides on every second one: nothing is a run */
        adversary->values[i] = i % 2 ? adversary->solid++ : GAS;
        elements[i] = i;
    }
    cr_assert_eq(filch_sort(NULL, elements, GAS, sizeof *elements, compare_adversely, adversary,
                            NULL),
                 0);
    cr_assert_lt((double)adversary->calls, 4 * (double)GAS * log2((double)GAS));
    for (size_t i = 1; i < GAS; i++)
        cr_assert_lt(adversary->values[elements[i - 1]], adversary->values[elements[i]]);
    free(adversary);
    free(elements);
}

/* ---- Errors ------------------------------------------------------------------------------ */

Test(sort, with_an_argument_out_of_its_range_is_an_error)
{
    struct filch_pool *pool = pool_of(1);
    size_t size = 8;
    char one[8] = "";
    cr_assert_eq(filch_sort(pool, NULL, 1, 8, compare_keys, &size, NULL), FILCH_EINVAL);
    cr_assert_eq(filch_sort(pool, one, 1, 0, compare_keys, &size, NULL), FILCH_EINVAL);
    cr_assert_eq(filch_sort(pool, one, 1, 8, NULL, &size, NULL), FILCH_EINVAL);
    cr_assert_eq(filch_sort(NULL, one, SIZE_MAX / 8 + 1, 8, compare_keys, &size, NULL),
                 FILCH_EINVAL);
    cr_assert_eq(sort_keyed(NULL, NULL, 1, NULL, NULL), FILCH_EINVAL);
    cr_assert_eq(sort_keyed(pool, (void *)one, SIZE_MAX / 8 + 1, NULL, NULL), FILCH_EINVAL);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

Test(sort, of_nothing_does_nothing)
{
    size_t size = 8;
    pools_create();
    for (size_t i = 0; i < POOLS; i++) {
        cr_assert_eq(filch_sort(pools[i], NULL, 0, 8, say_less, &size, NULL), 0);
        cr_assert_eq(sort_keyed(pools[i], NULL, 0, NULL, NULL), 0);
    }
    pools_destroy();
}

Test(sort, that_no_memory_can_hold_is_an_error)
{
    size_t size = 8;
    char one[8] = "";
    cr_assert_eq(filch_sort(NULL, one, SIZE_MAX / 8, 8, compare_keys, &size, NULL),
                 FILCH_ENOMEM);
    size = 33;
    cr_assert_eq(filch_sort(NULL, one, SIZE_MAX / 33, 33, compare_keys, &size, NULL),
                 FILCH_ENOMEM);
}

Test(sort, without_memory_leaves_the_array_as_it_was)
{
    SKIP_WITHOUT_FAILING_MEMORY();
    struct filch_pool *pool = pool_of(2);
    for (size_t i = 0; i < COUNT(element_sizes); i++) {
        size_t size = element_sizes[i];
        char *elements = elements_create(RANDOM, 1000, size);
        char *before = copy_of(elements, 1000 * size);
        allocations_left = 0;
        int error = filch_sort(pool, elements, 1000, size, compare_keys, &size, NULL);
        allocations_left = -1;
        cr_assert_eq(error, FILCH_ENOMEM);
        cr_assert_eq(memcmp(elements, before, 1000 * size), 0);
        allocations_left = 1;
        long held = blocks_held;
        error = filch_sort(NULL, elements, 1000, size, compare_keys, &size, NULL);
        cr_assert_eq(blocks_held, held);
        allocations_left = -1;
        cr_assert_eq(error, 0, "more than one allocation");
        free(elements);
        free(before);
    }
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

static int sort_in_child(void *pool)
{
    double doubles[] = {2, 1};
    return sort_doubles(pool, doubles, 2, NULL, NULL) == FILCH_EFORKED && doubles[0] == 2 ? 0
                                                                                          : 1;
}

Test(sort, on_a_pool_that_stayed_in_the_parent_process_is_an_error)
{
    struct filch_pool *pool = pool_of(1);
    cr_assert_eq(run_in_child(sort_in_child, pool), 0);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

/* ---- Cancelling -------------------------------------------------------------------------- */

Test(sort, that_is_cancelled_before_it_starts_compares_nothing)
{
    struct filch_token *token = token_below(NULL);
    struct filch_loop loop = {.token = token};
    filch_token_cancel(token);
    pools_create();
    for (size_t i = 0; i < POOLS; i++) {
        struct stop stop = {.size = 8, .at = -1};
        uint32_t elements[] = {4, 0, 3, 0, 2, 0};
        cr_assert_eq(filch_sort(pools[i], elements, 3, 8, compare_and_stop, &stop, &loop),
                     FILCH_ECANCELED);
        cr_assert_eq(stop.calls, 0);
        cr_assert(elements[0] == 4 && elements[2] == 3 && elements[4] == 2);
        cr_assert_eq(filch_sort(pools[i], NULL, 0, 8, compare_and_stop, &stop, &loop), 0);
    }
    pools_destroy();
    filch_token_release(token);
}

/* How many comparisons it would make, pool NULL. */
static long comparisons_of(const char *elements, size_t count, size_t size)
{
    struct stop stop = {.size = size, .at = -1};
    char *copy = copy_of(elements, count * size);
    cr_assert_eq(filch_sort(NULL, copy, count, size, compare_and_stop, &stop, NULL), 0);
    free(copy);
    return stop.calls;
}

Test(sort, that_is_cancelled_anywhere_gives_a_permutation)
{
    static const size_t sizes[] = {4, 8, 12, 13, 32, 40};
    pools_create();
    for (int round = 0; round < (ADDRESS_SANITIZER ? 100 : 400); round++) {
        size_t size = sizes[random_number() % COUNT(sizes)], count = 2000;
        struct filch_token *token = token_below(NULL);
        struct filch_loop loop = {.grain = 100, .token = token};
        char *elements = elements_create((enum pattern)(round % PATTERNS), count, size);
        char *before = copy_of(elements, count * size);
        long all = comparisons_of(elements, count, size);
        struct stop stop = {size, token, (long)(random_number() % (uint64_t)all), 0, 0};
        int error = filch_sort(pools[random_number() % POOLS], elements, count, size,
                               compare_and_stop, &stop, &loop);
        cr_assert(error == FILCH_ECANCELED || error == 0);
        cr_assert_eq(stop.wrong, 0);
        for (size_t i = 1; !error && i < count; i++) /* it was too late */
            cr_assert_leq(key_of(elements + (i - 1) * size, size),
                          key_of(elements + i * size, size));
        cr_assert(is_permutation(elements, before, count, size));
        free(elements);
        free(before);
        filch_token_release(token);
    }
    pools_destroy();
}

Test(sort, that_is_cancelled_stops)
{
    pools_create();
    for (size_t i = 0; i < POOLS; i++) {
        size_t size = 8, count = 200000;
        struct filch_token *parent = token_below(NULL), *token = token_below(parent);
        struct filch_loop loop = {.token = token};
        char *elements = elements_create(RANDOM, count, size);
        struct stop stop = {size, parent, 100, 0, 0};
        cr_assert_eq(filch_sort(pools[i], elements, count, size, compare_and_stop, &stop,
                                &loop),
                     FILCH_ECANCELED);
        cr_assert_eq(stop.wrong, 0);
        cr_assert_lt(stop.calls, 200000 * 2);
        free(elements);
        filch_token_release(token);
        filch_token_release(parent);
    }
    pools_destroy();
}

Test(sort, ends_at_its_deadline)
{
    struct filch_token *token = token_below(NULL);
    struct filch_loop loop = {.grain = 16, .token = token};
    pools_create();
    for (size_t i = 0; i < POOLS; i++) {
        char elements[] = "any letters, as long as they are not in order yet";
        char before[sizeof elements];
        memcpy(before, elements, sizeof elements);
        cr_assert_eq(filch_token_set_deadline(token, 0.001), 0);
        cr_assert_eq(filch_sort(pools[i], elements, sizeof elements, 1, compare_until_cancelled,
                                NULL, &loop),
                     FILCH_ECANCELED);
        cr_assert(is_permutation(elements, before, sizeof elements, 1));
    }
    pools_destroy();
    filch_token_release(token);
}

static _Atomic(int) begun;

static void *sort_in_task(void *pool)
{
    char elements[] = "sort me";
    int error = filch_sort(pool, elements, 7, 1, compare_until_cancelled, &begun, NULL);
    return (void *)(intptr_t)error;
}

Test(sort, in_a_task_that_is_told_to_stop_stops)
{
    pools_create();
    for (size_t i = 1; i < POOLS; i++) {
        void *result = run_until_stopped(pools[i], sort_in_task, &begun);
        cr_assert_eq((intptr_t)result, FILCH_ECANCELED);
    }
    pools_destroy();
}

/* ---- Nesting ----------------------------------------------------------------------------- */

struct nest {
    struct filch_pool *pool;
    int levels;
    _Atomic(long) inner;
    _Atomic(int) wrong;
};

static int add_up(void *context, size_t begin, size_t end)
{
    atomic_fetch_add((_Atomic(long) *)context, (long)(end - begin));
    return 0;
}

/* Compares two bytes, by way of a loop and a sort of its own. */
static int compare_by_sorting(const void *x, const void *y, void *context)
{
    struct nest *nest = context, deeper = {.pool = nest->pool, .levels = nest->levels - 1};
    unsigned char a = *(const unsigned char *)x, b = *(const unsigned char *)y;
    _Atomic(long) sum = 0;
    if (nest->levels == 0)
        return (a > b) - (a < b);
    unsigned char both[] = {a, b, 255, 0};
    if (filch_for(nest->pool, 0, 20, add_up, &sum, NULL) || sum != 20 ||
        filch_sort(nest->pool, both, 4, 1, compare_by_sorting, &deeper, NULL) || deeper.wrong)
        atomic_fetch_add(&nest->wrong, 1);
    atomic_fetch_add(&nest->inner, 1);
    return a == b ? 0 : both[1] == a ? -1 : 1;
}

Test(sort, may_be_called_in_a_comparison_as_may_a_loop)
{
    struct filch_loop loop = {.grain = 16};
    pools_create();
    for (size_t i = 0; i < POOLS - 1; i++) {
        struct nest nest = {.pool = pools[i], .levels = 2};
        unsigned char bytes[150];
        for (size_t j = 0; j < sizeof bytes; j++)
            bytes[j] = (unsigned char)(1 + random_number() % 254);
        cr_assert_eq(filch_sort(pools[i], bytes, sizeof bytes, 1, compare_by_sorting, &nest,
                                &loop),
                     0);
        cr_assert_eq(nest.wrong, 0);
        cr_assert_gt(nest.inner, 150);
        for (size_t j = 1; j < sizeof bytes; j++)
            cr_assert_leq(bytes[j - 1], bytes[j]);
    }
    pools_destroy();
}

FILCH_TASK(int, sort_amid_forks, struct filch_pool *, pool, int, depth)
{
    if (depth == 0) {
        check_sort(pool, RANDOM, 3000, 8, 100);
        return 1;
    }
    FILCH_FORK(sort_amid_forks, pool, depth - 1);
    check_sort(pool, FEW, 3000, 40, 100);
    int sorts = FILCH_CALL(sort_amid_forks, pool, depth - 1);
    return sorts + FILCH_JOIN(sort_amid_forks);
}

Test(sort, runs_amid_forks)
{
    for (int workers = 1; workers <= 3; workers++) {
        struct filch_pool *pool = pool_of(workers);
        cr_assert_eq(FILCH_RUN(pool, sort_amid_forks, pool, 4), 16);
        cr_assert_eq(filch_pool_destroy(pool), 0);
    }
}
