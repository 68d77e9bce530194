/* SPDX-License-Identifier: MIT
 *
 * What filch_fib() and filch_fib_string() promise: right digits for every n, both algorithms
 * alike, and an error instead of GMP's abort when n or the memory does not do. */
#include <filch/bignum.h>
#include <filch/pool.h>

#include "bignum/tuning.h"
#include "counting.h"
#include "tests/sanitized.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct filch_fib_options doubling = {.algorithm = FILCH_FIB_DOUBLING};
static const struct filch_fib_options adding = {.algorithm = FILCH_FIB_ADD};
static const struct filch_fib_options with_gmp = {.algorithm = FILCH_FIB_GMP};

static void skip_with_sanitizer(void)
{
    if (SANITIZED)
        cr_skip_test("RLIMIT_AS cannot be lowered under a sanitizer");
}

/* The first hexadecimal digits of the SHA-256 of text and a newline. */
static void hash_line(const char *text, char hex[33])
{
    char name[] = "/tmp/filch-fib-XXXXXX", command[64];
    int fd = mkstemp(name);
    cr_assert(fd >= 0);
    FILE *file = fdopen(fd, "w");
    cr_assert(file && fprintf(file, "%s\n", text) > 0 && fclose(file) == 0);
    snprintf(command, sizeof command, "sha256sum %s", name);
    FILE *sum = popen(command, "r");
    cr_assert(sum && fgets(hex, 33, sum));
    cr_assert_eq(pclose(sum), 0);
    unlink(name);
}

static void expect_hash(uint64_t n, const struct filch_fib_options *options, const char *prefix)
{
    char *text = NULL, hex[33];
    size_t length = 0;
    cr_assert_eq(filch_fib_string(&text, &length, n, options), 0);
    cr_expect_eq(strlen(text), length);
    hash_line(text, hex);
    cr_expect_eq(strncmp(hex, prefix, strlen(prefix)), 0, "F(%" PRIu64 "): %s", n, hex);
    free(text);
}

static void expect_hash_of_both(uint64_t n, const char *prefix)
{
    expect_hash(n, &doubling, prefix);
    expect_hash(n, &adding, prefix);
}

Test(fib, f_of_0_is_0_and_f_of_1_is_1)
{
    const struct filch_fib_options *both[] = {&doubling, &adding};
    for (int i = 0; i < 2; i++) {
        for (uint64_t n = 0; n < 3; n++) {
            char *text = NULL;
            size_t length = 0;
            cr_assert_eq(filch_fib_string(&text, &length, n, both[i]), 0);
            cr_expect_str_eq(text, n == 0 ? "0" : "1");
            cr_expect_eq(length, 1);
            free(text);
        }
    }
}

Test(fib, digits_have_the_known_hashes)
{
    expect_hash_of_both(0, "9a271f2a");
    expect_hash_of_both(1, "4355a46b");
    expect_hash_of_both(93, "1b5882b1");
    expect_hash_of_both(94, "b5d28fa6");
    expect_hash_of_both(1000, "a7c08fc8");
    expect_hash_of_both(10000, "fa5492a1");
    expect_hash_of_both(100000, "b7480e1f");
}

Test(fib, a_million_has_208988_digits_and_the_known_hash)
{
    char *text = NULL;
    size_t length = 0;
    cr_assert_eq(filch_fib_string(&text, &length, 1000000, NULL), 0);
    cr_expect_eq(length, 208988);
    free(text);
    expect_hash(1000000, NULL, "4910cacc5301426acb02007430c3fc38");
}

static void expect_agreement(uint64_t n)
{
    mpz_t by_doubling, by_adding, by_gmp;
    mpz_inits(by_doubling, by_adding, by_gmp, NULL);
    cr_assert_eq(filch_fib(by_doubling, n, &doubling), 0);
    cr_assert_eq(filch_fib(by_adding, n, &adding), 0);
    mpz_fib_ui(by_gmp, (unsigned long)n);
    cr_expect_eq(mpz_cmp(by_doubling, by_gmp), 0, "doubling, F(%" PRIu64 ")", n);
    cr_expect_eq(mpz_cmp(by_adding, by_gmp), 0, "adding, F(%" PRIu64 ")", n);
    mpz_clears(by_doubling, by_adding, by_gmp, NULL);
}

