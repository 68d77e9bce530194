/* SPDX-License-Identifier: MIT
 *
 * See fib_digits.h. The last digits are F(n) modulo a power of ten. The first ones are those of
 * phi^n / sqrt(5), from which F(n) differs by less than 1/2; powers of phi = (1 + sqrt(5)) / 2 are
 * computed with so many digits, the *precision* P, and cut behind them.
 *
 * How wrong is it? With d = 10^(1 - P), cutting x off to P digits leaves at least x / (1 + d). So a
 * computed value is at most the true one, and at least that / (1 + d)^c, where c is 1 for phi,
 * 2 c + 1 behind a squaring, and c + 2 behind a multiplication by phi: at most 4 n - 3 for phi^n,
 * and 4 n - 1 behind the division. As (1 + d)^(4 n) < 1 + 5 n d, and the value has P digits, less
 * than 50 n of its last unit is missing. Where that could change a digit that is wanted, a longer P
 * is tried. */
#include "fib_digits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* P is longer than what is wanted: 50 n has 20 digits, and two more leave one n in two hundred to
 * be tried again. */
enum { GUARD_DIGITS = 22 };

/* Times the bytes of P digits: the most that was seen is 20.4, for up to 200,000 digits. */
enum { TIMES = 24, FIXED_BYTES = 65536 };

/* mantissa * 10^exponent; the mantissa has P digits. */
struct decimal {
    mpz_t mantissa;
    int64_t exponent;
};

struct scale {
    size_t digits;  /* P */
    mpz_t one, ten; /* 10^(P - 1), 10^P */
    mpz_t root;     /* sqrt(5) of P digits, cut off */
};

/* GMP ends the process where memory is short, so there must be as much as it will take. */
static bool fits(size_t digits)
{
    void *memory = malloc(digits / 2 * TIMES + FIXED_BYTES);
    free(memory);
    return memory != NULL;
}

/* ---- The first digits ------------------------------------------------------------------------ */

/* Cuts a mantissa of at most one digit more than P off to P. */
static void cut(struct decimal *x, const struct scale *scale)
{
    if (mpz_cmp(x->mantissa, scale->ten) < 0)
        return;
    mpz_tdiv_q_ui(x->mantissa, x->mantissa, 10);
    x->exponent++;
}

static void multiply(struct decimal *x, const struct decimal *by, const struct scale *scale)
{
    mpz_mul(x->mantissa, x->mantissa, by->mantissa);
    mpz_tdiv_q(x->mantissa, x->mantissa, scale->one);
    x->exponent += by->exponent + (int64_t)scale->digits - 1;
    cut(x, scale);
}

static void scale_init(struct scale *scale, size_t digits)
{
    scale->digits = digits;
    mpz_inits(scale->one, scale->ten, scale->root, NULL);
    mpz_ui_pow_ui(scale->one, 10, digits - 1);
    mpz_mul_ui(scale->ten, scale->one, 10);
    mpz_mul(scale->root, scale->one, scale->one);
    mpz_mul_ui(scale->root, scale->root, 5);
    mpz_sqrt(scale->root, scale->root);
}

static void scale_fini(struct scale *scale)
{
    mpz_clears(scale->one, scale->ten, scale->root, NULL);
}

/* x, whose mantissa is initialised, = phi^n / sqrt(5). n: not 0. */
static void compute(struct decimal *x, uint64_t n, const struct scale *scale,
                    const struct filch_fib_options *options)
{
    struct decimal phi = {.exponent = 1 - (int64_t)scale->digits};
    mpz_init(phi.mantissa);
    mpz_add(phi.mantissa, scale->one, scale->root);
    mpz_tdiv_q_2exp(phi.mantissa, phi.mantissa, 1);

    int top = 63;
    while (!(n >> top & 1))
        top--;
    mpz_set(x->mantissa, phi.mantissa);
    x->exponent = phi.exponent;
    for (int bit = top - 1; bit >= 0; bit--) {
        multiply(x, x, scale);
        if (n >> bit & 1)
            multiply(x, &phi, scale);
        options->progress(1.0 - (double)bit / top, options->context);
    }

    /* The root is cut off, and what is divided by must be too large. */
    mpz_add_ui(phi.mantissa, scale->root, 1);
    mpz_mul(x->mantissa, x->mantissa, scale->ten);
    mpz_tdiv_q(x->mantissa, x->mantissa, phi.mantissa);
    x->exponent--;
    cut(x, scale);
    mpz_clear(phi.mantissa);
}

