/* SPDX-License-Identifier: MIT
 *
 * What fi_decimal_fib() and fi_decimal_write() promise: GMP's digits for every n and any number of
 * workers, within the memory that was named, and an end without a leak wherever they are stopped or
 * get no memory; and what their parts do with numbers that F(n) never has. */
#include "bignum/arena.h"
#include "bignum/carry.h"
#include "bignum/decimal.h"
#include "tests/sanitized.h"

#include <filch/error.h>

#include <criterion/criterion.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static void skip_with_sanitizer(void)
{
    if (SANITIZED)
        cr_skip_test("the allocator is the sanitizer's");
}

/* ---- Digits ------------------------------------------------------------------------------- */

static struct filch_pool *pool_of(int workers)
{
    struct filch_pool *pool = NULL;
    const struct filch_pool_options options = {.workers = workers};
    if (workers > 0)
        cr_assert_eq(filch_pool_create(&options, &pool), 0);
    return pool;
}

static char *by_gmp(uint64_t n)
{
    mpz_t f;
    mpz_init(f);
    mpz_fib_ui(f, (unsigned long)n);
    char *text = malloc(mpz_sizeinbase(f, 10) + 2);
    mpz_get_str(text, 10, f);
    mpz_clear(f);
    return text;
}

static void expect_digits(uint64_t n, struct filch_pool *pool)
{
    char *digits = NULL, *expected = by_gmp(n);
    size_t length = 0;
    cr_assert_eq(fi_decimal_fib(n, pool, NULL, NULL, NULL, &digits, &length), 0);
    cr_expect_eq(length, strlen(expected), "F(%" PRIu64 ")", n);
    cr_expect_eq(strcmp(digits, expected), 0, "F(%" PRIu64 ")", n);
    free(digits);
    free(expected);
}

Test(decimal, agrees_with_gmp_for_every_n_to_5000)
{
    for (uint64_t n = 0; n <= 5000; n++)
        expect_digits(n, NULL);
}

Test(decimal, agrees_with_gmp_for_any_n_and_any_number_of_workers)
{
    srand48(1202);
    for (int workers = 0; workers <= 5; workers++) {
        struct filch_pool *pool = pool_of(workers);
        for (int i = 0; i < 40; i++)
            expect_digits((uint64_t)lrand48() % (i % 2 == 0 ? 1500000 : 300000), pool);
        filch_pool_destroy(pool);
    }
}

Test(decimal, agrees_with_gmp_for_millions)
{
    for (int workers = 1; workers <= 4; workers++) {
        struct filch_pool *pool = pool_of(workers);
        expect_digits(UINT64_C(3141592) + (uint64_t)workers, pool);
        if (!SANITIZED)
            expect_digits(UINT64_C(10000000) - (uint64_t)workers, pool);
        filch_pool_destroy(pool);
    }
}

Test(decimal, a_number_beyond_the_largest_is_an_error)
{
    char *digits = NULL;
    size_t length = 7;
    cr_expect_eq(fi_decimal_fib(FI_DECIMAL_MAX_N + 1, NULL, NULL, NULL, NULL, &digits, &length),
                 FILCH_ERANGE);
    cr_expect_null(digits);
    cr_expect_eq(length, 7);
    cr_expect_eq(fi_decimal_memory(FI_DECIMAL_MAX_N + 1, NULL), UINT64_MAX);
}

/* ---- Blocks ------------------------------------------------------------------------------- */

struct sink {
    char *text;
    size_t length, largest, fail_at;
    int calls;
};

static int keep(void *context, const char *digits, size_t count)
{
    struct sink *sink = context;
    sink->calls++;
    if (sink->length + count > sink->fail_at)
        return 42;
    if (count > sink->largest)
        sink->largest = count;
    memcpy(sink->text + sink->length, digits, count);
    sink->length += count;
    return 0;
}

