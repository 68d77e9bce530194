/* SPDX-License-Identifier: MIT
 *
 * fibonacci: F(n) for n = 10^5 to 10^9, as a number (binary) and as decimal text (printed).
 *   serial   GMP alone: mpz_fib_ui(), and mpz_get_str() for text
 *   filch    filch_fib() and filch_fib_string(), by a pool's workers
 *   arena    the same behind filch_gmp_arena_install()
 *   add      the loop a, b = b, a + b: where it takes seconds, not hours
 *
 * Every run frees what it has computed: all series are there at the same time. */
#include "bench.h"

#include "bench/cli/clock.h"
#include "bench/workloads/fingerprint.h"
#include "bench/workloads/workload.h"
#include "bignum/reserve.h"

#include <filch/bignum.h>
#include <filch/pool.h>

#include <stdlib.h>
#include <string.h>

struct fibonacci {
    uint64_t n;
    /* With FILCH_FIB_GMP it is not filch that is called, but GMP itself. */
    struct filch_fib_options options;
};

static bool is_gmp(const struct fibonacci *fibonacci)
{
    return fibonacci->options.algorithm == FILCH_FIB_GMP;
}

static const char *error_text(int error)
{
    return error ? filch_strerror(error) : NULL;
}

static const char *run_number(void *state, struct bench_sample *sample)
{
    const struct fibonacci *fibonacci = state;
    int error = 0;
    mpz_t number;
    mpz_init(number);
    uint64_t start = clock_now();
    if (is_gmp(fibonacci))
        mpz_fib_ui(number, fibonacci->n);
    else
        error = filch_fib(number, fibonacci->n, &fibonacci->options);
    sample->value = clock_seconds(start, clock_now());
    sample->result = mpz_fdiv_ui(number, FINGERPRINT_PRIME);
    mpz_clear(number);
    return error_text(error);
}

static char *text_by_gmp(uint64_t n)
{
    mpz_t number;
    mpz_init(number);
    mpz_fib_ui(number, n);
    char *text = mpz_get_str(NULL, 10, number);
    mpz_clear(number);
    return text;
}

static const char *run_text(void *state, struct bench_sample *sample)
{
    const struct fibonacci *fibonacci = state;
    int error = 0;
    char *text = NULL;
    uint64_t start = clock_now();
    if (is_gmp(fibonacci))
        text = text_by_gmp(fibonacci->n);
    else
        error = filch_fib_string(&text, NULL, fibonacci->n, &fibonacci->options);
    sample->value = clock_seconds(start, clock_now());
    if (error)
        return error_text(error);
    sample->result = fingerprint_text(text, strlen(text));
    free(text);
    return NULL;
}

/* Is there memory for GMP? It would end the process. The other series ask for themselves, run by
 * run. */
static const char *check_memory(const struct fibonacci *fibonacci, enum filch_fib_form form)
{
    uint64_t bytes = filch_fib_memory(fibonacci->n, form, &fibonacci->options);
    int error = fi_memory_reserve(&fi_system_roots, bytes);
    if (!error)
        fi_memory_release(bytes);
    return error_text(error);
}

/* A program's kind: the algorithm, or this. */
enum { ARENA = 100 };

static const char *setup(const struct bench_job *job, void **state)
{
    struct fibonacci *fibonacci = calloc(1, sizeof *fibonacci);
    if (!fibonacci)
        return filch_strerror(FILCH_ENOMEM);
    fibonacci->n = bench_size(job);
    *state = fibonacci;
    if (job->program->kind == ARENA) {
        int error = filch_gmp_arena_install(UINT64_MAX);
        if (error)
            return filch_strerror(error);
    } else {
        fibonacci->options.algorithm = (enum filch_fib_algorithm)job->program->kind;
    }
    if (is_gmp(fibonacci))
        return check_memory(fibonacci, job->program->run == run_text ? FILCH_FIB_STRING
                                                                     : FILCH_FIB_NUMBER);
    if (fibonacci->options.algorithm == FILCH_FIB_ADD)
        return NULL;
    struct filch_pool_options options = {.workers = job->workers};
    int error = filch_pool_create(&options, &fibonacci->options.pool);
    return error_text(error);
}

static void teardown(void *state)
{
    struct fibonacci *fibonacci = state;
    filch_pool_destroy(fibonacci->options.pool);
    free(fibonacci);
}

#define PROGRAM(name, system, scale, algorithm, run)                    \
    {                                                                   \
        name, system, "s", scale, algorithm, setup, run, teardown, NULL \
    }

/* The last one, adding, may be left out. */
#define BENCH(text, what, run, index, quick, programs_here, named)                         \
    {                                                                                      \
        .name = text, .title = what "; seconds a run", .only_named = named, .peers = true, \
        .workload = &(const struct workload){.size = index, .quick_size = quick},          \
        .programs =                                                                        \
            (const struct bench_program[]){                                                \
                PROGRAM(text, BENCH_SYSTEM_SERIAL, BENCH_ONE, FILCH_FIB_GMP, run),         \
                PROGRAM(text, BENCH_SYSTEM_FILCH, BENCH_LISTED, FILCH_FIB_AUTO, run),      \
                PROGRAM(text, "arena", BENCH_LISTED, ARENA, run),                          \
                PROGRAM(text, "add", BENCH_ONE, FILCH_FIB_ADD, run),                       \
            },                                                                             \
        .program_count = programs_here,                                                    \
    }

#define BOTH(id, digits, ...)                                                               \
    BENCH("fibonacci-" id "-binary", "F(" digits ") as a number", run_number, __VA_ARGS__), \
        BENCH("fibonacci-" id "-printed", "F(" digits ") as decimal text", run_text,        \
              __VA_ARGS__)

/* n, that of a quick run, how many programs, run only when named. */
const struct bench fibonacci_benches[FIBONACCI_BENCHES] = {
    BOTH("1e5", "100,000", 100000, 1000, 4, false),
    BOTH("1e6", "1,000,000", 1000000, 3000, 4, false),
    BOTH("1e7", "10,000,000", 10000000, 10000, 3, false),
    BOTH("1e8", "100,000,000", 100000000, 30000, 3, false),
    BOTH("1e9", "1,000,000,000", 1000000000, 100000, 3, true),
};
