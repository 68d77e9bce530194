/* SPDX-License-Identifier: MIT
 *
 * filch_sum_double and filch_sum_double_compensated: the same bits on any number of workers, and
 * how far off they may be. */
#include "reduction.h"

#include <math.h>

TestSuite(sum, .init = setup_pools, .fini = pools_destroy);

typedef int sum_fn(struct filch_pool *pool, const double *values, size_t count, double *sum,
                   const struct filch_loop *options);

static sum_fn *const sums[] = {filch_sum_double, filch_sum_double_compensated};

static double sum_of(sum_fn *fn, struct filch_pool *pool, const double *values, size_t count)
{
    double sum = NAN;
    cr_assert_eq(fn(pool, values, count, &sum, NULL), 0);
    return sum;
}

Test(sum, has_the_same_bits_on_any_number_of_workers)
{
    size_t most = ADDRESS_SANITIZER ? 1000000 : 10000000;
    double *values[] = {doubles_of(most, WILD), doubles_of(most, TAME)};
    for (size_t count = most; count > 0; count /= 3)
        for (size_t i = 0; i < 2 * COUNT(sums); i++) {
            double first = sum_of(sums[i / 2], NULL, values[i % 2], count);
            for (size_t j = 0; j < COUNT(pools); j++) {
                double again = sum_of(sums[i / 2], pools[j], values[i % 2], count);
                cr_assert(memcmp(&again, &first, sizeof first) == 0, "%zu: %a, not %a", count,
                          again, first);
            }
        }
    free(values[0]);
    free(values[1]);
}

Test(sum, of_whole_numbers_is_exact)
{
    enum { MOST = 40000 };
    static double values[MOST];
    struct filch_loop loop = {.grain = 5};
    for (size_t i = 0; i < MOST; i++)
        values[i] = (double)i + 1;
    for (size_t count = 0; count <= MOST; count += count < 100 ? 1 : 1331)
        for (size_t i = 0; i < COUNT(sums); i++) {
            double expected = (double)count * ((double)count + 1) / 2, sum = NAN;
            cr_assert_eq(sum_of(sums[i], pools[i], values, count), expected);
            cr_assert_eq(sums[i](pools[2], values, count, &sum, &loop), 0);
            cr_assert_eq(sum, expected);
        }
}

/* 10,000 large pairs that cancel each other out, and small numbers between them. */
Test(sum, that_is_compensated_keeps_what_cancellation_leaves)
{
    enum { PAIRS = 10000, MOST = 3 * PAIRS };
    double *values = malloc(MOST * sizeof *values);
    uint64_t state = 3;
    cr_assert(values);
    for (size_t i = 0; i < PAIRS; i++) {
        values[i] = ldexp(1 + (double)dice(&state, 1 << 20), (int)dice(&state, 20));
        values[PAIRS + i] = -values[i];
        values[2 * PAIRS + i] = 0x1p-30; /* exact sums of these alone */
    }
    for (size_t i = MOST - 1; i > 0; i--) {
        size_t other = dice(&state, i + 1);
        double value = values[i];
        values[i] = values[other];
        values[other] = value;
    }
    for (size_t i = 0; i < COUNT(pools); i++) {
        double sum = sum_of(filch_sum_double_compensated, pools[i], values, MOST);
        /* u * |sum|, as the rest of the bound is less than a tenth of that here */
        cr_assert_leq(fabs(sum - PAIRS * 0x1p-30), PAIRS * 0x1p-30 * 0x1p-52);
    }
    cr_assert_neq(sum_of(filch_sum_double, NULL, values, MOST), PAIRS * 0x1p-30);
    free(values);
}

/* Against whole numbers of 2^-120, in 256 bits: exact for wild numbers. */
struct exact {
    uint64_t digits[4];
};

static void exact_add(struct exact *exact, double value)
{
    int exponent;
    double fraction = frexp(fabs(value), &exponent); /* 53 bits, from 2^(exponent - 53) on */
    uint64_t mantissa = (uint64_t)ldexp(fraction, 53);
    int shift = exponent - 53 + 120, digit;
    uint64_t parts[4] = {0}, carry = value < 0;
    for (; shift < 0; shift++, mantissa /= 2)
        cr_assert(mantissa % 2 == 0);
    digit = shift / 64;
    cr_assert(digit < 3);
    parts[digit] = mantissa << shift % 64;
    parts[digit + 1] = shift % 64 ? mantissa >> (64 - shift % 64) : 0;
    for (int i = 0; i < 4; i++) {
        uint64_t part = value < 0 ? ~parts[i] : parts[i];
        uint64_t sum = exact->digits[i] + part, all = sum + carry;
        carry = (sum < part) | (all < sum);
        exact->digits[i] = all;
    }
}

