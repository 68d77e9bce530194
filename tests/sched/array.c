/* SPDX-License-Identifier: MIT
 *
 * The algorithms on arrays: find, any, all, min_max, map, filter, partition, beside serial loops. */
#include "pools.h"

#include <filch/algorithm.h>
#include <filch/cancel.h>

#include <limits.h>
#include <string.h>

TestSuite(array, .init = setup);

#define ROUNDS  (ADDRESS_SANITIZER ? 60 : 300)
#define LARGE   (ADDRESS_SANITIZER ? 1 : 4) /* rounds, the first ones, of up to MOST elements */
#define MOST    1000000
#define SIZE_OF 64 /* the largest element */

static uint32_t state = 12345;

static size_t below(size_t bound)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % bound;
}

/* An array of elements whose first byte is their key, and whose others say where they were. */
struct sample {
    size_t count, size;
    unsigned char *elements;
    struct filch_pool *pool;
    struct filch_loop loop;
};

static struct sample sample(int round, size_t keys)
{
    static const size_t bounds[] = {1, 4, 70, 3000, 60000};
    size_t bound = round < LARGE ? MOST + 1 : bounds[below(COUNT(bounds))];
    struct sample sample = {.count = below(bound),
                            .size = 1 + below(SIZE_OF),
                            .pool = pools[below(COUNT(pools))]};
    sample.loop.grain = below(3) ? 0 : 1 + below(100);
    sample.elements = malloc(sample.count * sample.size + 1);
    for (size_t i = 0; i < sample.count; i++)
        for (size_t j = 0; j < sample.size; j++)
            sample.elements[i * sample.size + j] =
                (unsigned char)(j ? i >> (8 * ((j - 1) % 3)) : below(keys));
    return sample;
}

static const void *at(const struct sample *sample, size_t index)
{
    return sample->elements + index * sample->size;
}

/* The context of a predicate: which key, and how often it was asked. */
struct inquiry {
    unsigned char key;
    _Atomic(size_t) asked;
    struct filch_token *token; /* cancelled when it is asked for the 10th time, or NULL */
};

static bool has_key(void *context, const void *element)
{
    struct inquiry *inquiry = context;
    if (atomic_fetch_add(&inquiry->asked, 1) == 9 && inquiry->token)
        filch_token_cancel(inquiry->token);
    return *(const unsigned char *)element == inquiry->key;
}

static bool is_below(void *context, const void *element)
{
    struct inquiry *inquiry = context;
    (void)has_key(context, element);
    return *(const unsigned char *)element < inquiry->key;
}

/* ---- Find, any, all ---------------------------------------------------------------------- */

Test(array, find_gives_the_first_match)
{
    pools_create();
    for (int round = 0; round < ROUNDS; round++) {
        struct sample array = sample(round, 2 + below(250));
        struct inquiry inquiry = {.key = 255}; /* which they have not, but some of them */
        size_t expected = 0, index = SIZE_MAX;
        for (size_t i = below(3); i > 0 && array.count; i--)
            array.elements[below(array.count) * array.size] = 255;
        while (expected < array.count && !has_key(&inquiry, at(&array, expected)))
            expected++;
        cr_assert_eq(filch_find(array.pool, array.elements, array.count, array.size, has_key,
                                &inquiry, &index, &array.loop),
                     0);
        cr_assert_eq(index, expected);
        free(array.elements);
    }
    pools_destroy();
}

Test(array, any_and_all_answer_as_a_loop_does)
{
    pools_create();
    for (int round = 0; round < ROUNDS; round++) {
        struct sample array = sample(round, 2 + below(250));
        struct inquiry inquiry = {.key = (unsigned char)below(256)};
        bool any = false, all = true, answer;
        for (size_t i = 0; i < array.count; i++) {
            any |= is_below(&inquiry, at(&array, i));
            all &= is_below(&inquiry, at(&array, i));
        }
        answer = !any;
        cr_assert_eq(filch_any(array.pool, array.elements, array.count, array.size, is_below,
                               &inquiry, &answer, &array.loop),
                     0);
        cr_assert_eq(answer, any);
        answer = !all;
        cr_assert_eq(filch_all(array.pool, array.elements, array.count, array.size, is_below,
                               &inquiry, &answer, &array.loop),
                     0);
        cr_assert_eq(answer, all);
        free(array.elements);
    }
    pools_destroy();
}

