/* SPDX-License-Identifier: MIT
 *
 * filch_for, in one dimension, in two, and with a stride: each index once, whatever the range, the
 * grain and the number of workers; errors, cancelling, nesting. */
#include "pools.h"

#include <filch/algorithm.h>
#include <filch/cancel.h>
#include <filch/task.h>

#include <limits.h>

TestSuite(for, .init = setup);

static const size_t lengths[] = {1, 2, 3, 7, 63, 64, 65, 129, 1000, 4097, 100000};
static const size_t grains[] = {0, 1, 2, 10, 64, 1000, SIZE_MAX};

/* How often each index was met, and how large the largest piece was. */
struct visits {
    _Atomic(unsigned char) *of;
    size_t begin;
    _Atomic(size_t) calls, largest;
    size_t width; /* of a rectangle */
};

static void visits_init(struct visits *visits, size_t begin, size_t count)
{
    *visits = (struct visits){.of = calloc(count, 1), .begin = begin, .width = 1};
    cr_assert(visits->of);
}

static void note_size(struct visits *visits, size_t size)
{
    size_t largest = atomic_load(&visits->largest);
    atomic_fetch_add(&visits->calls, 1);
    while (largest < size && !atomic_compare_exchange_weak(&visits->largest, &largest, size))
        ;
}

static int visit(void *context, size_t begin, size_t end)
{
    struct visits *visits = context;
    note_size(visits, end - begin);
    for (size_t i = begin; i < end; i++)
        atomic_fetch_add(&visits->of[i - visits->begin], 1);
    return begin < end ? 0 : 1;
}

static int visit_2d(void *context, struct filch_range rows, struct filch_range columns)
{
    struct visits *visits = context;
    note_size(visits, (rows.end - rows.begin) * (columns.end - columns.begin));
    for (size_t row = rows.begin; row < rows.end; row++)
        for (size_t column = columns.begin; column < columns.end; column++)
            atomic_fetch_add(&visits->of[(row - 3) * visits->width + column - 4], 1);
    return 0;
}

static void assert_each_once(struct visits *visits, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(visits->of[i], 1, "index %zu of %zu: %d times", i, count, visits->of[i]);
    free(visits->of);
}

/* ---- One dimension ----------------------------------------------------------------------- */

Test(for, visits_each_index_once)
{
    pools_create();
    for (size_t i = 0; i < COUNT(pools); i++)
        for (size_t j = 0; j < COUNT(lengths); j++)
            for (size_t k = 0; k < COUNT(grains); k++) {
                struct filch_loop loop = {.grain = grains[k]};
                struct visits visits;
                visits_init(&visits, 5, lengths[j]);
                cr_assert_eq(filch_for(pools[i], 5, 5 + lengths[j], visit, &visits, &loop), 0);
                if (grains[k])
                    cr_assert_leq(atomic_load(&visits.largest), grains[k]);
                assert_each_once(&visits, lengths[j]);
            }
    pools_destroy();
}

static size_t below(size_t bound)
{
    static uint32_t state = 12345;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % bound;
}

Test(for, of_random_length_and_grain_visits_each_index_once)
{
    pools_create();
    for (int round = 0; round < (ADDRESS_SANITIZER ? 30 : 150); round++) {
        size_t length = below((size_t)1000001 >> below(20));
        struct filch_loop loop = {.grain = below(4) ? below(3000) : 0};
        struct visits visits;
        visits_init(&visits, 5, length + 1);
        cr_assert_eq(filch_for(pools[below(COUNT(pools))], 5, 5 + length, visit, &visits,
                               &loop),
                     0);
        cr_assert_eq(visits.of[length], 0);
        assert_each_once(&visits, length);
    }
    pools_destroy();
}

