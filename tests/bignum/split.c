/* SPDX-License-Identifier: MIT
 *
 * Products in parts are GMP's, for any numbers, parts and workers; and so are the Fibonacci numbers
 * and texts made of them, within the memory that was named. */
#include "bignum/split.h"

#include <filch/bignum.h>
#include <filch/future.h>

#include "bignum/tuning.h"
#include "counting.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* With the least stacks that they promise to do with. */
static struct filch_pool *pool_of(int workers)
{
    struct filch_pool *pool;
    const struct filch_pool_options options = {.workers = workers, .stack_size = 256 * 1024};
    cr_assert_eq(filch_pool_create(&options, &pool), 0);
    return pool;
}

/* ---- Products -------------------------------------------------------------------------------- */

enum style { RANDOM, RUNS, ONES, POWER, ONE, ZERO, HIGH_ZEROS, STYLES };

/* POWER and ONE: one bit set, the highest or the lowest one. */
static void fill(mp_limb_t *limbs, mp_size_t count, enum style style)
{
    if (style == RUNS)
        mpn_random2(limbs, count);
    else
        mpn_random(limbs, count);
    if (style == ONES)
        memset(limbs, 0xff, (size_t)count * sizeof *limbs);
    if (style == POWER || style == ONE || style == ZERO)
        memset(limbs, 0, (size_t)count * sizeof *limbs);
    if (style == POWER)
        limbs[count - 1] = (mp_limb_t)1 << 63;
    if (style == ONE)
        limbs[0] = 1;
    if (style == HIGH_ZEROS)
        memset(limbs + count / 3, 0, (size_t)(count - count / 3) * sizeof *limbs);
}

enum { LIMBS = 3000 };

/* Some products at a time, of different sizes and styles. */
struct several {
    mp_limb_t factors[FI_SPLIT_PRODUCTS][2][LIMBS], to[FI_SPLIT_PRODUCTS][2 * LIMBS + 1];
    struct fi_product products[FI_SPLIT_PRODUCTS];
    int count;
};

static const mp_limb_t guard = UINT64_C(0xfeedfacefeedface);

static void add(struct several *several, mp_size_t a_size, mp_size_t b_size, enum style a,
                enum style b, int parts)
{
    int i = several->count++;
    bool square = b_size == 0;
    mp_limb_t *to = several->to[i];
    fill(several->factors[i][0], a_size, a);
    if (!square)
        fill(several->factors[i][1], b_size, b);
    several->products[i] = (struct fi_product){
        to,     several->factors[i][0],   several->factors[i][square ? 0 : 1],
        a_size, square ? a_size : b_size, parts};
    to[a_size + several->products[i].b_size] = guard;
}

static void expect_products(struct several *several, struct filch_pool *pool)
{
    static mp_limb_t wanted[2 * LIMBS];
    cr_expect(fi_split(pool, several->products, several->count, NULL, NULL));
    for (int i = 0; i < several->count; i++) {
        const struct fi_product *p = &several->products[i];
        if (p->a_size >= p->b_size)
            mpn_mul(wanted, p->a, p->a_size, p->b, p->b_size);
        else
            mpn_mul(wanted, p->b, p->b_size, p->a, p->a_size);
        cr_expect_eq(mpn_cmp(p->to, wanted, p->a_size + p->b_size), 0,
                     "%ld x %ld limbs in %d parts", (long)p->a_size, (long)p->b_size, p->parts);
        cr_expect_eq(p->to[p->a_size + p->b_size], guard, "%ld x %ld limbs in %d parts",
                     (long)p->a_size, (long)p->b_size, p->parts);
    }
    several->count = 0;
}

Test(split, products_of_any_size_are_gmps)
{
    static struct several several;
    struct filch_pool *pool = pool_of(2);
    for (int parts = 1; parts <= FI_SPLIT_PARTS; parts++) {
        for (mp_size_t limbs = 1; limbs < 150; limbs++) {
            add(&several, limbs, 0, RANDOM, RANDOM, parts);
            add(&several, limbs, limbs, RANDOM, RUNS, parts);
            add(&several, limbs, limbs + 1, RUNS, RANDOM, parts);
            add(&several, limbs + 2, limbs, RANDOM, RUNS, parts);
            expect_products(&several, pool);
        }
    }
    filch_pool_destroy(pool);
}

Test(split, products_of_any_numbers_are_gmps)
{
    static struct several several;
    struct filch_pool *pool = pool_of(3);
    for (int parts = 2; parts <= FI_SPLIT_PARTS; parts++) {
        for (int i = 0; i < STYLES * STYLES * 4; i++) {
            enum style a = (enum style)(i % STYLES), b = (enum style)(i / STYLES % STYLES);
            mp_size_t limbs = 300 + i;
            add(&several, limbs, 0, a, a, parts);
            add(&several, limbs, limbs, a, b, parts);
            add(&several, limbs + i % 3, limbs - 1, a, b, parts);
            add(&several, limbs / parts * parts, limbs / parts * parts, a, b, parts);
            expect_products(&several, pool);
        }
    }
    filch_pool_destroy(pool);
}

