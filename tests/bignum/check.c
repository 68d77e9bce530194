/* SPDX-License-Identifier: MIT
 *
 * The check of results: right ones pass, and no single wrong bit or digit does. */
#include <filch/bignum.h>
#include <filch/pool.h>

#include "bignum/fib.h"
#include "bignum/residue.h"
#include "bignum/text.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct filch_pool *pool;

static void make_pool(void)
{
    struct filch_pool_options options = {.workers = 2};
    cr_assert_eq(filch_pool_create(&options, &pool), 0);
}

static void remove_pool(void)
{
    filch_pool_destroy(pool);
}

TestSuite(check, .init = make_pool, .fini = remove_pool);

Test(check, residues_of_an_index_are_those_of_the_number)
{
    mpz_t number;
    mpz_init(number);
    for (uint64_t n = 0; n < 3000; n++) {
        mpz_fib_ui(number, (unsigned long)n);
        cr_expect_eq(fi_check_number(number, n, FI_FIBONACCI, NULL), 0, "F(%" PRIu64 ")", n);
        mpz_lucnum_ui(number, (unsigned long)n);
        cr_expect_eq(fi_check_number(number, n, FI_LUCAS, pool), 0, "L(%" PRIu64 ")", n);
    }
    mpz_clear(number);
}

Test(check, the_moduli_are_primes_near_2_to_the_61)
{
    mpz_t prime;
    mpz_init(prime);
    for (int i = 0; i < FI_PRIMES; i++) {
        mpz_set_ui(prime, fi_primes[i]);
        cr_expect_gt(mpz_probab_prime_p(prime, 30), 0);
        cr_expect_eq(mpz_sizeinbase(prime, 2), 61);
    }
    cr_expect_neq(fi_primes[0], fi_primes[1]);
    mpz_clear(prime);
}

Test(check, every_wrong_bit_is_found)
{
    const uint64_t n = 3001;
    mpz_t number;
    mpz_init(number);
    mpz_fib_ui(number, (unsigned long)n);
    for (mp_bitcnt_t bit = 0; bit < mpz_sizeinbase(number, 2) + 64; bit++) {
        mpz_combit(number, bit);
        cr_expect_eq(fi_check_number(number, n, FI_FIBONACCI, NULL), FILCH_ECHECK);
        mpz_combit(number, bit);
    }
    cr_expect_eq(fi_check_number(number, n + 1, FI_FIBONACCI, NULL), FILCH_ECHECK);
    cr_expect_eq(fi_check_number(number, n, FI_LUCAS, NULL), FILCH_ECHECK);
    cr_expect_eq(fi_check_number(number, n, FI_FIBONACCI, NULL), 0);
    mpz_clear(number);
}

static char *text_of(uint64_t n, size_t *length)
{
    static const struct filch_fib_options options = {.algorithm = FILCH_FIB_GMP,
                                                     .unchecked = true};
    char *text;
    cr_assert_eq(filch_fib_string(&text, length, n, &options), 0);
    return text;
}

Test(check, every_text_to_3000_passes)
{
    for (uint64_t n = 0; n < 3000; n++) {
        size_t length;
        char *text = text_of(n, &length);
        cr_expect_eq(fi_check_text(text, length, n, n % 2 ? pool : NULL), 0, "F(%" PRIu64 ")",
                     n);
        free(text);
    }
}

Test(check, every_wrong_digit_is_found)
{
    size_t length;
    char *text = text_of(3001, &length);
    for (size_t i = 0; i < length; i++) {
        char right = text[i];
        for (const char *wrong = "0123456789/:pP \377"; *wrong; wrong++) {
            text[i] = *wrong;
            cr_expect_eq(fi_check_text(text, length, 3001, NULL),
                         *wrong == right ? 0 : FILCH_ECHECK, "digit %zu as '%c'", i, *wrong);
        }
        text[i] = right;
    }
    cr_expect_eq(fi_check_text(text, length - 1, 3001, NULL), FILCH_ECHECK);
    cr_expect_eq(fi_check_text(text, length, 3000, NULL), FILCH_ECHECK);
    free(text);
}

Test(check, a_wrong_digit_anywhere_in_a_long_text_is_found)
{
    const uint64_t n = 4000000;
    size_t length;
    char *text = text_of(n, &length);
    cr_expect_eq(fi_check_text(text, length, n, pool), 0);
    cr_expect_eq(fi_check_text(text, length, n, NULL), 0);
    for (size_t i = 3; i < length; i += length / 40) {
        char right = text[i];
        text[i] = right == '9' ? '8' : '9';
        cr_expect_eq(fi_check_text(text, length, n, pool), FILCH_ECHECK, "digit %zu", i);
        text[i] = right;
    }
    char first = text[100000];
    text[100000] = text[200000];
    text[200000] = first;
    cr_expect_eq(fi_check_text(text, length, n, pool),
                 text[100000] == text[200000] ? 0 : FILCH_ECHECK);
    free(text);
}

/* The units of F(n), from GMP. */
static mp_limb_t *units_of(uint64_t n, size_t *count)
{
    mpz_t number, base, unit;
    mpz_inits(number, unit, NULL);
    mpz_fib_ui(number, (unsigned long)n);
    mpz_init_set_ui(base, 10);
    mpz_pow_ui(base, base, UNIT_DIGITS);
    mp_limb_t *units = calloc(n / 64 + 2, UNIT_LIMBS * sizeof *units);
    cr_assert(units);
    for (*count = 0; mpz_sgn(number) > 0; ++*count) {
        mpz_tdiv_qr(number, unit, number, base);
        mpz_export(units + *count * UNIT_LIMBS, NULL, -1, sizeof *units, 0, 0, unit);
    }
    mpz_clears(number, base, unit, NULL);
    return units;
}

static bool passes(const mp_limb_t *units, size_t count, uint64_t n, struct filch_pool *with)
{
    struct fi_residues is;
    cr_assert_eq(fi_residues_of_units(units, count, with, &is), 0);
    return fi_residues_equal(is, fi_residues_of_index(n, FI_FIBONACCI));
}

Test(check, the_units_of_every_number_to_3000_pass)
{
    for (uint64_t n = 0; n < 3000; n++) {
        size_t count;
        mp_limb_t *units = units_of(n, &count);
        cr_expect(passes(units, count, n, n % 2 ? pool : NULL), "F(%" PRIu64 ")", n);
        free(units);
    }
}

Test(check, a_wrong_bit_in_any_unit_is_found)
{
    const uint64_t n = 600000;
    size_t count;
    mp_limb_t *units = units_of(n, &count);
    cr_expect(passes(units, count, n, NULL));
    cr_expect(passes(units, count, n, pool));
    for (size_t i = 0; i < count * UNIT_LIMBS * 64; i += 4999) {
        units[i / 64] ^= (mp_limb_t)1 << i % 64;
        cr_expect_not(passes(units, count, n, pool), "bit %zu", i);
        units[i / 64] ^= (mp_limb_t)1 << i % 64;
    }
    free(units);
}