Test(fib, both_algorithms_agree_with_gmp_for_every_n_to_5000)
{
    for (uint64_t n = 0; n <= 5000; n++)
        expect_agreement(n);
}

/* The default, and every way that it may choose. */
Test(fib, numbers_and_texts_are_gmps_for_every_n_to_5000)
{
    mpz_t number, lucas, by_gmp;
    mpz_inits(number, lucas, by_gmp, NULL);
    for (uint64_t n = 0; n <= 5000; n++) {
        char *text, *text_by_gmp;
        size_t length;
        mpz_fib_ui(by_gmp, (unsigned long)n);
        text_by_gmp = mpz_get_str(NULL, 10, by_gmp);
        cr_assert_eq(filch_fib(number, n, NULL), 0);
        cr_assert_eq(filch_fib_string(&text, &length, n, NULL), 0);
        cr_expect_eq(mpz_cmp(number, by_gmp), 0, "F(%" PRIu64 ")", n);
        cr_expect_str_eq(text, text_by_gmp);
        cr_expect_eq(length, strlen(text_by_gmp));
        mpz_lucnum_ui(by_gmp, (unsigned long)n);
        cr_assert_eq(filch_lucas(lucas, n, NULL), 0);
        cr_expect_eq(mpz_cmp(lucas, by_gmp), 0, "L(%" PRIu64 ")", n);
        free(text_by_gmp);
        free(text);
    }
    mpz_clears(number, lucas, by_gmp, NULL);
}

Test(fib, both_algorithms_agree_with_gmp_for_any_n)
{
    srand48(20240229);
    for (int i = 0; i < 50; i++)
        expect_agreement((uint64_t)(lrand48() % 60000));
}

/* GMP is no witness against itself, so the recurrence is another one. */
Test(fib, three_large_neighbours_keep_the_recurrence)
{
    mpz_t a, b, c;
    mpz_inits(a, b, c, NULL);
    cr_assert_eq(filch_fib(a, 3000000, NULL), 0);
    cr_assert_eq(filch_fib(b, 3000001, NULL), 0);
    cr_assert_eq(filch_fib(c, 3000002, NULL), 0);
    mpz_add(a, a, b);
    cr_expect_eq(mpz_cmp(a, c), 0);
    mpz_clears(a, b, c, NULL);
}

Test(fib, the_result_may_hold_a_number_before)
{
    mpz_t result;
    mpz_init_set_str(result, "-123456789012345678901234567890", 10);
    cr_assert_eq(filch_fib(result, 10, NULL), 0);
    cr_expect_eq(mpz_cmp_ui(result, 55), 0);
    cr_assert_eq(filch_fib(result, 20, &adding), 0);
    cr_expect_eq(mpz_cmp_ui(result, 6765), 0);
    mpz_clear(result);
}

Test(fib, the_length_is_optional)
{
    char *text = NULL;
    cr_assert_eq(filch_fib_string(&text, NULL, 12, NULL), 0);
    cr_expect_str_eq(text, "144");
    free(text);
}

/* The error for n, which must leave the results as they were. */
static void expect_refusal(uint64_t n, const struct filch_fib_options *options, int code)
{
    mpz_t result;
    char *text = NULL;
    size_t length = 77;
    mpz_init_set_ui(result, 42);
    cr_expect_eq(filch_fib(result, n, options), code);
    cr_expect_eq(mpz_cmp_ui(result, 42), 0);
    cr_expect_eq(filch_fib_string(&text, &length, n, options), code);
    cr_expect_null(text);
    cr_expect_eq(length, 77);
    mpz_clear(result);
}

Test(fib, an_n_beyond_gmp_is_out_of_range)
{
    expect_refusal(FILCH_FIB_MAX_N + 1, NULL, FILCH_ERANGE);
    expect_refusal(FILCH_FIB_MAX_N + 1, &adding, FILCH_ERANGE);
    expect_refusal(UINT64_MAX, NULL, FILCH_ERANGE);
}

