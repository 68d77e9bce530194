/* SPDX-License-Identifier: MIT
 *
 * Numbers and texts whose products are split, from two threads at once on pools of more workers
 * than there are cores: all agree with GMP. Some are cancelled on the way by the other thread. */
#include "stress.h"

#include <filch/bignum.h>
#include <filch/cancel.h>
#include <filch/pool.h>

#include "bignum/tuning.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define MOST    400000 /* from 270,000 on texts are shared */
#define CALLS   (SANITIZED ? 8 : 20)
#define THREADS 2

static struct filch_pool *pool;
static struct filch_token *tokens[THREADS];
static atomic_uint calls, stopped;

/* Returns the call's error. */
static int number(uint64_t n, const struct filch_fib_options *options)
{
    mpz_t result, wanted;
    mpz_inits(result, wanted, NULL);
    mpz_fib_ui(wanted, (unsigned long)n);
    int error = filch_fib(result, n, options);
    CHECK(error || mpz_cmp(result, wanted) == 0);
    if (!error) {
        mpz_lucnum_ui(wanted, (unsigned long)n);
        error = filch_lucas(result, n, options);
        CHECK(error || mpz_cmp(result, wanted) == 0);
    }
    mpz_clears(result, wanted, NULL);
    return error;
}

static int text(uint64_t n, const struct filch_fib_options *options)
{
    mpz_t wanted;
    mpz_init(wanted);
    mpz_fib_ui(wanted, (unsigned long)n);
    char *digits = mpz_get_str(NULL, 10, wanted), *is = NULL;
    int error = filch_fib_string(&is, NULL, n, options);
    CHECK(error || strcmp(is, digits) == 0);
    free(is);
    free(digits);
    mpz_clear(wanted);
    return error;
}

static void *call(void *context)
{
    struct filch_token **token = context;
    struct filch_token *others = tokens[token == tokens];
    struct filch_fib_options options = {.pool = pool, .token = *token};
    for (uint64_t i = 0; i < CALLS; i++) {
        uint64_t random = stress_mix(++calls);
        int error = (i % 2 ? text : number)(random % MOST, &options);
        CHECK(error == 0 || error == FILCH_ECANCELED);
        stopped += error != 0;
        if (error)
            break;
        if (random >> 60 == 0)
            filch_token_cancel(others);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static const int sizes[] = {3, 4, 5, 8, 16};
    stress_begin(argc, argv);
    fi_tuning = (struct fi_tuning){.doubling_from = 50,
                                   .forks_from = 100,
                                   .decimal_forks_from = 100,
                                   .decimal_from = 500,
                                   .split_from = 100,
                                   .split_workers = 3};
    for (int round = 0; round < 5 || stress_goes_on(); round++) {
        const struct filch_pool_options options = {.workers = sizes[round % 5]};
        CHECK(filch_pool_create(&options, &pool) == 0);
        pthread_t threads[THREADS];
        for (int i = 0; i < THREADS; i++)
            CHECK(filch_token_create(NULL, &tokens[i]) == 0);
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_create(&threads[i], NULL, call, &tokens[i]) == 0);
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_join(threads[i], NULL) == 0);
        for (int i = 0; i < THREADS; i++)
            filch_token_release(tokens[i]);
        filch_pool_destroy(pool);
    }
    printf("%u numbers and texts, %u of them cancelled\n", calls, stopped);
    return 0;
}
