/* SPDX-License-Identifier: MIT
 *
 * filch_reduce: the order of what it combines, which is the same on any number of workers; errors,
 * cancelling, nesting, memory. */
#include "reduction.h"

TestSuite(reduce, .init = setup_pools, .fini = pools_destroy);

/* ---- Order ------------------------------------------------------------------------------- */

static void assert_chain(struct filch_pool *pool, size_t begin, size_t length, size_t grain,
                         size_t size)
{
    unsigned char identity[CHAIN_SIZE_MAX], expected[CHAIN_SIZE_MAX], result[CHAIN_SIZE_MAX];
    struct chain chain = {.size = size}, reference = {.size = size};
    struct filch_reduction reduction = {size, identity, chain_fold, chain_combine};
    struct filch_loop loop = {.grain = grain};
    _Alignas(FILCH_CACHE_LINE) unsigned char aligned[CHAIN_SIZE_MAX];
    chain_identity(identity, size);
    chain_identity(aligned, size);
    if (length)
        cr_assert_eq(chain_fold(&reference, begin, begin + length, aligned), 0);
    memcpy(expected, aligned, size);
    memset(result, 0xee, sizeof result);
    cr_assert_eq(filch_reduce(pool, begin, begin + length, &reduction, &chain, result, &loop),
                 0);
    cr_assert_arr_eq(result, expected, size, "length %zu, grain %zu, size %zu", length, grain,
                     size);
    cr_assert_eq(result[size], 0xee);
    if (grain)
        cr_assert_eq(chain.calls, length / grain + (length % grain != 0));
    else
        cr_assert_leq(chain.calls, 256);
    cr_assert_leq(chain.largest, grain ? grain : length / 256 + 1);
}

Test(reduce, keeps_the_order_of_what_does_not_commute)
{
    for (size_t i = 0; i < COUNT(pools); i++)
        for (size_t j = 0; j < COUNT(chain_lengths); j++)
            for (size_t k = 0; k < COUNT(chain_grains); k++)
                assert_chain(pools[i], 7, chain_lengths[j], chain_grains[k], 8);
}

Test(reduce, takes_accumulators_of_any_size)
{
    for (size_t i = 0; i < COUNT(pools); i++)
        for (size_t size = 1; size <= 67; size++)
            assert_chain(pools[i], size, 300, size % 3, size);
    assert_chain(pools[2], 1, 3000, 0, CHAIN_SIZE_MAX - 1);
}

Test(reduce, of_random_lengths_and_sizes_is_that_of_a_loop)
{
    uint64_t state = 1;
    for (int i = 0; i < (ADDRESS_SANITIZER ? 100 : 400); i++) {
        size_t bits = 1 + dice(&state, 17);
        assert_chain(pools[dice(&state, COUNT(pools))], dice(&state, 1000),
                     dice(&state, 100000 >> (17 - bits)), 0, 1 + dice(&state, 64));
    }
}

Test(reduce, of_a_long_range_is_that_of_a_loop)
{
    for (size_t i = 0; i < COUNT(long_chains); i++)
        assert_chain(pools[5 - i], 3, long_chains[i].length, 0, long_chains[i].size);
}

Test(reduce, reaches_the_end_of_the_numbers)
{
    assert_chain(pools[2], SIZE_MAX - 1000, 1000, 0, 4);
    assert_chain(pools[2], SIZE_MAX - 1000, 1000, 7, 4);
    assert_chain(pools[2], SIZE_MAX - 1000, 1000, SIZE_MAX, 4);
}

/* ---- The same bits ----------------------------------------------------------------------- */

struct doubles {
    const double *values;
    bool
        restless; /* now and then another thread gets the processor, so that all goes otherwise */
};

static int add_doubles(void *context, size_t begin, size_t end, void *accumulator)
{
    struct doubles *doubles = context;
    double sum = *(double *)accumulator;
    for (size_t i = begin; i < end; i++)
        sum += doubles->values[i];
    *(double *)accumulator = sum;
    static _Thread_local uint64_t state;
    if (doubles->restless && dice(&state, 4) == 0)
        sched_yield();
    return 0;
}

static int add_two(void *context, void *left, const void *right)
{
    (void)context;
    *(double *)left += *(const double *)right;
    return 0;
}