static void expect_blocks(uint64_t n, struct filch_pool *pool)
{
    char *expected = by_gmp(n);
    size_t length = strlen(expected);
    struct sink sink = {.text = malloc(length), .fail_at = length};
    cr_assert_eq(fi_decimal_write(n, pool, true, NULL, NULL, keep, &sink), 0);
    cr_expect_eq(sink.length, length);
    cr_expect_eq(memcmp(sink.text, expected, length), 0, "F(%" PRIu64 ")", n);
    cr_expect_leq(sink.largest, (size_t)FI_DECIMAL_BLOCK);
    free(sink.text);
    free(expected);
}

Test(decimal, blocks_make_up_the_digits)
{
    struct filch_pool *pool = pool_of(2);
    for (uint64_t n = 0; n < 800; n++)
        expect_blocks(n, NULL);
    expect_blocks(1000000, pool);
    expect_blocks(11000000, pool); /* more than two blocks */
    filch_pool_destroy(pool);
}

Test(decimal, an_error_of_write_ends_it)
{
    struct sink sink = {.text = malloc(FI_DECIMAL_BLOCK), .fail_at = 100};
    cr_expect_eq(fi_decimal_write(100000, NULL, true, NULL, NULL, keep, &sink), 42);
    cr_expect_eq(sink.calls, 2);
    free(sink.text);
}

/* ---- The allocator ------------------------------------------------------------------------- */

#if !SANITIZED
void *__libc_malloc(size_t size);
void __libc_free(void *block);

/* Of this thread. fail_in: allocations before one fails; below 0: none does. */
static _Thread_local long live_blocks, fail_in = -1;

void *malloc(size_t size)
{
    if (fail_in >= 0 && fail_in-- == 0)
        return NULL;
    void *block = __libc_malloc(size);
    live_blocks += block != NULL;
    return block;
}

void free(void *block)
{
    live_blocks -= block != NULL;
    __libc_free(block);
}
#else
#define __libc_malloc malloc
#define __libc_free   free
static long live_blocks, fail_in = -1; /* the sanitizer tells of leaks */
#endif

/* ---- Cancel and progress -------------------------------------------------------------------- */

struct watch {
    atomic_int questions; /* workers ask, too */
    int stop_at, reports;
    double share;
    bool has_fallen;
};

static bool stopped(void *context)
{
    struct watch *watch = context;
    return watch->questions++ == watch->stop_at;
}

static void done(void *context, double share)
{
    struct watch *watch = context;
    watch->has_fallen |= watch->reports++ == 0 ? share != 0.0 : share < watch->share;
    watch->share = share;
}

/* Stops at each question in turn; returns how many there are. */
static int stop_everywhere(uint64_t n, struct filch_pool *pool)
{
    for (int at = 0;; at++) {
        struct watch watch = {.stop_at = at};
        char *digits = NULL;
        size_t length = 0;
        int error = fi_decimal_fib(n, pool, stopped, done, &watch, &digits, &length);
        cr_expect_not(watch.has_fallen);
        if (error == 0) {
            cr_expect_eq(watch.share, 1.0);
            cr_expect_eq(watch.questions, at);
            free(digits);
            return at;
        }
        cr_assert_eq(error, FILCH_ECANCELED);
        cr_expect_gt(watch.questions, at);
        cr_expect_null(digits);
        cr_expect_lt(watch.share, 1.0);
    }
}

Test(decimal, stopped_anywhere_it_leaks_nothing)
{
    long before = live_blocks;
    /* Twice a doubling, and before each product: four, or in the last doubling two. */
    cr_expect_eq(stop_everywhere(100000, NULL), 2 * 9 + 4 * 8 + 2);
    cr_expect_eq(live_blocks, before);
    struct filch_pool *pool = pool_of(3);
    cr_expect_eq(stop_everywhere(400000, pool), 2 * 11 + 4 * 10 + 2);
    filch_pool_destroy(pool);
}

/* ---- Memory ------------------------------------------------------------------------------- */

static size_t bytes_in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static atomic_size_t most;

