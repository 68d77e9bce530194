/* SPDX-License-Identifier: MIT
 *
 * filch_scan, inclusive and exclusive, in place and not: the order of what it combines, which is
 * the same on any number of workers; errors, cancelling, nesting, memory. */
#include "reduction.h"

TestSuite(scan, .init = setup_pools, .fini = pools_destroy);

/* ---- Order ------------------------------------------------------------------------------- */

static int chain_only_fold(void *context, size_t begin, size_t end, void *accumulator)
{
    struct chain *chain = context, silent = {.size = chain->size};
    return chain_fold(&silent, begin, end, accumulator);
}

static void assert_chain(struct filch_pool *pool, size_t begin, size_t length, size_t grain,
                         size_t size, bool exclusive)
{
    unsigned char identity[CHAIN_SIZE_MAX], total[CHAIN_SIZE_MAX];
    _Alignas(FILCH_CACHE_LINE) unsigned char expected_total[CHAIN_SIZE_MAX];
    unsigned char *writes = malloc(length * size + 1), *expected = malloc(length * size + 1);
    struct chain chain = {.size = size, .begin = begin, .writes = writes};
    struct chain reference = {.size = size, .begin = begin, .writes = expected};
    struct filch_reduction reduction = {size, identity, chain_only_fold, chain_combine};
    struct filch_loop loop = {.grain = grain};
    cr_assert(writes && expected);
    chain.exclusive = reference.exclusive = exclusive;
    chain_identity(identity, size);
    chain_identity(expected_total, size);
    if (length)
        cr_assert_eq(chain_fold(&reference, begin, begin + length, expected_total), 0);
    memset(total, 0xee, sizeof total);
    writes[length * size] = 0xee;
    cr_assert_eq(filch_scan(pool, begin, begin + length, &reduction, chain_fold, &chain, total,
                            &loop),
                 0);
    if (length)
        cr_assert_arr_eq(writes, expected, length * size, "length %zu, grain %zu, size %zu",
                         length, grain, size);
    cr_assert_arr_eq(total, expected_total, size);
    cr_assert_eq(total[size], 0xee);
    cr_assert_eq(writes[length * size], 0xee);
    if (grain)
        cr_assert_eq(chain.calls, length / grain + (length % grain != 0));
    else
        cr_assert_leq(chain.calls, 256);
    cr_assert_leq(chain.largest, grain ? grain : length / 256 + 1);
    free(writes);
    free(expected);
}

Test(scan, keeps_the_order_of_what_does_not_commute)
{
    for (size_t i = 0; i < COUNT(pools); i++)
        for (size_t j = 0; j < COUNT(chain_lengths); j++)
            for (size_t k = 0; k < COUNT(chain_grains); k++)
                assert_chain(pools[i], 7, chain_lengths[j], chain_grains[k], 8, (j + k) % 2);
}

Test(scan, takes_accumulators_of_any_size)
{
    for (size_t i = 0; i < COUNT(pools); i++)
        for (size_t size = 1; size <= 67; size++)
            assert_chain(pools[i], size, 300, size % 3, size, size % 2);
    assert_chain(pools[2], 1, 3000, 0, CHAIN_SIZE_MAX - 1, false);
}

Test(scan, of_random_lengths_and_sizes_is_that_of_a_loop)
{
    uint64_t state = 2;
    for (int i = 0; i < (ADDRESS_SANITIZER ? 100 : 400); i++) {
        size_t bits = 1 + dice(&state, 17);
        assert_chain(pools[dice(&state, COUNT(pools))], dice(&state, 1000),
                     dice(&state, 100000 >> (17 - bits)), 0, 1 + dice(&state, 64),
                     dice(&state, 2));
    }
}

Test(scan, of_a_long_range_is_that_of_a_loop)
{
    for (size_t i = 0; i < COUNT(long_chains); i++)
        assert_chain(pools[5 - i], 3, long_chains[i].length, 0, long_chains[i].size, i % 2);
}

Test(scan, reaches_the_end_of_the_numbers)
{
    assert_chain(pools[2], SIZE_MAX - 1000, 1000, 0, 4, false);
    assert_chain(pools[2], SIZE_MAX - 1000, 1000, 7, 4, true);
    assert_chain(pools[2], SIZE_MAX - 1000, 1000, SIZE_MAX, 4, false);
}

/* ---- The same bits ----------------------------------------------------------------------- */

struct doubles {
    const double *values;
    double *sums;
    bool exclusive;
    bool
        restless; /* now and then another thread gets the processor, so that all goes otherwise */
};

static void rest(const struct doubles *doubles)
{
    static _Thread_local uint64_t state;
    if (doubles->restless && dice(&state, 4) == 0)
        sched_yield();
}

