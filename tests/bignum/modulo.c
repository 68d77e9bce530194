/* SPDX-License-Identifier: MIT
 *
 * F(n) modulo m agrees with the remainder of F(n), with known values for huge n, and with itself
 * by Pisano's period; whatever the size of m, checked or not, and on a pool. */
#include <filch/bignum.h>
#include <filch/pool.h>

#include "bignum/tuning.h"
#include "counting.h"

#include <criterion/criterion.h>
#include <inttypes.h>

static void expect_remainder(uint64_t n, mpz_srcptr m, const struct filch_fib_options *options)
{
    mpz_t result, wanted;
    mpz_inits(result, wanted, NULL);
    cr_assert_eq(filch_fib_mod(result, n, m, options), 0);
    mpz_fib_ui(wanted, (unsigned long)n);
    mpz_mod(wanted, wanted, m);
    cr_expect_eq(mpz_cmp(result, wanted), 0, "F(%" PRIu64 ") modulo %zu bits", n,
                 mpz_sizeinbase(m, 2));
    mpz_clears(result, wanted, NULL);
}

Test(modulo, one_word_agrees_with_the_remainder)
{
    mpz_t m;
    mpz_init(m);
    for (uint64_t n = 0; n < 300; n++) {
        for (unsigned long i = 1; i < 40; i++) {
            mpz_set_ui(m, i);
            expect_remainder(n, m, NULL);
            mpz_set_ui(m, ~0ul - i + 1);
            expect_remainder(n, m, NULL);
        }
    }
    mpz_clear(m);
}

static void expect_remainders(mp_bitcnt_t most, const struct filch_fib_options *options)
{
    mpz_t m;
    gmp_randstate_t random;
    gmp_randinit_default(random);
    mpz_init(m);
    for (mp_bitcnt_t bits = 1; bits < most; bits += bits / 3 + 1) {
        for (uint64_t n = 0; n < 8; n++) {
            mpz_rrandomb(m, random, bits);
            expect_remainder(n * n * bits / 4 + n, m, options);
        }
    }
    mpz_clear(m);
    gmp_randclear(random);
}

Test(modulo, any_size_agrees_with_the_remainder)
{
    static const struct filch_fib_options unchecked = {.unchecked = true};
    expect_remainders(100000, NULL);
    expect_remainders(20000, &unchecked);
}

Test(modulo, a_pool_agrees_with_the_remainder)
{
    struct filch_pool_options two = {.workers = 2};
    struct filch_fib_options options = {0};
    cr_assert_eq(filch_pool_create(&two, &options.pool), 0);
    fi_tuning.modulo_forks_from = 1;
    expect_remainders(100000, &options);
    filch_pool_destroy(options.pool);
}

/* F(n) modulo 10^9 + 7 has period 2 (10^9 + 8), and 10^18 = 7 x ... is far beyond any F(n) that
 * could be written down. */
Test(modulo, a_huge_n_keeps_the_period)
{
    const uint64_t huge = UINT64_C(1000000000000000000), period = UINT64_C(2000000016);
    mpz_t m, result, wanted;
    mpz_inits(result, wanted, NULL);
    mpz_init_set_ui(m, 1000000007);
    cr_assert_eq(filch_fib_mod(result, huge, m, NULL), 0);
    cr_assert_eq(filch_fib_mod(wanted, huge % period, m, NULL), 0);
    cr_expect_eq(mpz_cmp(result, wanted), 0);
    cr_expect_eq(mpz_cmp_ui(result, 209783453), 0);
    cr_assert_eq(filch_fib_mod(result, UINT64_MAX, m, NULL), 0);
    cr_assert_eq(filch_fib_mod(wanted, UINT64_MAX % period, m, NULL), 0);
    cr_expect_eq(mpz_cmp(result, wanted), 0);
    mpz_clears(m, result, wanted, NULL);
}

Test(modulo, words_and_numbers_agree_for_a_huge_n)
{
    mpz_t word, square, by_word, by_number;
    mpz_inits(square, by_word, by_number, NULL);
    mpz_init_set_ui(word, 0xfffffffffffffff1);
    mpz_mul(square, word, word);
    for (uint64_t n = UINT64_MAX; n > 1000; n -= n / 9) {
        cr_assert_eq(filch_fib_mod(by_word, n, word, NULL), 0);
        cr_assert_eq(filch_fib_mod(by_number, n, square, NULL), 0);
        mpz_mod(by_number, by_number, word);
        cr_expect_eq(mpz_cmp(by_word, by_number), 0, "F(%" PRIu64 ")", n);
    }
    mpz_clears(word, square, by_word, by_number, NULL);
}

Test(modulo, nothing_is_left_modulo_zero)
{
    mpz_t m;
    mpz_init(m);
    cr_expect_eq(filch_fib_mod(m, 10, m, NULL), FILCH_EINVAL);
    mpz_clear(m);
}

Test(modulo, the_result_may_be_m_and_m_negative)
{
    mpz_t m;
    mpz_init_set_si(m, -100);
    cr_assert_eq(filch_fib_mod(m, 300, m, NULL), 0);
    cr_expect_eq(mpz_cmp_ui(m, 0), 0); /* 222...416600 */
    mpz_clear(m);
}

Test(modulo, no_call_holds_more_than_its_estimate)
{
    mpz_t m, result;
    for (uint64_t n = 100; n < 1000000; n += n / 3) {
        struct filch_fib_options options = {0};
        mpz_inits(m, result, NULL);
        cr_assert_eq(filch_fib(m, n, NULL), 0);
        mp_set_memory_functions(counting_allocate, counting_reallocate, counting_free);
        counting_restart();
        mpz_t counted;
        mpz_init_set(counted, m);
        cr_assert_eq(filch_fib_mod(counted, UINT64_MAX, m, &options), 0);
        options.memory = peak > 8192 ? peak - 8192 : 1;
        cr_expect_eq(filch_fib_mod(counted, UINT64_MAX, m, &options), FILCH_ENOMEM,
                     "%zu bytes for %zu limbs", (size_t)peak, mpz_size(m));
        mpz_clear(counted);
        mp_set_memory_functions(NULL, NULL, NULL);
        mpz_clears(m, result, NULL);
    }
}
