/* SPDX-License-Identifier: MIT
 *
 * Fibonacci and Lucas numbers, texts and remainders of random n on one pool, asked for by two
 * threads, each of which may cancel what the other one waits for. What is not cancelled must be
 * what GMP says. FILCH_FIB_MOST in the environment: the largest n, 100,000 by default; run it with
 * 10000000 or 100000000, and more seconds, when the arithmetic changes. */
#include "stress.h"

#include "bignum/tuning.h"

#include <filch/bignum.h>
#include <filch/cancel.h>
#include <filch/pool.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define THREADS 2

static struct filch_pool *pool;
static uint64_t most = SANITIZED ? 20000 : 100000;
static struct filch_token
    *_Atomic(cancelled)[THREADS]; /* the other thread may cancel it, once */
static _Atomic(uint64_t) calls, stopped;

static void expect_text(uint64_t n, mpz_srcptr wanted, struct filch_fib_options *options)
{
    char *text;
    size_t length;
    int error = filch_fib_string(&text, &length, n, options);
    if (error == FILCH_ECANCELED) {
        stopped++;
        return;
    }
    CHECK(error == 0);
    char *digits = mpz_get_str(NULL, 10, wanted);
    CHECK(strlen(digits) == length);
    CHECK(strcmp(digits, text) == 0);
    free(digits);
    free(text);
}

static void expect_numbers(uint64_t n, struct filch_fib_options *options)
{
    mpz_t wanted, is, m;
    mpz_inits(wanted, is, m, NULL);
    for (int which = 0; which < 3; which++) {
        mpz_fib_ui(wanted, (unsigned long)n);
        mpz_tdiv_q_2exp(m, wanted, mpz_sizeinbase(wanted, 2) / 3);
        mpz_add_ui(m, m, 1);
        if (which == 1)
            mpz_lucnum_ui(wanted, (unsigned long)n);
        if (which == 2)
            mpz_mod(wanted, wanted, m);
        int error = which == 0   ? filch_fib(is, n, options)
                    : which == 1 ? filch_lucas(is, n, options)
                                 : filch_fib_mod(is, n, m, options);
        CHECK(error == 0 || error == FILCH_ECANCELED);
        if (error)
            stopped++;
        else
            CHECK(mpz_cmp(is, wanted) == 0);
        calls++;
    }
    mpz_fib_ui(wanted, (unsigned long)n);
    expect_text(n, wanted, options);
    calls++;
    mpz_clears(wanted, is, m, NULL);
}

static void *run(void *arg)
{
    size_t self = (size_t)arg;
    for (uint64_t key = self + 1; stress_goes_on(); key += THREADS) {
        uint64_t random = stress_mix(key);
        struct filch_fib_options options = {.pool = random & 1 ? pool : NULL,
                                            .algorithm = random & 2 ? FILCH_FIB_AUTO
                                                                    : FILCH_FIB_DOUBLING};
        CHECK(filch_token_create(NULL, &options.token) == 0);
        if (random & 4)
            atomic_store(&cancelled[self], filch_token_retain(options.token));
        struct filch_token *other = atomic_exchange(&cancelled[1 - self], NULL);
        if (other) {
            filch_token_cancel(other);
            filch_token_release(other);
        }
        expect_numbers((random >> 8) % (most + 1), &options);
        filch_token_release(atomic_exchange(&cancelled[self], NULL));
        filch_token_release(options.token);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct filch_pool_options options = {.workers = 3};
    pthread_t threads[THREADS];
    const char *limit = getenv("FILCH_FIB_MOST");
    if (limit)
        most = strtoull(limit, NULL, 10);
    else
        fi_tuning = (struct fi_tuning){.doubling_from = 1000,
                                       .forks_from = 2000,
                                       .decimal_forks_from = 2000,
                                       .decimal_from = 3000,
                                       .modulo_forks_from = 4};
    stress_begin(argc, argv);
    CHECK(filch_pool_create(&options, &pool) == 0);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, run, (void *)i) == 0);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(filch_pool_destroy(pool) == 0);
    printf("%llu calls, %llu of them cancelled\n", (unsigned long long)calls,
           (unsigned long long)stopped);
    return 0;
}