static void look(void)
{
    size_t now = bytes_in_use(), known = atomic_load(&most);
    while (now > known && !atomic_compare_exchange_weak(&most, &known, now))
        ;
}

/* GMP's allocations do not fail, and the large ones are looked at. */
static void *gmp_allocate(size_t size)
{
    void *block = __libc_malloc(size);
    if (size > 65536)
        look();
    return block;
}

static void *gmp_reallocate(void *block, size_t old_size, size_t size)
{
    (void)old_size;
    return realloc(block, size);
}

static void gmp_free(void *block, size_t size)
{
    (void)size;
    __libc_free(block);
}

Test(decimal, no_memory_anywhere_is_an_error_and_leaks_nothing)
{
    skip_with_sanitizer();
    mp_set_memory_functions(gmp_allocate, gmp_reallocate, gmp_free);
    long failures = 0, before = live_blocks;
    for (int error = FILCH_ENOMEM; error; failures++) {
        char *digits = NULL;
        size_t length = 0;
        fail_in = failures;
        error = fi_decimal_fib(50000, NULL, NULL, NULL, NULL, &digits, &length);
        fail_in = -1;
        cr_assert(error == 0 || error == FILCH_ENOMEM, "%d", error);
        cr_expect_eq(digits == NULL, error != 0);
        free(digits);
    }
    cr_expect_geq(failures, 8 * 6);
    cr_expect_eq(live_blocks, before);
}

static void look_at(void *context, double share)
{
    (void)context, (void)share;
    look();
}

Test(decimal, takes_no_more_memory_than_it_said)
{
    skip_with_sanitizer();
    mp_set_memory_functions(gmp_allocate, gmp_reallocate, gmp_free);
    static const int sizes[] = {0, 2, 3, 4, 5, 10, 16};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct filch_pool *pool = pool_of(sizes[i]);
        for (uint64_t n = 1000000; n < 5000000; n += n / 9) {
            size_t before = bytes_in_use();
            atomic_store(&most, before);
            char *digits;
            size_t length;
            cr_assert_eq(fi_decimal_fib(n, pool, NULL, look_at, NULL, &digits, &length), 0);
            look();
            size_t taken = atomic_load(&most) - before;
            cr_expect_leq(taken, fi_decimal_memory(n, pool), "F(%" PRIu64 "): %zu", n, taken);
            cr_expect_geq(taken, n / 3, "F(%" PRIu64 "): %zu is not counted well", n, taken);
            free(digits);
        }
        filch_pool_destroy(pool);
    }
}

/* ---- Units and carries ---------------------------------------------------------------------- */

static void fill(mp_limb_t *limbs, mp_size_t count, int style)
{
    for (mp_size_t i = 0; i < count; i++) {
        mp_limb_t bits = (mp_limb_t)mrand48() << 32 ^ (mp_limb_t)mrand48();
        int kind = style ? style : (int)(bits >> 8 & 3);
        limbs[i] = kind == 1 ? 0 : kind == 2 ? ~(mp_limb_t)0 : bits;
    }
}

static void expect_division(const mp_limb_t c[COEFFICIENT_LIMBS])
{
    mp_limb_t quotient[QUOTIENT_LIMBS], remainder[UNIT_LIMBS];
    mp_limb_t right_quotient[QUOTIENT_LIMBS], right_remainder[UNIT_LIMBS];
    fi_unit_divide(c, quotient, remainder);
    mpn_tdiv_qr(right_quotient, right_remainder, 0, c, COEFFICIENT_LIMBS, fi_unit_base,
                UNIT_LIMBS);
    cr_assert_eq(mpn_cmp(quotient, right_quotient, QUOTIENT_LIMBS), 0);
    cr_assert_eq(mpn_cmp(remainder, right_remainder, UNIT_LIMBS), 0);
}

Test(unit, division_is_exact_for_any_coefficient)
{
    mp_limb_t c[COEFFICIENT_LIMBS];
    srand48(73);
    for (int i = 0; i < 200000; i++) {
        fill(c, COEFFICIENT_LIMBS, i < 3 ? i : 0);
        expect_division(c);
    }
}

