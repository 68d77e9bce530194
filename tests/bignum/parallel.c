/* SPDX-License-Identifier: MIT
 *
 * Numbers, Lucas numbers and texts on pools of 1 to 3 workers, and by one thread: all agree with
 * GMP. Every step is forked here that can be. */
#include <filch/bignum.h>
#include <filch/future.h>
#include <filch/pool.h>

#include "bignum/tuning.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POOLS = 4 };

/* NULL, and pools of 1, 2 and 3 workers. */
static struct filch_pool *pools[POOLS];

static void make_pools(void)
{
    for (int i = 1; i < POOLS; i++) {
        struct filch_pool_options options = {.workers = i};
        cr_assert_eq(filch_pool_create(&options, &pools[i]), 0);
    }
    fi_tuning = (struct fi_tuning){.doubling_from = 50,
                                   .forks_from = 100,
                                   .decimal_forks_from = 100,
                                   .decimal_from = 500};
}

static void remove_pools(void)
{
    for (int i = 1; i < POOLS; i++)
        filch_pool_destroy(pools[i]);
}

TestSuite(parallel, .init = make_pools, .fini = remove_pools);

static void expect_same(mpz_srcptr is, mpz_srcptr wanted, const char *what, uint64_t n, int i)
{
    cr_expect_eq(mpz_cmp(is, wanted), 0, "%s(%" PRIu64 "), %d workers", what, n, i);
}

static void expect_number(uint64_t n, int i, enum filch_fib_algorithm algorithm)
{
    struct filch_fib_options options = {.algorithm = algorithm, .pool = pools[i]};
    mpz_t result, wanted;
    mpz_inits(result, wanted, NULL);
    mpz_fib_ui(wanted, (unsigned long)n);
    cr_assert_eq(filch_fib(result, n, &options), 0);
    expect_same(result, wanted, "F", n, i);
    mpz_lucnum_ui(wanted, (unsigned long)n);
    cr_assert_eq(filch_lucas(result, n, &options), 0);
    expect_same(result, wanted, "L", n, i);
    mpz_clears(result, wanted, NULL);
}

static void expect_text(uint64_t n, int i, enum filch_fib_algorithm algorithm)
{
    struct filch_fib_options options = {.algorithm = algorithm, .pool = pools[i]};
    mpz_t wanted;
    mpz_init(wanted);
    mpz_fib_ui(wanted, (unsigned long)n);
    char *digits = mpz_get_str(NULL, 10, wanted), *text = NULL, *printed = NULL;
    size_t length = 0, count = 0;
    cr_assert_eq(filch_fib_string(&text, &length, n, &options), 0);
    cr_expect_str_eq(text, digits, "F(%" PRIu64 "), %d workers", n, i);
    cr_expect_eq(length, strlen(digits));
    FILE *stream = open_memstream(&printed, &count);
    cr_assert_eq(filch_fib_print(stream, n, &options), 0);
    cr_assert_eq(fclose(stream), 0);
    cr_expect_str_eq(printed, digits, "F(%" PRIu64 ") printed, %d workers", n, i);
    free(text);
    free(digits);
    free(printed);
    mpz_clear(wanted);
}

Test(parallel, every_number_to_5000_is_right)
{
    for (uint64_t n = 0; n <= 5000; n++)
        for (int i = 0; i < POOLS; i++)
            expect_number(n, i, n % 2 ? FILCH_FIB_AUTO : FILCH_FIB_DOUBLING);
}

Test(parallel, every_text_to_5000_is_right)
{
    for (uint64_t n = 0; n <= 5000; n++)
        for (int i = 0; i < POOLS; i++)
            expect_text(n, i, n % 2 ? FILCH_FIB_AUTO : FILCH_FIB_DOUBLING);
}

Test(parallel, any_number_is_right)
{
    srand48(20250713);
    for (int i = 0; i < 60; i++) {
        uint64_t n = (uint64_t)(lrand48() % (i % 20 == 0 ? 4000000 : 300000));
        expect_number(n, i % POOLS, FILCH_FIB_AUTO);
        expect_text(n, i % POOLS, FILCH_FIB_AUTO);
    }
}

Test(parallel, lucas_numbers_keep_their_identities)
{
    mpz_t f, l, sum, neighbour;
    mpz_inits(f, l, sum, neighbour, NULL);
    struct filch_fib_options options = {.pool = pools[2]};
    for (uint64_t n = 100001; n < 100009; n++) {
        cr_assert_eq(filch_fib(f, n - 1, &options), 0);
        cr_assert_eq(filch_fib(neighbour, n + 1, &options), 0);
        cr_assert_eq(filch_lucas(l, n, &options), 0);
        mpz_add(sum, f, neighbour);
        expect_same(l, sum, "L", n, 2);
        cr_assert_eq(filch_fib(f, n, &options), 0);
        cr_assert_eq(filch_fib(neighbour, 2 * n, &options), 0);
        mpz_mul(f, f, l);
        expect_same(f, neighbour, "F(n) L(n) = F(2n), n = ", n, 2);
    }
    mpz_clears(f, l, sum, neighbour, NULL);
}

Test(parallel, lucas_numbers_can_be_added_up)
{
    struct filch_fib_options adding = {.algorithm = FILCH_FIB_ADD};
    mpz_t l, wanted;
    mpz_inits(l, wanted, NULL);
    for (uint64_t n = 0; n < 300; n++) {
        mpz_lucnum_ui(wanted, (unsigned long)n);
        cr_assert_eq(filch_lucas(l, n, &adding), 0);
        expect_same(l, wanted, "L", n, 1);
    }
    mpz_clears(l, wanted, NULL);
}

static void *find_in_task(void *pool)
{
    struct filch_fib_options options = {.pool = pool};
    mpz_t result, wanted;
    mpz_inits(result, wanted, NULL);
    mpz_fib_ui(wanted, 70001);
    int error = filch_fib(result, 70001, &options);
    if (!error && mpz_cmp(result, wanted) != 0)
        error = FILCH_ECHECK;
    mpz_clears(result, wanted, NULL);
    return error ? filch_fail(error, "no number") : NULL;
}

Test(parallel, tasks_of_the_same_pool_may_ask_for_numbers)
{
    struct filch_future *futures[8];
    for (int i = 0; i < 8; i++)
        cr_assert_eq(filch_pool_submit(pools[2], find_in_task, pools[2], &futures[i]), 0);
    for (int i = 0; i < 8; i++) {
        cr_expect_eq(filch_future_result(futures[i], FILCH_FOREVER, NULL), 0);
        filch_future_release(futures[i]);
    }
}

Test(parallel, a_stream_that_takes_nothing_is_an_error)
{
    char byte;
    FILE *stream = fmemopen(&byte, 1, "r");
    cr_assert_not_null(stream);
    cr_expect_eq(filch_fib_print(stream, 100, NULL), FILCH_EIO);
    cr_expect_eq(filch_fib_print(stream, 100000, NULL), FILCH_EIO);
    fclose(stream);
}
