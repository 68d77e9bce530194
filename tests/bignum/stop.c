/* SPDX-License-Identifier: MIT
 *
 * Calls that are cancelled at any of their steps, or given a budget, end with an error, leave their
 * results as they were, and nothing behind; and what progress tells on the way. */
#include <filch/bignum.h>
#include <filch/cancel.h>
#include <filch/pool.h>

#include "bignum/tuning.h"
#include "counting.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

static struct filch_pool *pool;

static void make_pool(void)
{
    struct filch_pool_options options = {.workers = 2};
    cr_assert_eq(filch_pool_create(&options, &pool), 0);
    fi_tuning.doubling_from = 50;
    fi_tuning.forks_from = 1000;
    fi_tuning.decimal_forks_from = 1000;
    fi_tuning.decimal_from = 500;
}

static void remove_pool(void)
{
    filch_pool_destroy(pool);
}

TestSuite(stop, .init = make_pool, .fini = remove_pool);

enum { FIB, LUCAS, STRING, PRINT, MODULO, CALLS };

/* One of the calls, whose results are what they were if there is an error. */
static int call(int which, uint64_t n, const struct filch_fib_options *options)
{
    mpz_t result, m;
    char *text = NULL, *printed = NULL;
    size_t length = 77, count = 0;
    mpz_init_set_ui(result, 42);
    mpz_init_set_ui(m, 1);
    mpz_mul_2exp(m, m, 20000);
    FILE *stream = which == PRINT ? open_memstream(&printed, &count) : NULL;
    int error = which == FIB      ? filch_fib(result, n, options)
                : which == LUCAS  ? filch_lucas(result, n, options)
                : which == STRING ? filch_fib_string(&text, &length, n, options)
                : which == PRINT  ? filch_fib_print(stream, n, options)
                                  : filch_fib_mod(result, n, m, options);
    if (error) {
        cr_expect_eq(mpz_cmp_ui(result, 42), 0);
        cr_expect_null(text);
        cr_expect_eq(length, 77);
    }
    if (stream)
        fclose(stream);
    free(printed);
    free(text);
    mpz_clears(result, m, NULL);
    return error;
}

struct canceller {
    struct filch_token *token;
    int calls, at; /* cancels at the so manieth call */
};

static void cancel_at(double share, void *context)
{
    struct canceller *canceller = context;
    (void)share;
    if (canceller->calls++ == canceller->at)
        filch_token_cancel(canceller->token);
}

/* Returns how often the call reports if nobody cancels it. */
static int cancel_everywhere(int which, uint64_t n, struct filch_fib_options options)
{
    for (int at = 0;; at++) {
        struct canceller canceller = {.at = at};
        cr_assert_eq(filch_token_create(NULL, &canceller.token), 0);
        options.token = canceller.token;
        options.progress = cancel_at;
        options.context = &canceller;
        counting_restart();
        int error = call(which, n, &options);
        cr_expect_eq(live, 0, "call %d, cancelled at %d", which, at);
        filch_token_release(canceller.token);
        if (canceller.calls <= at)
            return canceller.calls;
        /* What is over by then cannot be cancelled any more. */
        cr_expect(error == FILCH_ECANCELED || (error == 0 && canceller.calls - at <= 2),
                  "call %d, cancelled at %d of %d: %d", which, at, canceller.calls, error);
        if (error)
            cr_expect_eq(canceller.calls, at + 1, "call %d goes on", which);
    }
}

Test(stop, a_call_can_be_cancelled_at_every_step)
{
    counting_begin();
    for (int which = 0; which < CALLS; which++) {
        struct filch_fib_options alone = {0}, together = {.pool = pool};
        cr_expect_geq(cancel_everywhere(which, 1000000, alone), 5, "call %d", which);
        cr_expect_geq(cancel_everywhere(which, 1000000, together), 5, "call %d", which);
    }
}

Test(stop, a_call_with_split_products_can_be_cancelled_at_every_step)
{
    struct filch_pool_options five = {.workers = 5};
    struct filch_fib_options options = {0};
    cr_assert_eq(filch_pool_create(&five, &options.pool), 0);
    fi_tuning.split_from = 100;
    counting_begin();
    for (int which = 0; which < MODULO; which++)
        cr_expect_geq(cancel_everywhere(which, 1000000, options), 5, "call %d", which);
    filch_pool_destroy(options.pool);
}

