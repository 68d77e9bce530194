/* SPDX-License-Identifier: MIT
 *
 * filch-tune: measures the bounds in bignum/tuning.c, which say from where on an algorithm is worth
 * its while. For each bound it goes through sizes, each a quarter above the one before, and times
 * the same call with the bound just above the size, so that the old way is taken, and at the size.
 * Both take turns; the ratio of their medians counts. What it prints, a line for each size and one
 * for each bound:
 *
 *     size  without  with  ratio
 *     decimal_from 50000: measured 41000 (ratio 0.98 at 50000)
 *
 * "measured" is the smallest size from which on the new way is at most as slow as it may be: not
 * slower at all, or, for the checks, by 2 %. Timings vary, so a bound is worth changing where the
 * ratio at it is far from that. */
#include "bench/cli/clock.h"
#include "bench/micro/quantile.h"
#include "bignum/tuning.h"

#include <filch/bignum.h>
#include <filch/pool.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS_MIN = 11, RUNS_MAX = 201, WORKERS = 2, USAGE = 2 };

static struct filch_pool *pool, *everybody; /* of WORKERS, of all processors */
static double budget = 1.0;                 /* seconds for a size */

/* ---- Calls -------------------------------------------------------------------------------- */

static int number(uint64_t n, struct filch_pool *with)
{
    const struct filch_fib_options options = {.pool = with};
    mpz_t f;
    mpz_init(f);
    int error = filch_fib(f, n, &options);
    mpz_clear(f);
    return error;
}

static int number_alone(uint64_t n)
{
    return number(n, NULL);
}

static int number_together(uint64_t n)
{
    return number(n, pool);
}

/* Made of factors of so many limbs. */
static int number_in_parts(uint64_t limbs)
{
    return number(limbs * 185, everybody);
}

static int text(uint64_t n, struct filch_pool *with)
{
    const struct filch_fib_options options = {.pool = with};
    char *digits;
    int error = filch_fib_string(&digits, NULL, n, &options);
    if (!error)
        free(digits);
    return error;
}

static int text_alone(uint64_t n)
{
    return text(n, NULL);
}

static int text_together(uint64_t n)
{
    return text(n, pool);
}

/* m of so many limbs; the last four steps are reduced. */
static int remainder_together(uint64_t limbs)
{
    const struct filch_fib_options options = {.pool = pool};
    mpz_t m, f;
    mpz_inits(m, f, NULL);
    mpz_ui_pow_ui(m, 3, (unsigned long)(limbs * 40)); /* 63.4 bits for each limb */
    int error = filch_fib_mod(f, limbs * 1000, m, &options);
    mpz_clears(m, f, NULL);
    return error;
}

/* ---- Bounds --------------------------------------------------------------------------------- */

static const struct bound {
    const char *name;
    uint64_t *value;
    int (*call)(uint64_t size);
    uint64_t first, last;
    double allowed; /* times as slow as without */
} bounds[] = {
    {"doubling_from", &fi_tuning.doubling_from, number_alone, 200000, 20000000, 1.0},
    {"forks_from", &fi_tuning.forks_from, number_together, 100000, 10000000, 1.0},
    {"decimal_from", &fi_tuning.decimal_from, text_alone, 5000, 200000, 1.0},
    {"decimal_forks_from", &fi_tuning.decimal_forks_from, text_together, 150000, 3000000, 1.0},
    {"check_from", &fi_tuning.check_from, number_alone, 50000, 2000000, 1.02},
    {"text_check_from", &fi_tuning.text_check_from, text_alone, 100000, 3000000, 1.02},
    {"modulo_forks_from", &fi_tuning.modulo_forks_from, remainder_together, 100, 10000, 1.0},
    {"split_from", &fi_tuning.split_from, number_in_parts, 11000, 200000, 1.0},
};

enum { BOUNDS = sizeof bounds / sizeof bounds[0] };