static const struct filch_reduction sum = {sizeof(double), NULL, add_doubles, add_two};

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void assert_same_bits(size_t count, int exponents, const struct filch_loop *loop)
{
    struct doubles doubles = {doubles_of(count, exponents), false};
    double first = 0, again;
    cr_assert_eq(filch_reduce(NULL, 0, count, &sum, &doubles, &first, loop), 0);
    for (int run = 0; run < 4; run++) {
        doubles.restless = run % 2;
        for (size_t i = 0; i < COUNT(pools); i++) {
            again = 0;
            cr_assert_eq(filch_reduce(pools[i], 0, count, &sum, &doubles, &again, loop), 0);
            cr_assert_eq(bits_of(again), bits_of(first), "%zu values: %a at %d workers, not %a",
                         count, again, pool_sizes[i], first);
        }
    }
    free((void *)(uintptr_t)doubles.values);
}

Test(reduce, of_doubles_has_the_same_bits_on_any_number_of_workers)
{
    struct filch_loop loop = {.grain = 77};
    size_t most = ADDRESS_SANITIZER ? 1000000 : 10000000;
    assert_same_bits(most, WILD, NULL);
    assert_same_bits(most, TAME, NULL);
    assert_same_bits(100000, TAME, &loop);
    for (size_t count = 1; count < 3000; count = count * 3 + 1)
        assert_same_bits(count, TAME, NULL);
}

/* The tree of the header, by hand. */
static double tree(const double *values, size_t first, size_t count)
{
    return count == 1 ? 0 + values[first]
                      : tree(values, first, count / 2) +
                            tree(values, first + count / 2, count - count / 2);
}

Test(reduce, combines_by_halves)
{
    struct doubles doubles = {doubles_of(256, TAME), false};
    for (size_t count = 1; count <= 256; count += 5) {
        double result = 0;
        for (size_t i = 0; i < COUNT(pools); i++) {
            cr_assert_eq(filch_reduce(pools[i], 0, count, &sum, &doubles, &result, NULL), 0);
            cr_assert_eq(bits_of(result), bits_of(tree(doubles.values, 0, count)));
        }
    }
    free((void *)(uintptr_t)doubles.values);
}

/* ---- Bad input --------------------------------------------------------------------------- */

Test(reduce, of_an_empty_or_reversed_range_is_the_identity)
{
    size_t identity = 5, result = 0;
    struct filch_reduction reduction = {sizeof identity, &identity, counting_fold,
                                        counting_combine};
    cr_assert_eq(filch_reduce(NULL, 3, 3, &reduction, NULL, &result, NULL), 0);
    cr_assert_eq(result, 5);
    cr_assert_eq(filch_reduce(pools[1], 3, 2, &counting, NULL, &result, NULL), 0);
    cr_assert_eq(result, 0);
}

Test(reduce, without_a_function_a_size_or_a_result_is_an_error)
{
    struct filch_reduction bad[] = {counting, counting, counting};
    size_t result = 9;
    bad[0].size = 0;
    bad[1].fold = NULL;
    bad[2].combine = NULL;
    for (size_t i = 0; i < COUNT(bad); i++)
        cr_assert_eq(filch_reduce(NULL, 0, 3, &bad[i], NULL, &result, NULL), FILCH_EINVAL);
    cr_assert_eq(filch_reduce(NULL, 0, 3, NULL, NULL, &result, NULL), FILCH_EINVAL);
    cr_assert_eq(filch_reduce(NULL, 0, 0, &counting, NULL, NULL, NULL), FILCH_EINVAL);
    cr_assert_eq(result, 9);
}

/* ---- Errors and cancelling --------------------------------------------------------------- */

static const struct filch_reduction troubled = {sizeof(size_t), NULL, troubled_fold,
                                                counting_combine};

Test(reduce, returns_the_error_and_stops_the_rest)
{
    struct filch_loop loop = {.grain = 1};
    for (size_t i = 0; i < COUNT(pools); i++) {
        struct trouble trouble = {.index = 500};
        size_t result = 9;
        cr_assert_eq(filch_reduce(pools[i], 0, 1000000, &troubled, &trouble, &result, &loop),
                     42);
        cr_assert_eq(result, 9);
        if (pool_sizes[i] < 2)
            cr_assert_eq(trouble.calls, 501);
        trouble.index = 1000000;
        cr_assert_eq(filch_reduce(pools[i], 0, 1000000, &troubled, &trouble, &result, NULL), 0);
        cr_assert_eq(result, 1000000);
    }
}

