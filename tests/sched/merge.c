/* SPDX-License-Identifier: MIT
 *
 * filch_merge: any lengths, sizes and grains on any number of workers, stable; comparisons that
 * lie; errors, cancelling. */
#include "sorting.h"

TestSuite(merge, .init = setup);

/* Two sorted arrays, one behind the other, and all of it sorted. */
struct pair {
    size_t left_count, right_count, count, size;
    char *left, *right, *expected, *to;
};

static struct pair pair_create(enum pattern pattern, size_t left_count, size_t right_count,
                               size_t size)
{
    struct pair pair = {left_count, right_count, left_count + right_count, size, 0, 0, 0, 0};
    char *both = elements_create(pattern, pair.count, size);
    pair.left = sorted_copy(both, left_count, size);
    pair.right = sorted_copy(both + left_count * size, right_count, size);
    memcpy(both, pair.left, left_count * size);
    memcpy(both + left_count * size, pair.right, right_count * size);
    pair.expected = sorted_copy(both, pair.count, size);
    pair.to = both;
    memset(both, 0x5a, pair.count * size);
    return pair;
}

static void pair_destroy(struct pair *pair)
{
    free(pair->left);
    free(pair->right);
    free(pair->expected);
    free(pair->to);
}

static int pair_merge(struct filch_pool *pool, struct pair *pair, filch_compare *compare,
                      void *context, const struct filch_loop *options)
{
    return filch_merge(pool, pair->left, pair->left_count, pair->right, pair->right_count,
                       pair->to, pair->size, compare, context, options);
}

static struct pair random_pair(void)
{
    size_t most = (size_t)1 << random_number() % 14;
    size_t less = (size_t)1 << random_number() % 14;
    return pair_create((enum pattern)(random_number() % PATTERNS), random_number() % most,
                       random_number() % less,
                       element_sizes[random_number() % COUNT(element_sizes)]);
}

Test(merge, is_stable_for_all_lengths_sizes_grains_and_workers)
{
    pools_create();
    for (int round = 0; round < (ADDRESS_SANITIZER ? 200 : 1000); round++) {
        struct pair pair = random_pair();
        struct filch_loop loop = {.grain = random_number() % 3 ? 1 + random_number() % 500 : 0};
        cr_assert_eq(pair_merge(pools[random_number() % POOLS], &pair, compare_keys, &pair.size,
                                &loop),
                     0);
        cr_assert(memcmp(pair.to, pair.expected, pair.count * pair.size) == 0,
                  "%zu and %zu elements of %zu bytes, grain %zu", pair.left_count,
                  pair.right_count, pair.size, loop.grain);
        pair_destroy(&pair);
    }
    pools_destroy();
}