Test(fib, an_unknown_algorithm_is_invalid)
{
    struct filch_fib_options unknown = {.algorithm = (enum filch_fib_algorithm)7};
    expect_refusal(10, &unknown, FILCH_EINVAL);
}

struct progress_log {
    int calls;
    double first, last;
    bool fell;
};

static void log_progress(double share, void *context)
{
    struct progress_log *log = context;
    if (log->calls == 0)
        log->first = share;
    if (log->calls > 0 && share < log->last)
        log->fell = true;
    log->last = share;
    log->calls++;
}

static void expect_progress(uint64_t n, enum filch_fib_algorithm algorithm, int at_most)
{
    struct progress_log log = {0, -1, -1, false};
    struct filch_fib_options options = {.algorithm = algorithm,
                                        .progress = log_progress,
                                        .context = &log};
    mpz_t result;
    mpz_init(result);
    cr_assert_eq(filch_fib(result, n, &options), 0);
    cr_expect(log.calls >= 2 && log.calls <= at_most, "%d calls", log.calls);
    cr_expect(log.first <= 0.0 && log.first >= 0.0);
    cr_expect(log.last <= 1.0 && log.last >= 1.0);
    cr_expect_not(log.fell);
    mpz_clear(result);
}

Test(fib, progress_goes_from_0_to_1_and_never_falls)
{
    const uint64_t numbers[] = {0, 1, 2, 999, 1000, 1001, 12345, 50000};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        expect_progress(numbers[i], FILCH_FIB_ADD, 1002);
        expect_progress(numbers[i], FILCH_FIB_GMP, 2);
        expect_progress(numbers[i], FILCH_FIB_DOUBLING, 20);
    }
}

Test(fib, memory_grows_with_n_and_with_text)
{
    cr_expect_eq(filch_fib_memory(FILCH_FIB_MAX_N + 1, FILCH_FIB_NUMBER, NULL), UINT64_MAX);
    for (uint64_t n = 10000; n < FILCH_FIB_MAX_N / 10; n *= 10) {
        uint64_t number = filch_fib_memory(n, FILCH_FIB_NUMBER, NULL);
        cr_expect_gt(number, n * 868 / 10000);
        cr_expect_gt(filch_fib_memory(n * 10, FILCH_FIB_NUMBER, NULL), number);
        cr_expect_gt(filch_fib_memory(n, FILCH_FIB_STRING, NULL), number);
        cr_expect_gt(filch_fib_memory(n, FILCH_FIB_PRINT, NULL), number);
        cr_expect_gt(number, filch_fib_memory(n, FILCH_FIB_NUMBER, &adding));
    }
}

static void expect_peak_below_estimate(uint64_t n, const struct filch_fib_options *options)
{
    mpz_t result;
    counting_restart();
    mpz_init(result);
    cr_assert_eq(filch_fib(result, n, options), 0);
    cr_expect_leq(peak, filch_fib_memory(n, FILCH_FIB_NUMBER, options), "F(%" PRIu64 ")", n);
    mpz_clear(result);

    char *text = NULL;
    size_t length = 0;
    counting_restart();
    cr_assert_eq(filch_fib_string(&text, &length, n, options), 0);
    cr_expect_leq(peak + length, filch_fib_memory(n, FILCH_FIB_STRING, options),
                  "text of F(%" PRIu64 ")", n);
    cr_expect_eq(live, 0);
    free(text);
}

Test(fib, no_call_holds_more_than_its_estimate)
{
    counting_begin();
    for (uint64_t n = 1; n < 6000000; n += n / 7 + 1) {
        expect_peak_below_estimate(n, NULL);
        expect_peak_below_estimate(n, &doubling);
        expect_peak_below_estimate(n, &with_gmp);
        if (n < 60000)
            expect_peak_below_estimate(n, &adding);
    }
}

