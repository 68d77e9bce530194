/* SPDX-License-Identifier: MIT
 *
 * Tasks that fail, sentence by sentence of filch_fail() in filch/error.h, and calls that do because
 * memory lacks. */
#include "future.h"

TestSuite(future_fail, .init = setup);

/* ---- Failure ----------------------------------------------------------------------------- */

/* Runs a task that fails; returns its future, and the code and a copy of the text. */
static struct filch_future *failure_of(filch_fn *fn, void *argument, int *code, char *text)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *future = submit(pool, fn, argument);
    void *result = UNTOUCHED;
    *code = filch_future_result(future, FILCH_FOREVER, &result);
    cr_assert_eq(result, UNTOUCHED);
    int same_code = 0;
    const char *words = filch_future_error(future, FILCH_FOREVER, &same_code);
    cr_assert(words);
    cr_assert_eq(same_code, *code);
    strcpy(text, words);
    filch_pool_destroy(pool);
    cr_assert_eq(filch_future_error(future, 0, NULL), words, "valid as long as the reference");
    cr_assert_str_eq(words, text);
    ASSERT_STATE(future, false, true, false);
    return future;
}

Test(future_fail, a_task_that_fails_leaves_code_and_text)
{
    static struct complaint complaints[] = {
        {FILCH_EINVAL, "line 7: no number"},
        {FILCH_ETIMEDOUT, "a code of filch's own"},
        {-4711, "negative codes need not be in the table"},
        {1, "positive ones are the user's"},
        {INT32_MAX, "%d %s are not expanded twice"},
        {INT32_MIN, ""},
    };
    for (size_t i = 0; i < sizeof complaints / sizeof *complaints; i++) {
        char text[256];
        int code;
        filch_future_release(failure_of(complain, &complaints[i], &code, text));
        cr_assert_eq(code, complaints[i].code);
        cr_assert_str_eq(text, complaints[i].text);
    }
}

static void *complain_in_detail(void *argument)
{
    (void)argument;
    return filch_fail(3, "line %d: %s, %.1f%%", 7, "no number", 12.5);
}

Test(future_fail, the_text_of_a_failure_is_formatted)
{
    char text[256];
    int code;
    filch_future_release(failure_of(complain_in_detail, NULL, &code, text));
    cr_assert_eq(code, 3);
    cr_assert_str_eq(text, "line 7: no number, 12.5%");
}

Test(future_fail, code_0_counts_as_an_argument_out_of_range)
{
    struct complaint complaint = {0, "nothing in particular"};
    char text[256];
    int code;
    filch_future_release(failure_of(complain, &complaint, &code, text));
    cr_assert_eq(code, FILCH_EINVAL);
    cr_assert_str_eq(text, complaint.text);
}

Test(future_fail, the_text_of_a_failure_is_cut_after_255_bytes)
{
    for (size_t length = 254; length < 1000; length += length < 257 ? 1 : 700) {
        char words[1000] = {0}, text[1000];
        int code;
        for (size_t i = 0; i < length; i++)
            words[i] = (char)('a' + i % 26);
        filch_future_release(failure_of(complain, &(struct complaint){1, words}, &code, text));
        cr_assert_eq(strlen(text), length < 255 ? length : 255);
        cr_assert_eq(strncmp(text, words, 255), 0);
    }
}

static void *complain_and_recover(void *argument)
{
    (void)filch_fail(9, "not returned");
    return argument;
}

Test(future_fail, a_failure_that_is_not_returned_does_not_count)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *future = submit(pool, complain_and_recover, pool);
    void *result = NULL;
    int code = 1;
    cr_assert_eq(filch_future_result(future, FILCH_FOREVER, &result), 0);
    cr_assert_eq(result, pool);
    cr_assert_null(filch_future_error(future, FILCH_FOREVER, &code));
    cr_assert_eq(code, 0);
    filch_future_release(future);
    filch_pool_destroy(pool);
}

static void *complain_twice(void *argument)
{
    (void)argument;
    (void)filch_fail(1, "a long first text that must leave nothing behind");
    return filch_fail(2, "the second");
}

Test(future_fail, the_last_failure_counts)
{
    char text[256];
    int code;
    filch_future_release(failure_of(complain_twice, NULL, &code, text));
    cr_assert_eq(code, 2);
    cr_assert_str_eq(text, "the second");
}

Test(future_fail, one_failure_does_not_spoil_the_next_task_of_the_worker)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *bad = submit(pool, complain, &(struct complaint){5, "first"});
    struct filch_future *good = submit(pool, same, pool);
    struct filch_future *worse = submit(pool, complain, &(struct complaint){6, "second"});
    cr_assert_eq(filch_future_result(worse, FILCH_FOREVER, NULL), 6);
    cr_assert_eq(filch_future_result(good, FILCH_FOREVER, NULL), 0);
    cr_assert_eq(filch_future_result(bad, FILCH_FOREVER, NULL), 5);
    cr_assert_str_eq(filch_future_error(bad, 0, NULL), "first");
    cr_assert_str_eq(filch_future_error(worse, 0, NULL), "second");
    filch_future_release(bad);
    filch_future_release(good);
    filch_future_release(worse);
    filch_pool_destroy(pool);
}