Test(unit, division_is_exact_beside_multiples)
{
    mp_limb_t c[COEFFICIENT_LIMBS + 1], quotient[QUOTIENT_LIMBS] = {0};
    srand48(74);
    for (int i = 0; i < 50000; i++) {
        fill(quotient, QUOTIENT_LIMBS, 0);
        quotient[QUOTIENT_LIMBS - 1] &= 0x1fff; /* below 2^512 / 10^73 */
        mpn_mul(c, quotient, QUOTIENT_LIMBS, fi_unit_base, UNIT_LIMBS);
        expect_division(c);
        mpn_sub_1(c, c, COEFFICIENT_LIMBS, 1);
        expect_division(c);
    }
}

Test(unit, digits_are_gmps)
{
    srand48(75);
    for (int i = 0; i < 20000; i++) {
        mp_limb_t c[COEFFICIENT_LIMBS], quotient[QUOTIENT_LIMBS], unit[UNIT_LIMBS];
        fill(c, COEFFICIENT_LIMBS, 0);
        fi_unit_divide(c, quotient, unit);
        char digits[UNIT_DIGITS + 1] = "", right[UNIT_DIGITS + 1];
        fi_unit_write(unit, digits);
        mpz_t value;
        gmp_snprintf(right, sizeof right, "%073Zd", mpz_roinit_n(value, unit, UNIT_LIMBS));
        cr_assert_str_eq(digits, right);
    }
}

enum { UNITS = 1300 }; /* more than two blocks of carry.c */

/* A prime near 2^61. What is wrong in a unit shows in the remainder. */
static const mp_limb_t prime = (UINT64_C(1) << 61) - 1;

static mp_limb_t product(mp_limb_t a, mp_limb_t b)
{
    return (mp_limb_t)((fi_wide)a * b % prime);
}

/* Of `count` coefficients of powers of 10^73, of `size` limbs each, modulo the prime. */
static mp_limb_t evaluate(const mp_limb_t *limbs, mp_size_t size, size_t count)
{
    mp_limb_t base = mpn_mod_1(fi_unit_base, UNIT_LIMBS, prime), sum = 0;
    for (size_t i = count; i-- > 0;)
        sum = (product(sum, base) + mpn_mod_1(limbs + i * (size_t)size, size, prime)) % prime;
    return sum;
}

/* Coefficients up to UNITS * 10^146. The even and the odd ones, and all in a row. */
static struct fi_coefficients make_coefficients(mp_limb_t *row, int style)
{
    struct fi_coefficients c = {fi_units_allocate(2 * UNITS + 2), fi_units_allocate(2 * UNITS)};
    for (size_t i = 0; i < 2 * UNITS - 1; i++) {
        mp_limb_t *to = i % 2 == 0 ? c.even + i * UNIT_LIMBS : c.odd + i * UNIT_LIMBS;
        fill(to, COEFFICIENT_LIMBS, style);
        to[COEFFICIENT_LIMBS - 1] >>= 17; /* 2^495 */
        memcpy(row + i * COEFFICIENT_LIMBS, to, COEFFICIENT_LIMBS * sizeof *to);
    }
    return c;
}

static void expect_units(const mp_limb_t *units, size_t count, mp_limb_t value)
{
    cr_expect_eq(evaluate(units, UNIT_LIMBS, count), value);
    for (size_t i = 0; i < count; i++)
        cr_assert_lt(mpn_cmp(units + i * UNIT_LIMBS, fi_unit_base, UNIT_LIMBS), 0);
}

/* times_x * x + times_y * y - 2, or without the 2, modulo the prime */
static mp_limb_t combine(mp_limb_t x, int times_x, mp_limb_t y, int times_y, bool less_2)
{
    mp_limb_t factor = times_y < 0 ? prime - (mp_limb_t)-times_y : (mp_limb_t)times_y;
    mp_limb_t sum = product(x, (mp_limb_t)times_x) + product(y, factor);
    return (sum + (less_2 ? prime - 2 : 0)) % prime;
}

