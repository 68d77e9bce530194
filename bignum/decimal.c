/* SPDX-License-Identifier: MIT
 *
 * F(n) in decimal: doubling from F(m) and F(m-1) to F(2m) and its neighbour, with two squarings a
 * step, as mpz_fib_ui() does it in binary (GMP manual, 15.7.4). The products are product.c's, the
 * rest of a step carry.c's. */
#include "bignum/decimal.h"
#include "bignum/arena.h"
#include "bignum/carry.h"
#include "bignum/residue.h"
#include "bignum/split.h"

#include <filch/algorithm.h>
#include <filch/error.h>

#include <stdlib.h>
#include <string.h>

/* F(350) is the last one with 73 digits. */
enum { LAST_IN_UNIT = 350 };

/* Numbers with less units are not worth waking anybody for. */
enum { FORK_UNITS = 384, FORK_TEXT_UNITS = 1024 };

/* From so many workers on the last step is made of squarings: there are four, and two products. */
enum { MANY_WORKERS = 4 };

enum { FIXED_BYTES = 65536 };

/* What both ways of getting at the digits have in common. */
struct hooks {
    struct filch_pool *pool;
    bool (*stopped)(void *context);
    void (*done)(void *context, double share);
    void *context;
};

/* F(m) and F(m-1), of the same number of units, with room for one more. */
struct pair {
    mp_limb_t *numbers[2];
    size_t units;
};

static bool is_stopped(const struct hooks *hooks)
{
    return hooks->stopped && hooks->stopped(hooks->context);
}

static void report(const struct hooks *hooks, double share)
{
    if (hooks->done)
        hooks->done(hooks->context, share);
}

static void drop(struct pair *pair)
{
    fi_block_free(pair->numbers[0]);
    fi_block_free(pair->numbers[1]);
}

/* m: 1 to LAST_IN_UNIT */
static int begin(struct pair *pair, uint64_t m)
{
    *pair = (struct pair){{fi_units_allocate(2), fi_units_allocate(2)}, 1};
    if (!pair->numbers[0] || !pair->numbers[1]) {
        drop(pair);
        return FILCH_ENOMEM;
    }
    mpz_t f[2];
    mpz_inits(f[0], f[1], NULL);
    mpz_fib2_ui(f[0], f[1], (unsigned long)m);
    for (int i = 0; i < 2; i++) {
        memset(pair->numbers[i], 0, UNIT_LIMBS * sizeof(mp_limb_t));
        memcpy(pair->numbers[i], mpz_limbs_read(f[i]), mpz_size(f[i]) * sizeof(mp_limb_t));
    }
    mpz_clears(f[0], f[1], NULL);
    return 0;
}

/* Makes a unit of a number below 4 * 10^73; returns what to carry. */
static mp_limb_t reduce(mp_limb_t unit[UNIT_LIMBS])
{
    mp_limb_t carry = 0;
    for (; mpn_cmp(unit, fi_unit_base, UNIT_LIMBS) >= 0; carry++)
        mpn_sub_n(unit, unit, fi_unit_base, UNIT_LIMBS);
    return carry;
}

/* The factors of the last product, in place of the pair: F(2m) = F(m) (F(m) + 2 F(m-1)), and
 * F(2m+1) = (2 F(m) + F(m-1)) (2 F(m) - F(m-1)) + 2 (-1)^m. To the units of the difference 10^73
 * is added, so that the carry, which is 1 too large, is never negative. */
static void make_factors(struct pair *pair, bool odd)
{
    mp_limb_t *p = pair->numbers[0], *q = pair->numbers[1], carry_p = 0, carry_q = odd;
    for (size_t i = 0; i < pair->units; i++, p += UNIT_LIMBS, q += UNIT_LIMBS) {
        mp_limb_t f[UNIT_LIMBS], g[UNIT_LIMBS];
        memcpy(f, p, sizeof f);
        memcpy(g, q, sizeof g);
        if (odd) {
            mpn_lshift(f, f, UNIT_LIMBS, 1);
            mpn_add_n(p, f, g, UNIT_LIMBS);
            mpn_add_1(p, p, UNIT_LIMBS, carry_p);
            carry_p = reduce(p);
            mpn_add_n(f, f, fi_unit_base, UNIT_LIMBS);
            mpn_sub_1(f, f, UNIT_LIMBS, 1);
            mpn_sub_n(q, f, g, UNIT_LIMBS);
        } else {
            mpn_lshift(g, g, UNIT_LIMBS, 1);
            mpn_add_n(q, f, g, UNIT_LIMBS);
        }
        mpn_add_1(q, q, UNIT_LIMBS, carry_q);
        carry_q = reduce(q);
    }
    carry_q -= odd;
    if (carry_p || carry_q) {
        memset(p, 0, UNIT_LIMBS * sizeof *p);
        memset(q, 0, UNIT_LIMBS * sizeof *q);
        *p = carry_p;
        *q = carry_q;
        pair->units++;
    }
}