static int add_doubles(void *context, size_t begin, size_t end, void *accumulator)
{
    struct doubles *doubles = context;
    double sum = *(double *)accumulator;
    for (size_t i = begin; i < end; i++)
        sum += doubles->values[i];
    *(double *)accumulator = sum;
    rest(doubles);
    return 0;
}

static int scan_doubles(void *context, size_t begin, size_t end, void *accumulator)
{
    struct doubles *doubles = context;
    double sum = *(double *)accumulator;
    for (size_t i = begin; i < end; i++) {
        double before = sum;
        sum += doubles->values[i];
        doubles->sums[i] = doubles->exclusive ? before : sum;
    }
    *(double *)accumulator = sum;
    rest(doubles);
    return 0;
}

static int add_two(void *context, void *left, const void *right)
{
    (void)context;
    *(double *)left += *(const double *)right;
    return 0;
}

static const struct filch_reduction sum = {sizeof(double), NULL, add_doubles, add_two};

static void assert_same_bits(size_t count, int exponents, const struct filch_loop *loop,
                             bool exclusive)
{
    double *values = doubles_of(count, exponents), *first = malloc(count * sizeof(double)),
           *again = malloc(count * sizeof(double)), total, total_again;
    struct doubles doubles = {values, first, exclusive, false};
    cr_assert(first && again);
    cr_assert_eq(filch_scan(NULL, 0, count, &sum, scan_doubles, &doubles, &total, loop), 0);
    cr_assert(exclusive || memcmp(&total, &first[count - 1], sizeof total) == 0);
    for (size_t run = 0; run < 2; run++)
        for (size_t i = 0; i < COUNT(pools); i++) {
            bool in_place = (run + i) % 2;
            memcpy(again, values, count * sizeof(double));
            doubles = (struct doubles){in_place ? again : values, again, exclusive, run % 2};
            cr_assert_eq(filch_scan(pools[i], 0, count, &sum, scan_doubles, &doubles,
                                    &total_again, loop),
                         0);
            cr_assert(memcmp(again, first, count * sizeof(double)) == 0,
                      "%zu values, %d workers", count, pool_sizes[i]);
            cr_assert(memcmp(&total_again, &total, sizeof total) == 0);
        }
    free(values);
    free(first);
    free(again);
}

Test(scan, of_doubles_has_the_same_bits_on_any_number_of_workers_in_place_or_not)
{
    struct filch_loop loop = {.grain = 77}, large = {.grain = 300000};
    size_t most = ADDRESS_SANITIZER ? 1000000 : 10000000;
    assert_same_bits(most, WILD, NULL, false);
    assert_same_bits(most, TAME, NULL, true);
    for (size_t count = 1; count < 3000; count = count * 3 + 1)
        assert_same_bits(count, TAME, NULL, count % 2);
    assert_same_bits(100000, TAME, &loop, true);
    assert_same_bits(1000000, TAME, &large, true);
}

/* As the header has it: block after block, each folded from the identity. */
Test(scan, combines_from_the_left)
{
    double *values = doubles_of(1000, TAME), sums[1000], before = 0;
    struct doubles doubles = {values, sums, true, false};
    struct filch_loop loop = {.grain = 10};
    for (size_t i = 0; i < COUNT(pools); i++) {
        cr_assert_eq(filch_scan(pools[i], 0, 1000, &sum, scan_doubles, &doubles, NULL, &loop),
                     0);
        before = 0;
        for (size_t first = 0; first < 1000; first += 10) {
            double block = 0;
            cr_assert(memcmp(&sums[first], &before, sizeof before) == 0);
            cr_assert_eq(add_doubles(&doubles, first, first + 10, &block), 0);
            before += block;
        }
    }
    free(values);
}

/* ---- Bad input --------------------------------------------------------------------------- */

Test(scan, of_an_empty_or_reversed_range_calls_nothing)
{
    size_t identity = 5, total = 9;
    struct filch_reduction reduction = {sizeof identity, &identity, counting_fold,
                                        counting_combine};
    cr_assert_eq(filch_scan(NULL, 3, 3, &reduction, counting_fold, NULL, &total, NULL), 0);
    cr_assert_eq(total, 5);
    cr_assert_eq(filch_scan(pools[1], 3, 2, &counting, counting_fold, NULL, &total, NULL), 0);
    cr_assert_eq(total, 0);
    cr_assert_eq(filch_scan(pools[1], 3, 2, &counting, counting_fold, NULL, NULL, NULL), 0);
}