Test(for, at_the_end_of_the_numbers_visits_each_index_once)
{
    struct filch_pool *pool = pool_of(2);
    struct visits visits;
    visits_init(&visits, SIZE_MAX - 1000, 1000);
    cr_assert_eq(filch_for(pool, SIZE_MAX - 1000, SIZE_MAX, visit, &visits, NULL), 0);
    assert_each_once(&visits, 1000);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

static int count_calls(void *context, size_t begin, size_t end)
{
    (void)begin, (void)end;
    atomic_fetch_add((_Atomic(size_t) *)context, 1);
    return 0;
}

Test(for, of_very_many_cheap_indices_makes_few_calls)
{
    struct filch_pool *pool = pool_of(2);
    _Atomic(size_t) calls = 0;
    cr_assert_eq(filch_for(pool, 0, SIZE_MAX, count_calls, &calls, NULL), 0);
    cr_assert_lt(calls, 100000);
    cr_assert_gt(calls, 1);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

Test(for, of_an_empty_or_reversed_range_calls_nothing)
{
    struct filch_pool *pool = pool_of(1);
    struct filch_range some = {0, 3}, none = {3, 3}, reversed = {3, 0};
    cr_assert_eq(filch_for(pool, 0, 0, visit, NULL, NULL), 0);
    cr_assert_eq(filch_for(pool, 9, 3, visit, NULL, NULL), 0);
    cr_assert_eq(filch_for(NULL, SIZE_MAX, 0, visit, NULL, NULL), 0);
    cr_assert_eq(filch_for_2d(pool, none, some, visit_2d, NULL, NULL), 0);
    cr_assert_eq(filch_for_2d(pool, some, reversed, visit_2d, NULL, NULL), 0);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

Test(for, without_a_function_is_an_error)
{
    struct filch_range some = {0, 3};
    cr_assert_eq(filch_for(NULL, 0, 3, NULL, NULL, NULL), FILCH_EINVAL);
    cr_assert_eq(filch_for(NULL, 0, 0, NULL, NULL, NULL), FILCH_EINVAL);
    cr_assert_eq(filch_for_2d(NULL, some, some, NULL, NULL, NULL), FILCH_EINVAL);
    cr_assert_eq(filch_for_strided(NULL, 0, 3, 1, NULL, NULL, NULL), FILCH_EINVAL);
}

/* Two calls meet: each waits for the other one, so they must run at the same time. */
static pthread_barrier_t meeting;

static int meet(void *context, size_t begin, size_t end)
{
    (void)context, (void)begin, (void)end;
    pthread_barrier_wait(&meeting);
    return 0;
}

Test(for, runs_two_long_calls_at_once)
{
    struct filch_pool *pool = pool_of(2);
    pthread_barrier_init(&meeting, NULL, 2);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(filch_for(pool, 0, 2, meet, NULL, NULL), 0);
    cr_assert_eq(filch_pool_destroy(pool), 0);
    pthread_barrier_destroy(&meeting);
}

static int note_thread(void *context, size_t begin, size_t end)
{
    (void)begin, (void)end;
    return pthread_equal(*(pthread_t *)context, pthread_self()) ? 0 : 1;
}

/* The first call runs until another thread has begun one: its forks have to be seen meanwhile. */
struct company {
    pthread_t first;
    _Atomic(bool) known, joined;
};

static int await_company(void *context, size_t begin, size_t end)
{
    struct company *company = context;
    (void)end;
    if (begin == 0) {
        company->first = pthread_self();
        atomic_store(&company->known, true);
        while (!atomic_load(&company->joined))
            sched_yield();
    } else if (atomic_load(&company->known) && !pthread_equal(pthread_self(), company->first)) {
        atomic_store(&company->joined, true);
    }
    return 0;
}

Test(for, shares_what_is_left_before_a_long_call)
{
    struct filch_pool *pool = pool_of(2);
    struct filch_loop loop = {.grain = 1};
    struct visits visits;
    for (int round = 0; round < 300; round++) {
        struct company company = {.known = false};
        visits_init(&visits, 0, 3000); /* fine forks: the deque keeps more of them private */
        cr_assert_eq(filch_for(pool, 0, 3000, visit, &visits, &loop), 0);
        assert_each_once(&visits, 3000);
        cr_assert_eq(filch_for(pool, 0, 100, await_company, &company, &loop), 0);
    }
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

Test(for, without_a_pool_runs_on_the_calling_thread)
{
    pthread_t self = pthread_self();
    cr_assert_eq(filch_for(NULL, 0, 100000, note_thread, &self, NULL), 0);
}

/* ---- Two dimensions ---------------------------------------------------------------------- */

Test(for, in_two_dimensions_visits_each_pair_once)
{
    static const size_t shapes[][2] = {{1, 1},   {1, 5000}, {5000, 1},
                                       {70, 70}, {3, 1001}, {999, 2}};
    pools_create();
    for (size_t i = 0; i < COUNT(pools); i++)
        for (size_t j = 0; j < COUNT(shapes); j++)
            for (size_t k = 0; k < COUNT(grains); k++) {
                struct filch_loop loop = {.grain = grains[k]};
                size_t height = shapes[j][0], width = shapes[j][1];
                struct filch_range rows = {3, 3 + height}, columns = {4, 4 + width};
                struct visits visits;
                visits_init(&visits, 0, height * width);
                visits.width = width;
                cr_assert_eq(filch_for_2d(pools[i], rows, columns, visit_2d, &visits, &loop),
                             0);
                if (grains[k])
                    cr_assert_leq(atomic_load(&visits.largest), grains[k]);
                assert_each_once(&visits, height * width);
            }
    pools_destroy();
}

Test(for, in_two_dimensions_takes_no_more_pairs_than_can_be_counted)
{
    struct filch_range half = {0, (size_t)1 << (sizeof(size_t) * 4)};
    cr_assert_eq(filch_for_2d(NULL, half, half, visit_2d, NULL, NULL), FILCH_EINVAL);
}

/* ---- With a stride ----------------------------------------------------------------------- */

struct strides {
    ptrdiff_t begin, stride;
    struct visits visits;
};

static int visit_strided(void *context, ptrdiff_t first, size_t count)
{
    struct strides *strides = context;
    size_t distance = (size_t)first - (size_t)strides->begin;
    size_t from = strides->stride > 0 ? distance / (size_t)strides->stride
                                      : (0 - distance) / (0 - (size_t)strides->stride);
    return visit(&strides->visits, from, from + count);
}

Test(for, with_a_stride_visits_what_a_serial_loop_does)
{
    static const ptrdiff_t ranges[][3] = {
        {0, 10, 1},
        {0, 10, 3},
        {0, 9, 3},
        {10, 0, -1},
        {10, 0, -3},
        {-50, 50, 7},
        {50, -50, -7},
        {0, 1000, 999},
        {0, 100000, 13},
        {100000, -3, -1},
        {5, 5, 1},
        {5, 4, 1},
        {4, 5, -1},
        {0, 1, 1000},
        {PTRDIFF_MIN, PTRDIFF_MAX, PTRDIFF_MAX / 50},
        {PTRDIFF_MAX, PTRDIFF_MIN, PTRDIFF_MIN},
        {PTRDIFF_MAX, PTRDIFF_MIN, -(PTRDIFF_MAX / 50)},
        {PTRDIFF_MIN, PTRDIFF_MAX, PTRDIFF_MAX},
    };
    pools_create();
    for (size_t i = 0; i < COUNT(pools); i++)
        for (size_t j = 0; j < COUNT(ranges); j++) {
            struct strides strides = {.begin = ranges[j][0], .stride = ranges[j][2]};
            size_t count = 0;
            for (long double at = (long double)ranges[j][0];
                 ranges[j][2] > 0 ? at < (long double)ranges[j][1]
                                  : at > (long double)ranges[j][1];
                 at += (long double)ranges[j][2])
                count++;
            visits_init(&strides.visits, 0, count + 1);
            cr_assert_eq(filch_for_strided(pools[i], ranges[j][0], ranges[j][1], ranges[j][2],
                                           visit_strided, &strides, NULL),
                         0);
            cr_assert_eq(strides.visits.of[count], 0);
            assert_each_once(&strides.visits, count);
        }
    pools_destroy();
}

Test(for, with_stride_0_is_an_error)
{
    cr_assert_eq(filch_for_strided(NULL, 0, 3, 0, visit_strided, NULL, NULL), FILCH_EINVAL);
}

/* ---- Errors and cancelling --------------------------------------------------------------- */

static int fail_at_500(void *context, size_t begin, size_t end)
{
    atomic_fetch_add((_Atomic(size_t) *)context, 1);
    return begin <= 500 && 500 < end ? 42 : 0;
}

Test(for, returns_the_error_and_stops_the_rest)
{
    struct filch_loop loop = {.grain = 1};
    pools_create();
    for (size_t i = 0; i < COUNT(pools); i++) {
        _Atomic(size_t) calls = 0;
        cr_assert_eq(filch_for(pools[i], 0, 1000000, fail_at_500, &calls, NULL), 42);
        calls = 0;
        cr_assert_eq(filch_for(pools[i], 0, 1000000, fail_at_500, &calls, &loop), 42);
        if (pool_sizes[i] < 2)
            cr_assert_eq(calls, 501);
    }
    pools_destroy();
}

static int fail_each(void *context, size_t begin, size_t end)
{
    (void)context, (void)begin, (void)end;
    return FILCH_ERANGE;
}

static int fail_each_2d(void *context, struct filch_range rows, struct filch_range columns)
{
    (void)context, (void)rows, (void)columns;
    return FILCH_ERANGE;
}

static int fail_each_strided(void *context, ptrdiff_t first, size_t count)
{
    (void)context, (void)first, (void)count;
    return FILCH_ERANGE;
}

Test(for, returns_one_of_several_errors)
{
    struct filch_loop loop = {.grain = 1};
    struct filch_pool *pool = pool_of(3);
    struct filch_range range = {0, 100};
    cr_assert_eq(filch_for(pool, 0, 10000, fail_each, NULL, &loop), FILCH_ERANGE);
    cr_assert_eq(filch_for_strided(pool, 0, 10, 3, fail_each_strided, NULL, NULL),
                 FILCH_ERANGE);
    cr_assert_eq(filch_for_2d(pool, range, range, fail_each_2d, NULL, NULL), FILCH_ERANGE);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

Test(for, that_is_cancelled_before_it_starts_calls_nothing)
{
    struct filch_token *token = token_below(NULL);
    struct filch_loop loop = {.token = token};
    filch_token_cancel(token);
    pools_create();
    for (size_t i = 0; i < COUNT(pools); i++) {
        _Atomic(size_t) calls = 0;
        cr_assert_eq(filch_for(pools[i], 0, 10, count_calls, &calls, &loop), FILCH_ECANCELED);
        cr_assert_eq(calls, 0);
        cr_assert_eq(filch_for(pools[i], 0, 0, count_calls, &calls, &loop), 0);
    }
    pools_destroy();
    filch_token_release(token);
}

struct cancels {
    struct filch_token *token;
    _Atomic(size_t) calls;
    _Atomic(int) wrong;
};

static int cancel_at_10(void *context, size_t begin, size_t end)
{
    struct cancels *cancels = context;
    (void)begin, (void)end;
    if (atomic_fetch_add(&cancels->calls, 1) == 10) {
        if (filch_cancelled())
            atomic_fetch_add(&cancels->wrong, 1);
        filch_token_cancel(cancels->token);
        if (!filch_cancelled()) /* whichever thread this is */
            atomic_fetch_add(&cancels->wrong, 1);
    }
    return 0;
}

Test(for, that_is_cancelled_while_it_runs_stops)
{
    pools_create();
    for (size_t i = 0; i < COUNT(pools); i++) {
        struct filch_token *parent = token_below(NULL), *token = token_below(parent);
        struct cancels cancels = {.token = parent};
        struct filch_loop loop = {.grain = 1, .token = token};
        cr_assert_eq(filch_for(pools[i], 0, 1000000, cancel_at_10, &cancels, &loop),
                     FILCH_ECANCELED);
        cr_assert_eq(cancels.wrong, 0);
        if (pool_sizes[i] < 2)
            cr_assert_eq(cancels.calls, 11);
        filch_token_release(token);
        filch_token_release(parent);
    }
    pools_destroy();
}

static int wait_for_the_end_of_time(void *context, size_t begin, size_t end)
{
    (void)context, (void)begin, (void)end;
    while (!filch_cancelled())
        sched_yield();
    return 0;
}

Test(for, ends_at_its_deadline)
{
    struct filch_token *token = token_below(NULL);
    struct filch_loop loop = {.grain = 1, .token = token};
    pools_create();
    for (size_t i = 0; i < COUNT(pools); i++) {
        cr_assert_eq(filch_token_set_deadline(token, 0.001), 0);
        cr_assert_eq(filch_for(pools[i], 0, 100, wait_for_the_end_of_time, NULL, &loop),
                     FILCH_ECANCELED);
    }
    pools_destroy();
    filch_token_release(token);
}

static _Atomic(int) begun;

static int tell_and_wait(void *context, size_t begin, size_t end)
{
    atomic_store(&begun, 1);
    return wait_for_the_end_of_time(context, begin, end);
}

static void *loop_in_task(void *pool)
{
    return (void *)(intptr_t)filch_for(pool, 0, 1000, tell_and_wait, NULL, NULL);
}

Test(for, in_a_task_that_is_told_to_stop_stops)
{
    for (int workers = 1; workers <= 2; workers++) {
        struct filch_pool *pool = pool_of(workers);
        void *result = run_until_stopped(pool, loop_in_task, &begun);
        cr_assert_eq((intptr_t)result, FILCH_ECANCELED);
        cr_assert_eq(filch_pool_destroy(pool), 0);
    }
}

/* ---- Nesting ----------------------------------------------------------------------------- */

struct nest {
    struct filch_pool *pool;
    int levels;
    _Atomic(size_t) *leaves;
};

static int nest_body(void *context, size_t begin, size_t end)
{
    struct nest *nest = context, inner = *nest;
    if (nest->levels == 0) {
        atomic_fetch_add(nest->leaves, end - begin);
        return 0;
    }
    inner.levels--;
    for (size_t i = begin; i < end; i++)
        if (filch_for(nest->pool, 0, 7, nest_body, &inner, NULL))
            return 1;
    return 0;
}

Test(for, nests)
{
    pools_create();
    for (size_t i = 0; i < COUNT(pools); i++) {
        _Atomic(size_t) leaves = 0;
        struct nest nest = {pools[i], 4, &leaves};
        cr_assert_eq(filch_for(pools[i], 0, 7, nest_body, &nest, NULL), 0);
        cr_assert_eq(leaves, 7 * 7 * 7 * 7 * 7);
    }
    pools_destroy();
}

FILCH_TASK(long, sum_to, struct filch_pool *, pool, long, n)
{
    struct visits visits;
    if (n < 2)
        return n;
    FILCH_FORK(sum_to, pool, n / 2);
    visits_init(&visits, 0, (size_t)n);
    cr_assert_eq(filch_for(pool, 0, (size_t)n, visit, &visits, NULL), 0);
    assert_each_once(&visits, (size_t)n);
    long rest = FILCH_CALL(sum_to, pool, n - n / 2);
    return rest + FILCH_JOIN(sum_to);
}

Test(for, runs_amid_forks)
{
    for (int workers = 1; workers <= 3; workers++) {
        struct filch_pool *pool = pool_of(workers);
        cr_assert_eq(FILCH_RUN(pool, sum_to, pool, 500), 500);
        cr_assert_eq(filch_pool_destroy(pool), 0);
    }
}

static int loop_in_child(void *pool)
{
    return filch_for(pool, 0, 3, fail_each, NULL, NULL) == FILCH_EFORKED ? 0 : 1;
}

Test(for, on_a_pool_that_stayed_in_the_parent_process_is_an_error)
{
    struct filch_pool *pool = pool_of(1);
    cr_assert_eq(run_in_child(loop_in_child, pool), 0);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

Test(for, allocates_nothing)
{
#if MEMORY_CAN_FAIL
    struct visits visits;
    visits_init(&visits, 0, 1000);
    allocations_left = 0;
    int error = filch_for(NULL, 0, 1000, visit, &visits, NULL);
    allocations_left = -1;
    cr_assert_eq(error, 0);
    assert_each_once(&visits, 1000);
#else
    cr_skip_test("memory cannot be made to fail here");
#endif
}