static bool has_many(const struct filch_pool *pool)
{
    return pool && filch_pool_size(pool) >= MANY_WORKERS;
}

/* Is the last step, of numbers of so many units, squarings? */
static bool squares_last(const struct filch_pool *pool, size_t units)
{
    int parts[2];
    return has_many(pool) && (filch_pool_size(pool) == MANY_WORKERS ||
                              !fi_split_plan(pool, (mp_size_t)(units * UNIT_LIMBS), 2, parts));
}

/* From m to 2m, or 2m + 1 if odd. The last step needs one number alone: one product, in two parts,
 * takes one or two workers three quarters of the time of two squarings; these are four parts,
 * which is better for four workers, and for more until products are split. With an error the
 * pair is gone. */
static int step(struct pair *pair, bool m_is_odd, bool odd, bool is_last,
                const struct hooks *hooks)
{
    struct filch_pool *pool = pair->units < FORK_UNITS ? NULL : hooks->pool;
    bool as_product = is_last && !squares_last(pool, pair->units);
    int add = m_is_odd ? -2 : 2;
    enum fi_carry what = odd ? FI_CARRY_ODD : FI_CARRY_EVEN;
    if (as_product) {
        make_factors(pair, odd);
        add = odd ? add : 0;
        what = FI_CARRY_PRODUCT;
    } else if (is_last) {
        what = odd ? FI_CARRY_ODD_ALONE : FI_CARRY_EVEN_ALONE;
    }

    mp_limb_t *f = pair->numbers[0], *g = pair->numbers[1];
    const mp_limb_t *const factors[2][2] = {{f, as_product ? g : f}, {g, g}};
    struct fi_coefficients products[2] = {{NULL, NULL}, {NULL, NULL}};
    int error = fi_products(pool, factors, as_product ? 1 : 2, pair->units, hooks->stopped,
                            hooks->context, products);
    drop(pair);
    if (error)
        return error;
    *pair = (struct pair){{products[0].even, products[1].even}, pair->units};
    if (is_stopped(hooks))
        error = FILCH_ECANCELED;
    else
        error = fi_carry(pool, what, add, &products[0], &products[1], &pair->units);
    fi_block_free(products[0].odd);
    fi_block_free(products[1].odd);
    if (error)
        drop(pair);
    return error;
}

/* The share of F(n)'s time that has been taken when F(m) is there: m log m. */
static double share_of(uint64_t m, uint64_t n)
{
    int bits_m = 0, bits_n = 0;
    for (; m >> bits_m; bits_m++)
        ;
    for (; n >> bits_n; bits_n++)
        ;
    return 0.97 * ((double)m * bits_m) / ((double)n * bits_n);
}

/* number: F(n), from fi_units_allocate() */
static int compute(uint64_t n, const struct hooks *hooks, mp_limb_t **number, size_t *units)
{
    if (n > FI_DECIMAL_MAX_N)
        return FILCH_ERANGE;
    report(hooks, 0.0);
    int shift = 0;
    while (n >> shift > LAST_IN_UNIT)
        shift++;
    struct pair pair;
    int error = begin(&pair, n >> shift);
    if (error)
        return error;
    while (shift > 0) {
        if (is_stopped(hooks)) {
            drop(&pair);
            return FILCH_ECANCELED;
        }
        uint64_t m = n >> shift--;
        error = step(&pair, m & 1, n >> shift & 1, shift == 0, hooks);
        if (error)
            return error;
        report(hooks, share_of(n >> shift, n));
    }
    fi_block_free(pair.numbers[1]);
    *number = pair.numbers[0];
    *units = pair.units;
    return 0;
}

/* ---- Digits ------------------------------------------------------------------------------- */

/* Units top - 1, ... as digits. The loop's index counts from the top. */
struct text {
    const mp_limb_t *number;
    char *digits;
    size_t top;
};