Test(fib, no_pool_holds_more_than_its_estimate)
{
    struct filch_pool_options two = {.workers = 2};
    struct filch_fib_options options = {.algorithm = FILCH_FIB_DOUBLING};
    counting_begin();
    cr_assert_eq(filch_pool_create(&two, &options.pool), 0);
    fi_tuning.forks_from = 1;
    fi_tuning.decimal_forks_from = 1;
    for (uint64_t n = 1; n < 3000000; n += n / 5 + 1)
        expect_peak_below_estimate(n, &options);
    filch_pool_destroy(options.pool);
}

Test(fib, a_text_can_be_freed_whatever_allocator_gmp_uses)
{
    counting_begin();
    char *text = NULL;
    cr_assert_eq(filch_fib_string(&text, NULL, 5000, NULL), 0);
    cr_expect_gt(peak, 0);
    cr_expect_eq(live, 0, "the text is not GMP's");
    free(text);
}

/* Leaves the process room bytes of address space beyond what it has. */
static void limit_address_space(uint64_t room)
{
    unsigned long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    cr_assert(statm && fscanf(statm, "%lu", &pages) == 1);
    fclose(statm);
    rlim_t space = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + room;
    struct rlimit limit = {space, RLIM_INFINITY};
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

static const uint64_t MIB = UINT64_C(1) << 20;

/* In the test's own process. Criterion reports through memory of its own, so the limit ends
 * before the judgement. */
static void lift_limit(void)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

Test(fib, too_little_address_space_is_an_error_and_changes_nothing)
{
    skip_with_sanitizer();
    mpz_t result;
    char *text = NULL;
    size_t length = 77;
    mpz_init_set_ui(result, 42);
    limit_address_space(256 * MIB);
    int huge = filch_fib(result, 2000000000, NULL);
    int huge_sum = filch_fib(result, 5000000000, &adding);
    int huge_text = filch_fib_string(&text, &length, 1000000000, NULL);
    lift_limit();
    cr_expect_eq(huge, FILCH_ENOMEM);
    cr_expect_eq(huge_sum, FILCH_ENOMEM);
    cr_expect_eq(huge_text, FILCH_ENOMEM);
    cr_expect_eq(mpz_cmp_ui(result, 42), 0);
    cr_expect_null(text);
    cr_expect_eq(length, 77);
    cr_expect_eq(filch_fib(result, 10, NULL), 0, "nothing stays claimed");
    mpz_clear(result);
}

Test(fib, every_limit_gives_a_number_or_an_error)
{
    skip_with_sanitizer();
    int numbers = 0, refusals = 0, others = 0;
    for (uint64_t room = MIB / 2; room < 512 * MIB; room += room / 3) {
        for (uint64_t n = 100000; n <= 10000000; n *= 10) {
            char *text = NULL;
            limit_address_space(room);
            int error = filch_fib_string(&text, NULL, n, NULL);
            lift_limit();
            free(text);
            numbers += error == 0;
            refusals += error == FILCH_ENOMEM;
            others += error != 0 && error != FILCH_ENOMEM;
        }
    }
    cr_expect_gt(numbers, 0);
    cr_expect_gt(refusals, 0);
    cr_expect_eq(others, 0);
}

static void *compute_some(void *argument)
{
    int *outcomes = argument;
    for (int i = 0; i < 4; i++) {
        char *text = NULL;
        int error = filch_fib_string(&text, NULL, UINT64_C(1000000) << i, NULL);
        outcomes[i] = error;
        free(text);
    }
    return NULL;
}

Test(fib, threads_under_a_limit_get_numbers_or_errors)
{
    skip_with_sanitizer();
    for (uint64_t room = 128 * MIB; room < 1024 * MIB; room += 96 * MIB) {
        pthread_t threads[3];
        int outcomes[3][4] = {{0}}, started = 0;
        limit_address_space(room);
        while (started < 3 &&
               pthread_create(&threads[started], NULL, compute_some, outcomes[started]) == 0)
            started++;
        for (int i = 0; i < started; i++)
            pthread_join(threads[i], NULL);
        lift_limit();
        for (int i = 0; i < 12; i++) {
            int error = outcomes[i / 4][i % 4];
            cr_expect(error == 0 || error == FILCH_ENOMEM, "%d", error);
        }
    }
}