static void *fail_inside(void *argument)
{
    struct filch_future *future = submit(argument, complain, &(struct complaint){2, "inner"});
    void *failure = filch_fail(1, "outer");
    cr_assert_eq(filch_future_result(future, FILCH_FOREVER, NULL), 2);
    filch_future_release(future);
    return failure;
}

Test(future_fail, a_task_run_while_another_waits_leaves_that_ones_failure_alone)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *future = submit(pool, fail_inside, pool);
    int code;
    cr_assert_str_eq(filch_future_error(future, FILCH_FOREVER, &code), "outer");
    cr_assert_eq(code, 1);
    filch_future_release(future);
    filch_pool_destroy(pool);
}

Test(future_fail, the_text_is_that_of_the_code)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *future = submit(pool, complain, &(struct complaint){5, "why"});
    int code;
    cr_assert_str_eq(filch_future_error(future, FILCH_FOREVER, &code), "why");
    cr_assert_str_eq(filch_future_error(future, (double)NAN, &code),
                     filch_strerror(FILCH_EINVAL));
    cr_assert_eq(code, FILCH_EINVAL, "the question was wrong, whatever the task said");
    filch_future_release(future);
    filch_pool_destroy(pool);
}

static void *return_it(void *failure)
{
    return failure;
}

Test(future_fail, a_failure_that_is_another_tasks_counts_as_an_argument_out_of_range)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *future = submit(pool, return_it, filch_fail(3, "not this task's"));
    int code;
    cr_assert_str_eq(filch_future_error(future, FILCH_FOREVER, &code),
                     filch_strerror(FILCH_EINVAL));
    cr_assert_eq(code, FILCH_EINVAL);
    filch_future_release(future);
    filch_pool_destroy(pool);
}

Test(future_fail, outside_a_task_it_means_nothing)
{
    cr_assert(filch_fail(3, "nobody asks"));
}

/* ---- When memory lacks ------------------------------------------------------------------- */

#if defined(__GLIBC__) && !ADDRESS_SANITIZER
#define MALLOC_CAN_FAIL 1

/* Memory that this thread does not get. The C library's own malloc, under the names by which it can
 * be called from one that replaces it. */
static _Thread_local bool malloc_fails, aligned_alloc_fails;

void *__libc_malloc(size_t size);
void *__libc_memalign(size_t alignment, size_t size);

__attribute__((visibility("default"))) void *malloc(size_t size)
{
    if (!malloc_fails)
        return __libc_malloc(size);
    errno = ENOMEM;
    return NULL;
}

__attribute__((visibility("default"))) void *aligned_alloc(size_t alignment, size_t size)
{
    if (!aligned_alloc_fails)
        return __libc_memalign(alignment, size);
    errno = ENOMEM;
    return NULL;
}
#else
#define MALLOC_CAN_FAIL 0
static _Thread_local bool malloc_fails, aligned_alloc_fails;
#endif

static void submit_without_memory(bool *fails)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_future *future = UNTOUCHED;
    void *result;
    for (int i = 0; i < 3; i++) {
        *fails = true;
        int error = filch_pool_submit(pool, count, pool, &future);
        *fails = false;
        cr_assert_eq(error, FILCH_ENOMEM);
        cr_assert_eq(future, UNTOUCHED);
    }
    future = submit(pool, count, pool);
    cr_assert_eq(filch_future_result(future, FILCH_FOREVER, &result), 0);
    cr_assert_eq(result, pool);
    filch_future_release(future);
    filch_pool_destroy(pool);
    cr_assert_eq(atomic_load(&ran), 1, "what was refused has not run");
}

Test(future_fail, without_memory_for_it_submitting_is_an_error)
{
    if (!MALLOC_CAN_FAIL)
        cr_skip_test("malloc can be replaced with glibc only, and without AddressSanitizer");
    submit_without_memory(&malloc_fails);
}

Test(future_fail, without_memory_for_the_queue_submitting_is_an_error)
{
    if (!MALLOC_CAN_FAIL)
        cr_skip_test("malloc can be replaced with glibc only, and without AddressSanitizer");
    submit_without_memory(&aligned_alloc_fails);
}

static void *complain_without_memory(void *argument)
{
    malloc_fails = true; /* for the worker, which does nothing else */
    return complain(argument);
}

Test(future_fail, a_failure_whose_text_finds_no_memory_keeps_its_code)
{
    if (!MALLOC_CAN_FAIL)
        cr_skip_test("malloc can be replaced with glibc only, and without AddressSanitizer");
    char text[256];
    int code;
    struct complaint complaint = {FILCH_ECHECK, "lost"};
    filch_future_release(failure_of(complain_without_memory, &complaint, &code, text));
    cr_assert_eq(code, FILCH_ECHECK);
    cr_assert_str_eq(text, filch_strerror(FILCH_ECHECK));
}