/* Have all numbers that x may stand for the same first digits, down to 10^cut of the mantissa? Then
 * leaves these digits in x. */
static bool is_certain(mpz_t x, uint64_t n, size_t below)
{
    mpz_t high, unit;
    mpz_init_set_ui(high, (unsigned long)n);
    mpz_init(unit);
    mpz_mul_ui(high, high, 50);
    mpz_add_ui(high, high, 1);
    mpz_add(high, high, x);
    mpz_sub_ui(x, x, 1);
    mpz_ui_pow_ui(unit, 10, below);
    mpz_tdiv_q(high, high, unit);
    mpz_tdiv_q(x, x, unit);
    bool certain = mpz_cmp(high, x) == 0;
    mpz_clears(high, unit, NULL);
    return certain;
}

/* Returns 0, FILCH_ENOMEM, or FILCH_ERANGE: it needs a longer P. */
static int find_first(uint64_t n, size_t count, size_t guard,
                      const struct filch_fib_options *options, struct fib_ends *ends)
{
    size_t digits = count + guard;
    char *text = malloc(count + 2); /* a sign and the NUL, as mpz_get_str() asks for */
    if (!text || !fits(digits)) {
        free(text);
        return FILCH_ENOMEM;
    }
    struct scale scale;
    struct decimal x;
    scale_init(&scale, digits);
    mpz_init(x.mantissa);
    compute(&x, n, &scale, options);
    scale_fini(&scale);
    bool certain = is_certain(x.mantissa, n, guard);
    if (certain) {
        ends->first = mpz_get_str(text, 10, x.mantissa);
        ends->length = (uint64_t)x.exponent + digits;
    } else {
        free(text);
    }
    mpz_clear(x.mantissa);
    return certain ? 0 : FILCH_ERANGE;
}

/* ---- The last digits, and all ---------------------------------------------------------------- */

static int find_last(uint64_t n, size_t count, const struct filch_fib_options *options,
                     struct fib_ends *ends)
{
    char *text = malloc(count + 1);
    if (!text || !fits(count)) {
        free(text);
        return FILCH_ENOMEM;
    }
    mpz_t last, unit;
    mpz_inits(last, unit, NULL);
    mpz_ui_pow_ui(unit, 10, count);
    int error = filch_fib_mod(last, n, unit, options);
    mpz_clear(unit);
    if (error) {
        free(text);
    } else {
        gmp_snprintf(text, count + 1, "%0*Zd", (int)count, last);
        ends->last = text;
    }
    mpz_clear(last);
    return error;
}

static int find_whole(uint64_t n, size_t count, const struct filch_fib_options *options,
                      struct fib_ends *ends)
{
    char *text;
    size_t length;
    int error = filch_fib_string(&text, &length, n, options);
    if (error)
        return error;
    if (length > 2 * count) {
        ends->last = strdup(text + length - count);
        text[count] = '\0';
        if (!ends->last) {
            free(text);
            return FILCH_ENOMEM;
        }
    }
    ends->first = text;
    ends->length = length;
    return 0;
}

int fib_digits_find(uint64_t n, uint64_t count, const struct filch_fib_options *options,
                    struct fib_ends *ends)
{
    memset(ends, 0, sizeof *ends);
    int error = FILCH_ERANGE;
    for (uint64_t guard = GUARD_DIGITS; error == FILCH_ERANGE; guard *= 2) {
        /* A number of n has n / 4.785 digits: more than P, and than those wanted. */
        if (n / 5 > 2 * count + guard)
            error = find_first(n, count, guard, options, ends);
        else
            return find_whole(n, count, options, ends);
    }
    if (!error)
        error = find_last(n, count, options, ends);
    if (error)
        fib_ends_free(ends);
    return error;
}

void fib_ends_free(struct fib_ends *ends)
{
    free(ends->first);
    free(ends->last);
    memset(ends, 0, sizeof *ends);
}