Test(reduce, returns_the_error_of_combining)
{
    struct filch_reduction reduction = counting;
    reduction.combine = failing_combine;
    for (size_t i = 0; i < COUNT(pools); i++) {
        size_t result = 9;
        cr_assert_eq(filch_reduce(pools[i], 0, 1000, &reduction, NULL, &result, NULL), 43);
        cr_assert_eq(result, 9);
        cr_assert_eq(filch_reduce(pools[i], 0, 1, &reduction, NULL, &result, NULL), 0);
        cr_assert_eq(result, 1);
    }
}

Test(reduce, that_is_cancelled_before_it_starts_calls_nothing)
{
    struct filch_token *token = token_below(NULL);
    struct filch_loop loop = {.token = token};
    filch_token_cancel(token);
    for (size_t i = 0; i < COUNT(pools); i++) {
        struct trouble trouble = {.index = 0};
        size_t result = 9;
        cr_assert_eq(filch_reduce(pools[i], 0, 10, &troubled, &trouble, &result, &loop),
                     FILCH_ECANCELED);
        cr_assert_eq(trouble.calls, 0);
        cr_assert_eq(result, 9);
    }
    filch_token_release(token);
}

Test(reduce, that_is_cancelled_while_it_runs_stops)
{
    for (size_t i = 0; i < COUNT(pools); i++) {
        struct filch_token *parent = token_below(NULL), *token = token_below(parent);
        struct trouble trouble = {.index = 10, .token = parent};
        struct filch_loop loop = {.grain = 1, .token = token};
        size_t result = 9;
        cr_assert_eq(filch_reduce(pools[i], 0, 1000000, &troubled, &trouble, &result, &loop),
                     FILCH_ECANCELED);
        cr_assert_eq(trouble.wrong, 0);
        cr_assert_eq(result, 9);
        if (pool_sizes[i] < 2)
            cr_assert_eq(trouble.calls, 11);
        filch_token_release(token);
        filch_token_release(parent);
    }
}

Test(reduce, ends_at_its_deadline)
{
    struct filch_reduction reduction = counting;
    struct filch_token *token = token_below(NULL);
    struct filch_loop loop = {.token = token};
    reduction.fold = wait_for_the_end_of_time;
    for (size_t i = 0; i < COUNT(pools); i++) {
        size_t result = 9;
        cr_assert_eq(filch_token_set_deadline(token, 0.001), 0);
        cr_assert_eq(filch_reduce(pools[i], 0, 100, &reduction, NULL, &result, &loop),
                     FILCH_ECANCELED);
        cr_assert_eq(result, 9);
    }
    filch_token_release(token);
}

static _Atomic(int) begun;

static void *reduce_in_task(void *pool)
{
    struct filch_reduction reduction = counting;
    size_t result = 9;
    reduction.fold = wait_for_the_end_of_time;
    int error = filch_reduce(pool, 0, 100, &reduction, &begun, &result, NULL);
    return (void *)(intptr_t)(result == 9 ? error : 0);
}

Test(reduce, in_a_task_that_is_told_to_stop_stops)
{
    for (size_t i = 1; i < COUNT(pools); i++) {
        void *result = run_until_stopped(pools[i], reduce_in_task, &begun);
        cr_assert_eq((intptr_t)result, FILCH_ECANCELED);
    }
}

static int reduce_in_child(void *pool)
{
    size_t result = 9;
    return filch_reduce(pool, 0, 3, &counting, NULL, &result, NULL) == FILCH_EFORKED &&
                   result == 9
               ? 0
               : 1;
}

Test(reduce, on_a_pool_that_stayed_in_the_parent_process_is_an_error)
{
    cr_assert_eq(run_in_child(reduce_in_child, pools[1]), 0);
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
        if (filch_reduce(nest->pool, 0, 7, &reduction, &inner, &leaves, NULL))
            return 1;
        *(size_t *)accumulator += leaves;
    }
    return 0;
}