static int write_units(void *context, size_t first, size_t end)
{
    const struct text *text = context;
    for (size_t i = first; i < end; i++)
        fi_unit_write(text->number + (text->top - 1 - i) * UNIT_LIMBS,
                      text->digits + i * UNIT_DIGITS);
    return 0;
}

static int write_all(const struct text *text, size_t count, struct filch_pool *pool)
{
    const struct filch_loop loop = {.grain = 256};
    return filch_for(count < FORK_TEXT_UNITS ? NULL : pool, 0, count, write_units, (void *)text,
                     &loop);
}

/* The digits of the first unit, without leading zeros, but for that of 0. */
static size_t write_first(const mp_limb_t *number, size_t units, char digits[UNIT_DIGITS])
{
    char unit[UNIT_DIGITS];
    fi_unit_write(number + (units - 1) * UNIT_LIMBS, unit);
    size_t zeros = 0;
    while (zeros < UNIT_DIGITS - 1 && unit[zeros] == '0')
        zeros++;
    memcpy(digits, unit + zeros, UNIT_DIGITS - zeros);
    return UNIT_DIGITS - zeros;
}

int fi_decimal_fib(uint64_t n, struct filch_pool *pool, bool (*stopped)(void *context),
                   void (*done)(void *context, double share), void *context, char **digits,
                   size_t *length)
{
    const struct hooks hooks = {pool, stopped, done, context};
    mp_limb_t *number;
    size_t units;
    int error = compute(n, &hooks, &number, &units);
    if (error)
        return error;
    char first[UNIT_DIGITS];
    size_t count = write_first(number, units, first);
    size_t total = count + (units - 1) * UNIT_DIGITS;
    char *all = malloc(total + 1);
    if (!all) {
        fi_block_free(number);
        return FILCH_ENOMEM;
    }
    memcpy(all, first, count);
    const struct text text = {number, all + count, units - 1};
    error = write_all(&text, units - 1, pool);
    fi_block_free(number);
    if (error) {
        free(all);
        return error;
    }
    all[total] = '\0';
    report(&hooks, 1.0);
    *digits = all;
    *length = total;
    return 0;
}

static int check(uint64_t n, const mp_limb_t *number, size_t units, struct filch_pool *pool)
{
    struct fi_residues is;
    int error = fi_residues_of_units(number, units, pool, &is);
    return error ? error : fi_residues_check(is, n, FI_FIBONACCI);
}

int fi_decimal_write(uint64_t n, struct filch_pool *pool, bool checked,
                     bool (*stopped)(void *context), void (*done)(void *context, double share),
                     int (*write)(void *context, const char *digits, size_t count),
                     void *context)
{
    enum { BLOCK_UNITS = FI_DECIMAL_BLOCK / UNIT_DIGITS };
    const struct hooks hooks = {pool, stopped, done, context};
    mp_limb_t *number;
    size_t units;
    int error = compute(n, &hooks, &number, &units);
    if (error)
        return error;
    error = checked ? check(n, number, units, pool) : 0;
    if (error) {
        fi_block_free(number);
        return error;
    }
    char *block = fi_block_allocate((units < BLOCK_UNITS ? units : BLOCK_UNITS) * UNIT_DIGITS);
    if (!block) {
        fi_block_free(number);
        return FILCH_ENOMEM;
    }
    error = write(context, block, write_first(number, units, block));
    size_t count;
    for (size_t top = units - 1; top > 0 && !error; top -= count) {
        count = top < BLOCK_UNITS ? top : BLOCK_UNITS;
        const struct text text = {number, block, top};
        error = is_stopped(&hooks) ? FILCH_ECANCELED : write_all(&text, count, pool);
        if (!error)
            error = write(context, block, count * UNIT_DIGITS);
    }
    fi_block_free(block);
    fi_block_free(number);
    if (!error)
        report(&hooks, 1.0);
    return error;
}

/* ---- Memory ------------------------------------------------------------------------------- */

/* README.md: the most that was seen is 0.99 bytes an index with up to 2 workers, and 1.56 with 4,
 * which may be at four squarings at a time; split products take up to 1.20 with 3 and 2.17 with
 * more. */
uint64_t fi_decimal_memory(uint64_t n, const struct filch_pool *pool)
{
    int workers = pool ? filch_pool_size(pool) : 0;
    uint64_t sixteenths = workers < 3 ? 17 : workers == 3 ? 21 : workers == 4 ? 26 : 36;
    return n > FI_DECIMAL_MAX_N ? UINT64_MAX : FIXED_BYTES + n / 16 * sixteenths;
}