Test(scan, without_a_function_or_a_size_is_an_error)
{
    struct filch_reduction bad[] = {counting, counting, counting};
    size_t total = 9;
    bad[0].size = 0;
    bad[1].fold = NULL;
    bad[2].combine = NULL;
    for (size_t i = 0; i < COUNT(bad); i++)
        cr_assert_eq(filch_scan(NULL, 0, 3, &bad[i], counting_fold, NULL, &total, NULL),
                     FILCH_EINVAL);
    cr_assert_eq(filch_scan(NULL, 0, 3, NULL, counting_fold, NULL, &total, NULL), FILCH_EINVAL);
    cr_assert_eq(filch_scan(NULL, 0, 0, &counting, NULL, NULL, &total, NULL), FILCH_EINVAL);
    cr_assert_eq(total, 9);
}

/* ---- Errors and cancelling --------------------------------------------------------------- */

Test(scan, returns_the_error_of_a_scan_and_stops_the_rest)
{
    struct filch_loop loop = {.grain = 1};
    for (size_t i = 0; i < COUNT(pools); i++) {
        struct trouble trouble = {.index = 500};
        size_t total = 9;
        cr_assert_eq(filch_scan(pools[i], 0, 1000000, &counting, troubled_fold, &trouble,
                                &total, &loop),
                     42);
        cr_assert_eq(total, 9);
        if (pool_sizes[i] < 2)
            cr_assert_eq(trouble.calls, 501);
        trouble.index = 1000000;
        cr_assert_eq(filch_scan(pools[i], 0, 1000000, &counting, troubled_fold, &trouble,
                                &total, NULL),
                     0);
        cr_assert_eq(total, 1000000);
    }
}

Test(scan, returns_the_error_of_a_fold)
{
    struct filch_reduction reduction = counting;
    reduction.fold = troubled_fold;
    for (size_t i = 0; i < COUNT(pools); i++) {
        struct trouble trouble = {.index = 500};
        size_t total = 9;
        cr_assert_eq(filch_scan(pools[i], 0, 1000, &reduction, counting_fold, &trouble, &total,
                                NULL),
                     42);
        cr_assert_eq(total, 9);
    }
}

Test(scan, does_not_fold_the_last_block)
{
    struct filch_reduction reduction = counting;
    struct trouble trouble = {.index = 995};
    struct filch_loop loop = {.grain = 10};
    size_t total = 9;
    reduction.fold = troubled_fold;
    for (size_t i = 0; i < COUNT(pools); i++) {
        cr_assert_eq(filch_scan(pools[i], 0, 1000, &reduction, counting_fold, &trouble, &total,
                                &loop),
                     0);
        cr_assert_eq(total, 1000);
    }
    cr_assert_eq(trouble.calls, 99 * COUNT(pools));
}

Test(scan, returns_the_error_of_combining)
{
    struct filch_reduction reduction = counting;
    reduction.combine = failing_combine;
    for (size_t i = 0; i < COUNT(pools); i++) {
        size_t total = 9;
        cr_assert_eq(filch_scan(pools[i], 0, 1000, &reduction, counting_fold, NULL, &total,
                                NULL),
                     43);
        cr_assert_eq(total, 9);
        cr_assert_eq(filch_scan(pools[i], 0, 1, &reduction, counting_fold, NULL, &total, NULL),
                     0);
        cr_assert_eq(total, 1);
    }
}

Test(scan, that_is_cancelled_before_it_starts_calls_nothing)
{
    struct filch_reduction reduction = counting;
    struct filch_token *token = token_below(NULL);
    struct filch_loop loop = {.token = token};
    reduction.fold = troubled_fold;
    filch_token_cancel(token);
    for (size_t i = 0; i < COUNT(pools); i++)
        for (size_t length = 1; length <= 10; length += 9) {
            struct trouble trouble = {.index = 0};
            size_t total = 9;
            cr_assert_eq(filch_scan(pools[i], 0, length, &reduction, troubled_fold, &trouble,
                                    &total, &loop),
                         FILCH_ECANCELED);
            cr_assert_eq(trouble.calls, 0);
            cr_assert_eq(total, 9);
        }
    filch_token_release(token);
}

Test(scan, that_is_cancelled_while_it_runs_stops)
{
    for (size_t i = 0; i < COUNT(pools); i++) {
        struct filch_token *parent = token_below(NULL), *token = token_below(parent);
        struct trouble trouble = {.index = 10, .token = parent};
        struct filch_loop loop = {.grain = 1, .token = token};
        size_t total = 9;
        cr_assert_eq(filch_scan(pools[i], 0, 1000000, &counting, troubled_fold, &trouble,
                                &total, &loop),
                     FILCH_ECANCELED);
        cr_assert_eq(trouble.wrong, 0);
        cr_assert_eq(total, 9);
        if (pool_sizes[i] < 2)
            cr_assert_eq(trouble.calls, 11);
        filch_token_release(token);
        filch_token_release(parent);
    }
}