Test(merge, of_few_elements_is_right_with_a_grain_of_one)
{
    struct filch_loop loop = {.grain = 1};
    struct filch_pool *pool = pool_of(2);
    for (size_t left = 0; left < 12; left++)
        for (size_t right = 0; right < 12; right++)
            for (int pattern = 0; pattern < PATTERNS; pattern++) {
                struct pair pair = pair_create((enum pattern)pattern, left, right, 8);
                cr_assert_eq(pair_merge(left % 2 ? pool : NULL, &pair, compare_keys, &pair.size,
                                        &loop),
                             0);
                cr_assert_eq(memcmp(pair.to, pair.expected, pair.count * 8), 0);
                pair_destroy(&pair);
            }
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

Test(merge, of_many_elements_is_right)
{
    struct filch_pool *pool = pool_of(16);
    for (int pattern = 0; pattern <= PATTERNS; pattern++) { /* the last one larger */
        size_t most = ADDRESS_SANITIZER ? 10000 : 100000, times = pattern == PATTERNS ? 7 : 1;
        struct pair pair = pair_create((enum pattern)(pattern % PATTERNS), times * most,
                                       times * most / 3, times * 8);
        cr_assert_eq(pair_merge(pool, &pair, compare_keys, &pair.size, NULL), 0);
        cr_assert_eq(memcmp(pair.to, pair.expected, pair.count * pair.size), 0);
        pair_destroy(&pair);
    }
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

/* All elements, in some order. */
static void assert_all_there(struct pair *pair)
{
    cr_assert(is_permutation(pair->to, pair->expected, pair->count, pair->size),
              "%zu and %zu elements of %zu bytes", pair->left_count, pair->right_count,
              pair->size);
}

Test(merge, with_a_comparison_that_lies_gives_all_elements)
{
    pools_create();
    for (int round = 0; round < (ADDRESS_SANITIZER ? 200 : 1000); round++) {
        struct pair pair = random_pair();
        struct filch_loop loop = {.grain = random_number() % 3 ? 1 + random_number() % 500 : 0};
        cr_assert_eq(pair_merge(pools[random_number() % POOLS], &pair,
                                liars[(size_t)round % COUNT(liars)], &pair.size, &loop),
                     0);
        assert_all_there(&pair);
        pair_destroy(&pair);
    }
    pools_destroy();
}

Test(merge, with_an_argument_out_of_its_range_is_an_error)
{
    struct filch_pool *pool = pool_of(1);
    size_t size = 8, most = SIZE_MAX / 8;
    char one[8] = "", two[16];
    filch_compare *compare = compare_keys;
    cr_assert_eq(filch_merge(pool, NULL, 1, one, 1, two, 8, compare, &size, 0), FILCH_EINVAL);
    cr_assert_eq(filch_merge(pool, one, 1, NULL, 1, two, 8, compare, &size, 0), FILCH_EINVAL);
    cr_assert_eq(filch_merge(pool, one, 1, one, 1, NULL, 8, compare, &size, 0), FILCH_EINVAL);
    cr_assert_eq(filch_merge(pool, one, 1, one, 1, two, 0, compare, &size, 0), FILCH_EINVAL);
    cr_assert_eq(filch_merge(pool, one, 1, one, 1, two, 8, NULL, &size, 0), FILCH_EINVAL);
    cr_assert_eq(filch_merge(NULL, one, most, one, 1, two, 8, compare, &size, 0), FILCH_EINVAL);
    cr_assert_eq(filch_merge(NULL, one, 1, one, SIZE_MAX, two, 8, compare, &size, 0),
                 FILCH_EINVAL);
    cr_assert_eq(filch_merge(pool, NULL, 0, NULL, 0, NULL, 8, compare, &size, 0), 0);
    cr_assert_eq(filch_merge(pool, NULL, 0, one, 1, two, 8, say_less, &size, 0), 0);
    cr_assert_eq(memcmp(one, two, 8), 0);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

static int merge_in_child(void *pool)
{
    size_t size = 8;
    char one[8] = "", two[16];
    return filch_merge(pool, one, 1, one, 1, two, 8, compare_keys, &size, NULL) == FILCH_EFORKED
               ? 0
               : 1;
}

Test(merge, on_a_pool_that_stayed_in_the_parent_process_is_an_error)
{
    struct filch_pool *pool = pool_of(1);
    cr_assert_eq(run_in_child(merge_in_child, pool), 0);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

Test(merge, that_is_cancelled_before_it_starts_writes_nothing)
{
    struct filch_token *token = token_below(NULL);
    struct filch_loop loop = {.token = token};
    filch_token_cancel(token);
    pools_create();
    for (size_t i = 0; i < POOLS; i++) {
        struct pair pair = pair_create(RANDOM, 10, 10, 8);
        cr_assert_eq(pair_merge(pools[i], &pair, compare_keys, &pair.size, &loop),
                     FILCH_ECANCELED);
        for (size_t j = 0; j < 20 * 8; j++)
            cr_assert_eq(pair.to[j], 0x5a);
        pair_destroy(&pair);
    }
    pools_destroy();
    filch_token_release(token);
}

Test(merge, that_is_cancelled_while_it_runs_gives_all_elements)
{
    pools_create();
    for (int round = 0; round < 200; round++) {
        struct filch_token *token = token_below(NULL);
        struct filch_loop loop = {.grain = 50, .token = token};
        struct pair pair = pair_create((enum pattern)(round % PATTERNS), 2000, 1000, 8);
        struct stop stop = {8, token, 5 + (long)(random_number() % 500), 0, 0};
        int error =
            pair_merge(pools[random_number() % POOLS], &pair, compare_and_stop, &stop, &loop);
        cr_assert(error == FILCH_ECANCELED || error == 0);
        cr_assert_eq(stop.wrong, 0);
        if (!error) /* it was too late */
            cr_assert_eq(memcmp(pair.to, pair.expected, pair.count * 8), 0);
        assert_all_there(&pair);
        pair_destroy(&pair);
        filch_token_release(token);
    }
    pools_destroy();
}

Test(merge, that_is_cancelled_stops)
{
    pools_create();
    for (size_t i = 0; i < POOLS; i++) {
        struct filch_token *parent = token_below(NULL), *token = token_below(parent);
        struct filch_loop loop = {.grain = 100, .token = token};
        struct pair pair = pair_create(RANDOM, 50000, 50000, 8);
        struct stop stop = {8, parent, 100, 0, 0};
        cr_assert_eq(pair_merge(pools[i], &pair, compare_and_stop, &stop, &loop),
                     FILCH_ECANCELED);
        cr_assert_eq(stop.wrong, 0);
        cr_assert_lt(stop.calls, 50000);
        assert_all_there(&pair);
        pair_destroy(&pair);
        filch_token_release(token);
        filch_token_release(parent);
    }
    pools_destroy();
}

Test(merge, ends_at_its_deadline)
{
    struct filch_token *token = token_below(NULL);
    struct filch_loop loop = {.grain = 10, .token = token};
    pools_create();
    for (size_t i = 0; i < POOLS; i++) {
        struct pair pair = pair_create(RANDOM, 100, 100, 8);
        cr_assert_eq(filch_token_set_deadline(token, 0.001), 0);
        cr_assert_eq(pair_merge(pools[i], &pair, compare_until_cancelled, NULL, &loop),
                     FILCH_ECANCELED);
        assert_all_there(&pair);
        pair_destroy(&pair);
    }
    pools_destroy();
    filch_token_release(token);
}

static _Atomic(int) begun;

static void *merge_in_task(void *pool)
{
    struct filch_loop loop = {.grain = 2};
    char to[7];
    int error =
        filch_merge(pool, "bdf", 3, "aceg", 4, to, 1, compare_until_cancelled, &begun, &loop);
    return (void *)(intptr_t)error;
}

Test(merge, in_a_task_that_is_told_to_stop_stops)
{
    pools_create();
    for (size_t i = 1; i < POOLS; i++) {
        void *result = run_until_stopped(pools[i], merge_in_task, &begun);
        cr_assert_eq((intptr_t)result, FILCH_ECANCELED);
    }
    pools_destroy();
}

Test(merge, allocates_nothing)
{
    SKIP_WITHOUT_FAILING_MEMORY();
    struct filch_loop loop = {.grain = 50};
    struct pair pair = pair_create(RANDOM, 1000, 1000, 40);
    allocations_left = 0;
    int error = pair_merge(NULL, &pair, compare_keys, &pair.size, &loop);
    allocations_left = -1;
    cr_assert_eq(error, 0);
    cr_assert_eq(memcmp(pair.to, pair.expected, pair.count * 40), 0);
    pair_destroy(&pair);
}