Test(reduce, nests)
{
    struct filch_reduction reduction = {sizeof(size_t), NULL, nested_fold, counting_combine};
    for (size_t i = 0; i < COUNT(pools); i++) {
        struct nest nest = {pools[i], 4};
        size_t leaves = 0;
        cr_assert_eq(filch_reduce(pools[i], 0, 7, &reduction, &nest, &leaves, NULL), 0);
        cr_assert_eq(leaves, 7 * 7 * 7 * 7 * 7);
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

Test(reduce, runs_two_long_calls_at_once)
{
    struct filch_reduction reduction = {sizeof(size_t), NULL, meet, counting_combine};
    pthread_barrier_init(&meeting, NULL, 2);
    for (int i = 0; i < 100; i++) {
        size_t result;
        cr_assert_eq(filch_reduce(pools[2], 0, 2, &reduction, NULL, &result, NULL), 0);
    }
    pthread_barrier_destroy(&meeting);
}

/* The first call takes so long that the others are worth sharing; these go on once two threads are
 * there. */
struct crowd {
    _Atomic(int) seen[2]; /* by the number of their worker */
};

static double seconds(struct timespec time)
{
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int gather(void *context, size_t begin, size_t end, void *accumulator)
{
    struct crowd *crowd = context;
    struct timespec now;
    double until = 0;
    (void)end, (void)accumulator;
    for (double at = 0; begin == 0 && at <= until; at = seconds(now)) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        until = until > 0 ? until : seconds(now) + 1e-4;
    }
    while (begin > 0 && !(crowd->seen[0] && crowd->seen[1])) {
        crowd->seen[filch_pool_worker()] = 1;
        sched_yield();
    }
    return 0;
}

Test(reduce, of_many_long_calls_is_shared)
{
    struct filch_reduction reduction = {sizeof(size_t), NULL, gather, counting_combine};
    for (int i = 0; i < 100; i++) {
        struct crowd crowd = {{0}};
        size_t result;
        cr_assert_eq(filch_reduce(pools[2], 0, 200, &reduction, &crowd, &result, NULL), 0);
    }
}

/* ---- Memory ------------------------------------------------------------------------------ */

Test(reduce, of_small_accumulators_allocates_nothing)
{
    SKIP_WITHOUT_FAILING_MEMORY();
    struct chain chain = {.size = FILCH_CACHE_LINE};
    struct filch_reduction reduction = {FILCH_CACHE_LINE, NULL, chain_fold, chain_combine};
    unsigned char result[FILCH_CACHE_LINE];
    allocations_left = 0;
    int error = filch_reduce(NULL, 0, 10000, &reduction, &chain, result, NULL);
    allocations_left = -1;
    cr_assert_eq(error, 0);
}

Test(reduce, without_memory_for_accumulators_is_an_error)
{
    SKIP_WITHOUT_FAILING_MEMORY();
    unsigned char result[FILCH_CACHE_LINE + 1];
    struct filch_reduction reduction = {sizeof result, NULL, chain_fold, chain_combine};
    struct chain chain = {.size = sizeof result};
    int error = FILCH_ENOMEM;
    long held = blocks_held, tries = 0;
    for (; error; tries++) {
        memset(result, 0xee, sizeof result);
        allocations_left = tries;
        error = filch_reduce(NULL, 0, 10, &reduction, &chain, result, NULL);
        allocations_left = -1;
        cr_assert(error == 0 || (error == FILCH_ENOMEM && result[0] == 0xee));
        cr_assert_eq(blocks_held, held);
    }
    cr_assert_eq(tries, 11); /* the result, and 9 nodes' */
}

Test(reduce, of_accumulators_that_no_memory_holds_is_an_error)
{
    struct filch_reduction reduction = counting;
    size_t result = 9;
    /* AddressSanitizer takes offence at the others. */
    for (int shift = 0; shift < (ADDRESS_SANITIZER ? 1 : 8); shift++) {
        reduction.size = SIZE_MAX >> shift;
        cr_assert_eq(filch_reduce(pools[1], 0, 3, &reduction, NULL, &result, NULL),
                     FILCH_ENOMEM);
    }
    cr_assert_eq(result, 9);
}
