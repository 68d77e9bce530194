/* SPDX-License-Identifier: MIT
 *
 * A graph that is run again allocates nothing, on whichever thread. */
#include "dag.h"
#include "future.h"

/* Counts, in this program alone. AddressSanitizer has a malloc() of its own. */
#if defined(__GLIBC__) && !ADDRESS_SANITIZER
#define MALLOC_IS_COUNTED 1
static _Atomic(uint64_t) mallocs;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

__attribute__((visibility("default"))) void *malloc(size_t size)
{
    atomic_fetch_add(&mallocs, 1);
    return __libc_malloc(size);
}

__attribute__((visibility("default"))) void *calloc(size_t count, size_t size)
{
    atomic_fetch_add(&mallocs, 1);
    return __libc_calloc(count, size);
}

__attribute__((visibility("default"))) void *realloc(void *block, size_t size)
{
    atomic_fetch_add(&mallocs, 1);
    return __libc_realloc(block, size);
}

__attribute__((visibility("default"))) void *aligned_alloc(size_t alignment, size_t size)
{
    atomic_fetch_add(&mallocs, 1);
    return __libc_memalign(alignment, size);
}
#else
#define MALLOC_IS_COUNTED 0
static uint64_t mallocs;
#endif

enum { RUNS = 50 };

static void *run_often(void *argument)
{
    struct dag *dag = argument;
    struct filch_graph_options often = {.times = RUNS};
    return (void *)(intptr_t)filch_graph_run(dag->graph, filch_pool_current(), &often);
}

static int run_twice(struct dag *dag)
{
    struct filch_graph_options twice = {.times = 2};
    return filch_graph_run(dag->graph, filch_pool_current(), &twice);
}

/* In a task: what a run from outside is handed over with is the pool's. */
static void *run_and_count(void *argument)
{
    struct dag *dag = argument;
    cr_assert_eq(run_twice(dag), 0);
    uint64_t before = mallocs;
    cr_assert_null(run_often(dag));
    cr_assert_eq(mallocs, before);
    return NULL;
}

Test(graph_memory, a_run_after_the_first_allocates_nothing)
{
    if (!MALLOC_IS_COUNTED)
        cr_skip_test("malloc is not counted under AddressSanitizer");
    for (int workers = 1; workers <= 4; workers++)
        for (uint64_t seed = 1; seed <= 6; seed++) {
            /* A spare is made when it is first needed. */
            struct filch_pool_options options = {.workers = workers, .spares = -1};
            struct filch_pool *pool;
            cr_assert_eq(filch_pool_create(&options, &pool), 0);
            struct dag dag;
            uint64_t before = mallocs;
            cr_assert(dag_create(&dag, seed, 5000, seed, seed % 2 * 30));
            cr_assert_gt(mallocs, before + 5000, "they are counted");
            struct filch_future *future = submit(pool, run_and_count, &dag);
            cr_assert_eq(filch_future_result(future, FILCH_FOREVER, NULL), 0);
            filch_future_release(future);
            cr_assert_eq(dag_faults(&dag, RUNS + 2), 0);
            cr_assert_eq(dag_destroy(&dag), 0);
            cr_assert_eq(filch_pool_destroy(pool), 0);
        }
}

Test(graph_memory, nor_does_one_from_outside_but_for_its_way_into_the_pool)
{
    if (!MALLOC_IS_COUNTED)
        cr_skip_test("malloc is not counted under AddressSanitizer");
    struct filch_pool *pool = pool_of(2);
    struct dag dag;
    cr_assert(dag_create(&dag, 7, 5000, 3, 0));
    for (int i = 0; i < RUNS; i++)
        cr_assert_eq(filch_graph_run(dag.graph, pool, NULL), 0);
    uint64_t before = mallocs;
    for (int i = 0; i < RUNS; i++)
        cr_assert_eq(filch_graph_run(dag.graph, pool, NULL), 0);
    cr_assert_leq(mallocs - before, 2, "a segment of the pool's queue");
    cr_assert_eq(dag_faults(&dag, 2 * RUNS), 0);
    cr_assert_eq(dag_destroy(&dag), 0);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}