Test(scan, ends_at_its_deadline)
{
    struct filch_token *token = token_below(NULL);
    struct filch_loop loop = {.token = token};
    for (size_t i = 0; i < COUNT(pools); i++) {
        size_t total = 9;
        cr_assert_eq(filch_token_set_deadline(token, 0.001), 0);
        cr_assert_eq(filch_scan(pools[i], 0, 100, &counting, wait_for_the_end_of_time, NULL,
                                &total, &loop),
                     FILCH_ECANCELED);
        cr_assert_eq(total, 9);
    }
    filch_token_release(token);
}

static _Atomic(int) begun;

static void *scan_in_task(void *pool)
{
    size_t total = 9;
    int error =
        filch_scan(pool, 0, 100, &counting, wait_for_the_end_of_time, &begun, &total, NULL);
    return (void *)(intptr_t)(total == 9 ? error : 0);
}

Test(scan, in_a_task_that_is_told_to_stop_stops)
{
    for (size_t i = 1; i < COUNT(pools); i++) {
        void *result = run_until_stopped(pools[i], scan_in_task, &begun);
        cr_assert_eq((intptr_t)result, FILCH_ECANCELED);
    }
}

static int scan_in_child(void *pool)
{
    return filch_scan(pool, 0, 3, &counting, counting_fold, NULL, NULL, NULL) == FILCH_EFORKED
               ? 0
               : 1;
}

Test(scan, on_a_pool_that_stayed_in_the_parent_process_is_an_error)
{
    cr_assert_eq(run_in_child(scan_in_child, pools[1]), 0);
}

/* ---- Nesting and sharing ----------------------------------------------------------------- */

struct nest {
    struct filch_pool *pool;
    int levels;
};

static int nested_fold(void *context, size_t begin, size_t end, void *accumulator)
{
    struct nest *nest = context, inner = *nest;
    struct filch_reduction reduction = {sizeof(size_t), NULL, nested_fold, counting_combine};
    if (inner.levels-- == 0)
        return counting_fold(NULL, begin, end, accumulator);
    for (size_t i = begin; i < end; i++) {
        size_t leaves = 0;
        if (filch_scan(nest->pool, 0, 5, &reduction, nested_fold, &inner, &leaves, NULL))
            return 1;
        *(size_t *)accumulator += leaves;
    }
    return 0;
}

Test(scan, nests)
{
    struct filch_reduction reduction = {sizeof(size_t), NULL, nested_fold, counting_combine};
    for (size_t i = 0; i < COUNT(pools); i++) {
        struct nest nest = {pools[i], 3};
        size_t leaves = 0;
        cr_assert_eq(filch_scan(pools[i], 0, 5, &reduction, nested_fold, &nest, &leaves, NULL),
                     0);
        cr_assert_eq(leaves, 5 * 5 * 5 * 5);
    }
}

/* Two calls meet: each waits for the other one, so they must run at the same time. */
static pthread_barrier_t meeting;

static int meet(void *context, size_t begin, size_t end, void *accumulator)
{
    (void)context, (void)begin, (void)end, (void)accumulator;
    pthread_barrier_wait(&meeting);
    return 0;
}

Test(scan, runs_two_long_folds_at_once_and_two_long_scans)
{
    struct filch_reduction reduction = {sizeof(size_t), NULL, meet, counting_combine};
    pthread_barrier_init(&meeting, NULL, 2);
    for (int i = 0; i < 100; i++) /* two folds, as the last block has none, then three scans */
        cr_assert_eq(filch_scan(pools[2], 0, 3, &reduction, counting_fold, NULL, NULL, NULL),
                     0);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(filch_scan(pools[2], 0, 2, &counting, meet, NULL, NULL, NULL), 0);
    pthread_barrier_destroy(&meeting);
}

/* ---- Memory ------------------------------------------------------------------------------ */

Test(scan, allocates_once)
{
    SKIP_WITHOUT_FAILING_MEMORY();
    struct chain chain = {.size = 24};
    struct filch_reduction reduction = {24, NULL, chain_fold, chain_combine};
    long held = blocks_held;
    for (long granted = 0; granted < 2; granted++) {
        allocations_left = granted;
        int error = filch_scan(NULL, 0, 100000, &reduction, chain_fold, &chain, NULL, NULL);
        allocations_left = -1;
        cr_assert_eq(error, granted ? 0 : FILCH_ENOMEM);
        cr_assert_eq(blocks_held, held);
    }
}

Test(scan, of_accumulators_that_no_memory_holds_is_an_error)
{
    struct filch_reduction reduction = counting;
    /* AddressSanitizer takes offence at the others. */
    for (int shift = 0; shift < (ADDRESS_SANITIZER ? 1 : 8); shift++) {
        reduction.size = SIZE_MAX >> shift;
        cr_assert_eq(filch_scan(pools[1], 0, 3, &reduction, counting_fold, NULL, NULL, NULL),
                     FILCH_ENOMEM);
    }
}