/* As a double, when what is left after subtracting most of it is small: |exact - value|. */
static double distance(struct exact exact, double value)
{
    double result = 0;
    exact_add(&exact, -value);
    bool negative = exact.digits[3] >> 63;
    for (int i = 3; i >= 0; i--)
        result = result * 0x1p64 + (double)(negative ? ~exact.digits[i] : exact.digits[i]);
    return (result + negative) * 0x1p-120;
}

Test(sum, that_is_compensated_is_as_near_as_promised)
{
    size_t most = ADDRESS_SANITIZER ? 30000 : 300000;
    double *values = doubles_of(most, WILD);
    for (size_t count = most; count > 0; count /= 2) {
        struct exact exact = {{0}};
        double magnitude = 0,
               sum = sum_of(filch_sum_double_compensated, pools[2], values, count);
        for (size_t i = 0; i < count; i++) {
            exact_add(&exact, values[i]);
            magnitude += fabs(values[i]);
        }
        double u = 0x1p-53, hu = (1050 + 2 * log2((double)count)) * u;
        double bound = (u * fabs(sum) + hu * hu * magnitude) * (1 + 1e-9);
        double off = distance(exact, sum);
        cr_assert_leq(off, bound, "%zu values: off by %g, bound %g", count, off, bound);
    }
    free(values);
}

Test(sum, of_infinities_and_nan_is_what_addition_makes_of_them)
{
    enum { MOST = 20000 };
    static double values[MOST];
    for (size_t i = 0; i < COUNT(sums); i++) {
        memset(values, 0, sizeof values);
        values[9999] = INFINITY;
        cr_assert_eq(sum_of(sums[i], pools[2], values, MOST), INFINITY);
        values[19999] = -INFINITY;
        cr_assert(isnan(sum_of(sums[i], pools[2], values, MOST)));
        values[9999] = 0;
        cr_assert_eq(sum_of(sums[i], NULL, values, MOST), -INFINITY);
        values[19999] = NAN;
        cr_assert(isnan(sum_of(sums[i], pools[2], values, MOST)));
        for (size_t j = 0; j < MOST; j++)
            values[j] = DBL_MAX;
        cr_assert_eq(sum_of(sums[i], pools[2], values, MOST), INFINITY);
    }
}

Test(sum, of_nothing_is_0_and_of_no_array_an_error)
{
    for (size_t i = 0; i < COUNT(sums); i++) {
        double sum = 9, value = 1;
        cr_assert_eq(sums[i](pools[1], NULL, 0, &sum, NULL), 0);
        cr_assert_eq(sum, 0);
        sum = 9;
        cr_assert_eq(sums[i](pools[1], NULL, 1, &sum, NULL), FILCH_EINVAL);
        cr_assert_eq(sums[i](pools[1], &value, SIZE_MAX / sizeof value + 1, &sum, NULL),
                     FILCH_EINVAL);
        cr_assert_eq(sums[i](pools[1], &value, 1, NULL, NULL), FILCH_EINVAL);
        cr_assert_eq(sum, 9);
    }
}

Test(sum, that_is_cancelled_is_left_as_it_was)
{
    struct filch_token *token = token_below(NULL);
    struct filch_loop loop = {.token = token};
    filch_token_cancel(token);
    for (size_t i = 0; i < COUNT(sums); i++) {
        double sum = 9, value = 1;
        cr_assert_eq(sums[i](pools[1], &value, 1, &sum, &loop), FILCH_ECANCELED);
        cr_assert_eq(sum, 9);
    }
    filch_token_release(token);
}

Test(sum, allocates_nothing)
{
    SKIP_WITHOUT_FAILING_MEMORY();
    double *values = doubles_of(100000, TAME);
    for (size_t i = 0; i < COUNT(sums); i++) {
        double sum;
        allocations_left = 0;
        int error = sums[i](NULL, values, 100000, &sum, NULL);
        allocations_left = -1;
        cr_assert_eq(error, 0);
    }
    free(values);
}