/* A coefficient x of the product for which x times the divisor's odd part is a power of two and a
 * little more: every limb of the division borrows. */
Test(split, exact_divisions_borrow)
{
    static struct several several;
    struct filch_pool *pool = pool_of(2);
    for (int parts = 2; parts <= FI_SPLIT_PARTS; parts++) {
        enum { PART = 100 };
        mpz_t x, divisor;
        mpz_init_set_ui(x, 1);
        mpz_init(divisor);
        mpz_fac_ui(divisor, (unsigned long)(2 * (parts - 1)));
        mpz_tdiv_q_2exp(divisor, divisor, mpz_scan1(divisor, 0));
        mpz_mul_2exp(x, x, 64 * (PART - 1));
        mpz_cdiv_q(x, x, divisor);
        for (int place = 0; place < parts - 1; place++) {
            add(&several, parts * PART, parts * PART, ZERO, ONE, parts);
            mpn_copyi(several.factors[0][0] + place * PART, mpz_limbs_read(x),
                      (mp_size_t)mpz_size(x));
            expect_products(&several, pool);
        }
        mpz_clears(x, divisor, NULL);
    }
    filch_pool_destroy(pool);
}

Test(split, products_are_gmps_for_any_number_of_workers)
{
    static struct several several;
    for (int workers = 1; workers <= 16; workers++) {
        struct filch_pool *pool = pool_of(workers);
        for (int parts = 1; parts <= FI_SPLIT_PARTS; parts++) {
            for (int i = 0; i < 4; i++) {
                add(&several, LIMBS - i, 0, RANDOM, RANDOM, parts);
                add(&several, LIMBS - i, LIMBS, RANDOM, RUNS, parts);
                if (i % 2)
                    add(&several, LIMBS / 2, 0, ONES, ONES, FI_SPLIT_PARTS + 1 - parts);
                expect_products(&several, pool);
            }
        }
        filch_pool_destroy(pool);
    }
}

struct stopper {
    atomic_int questions;
    int stop_at;
};

static bool stops(void *context)
{
    struct stopper *stopper = context;
    return stopper->questions++ == stopper->stop_at;
}

Test(split, it_asks_before_every_multiplication_and_leaks_nothing)
{
    static struct several several;
    struct filch_pool *pool = pool_of(4);
    counting_begin();
    for (int at = 0; at <= 3 + 9; at++) {
        struct stopper stopper = {.stop_at = at};
        add(&several, LIMBS, 0, RANDOM, RANDOM, 2);
        add(&several, LIMBS, LIMBS, RANDOM, RANDOM, 5);
        counting_restart(); /* random numbers have a state */
        bool done = fi_split(pool, several.products, several.count, stops, &stopper);
        cr_expect_eq(done, at == 3 + 9);
        cr_expect_eq(stopper.questions, 3 + 9);
        cr_expect_eq(live, 0);
        several.count = 0;
    }
    filch_pool_destroy(pool);
}

Test(split, a_plan_gives_every_worker_a_point)
{
    fi_tuning.split_from = 100;
    for (int workers = 1; workers <= 40; workers++) {
        struct filch_pool *pool = pool_of(workers);
        for (int count = 1; count <= FI_SPLIT_PRODUCTS; count *= 2) {
            int parts[FI_SPLIT_PRODUCTS], points = 0;
            cr_expect_not(fi_split_plan(pool, 99, count, parts));
            bool pays = fi_split_plan(pool, 100, count, parts);
            cr_expect_eq(pays, workers >= (count == 4 ? 6 : 3), "%d workers, %d", workers,
                         count);
            for (int i = 0; i < count; i++) {
                cr_expect(pays ? parts[i] >= 2 && parts[i] <= FI_SPLIT_PARTS : parts[i] == 1);
                points += 2 * parts[i] - 1;
            }
            if (pays)
                cr_expect(points <= 3 * workers &&
                              (points > workers / 2 || points >= 15 * count),
                          "%d workers, %d points", workers, points);
        }
        filch_pool_destroy(pool);
    }
    cr_expect_not(fi_split_plan(NULL, 100, 1, &(int){0}));
}

/* ---- Numbers and texts ----------------------------------------------------------------------- */