Test(stop, adding_can_be_cancelled)
{
    struct filch_fib_options options = {.algorithm = FILCH_FIB_ADD};
    counting_begin();
    cr_expect_gt(cancel_everywhere(FIB, 300, options), 100);
    cr_expect_gt(cancel_everywhere(STRING, 300, options), 100);
}

Test(stop, a_token_that_is_cancelled_before_is_an_error_at_once)
{
    struct filch_fib_options options = {0};
    cr_assert_eq(filch_token_create(NULL, &options.token), 0);
    filch_token_cancel(options.token);
    for (int which = 0; which < CALLS; which++)
        cr_expect_eq(call(which, 10, &options), FILCH_ECANCELED);
    filch_token_release(options.token);
}

struct scoped {
    struct filch_fib_options options;
    int error;
};

static void call_in_scope(void *arg)
{
    struct scoped *scoped = arg;
    scoped->error = call(FIB, 100000, &scoped->options);
}

Test(stop, the_cancel_of_a_task_reaches_its_call)
{
    for (int with_pool = 0; with_pool < 2; with_pool++) {
        struct canceller canceller = {.at = 3};
        struct scoped scoped = {{.progress = cancel_at, .context = &canceller}, 0};
        scoped.options.pool = with_pool ? pool : NULL;
        cr_assert_eq(filch_token_create(NULL, &canceller.token), 0);
        filch_token_call(canceller.token, call_in_scope, &scoped);
        cr_expect_eq(scoped.error, FILCH_ECANCELED);
        cr_expect_eq(canceller.calls, 4);
        filch_token_release(canceller.token);
    }
}

Test(stop, a_budget_below_the_need_is_an_error_at_once)
{
    for (int which = 0; which < MODULO; which++) {
        enum filch_fib_form form = which == STRING  ? FILCH_FIB_STRING
                                   : which == PRINT ? FILCH_FIB_PRINT
                                                    : FILCH_FIB_NUMBER;
        struct filch_fib_options options = {0};
        options.memory = filch_fib_memory(2000000, form, &options) - 1;
        cr_expect_eq(call(which, 2000000, &options), FILCH_ENOMEM);
        options.memory++;
        cr_expect_eq(call(which, 2000000, &options), 0);
    }
    struct filch_fib_options little = {.memory = 1000};
    cr_expect_eq(call(MODULO, 2000000, &little), FILCH_ENOMEM);
}

Test(stop, a_budget_too_small_for_a_pool_is_kept_by_one_thread)
{
    struct filch_fib_options options = {.pool = pool}, alone = {0};
    options.memory = filch_fib_memory(2000000, FILCH_FIB_NUMBER, &alone);
    cr_assert_lt(options.memory, filch_fib_memory(2000000, FILCH_FIB_NUMBER, &options));
    counting_begin();
    cr_expect_eq(call(FIB, 2000000, &options), 0);
    cr_expect_leq(peak, options.memory);
}

struct shares {
    double last;
    int calls;
    bool first_is_0, fell;
};

static void log_share(double share, void *context)
{
    struct shares *shares = context;
    if (shares->calls++ == 0)
        shares->first_is_0 = share <= 0;
    else
        shares->fell |= share <= shares->last;
    shares->last = share;
}

Test(stop, progress_rises_from_0_to_1)
{
    for (int which = 0; which < CALLS; which++) {
        for (int with_pool = 0; with_pool < 2; with_pool++) {
            for (uint64_t n = 0; n < 300000; n += n / 2 + 1) {
                struct shares shares = {0};
                struct filch_fib_options options = {.pool = with_pool ? pool : NULL,
                                                    .progress = log_share,
                                                    .context = &shares};
                cr_assert_eq(call(which, n, &options), 0);
                cr_expect(shares.first_is_0 && !shares.fell && shares.last >= 1.0,
                          "call %d, %" PRIu64, which, n);
                cr_expect_geq(shares.calls, 2);
            }
        }
    }
}