Test(array, what_is_known_early_ends_early)
{
    unsigned char *bytes = calloc(100000, 1);
    struct filch_loop loop = {.grain = 10};
    bytes[5000] = 1;
    for (int workers = 0; workers < 2; workers++) {
        struct filch_pool *pool = workers ? pool_of(workers) : NULL;
        struct inquiry inquiry = {.key = 1};
        size_t index;
        bool answer;
        cr_assert_eq(filch_find(pool, bytes, 100000, 1, has_key, &inquiry, &index, &loop), 0);
        cr_assert_eq(index, 5000);
        cr_assert_eq(inquiry.asked, 5001);
        inquiry.asked = 0;
        cr_assert_eq(filch_any(pool, bytes, 100000, 1, has_key, &inquiry, &answer, &loop), 0);
        cr_assert(answer);
        cr_assert_eq(inquiry.asked, 5001);
        inquiry = (struct inquiry){.key = 1};
        cr_assert_eq(filch_all(pool, bytes, 100000, 1, is_below, &inquiry, &answer, &loop), 0);
        cr_assert_not(answer);
        cr_assert_eq(inquiry.asked, 5001);
        cr_assert_eq(filch_pool_destroy(pool), 0);
    }
    free(bytes);
}

Test(array, find_gives_the_first_of_many_matches_whoever_is_faster)
{
    struct filch_loop loop = {.grain = 1};
    struct filch_pool *pool = pool_of(3);
    unsigned char bytes[1000] = {0};
    memset(bytes + 7, 1, sizeof bytes - 7);
    for (int round = 0; round < ROUNDS; round++) {
        struct inquiry inquiry = {.key = 1};
        size_t index = 0;
        cr_assert_eq(filch_find(pool, bytes, sizeof bytes, 1, has_key, &inquiry, &index, &loop),
                     0);
        cr_assert_eq(index, 7);
    }
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

/* ---- Min and max ------------------------------------------------------------------------- */

static int compare_keys(const void *a, const void *b, void *context)
{
    (void)context;
    return *(const unsigned char *)a - *(const unsigned char *)b;
}

Test(array, min_max_gives_the_first_of_the_smallest_and_of_the_largest)
{
    pools_create();
    for (int round = 0; round < ROUNDS; round++) {
        struct sample array = sample(round, 1 + below(256));
        size_t least = 0, largest = 0, min = SIZE_MAX, max = SIZE_MAX;
        for (size_t i = 1; i < array.count; i++) {
            if (compare_keys(at(&array, i), at(&array, least), NULL) < 0)
                least = i;
            if (compare_keys(at(&array, i), at(&array, largest), NULL) > 0)
                largest = i;
        }
        cr_assert_eq(filch_min_max(array.pool, array.elements, array.count, array.size,
                                   compare_keys, NULL, &min, &max, &array.loop),
                     array.count ? 0 : FILCH_EINVAL);
        cr_assert_eq(min, array.count ? least : SIZE_MAX);
        cr_assert_eq(max, array.count ? largest : SIZE_MAX);
        free(array.elements);
    }
    pools_destroy();
}

static int lie(const void *a, const void *b, void *context)
{
    (void)a, (void)b;
    return (int)(atomic_fetch_add((_Atomic(unsigned) *)context, 7) % 3) - 1;
}

Test(array, min_max_by_an_order_that_contradicts_itself_gives_two_elements)
{
    struct filch_pool *pool = pool_of(3);
    static int numbers[10000];
    _Atomic(unsigned) lies = 0;
    size_t min = SIZE_MAX, max = SIZE_MAX;
    cr_assert_eq(filch_min_max(pool, numbers, COUNT(numbers), sizeof *numbers, lie, &lies, &min,
                               &max, NULL),
                 0);
    cr_assert_lt(min, COUNT(numbers));
    cr_assert_lt(max, COUNT(numbers));
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

/* ---- Map --------------------------------------------------------------------------------- */

static int widen(void *context, const void *in, void *out)
{
    uint64_t value = (uint64_t) * (const unsigned char *)in * 3 + 1;
    (void)context;
    memcpy(out, &value, sizeof value);
    return 0;
}

static int add_one(void *context, const void *in, void *out)
{
    (void)context;
    *(unsigned char *)out = (unsigned char)(*(const unsigned char *)in + 1);
    return 0;
}

static int fail_at_key_1(void *context, const void *in, void *out)
{
    (void)context, (void)out;
    return *(const unsigned char *)in == 1 ? 9 : 0;
}

Test(array, map_makes_each_element_from_its_own)
{
    pools_create();
    for (int round = 0; round < ROUNDS; round++) {
        struct sample array = sample(round, 256);
        uint64_t *out = calloc(array.count + 1, sizeof *out);
        cr_assert_eq(filch_map(array.pool, array.elements, array.size, out, sizeof *out,
                               array.count, widen, NULL, &array.loop),
                     0);
        for (size_t i = 0; i < array.count; i++)
            cr_assert_eq(out[i], (uint64_t)array.elements[i * array.size] * 3 + 1);
        cr_assert_eq(out[array.count], 0);
        unsigned char first = array.elements[0];
        cr_assert_eq(filch_map(array.pool, array.elements, array.size, array.elements,
                               array.size, array.count, add_one, NULL, &array.loop),
                     0);
        if (array.count)
            cr_assert_eq(array.elements[0], (unsigned char)(first + 1));
        free(out);
        free(array.elements);
    }
    pools_destroy();
}

Test(array, map_stops_at_an_error)
{
    struct filch_pool *pool = pool_of(2);
    static unsigned char bytes[50000], out[50000];
    bytes[40000] = 1;
    cr_assert_eq(filch_map(pool, bytes, 1, out, 1, sizeof bytes, fail_at_key_1, NULL, NULL), 9);
    cr_assert_eq(filch_map(NULL, bytes, 1, out, 1, sizeof bytes, fail_at_key_1, NULL, NULL), 9);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

/* ---- Filter, partition --------------------------------------------------------------------- */

/* What a serial loop keeps, in order, then, if `all`, what it does not; returns how many it keeps. */
static size_t separate(const struct sample *array, struct inquiry *inquiry, unsigned char *to,
                       bool all)
{
    size_t kept = 0, moved = 0;
    for (int pass = 1; pass >= (all ? 0 : 1); pass--)
        for (size_t i = 0; i < array->count; i++)
            if (is_below(inquiry, at(array, i)) == pass) {
                memcpy(to + moved++ * array->size, at(array, i), array->size);
                kept += (size_t)pass;
            }
    return kept;
}

Test(array, filter_keeps_what_a_loop_keeps_and_asks_once)
{
    pools_create();
    for (int round = 0; round < ROUNDS; round++) {
        struct sample array = sample(round, 1 + below(256));
        struct inquiry inquiry = {.key = (unsigned char)below(256)};
        size_t bytes = array.count * array.size, kept = SIZE_MAX;
        unsigned char *out = calloc(bytes + 1, 1), *expected = calloc(bytes + 1, 1);
        size_t number = separate(&array, &inquiry, expected, false);
        inquiry.asked = 0;
        cr_assert_eq(filch_filter(array.pool, array.elements, array.count, array.size, out,
                                  &kept, is_below, &inquiry, &array.loop),
                     0);
        cr_assert_eq(kept, number);
        cr_assert_eq(inquiry.asked, array.count);
        cr_assert_eq(memcmp(out, expected, bytes), 0);
        free(out);
        free(expected);
        free(array.elements);
    }
    pools_destroy();
}

Test(array, partition_puts_first_what_a_loop_does_and_asks_once)
{
    pools_create();
    for (int round = 0; round < ROUNDS; round++) {
        struct sample array = sample(round, 1 + below(256));
        struct inquiry inquiry = {.key = (unsigned char)below(256)};
        size_t bytes = array.count * array.size, boundary = SIZE_MAX;
        unsigned char *expected = calloc(bytes + 1, 1);
        size_t number = separate(&array, &inquiry, expected, true);
        inquiry.asked = 0;
        cr_assert_eq(filch_partition(array.pool, array.elements, array.count, array.size,
                                     is_below, &inquiry, &boundary, &array.loop),
                     0);
        cr_assert_eq(boundary, number);
        cr_assert_eq(inquiry.asked, array.count);
        cr_assert_eq(memcmp(array.elements, expected, bytes), 0);
        free(expected);
        free(array.elements);
    }
    pools_destroy();
}

/* ---- Bad input, cancelling, no memory ------------------------------------------------------ */

static int ask_of_each(void *context, const void *in, void *out)
{
    (void)out;
    (void)has_key(context, in);
    return 0;
}

/* Calls each of them on the array; returns the first answer, which all should give. */
static int call_all(struct filch_pool *pool, void *base, size_t count, size_t size,
                    filch_predicate *predicate, struct inquiry *inquiry,
                    const struct filch_loop *loop)
{
    static unsigned char room[1000];
    size_t number = 77;
    bool answer = true;
    int error = filch_find(pool, base, count, size, predicate, inquiry, &number, loop);
    cr_assert_eq(filch_any(pool, base, count, size, predicate, inquiry, &answer, loop), error);
    cr_assert_eq(filch_all(pool, base, count, size, predicate, inquiry, &answer, loop), error);
    cr_assert_eq(filch_filter(pool, base, count, size, room, &number, predicate, inquiry, loop),
                 error);
    cr_assert_eq(filch_partition(pool, base, count, size, predicate, inquiry, &number, loop),
                 error);
    cr_assert_eq(filch_map(pool, base, size, room, 1, count, predicate ? ask_of_each : NULL,
                           inquiry, loop),
                 error);
    if (count > 0)
        cr_assert_eq(filch_min_max(pool, base, count, size, predicate ? compare_keys : NULL,
                                   NULL, &number, &number, loop),
                     error);
    if (error) {
        cr_assert_eq(number, 77);
        cr_assert_eq(answer, true);
    }
    return error;
}

Test(array, that_cannot_be_is_an_error)
{
    struct inquiry inquiry = {0};
    unsigned char byte = 0;
    size_t number = 77;
    cr_assert_eq(call_all(NULL, NULL, 1, 1, has_key, &inquiry, NULL), FILCH_EINVAL);
    cr_assert_eq(call_all(NULL, &byte, 1, 0, has_key, &inquiry, NULL), FILCH_EINVAL);
    cr_assert_eq(call_all(NULL, &byte, SIZE_MAX / 2, 3, has_key, &inquiry, NULL), FILCH_EINVAL);
    cr_assert_eq(call_all(NULL, &byte, 1, 1, NULL, &inquiry, NULL), FILCH_EINVAL);
    cr_assert_eq(filch_filter(NULL, &byte, 1, 1, NULL, &number, has_key, &inquiry, NULL),
                 FILCH_EINVAL);
    cr_assert_eq(filch_map(NULL, &byte, 1, NULL, 1, 1, add_one, NULL, NULL), FILCH_EINVAL);
    cr_assert_eq(filch_map(NULL, NULL, 1, &byte, 1, 1, add_one, NULL, NULL), FILCH_EINVAL);
    cr_assert_eq(filch_map(NULL, &byte, 1, &byte, 1, 1, NULL, NULL, NULL), FILCH_EINVAL);
    cr_assert_eq(filch_map(NULL, &byte, 1, &byte, SIZE_MAX, 2, add_one, NULL, NULL),
                 FILCH_EINVAL);
    cr_assert_eq(filch_min_max(NULL, &byte, 1, 1, NULL, NULL, &number, &number, NULL),
                 FILCH_EINVAL);
    cr_assert_eq(filch_min_max(NULL, NULL, 1, 1, compare_keys, NULL, &number, &number, NULL),
                 FILCH_EINVAL);
    cr_assert_eq(number, 77);
    cr_assert_eq(inquiry.asked, 0);
}

Test(array, of_no_elements_may_be_null)
{
    struct inquiry inquiry = {0};
    size_t number = 77;
    bool answer;
    pools_create();
    for (size_t i = 0; i < COUNT(pools); i++) {
        cr_assert_eq(call_all(pools[i], NULL, 0, 1, has_key, &inquiry, NULL), 0);
        cr_assert_eq(filch_find(pools[i], NULL, 0, 1, has_key, &inquiry, &number, NULL), 0);
        cr_assert_eq(number, 0);
        cr_assert_eq(filch_any(pools[i], NULL, 0, 1, has_key, &inquiry, &answer, NULL), 0);
        cr_assert_not(answer);
        cr_assert_eq(filch_all(pools[i], NULL, 0, 1, has_key, &inquiry, &answer, NULL), 0);
        cr_assert(answer);
        cr_assert_eq(filch_map(pools[i], NULL, 1, NULL, 1, 0, add_one, NULL, NULL), 0);
    }
    cr_assert_eq(inquiry.asked, 0);
    pools_destroy();
}

Test(array, a_cancel_leaves_it_as_it_was)
{
    struct filch_loop loop = {.grain = 1};
    unsigned char bytes[500], before[500];
    for (size_t i = 0; i < sizeof bytes; i++)
        before[i] = bytes[i] = (unsigned char)below(256);
    pools_create();
    for (size_t i = 0; i < COUNT(pools); i++)
        for (int early = 0; early < 2; early++) {
            struct inquiry inquiry = {.key = 128};
            size_t boundary = 77;
            cr_assert_eq(filch_token_create(NULL, &loop.token), 0);
            inquiry.token = loop.token;
            if (early)
                filch_token_cancel(loop.token);
            cr_assert_eq(filch_partition(pools[i], bytes, sizeof bytes, 1, is_below, &inquiry,
                                         &boundary, &loop),
                         FILCH_ECANCELED);
            cr_assert_eq(boundary, 77);
            cr_assert_eq(memcmp(bytes, before, sizeof bytes), 0);
            cr_assert_eq(call_all(pools[i], bytes, sizeof bytes, 1, is_below, &inquiry, &loop),
                         FILCH_ECANCELED);
            filch_token_release(loop.token);
        }
    pools_destroy();
}

static bool ask_until_cancelled(void *context, const void *element)
{
    (void)element;
    if (context)
        atomic_store((_Atomic(int) *)context, 1);
    while (!filch_cancelled())
        sched_yield();
    return true;
}

Test(array, a_deadline_ends_a_search)
{
    static unsigned char bytes[1000];
    struct filch_loop loop = {.grain = 1};
    cr_assert_eq(filch_token_create(NULL, &loop.token), 0);
    pools_create();
    for (size_t i = 0; i < COUNT(pools); i++) {
        size_t number = 77;
        bool answer = false;
        cr_assert_eq(filch_token_set_deadline(loop.token, 0.001), 0);
        cr_assert_eq(filch_find(pools[i], bytes, sizeof bytes, 1, ask_until_cancelled, NULL,
                                &number, &loop),
                     FILCH_ECANCELED);
        cr_assert_eq(number, 77);
        cr_assert_eq(filch_token_set_deadline(loop.token, 0.001), 0);
        cr_assert_eq(filch_all(pools[i], bytes, sizeof bytes, 1, ask_until_cancelled, NULL,
                               &answer, &loop),
                     FILCH_ECANCELED);
        cr_assert_not(answer);
    }
    pools_destroy();
    filch_token_release(loop.token);
}

static _Atomic(int) begun;

static void *partition_in_task(void *pool)
{
    unsigned char bytes[100] = {0};
    size_t boundary = 77;
    int error = filch_partition(pool, bytes, sizeof bytes, 1, ask_until_cancelled, &begun,
                                &boundary, NULL);
    return (void *)(intptr_t)(boundary == 77 ? error : 0);
}

Test(array, in_a_task_that_is_told_to_stop_it_stops)
{
    pools_create();
    for (size_t i = 1; i < COUNT(pools); i++) {
        void *result = run_until_stopped(pools[i], partition_in_task, &begun);
        cr_assert_eq((intptr_t)result, FILCH_ECANCELED);
    }
    pools_destroy();
}

static int call_all_in_child(void *pool)
{
    struct inquiry inquiry = {.key = 1};
    unsigned char bytes[3] = {0};
    bool refused = call_all(pool, bytes, 3, 1, has_key, &inquiry, NULL) == FILCH_EFORKED;
    return refused && inquiry.asked == 0 ? 0 : 1;
}

Test(array, on_a_pool_that_stayed_in_the_parent_process_is_an_error)
{
    struct filch_pool *pool = pool_of(1);
    cr_assert_eq(run_in_child(call_all_in_child, pool), 0);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

/* Its row has an element with the key of its place: asked by a search of its own. */
struct table {
    struct filch_pool *pool;
    unsigned char rows[40][50];
};

static bool row_has_its_key(void *context, const void *row)
{
    struct table *table = context;
    size_t place = (size_t)((const unsigned char *)row - table->rows[0]) / sizeof *table->rows;
    struct inquiry inquiry = {.key = (unsigned char)place};
    bool answer = false;
    return filch_any(table->pool, row, sizeof *table->rows, 1, has_key, &inquiry, &answer,
                     &(struct filch_loop){.grain = 1}) == 0 &&
           answer;
}

Test(array, searches_nest)
{
    pools_create();
    for (size_t i = 0; i < COUNT(pools); i++) {
        struct table table = {.pool = pools[i]};
        struct filch_loop loop = {.grain = 1};
        size_t index = 77;
        memset(table.rows, 255, sizeof table.rows);
        table.rows[31][7] = table.rows[38][0] = 31;
        table.rows[38][49] = 38;
        cr_assert_eq(filch_find(pools[i], table.rows, COUNT(table.rows), sizeof *table.rows,
                                row_has_its_key, &table, &index, &loop),
                     0);
        cr_assert_eq(index, 31);
    }
    pools_destroy();
}

Test(array, without_memory_is_left_as_it_was)
{
#if MEMORY_CAN_FAIL
    struct inquiry inquiry = {.key = 1};
    unsigned char bytes[] = {2, 0, 1, 0}, out[4];
    size_t number = 77;
    allocations_left = 0;
    int filter = filch_filter(NULL, bytes, 4, 1, out, &number, is_below, &inquiry, NULL);
    int partition = filch_partition(NULL, bytes, 4, 1, is_below, &inquiry, &number, NULL);
    allocations_left = -1;
    cr_assert_eq(filter, FILCH_ENOMEM);
    cr_assert_eq(partition, FILCH_ENOMEM);
    cr_assert_eq(number, 77);
    cr_assert_eq(memcmp(bytes, (unsigned char[]){2, 0, 1, 0}, 4), 0);
    long held = blocks_held;
    cr_assert_eq(filch_partition(NULL, bytes, 4, 1, is_below, &inquiry, &number, NULL), 0);
    cr_assert_eq(blocks_held, held);
    cr_assert_eq(memcmp(bytes, (unsigned char[]){0, 0, 2, 1}, 4), 0);
#else
    cr_skip_test("memory cannot be made to fail here");
#endif
}