static void expect_number(uint64_t n, const struct filch_fib_options *options)
{
    mpz_t result, wanted;
    mpz_inits(result, wanted, NULL);
    mpz_fib_ui(wanted, (unsigned long)n);
    cr_assert_eq(filch_fib(result, n, options), 0);
    cr_expect_eq(mpz_cmp(result, wanted), 0, "F(%" PRIu64 ")", n);
    mpz_lucnum_ui(wanted, (unsigned long)n);
    cr_assert_eq(filch_lucas(result, n, options), 0);
    cr_expect_eq(mpz_cmp(result, wanted), 0, "L(%" PRIu64 ")", n);
    mpz_clears(result, wanted, NULL);
}

static void expect_text(uint64_t n, const struct filch_fib_options *options)
{
    mpz_t wanted;
    mpz_init(wanted);
    mpz_fib_ui(wanted, (unsigned long)n);
    char *digits = mpz_get_str(NULL, 10, wanted), *text = NULL;
    cr_assert_eq(filch_fib_string(&text, NULL, n, options), 0);
    cr_expect_eq(strcmp(text, digits), 0, "F(%" PRIu64 ")", n);
    free(digits);
    free(text);
    mpz_clear(wanted);
}

static void expect_many(int workers)
{
    struct filch_fib_options options = {.pool = pool_of(workers)};
    fi_tuning = (struct fi_tuning){.doubling_from = 50,
                                   .forks_from = 100,
                                   .decimal_forks_from = 100,
                                   .decimal_from = 500,
                                   .split_from = 64,
                                   .split_workers = 3};
    srand48(workers);
    for (int i = 0; i < 60; i++) {
        uint64_t n = (uint64_t)(i < 30 ? 15000 + i : lrand48() % (i < 56 ? 400000 : 3000000));
        expect_number(n, &options);
        expect_text(n, &options);
    }
    filch_pool_destroy(options.pool);
}

Test(split, numbers_and_texts_of_3_workers_are_gmps)
{
    expect_many(3);
}

Test(split, numbers_and_texts_of_4_workers_are_gmps)
{
    expect_many(4);
}

Test(split, numbers_and_texts_of_5_workers_are_gmps)
{
    expect_many(5);
}

Test(split, numbers_and_texts_of_8_workers_are_gmps)
{
    expect_many(8);
}

Test(split, numbers_and_texts_of_16_workers_are_gmps)
{
    expect_many(16);
}

static void *find_in_task(void *pool)
{
    const struct filch_fib_options options = {.pool = pool};
    expect_number(70001, &options);
    return NULL;
}

Test(split, tasks_of_the_same_pool_may_ask_for_numbers)
{
    struct filch_pool *pool = pool_of(4);
    struct filch_future *futures[12];
    fi_tuning.forks_from = 100;
    fi_tuning.decimal_forks_from = 100;
    fi_tuning.split_from = 64;
    for (int i = 0; i < 12; i++)
        cr_assert_eq(filch_pool_submit(pool, find_in_task, pool, &futures[i]), 0);
    for (int i = 0; i < 12; i++) {
        cr_expect_eq(filch_future_result(futures[i], FILCH_FOREVER, NULL), 0);
        filch_future_release(futures[i]);
    }
    filch_pool_destroy(pool);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

Test(split, two_workers_split_nothing)
{
    struct filch_fib_options options = {.pool = pool_of(2)};
    fi_tuning.split_from = 1;
    int parts[FI_SPLIT_PRODUCTS];
    for (int count = 1; count <= FI_SPLIT_PRODUCTS; count *= 2)
        cr_expect_not(fi_split_plan(options.pool, 1000000, count, parts));
    filch_pool_destroy(options.pool);
}

/* Others go ahead, so that all workers are multiplying at a time, on any number of cores. */
static void *allocate_slowly(size_t size)
{
    void *block = counting_allocate(size);
    for (int i = 0; i < 300 && size > 4096; i++)
        sched_yield();
    return block;
}

Test(split, no_number_takes_more_memory_than_it_said)
{
    counting_begin();
    mp_set_memory_functions(allocate_slowly, counting_reallocate, counting_free);
    for (int workers = 3; workers <= 16; workers += workers < 6 ? 1 : 5) {
        struct filch_fib_options options = {.pool = pool_of(workers)};
        fi_tuning.forks_from = 1000;
        fi_tuning.decimal_forks_from = 1000;
        fi_tuning.split_from = 500;
        for (uint64_t n = 100000 + (uint64_t)workers; n < 6000000; n += n / 6) {
            mpz_t result;
            counting_restart();
            mpz_init(result);
            cr_assert_eq(filch_fib(result, n, &options), 0);
            cr_expect_leq(peak, filch_fib_memory(n, FILCH_FIB_NUMBER, &options),
                          "F(%" PRIu64 "), %d workers", n, workers);
            cr_expect_geq(peak, n / 3, "F(%" PRIu64 ") is not counted well", n);
            mpz_clear(result);
        }
        filch_pool_destroy(options.pool);
    }
}