static void fail(const char *name, uint64_t size, int error)
{
    fprintf(stderr, "filch-tune: %s at %" PRIu64 ": %s\n", name, size, filch_strerror(error));
    exit(EXIT_FAILURE);
}

static double time_call(const struct bound *bound, uint64_t size, uint64_t value)
{
    *bound->value = value;
    uint64_t start = clock_now();
    int error = bound->call(size);
    double seconds = clock_seconds(start, clock_now());
    if (error)
        fail(bound->name, size, error);
    return seconds;
}

/* Prints a line. Returns the time with, as a multiple of that without. */
static double compare(const struct bound *bound, uint64_t size)
{
    static double without[RUNS_MAX], with[RUNS_MAX];
    uint64_t start = clock_now();
    size_t runs = 0;
    time_call(bound, size, size + 1);
    time_call(bound, size, size);
    while (runs < RUNS_MIN || (runs < RUNS_MAX && clock_seconds(start, clock_now()) < budget)) {
        without[runs] = time_call(bound, size, size + 1);
        with[runs++] = time_call(bound, size, size);
    }
    double old = quantile_median(without, runs), new = quantile_median(with, runs);
    printf("%12" PRIu64 " %12.6f %12.6f %8.3f\n", size, old, new, new / old);
    fflush(stdout);
    return new / old;
}

static void measure(const struct bound *bound)
{
    const uint64_t value = *bound->value;
    uint64_t from = 0;
    if (bound->call == number_in_parts &&
        filch_pool_size(everybody) < fi_tuning.split_workers) {
        printf("%s %" PRIu64 ": not measured, needs %d workers\n\n", bound->name, value,
               fi_tuning.split_workers);
        return;
    }
    printf("%s\n%12s %12s %12s %8s\n", bound->name, "size", "without, s", "with, s", "ratio");
    for (uint64_t size = bound->first; size <= bound->last; size += size / 4) {
        bool good = compare(bound, size) <= bound->allowed;
        if (good && !from)
            from = size;
        else if (!good)
            from = 0;
    }
    double ratio = compare(bound, value);
    *bound->value = value;
    if (from)
        printf("%s %" PRIu64 ": measured %" PRIu64, bound->name, value, from);
    else
        printf("%s %" PRIu64 ": measured above %" PRIu64, bound->name, value, bound->last);
    printf(" (ratio %.3f at %" PRIu64 ")\n\n", ratio, value);
}

/* ---- The command line ------------------------------------------------------------------------ */

static int complain(const char *what, const char *text)
{
    fprintf(stderr,
            "filch-tune: %s: '%s'\nusage: filch-tune [SECONDS-A-SIZE [BOUND]...]\nbounds:",
            what, text);
    for (size_t i = 0; i < BOUNDS; i++)
        fprintf(stderr, " %s", bounds[i].name);
    fprintf(stderr, "\n");
    return USAGE;
}

static const struct bound *find(const char *name)
{
    for (size_t i = 0; i < BOUNDS; i++)
        if (strcmp(bounds[i].name, name) == 0)
            return &bounds[i];
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        char *end;
        budget = strtod(argv[1], &end);
        if (end == argv[1] || *end != '\0' || !(budget >= 0))
            return complain("not a number of seconds", argv[1]);
    }
    for (int i = 2; i < argc; i++)
        if (!find(argv[i]))
            return complain("no such bound", argv[i]);

    const struct filch_pool_options options = {.workers = WORKERS};
    int error = filch_pool_create(&options, &pool);
    if (!error)
        error = filch_pool_create(NULL, &everybody);
    if (error)
        fail("a pool", WORKERS, error);
    for (int i = 2; i < argc; i++)
        measure(find(argv[i]));
    for (size_t i = 0; argc <= 2 && i < BOUNDS; i++)
        measure(&bounds[i]);
    filch_pool_destroy(pool);
    filch_pool_destroy(everybody);
    return EXIT_SUCCESS;
}