static void expect_carry(struct filch_pool *pool, enum fi_carry what, int style_x, int style_y)
{
    mp_limb_t *row = malloc((2 * UNITS - 1) * COEFFICIENT_LIMBS * sizeof *row);
    struct fi_coefficients x = make_coefficients(row, style_x);
    /* The largest one on top, so that differences are above 0. */
    mp_limb_t *top = x.even + (2 * UNITS - 2) * UNIT_LIMBS;
    memset(top, 0xff, (COEFFICIENT_LIMBS - 1) * sizeof *top);
    top[COEFFICIENT_LIMBS - 1] = ~(mp_limb_t)0 >> 16;
    memcpy(row + (2 * UNITS - 2) * COEFFICIENT_LIMBS, top, COEFFICIENT_LIMBS * sizeof *top);
    mp_limb_t vx = evaluate(row, COEFFICIENT_LIMBS, 2 * UNITS - 1);
    struct fi_coefficients y = make_coefficients(row, style_y);
    mp_limb_t vy = evaluate(row, COEFFICIENT_LIMBS, 2 * UNITS - 1);

    static const int times[][4] = {
        [FI_CARRY_EVEN] = {3, -2, 1, 1},       [FI_CARRY_ODD] = {4, -1, 3, -2},
        [FI_CARRY_EVEN_ALONE] = {3, -2, 0, 0}, [FI_CARRY_ODD_ALONE] = {4, -1, 0, 0},
        [FI_CARRY_PRODUCT] = {1, 0, 0, 0},
    };
    const int *t = times[what];
    size_t units = UNITS;
    cr_assert_eq(fi_carry(pool, what, -2, &x, &y, &units), 0);
    expect_units(x.even, units, combine(vx, t[0], vy, t[1], true));
    if (t[2])
        expect_units(y.even, units, combine(vx, t[2], vy, t[3], what != FI_CARRY_EVEN));
    fi_block_free(x.even), fi_block_free(x.odd), fi_block_free(y.even), fi_block_free(y.odd);
    free(row);
}

Test(carry, keeps_the_value_of_any_coefficients)
{
    struct filch_pool *pool = pool_of(2);
    srand48(76);
    for (int what = FI_CARRY_EVEN; what <= FI_CARRY_PRODUCT; what++) {
        for (int style = 0; style < 9; style++)
            expect_carry(style % 2 ? pool : NULL, (enum fi_carry)what, style / 3, style % 3);
    }
    filch_pool_destroy(pool);
}

Test(carry, one_carry_runs_through_all_blocks)
{
    /* 10^73 - 1 everywhere, and 2 */
    struct fi_coefficients x = {fi_units_allocate(2 * UNITS + 2), fi_units_allocate(2 * UNITS)};
    for (size_t i = 0; i < 2 * UNITS - 1; i++) {
        mp_limb_t *to = i % 2 == 0 ? x.even + i * UNIT_LIMBS : x.odd + i * UNIT_LIMBS;
        memset(to, 0, COEFFICIENT_LIMBS * sizeof *to);
        mpn_sub_1(to, fi_unit_base, UNIT_LIMBS, 1);
    }
    size_t units = UNITS;
    cr_assert_eq(fi_carry(NULL, FI_CARRY_PRODUCT, 2, &x, NULL, &units), 0);
    cr_expect_eq(units, 2 * UNITS);
    for (size_t i = 0; i < units; i++) {
        cr_expect_eq(x.even[i * UNIT_LIMBS], i == 0 || i == units - 1, "unit %zu", i);
        cr_expect(mpn_zero_p(x.even + i * UNIT_LIMBS + 1, UNIT_LIMBS - 1));
    }
    fi_block_free(x.even);
    fi_block_free(x.odd);
}
