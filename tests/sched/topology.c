/* SPDX-License-Identifier: MIT
 *
 * Where workers run and whom they steal from first. Plans are made for machines made up by hwloc
 * (HWLOC_SYNTHETIC), on which no thread can be bound; threads are bound on the machine at hand.
 * Without hwloc the same calls have to say so. */
#include "executor.h"
#include "sched/core/topology.h"

#include <filch/blocking.h>
#include <filch/task.h>

#include <limits.h>

/* 2 nodes, 2 L3 caches each, 2 cores each, 2 processors each: numbered in this order. */
#define SIXTEEN "node:2 l3:2 core:2 pu:2"

/* Ask before HWLOC_SYNTHETIC is set or after, it makes no difference. */
static bool has_hwloc(void)
{
    struct filch_topology topology;
    cr_assert_eq(filch_topology_read(&topology), 0);
    return topology.processors > 0;
}

/* Plans for a machine made up. Without hwloc it checks that the plan says so, and returns false. */
static bool plan_on(const char *machine, struct filch_pool_options options,
                    struct fi_topology *topology)
{
    setenv("HWLOC_SYNTHETIC", machine, 1);
    int error = fi_topology_plan(&options, topology);
    cr_assert_eq(error, has_hwloc() ? 0 : FILCH_ETOPOLOGY, "%s: %s", machine,
                 filch_strerror(error));
    return error == 0;
}

static bool pin_on(const char *machine, enum filch_pinning pinning,
                   struct fi_topology *topology)
{
    return plan_on(machine, (struct filch_pool_options){.pinning = pinning}, topology);
}

static int refusal_on(const char *machine, struct filch_pool_options options)
{
    struct fi_topology topology;
    setenv("HWLOC_SYNTHETIC", machine, 1);
    return fi_topology_plan(&options, &topology);
}

static void check_processors(struct fi_topology *topology, const int *expected, int workers)
{
    for (int i = 0; i < workers; i++)
        cr_assert_eq(fi_topology_processor(topology, i), expected[i], "worker %d is on %d", i,
                     fi_topology_processor(topology, i));
    fi_topology_fini(topology);
}

/* ---- Plans ------------------------------------------------------------------------------- */

Test(topology, nothing_is_read_for_the_defaults)
{
    struct fi_topology topology;
    setenv("HWLOC_SYNTHETIC", SIXTEEN, 1);
    cr_assert_eq(fi_topology_plan(&(struct filch_pool_options){.workers = 2}, &topology), 0);
    cr_assert_eq(topology.count, 0);
    cr_assert_null(topology.places);
    cr_assert_eq(fi_topology_processor(&topology, 0), -1);
}

Test(topology, compact_fills_cores_then_caches_then_nodes_and_begins_anew)
{
    static const int expected[] = {0,  1,  2,  3,  4,  5,  6, 7, 8, 9,
                                   10, 11, 12, 13, 14, 15, 0, 1, 2, 3};
    struct fi_topology topology;
    if (pin_on(SIXTEEN, FILCH_PIN_COMPACT, &topology))
        check_processors(&topology, expected, COUNT(expected));
}

Test(topology, scatter_spreads_over_nodes_then_caches_then_cores_and_begins_anew)
{
    static const int expected[] = {0, 8,  4, 12, 2, 10, 6, 14, 1, 9,
                                   5, 13, 3, 11, 7, 15, 0, 8,  4, 12};
    struct fi_topology topology;
    if (pin_on(SIXTEEN, FILCH_PIN_SCATTER, &topology))
        check_processors(&topology, expected, COUNT(expected));
}

/* As most machines number them: first one processor of every core, then the others. */
static const char far_siblings[] = "core:3 pu:2(indexes=0,3,1,4,2,5)";

Test(topology, compact_goes_by_what_is_shared_and_not_by_number)
{
    static const int expected[] = {0, 3, 1, 4, 2, 5};
    struct fi_topology topology;
    if (pin_on(far_siblings, FILCH_PIN_COMPACT, &topology))
        check_processors(&topology, expected, COUNT(expected));
}

Test(topology, scatter_takes_a_processor_of_each_core_first)
{
    static const int expected[] = {0, 1, 2, 3, 4, 5};
    struct fi_topology topology;
    if (pin_on(far_siblings, FILCH_PIN_SCATTER, &topology))
        check_processors(&topology, expected, COUNT(expected));
}

Test(topology, on_a_node_only_its_processors_are_used)
{
    static const int compact[] = {8, 9, 10, 11, 12, 13, 14, 15, 8};
    static const int scattered[] = {8, 12, 10, 14, 9, 13, 11, 15, 8};
    struct filch_pool_options options = {.on_node = true, .node = 1};
    struct fi_topology topology;

    options.pinning = FILCH_PIN_COMPACT;
    if (plan_on(SIXTEEN, options, &topology))
        check_processors(&topology, compact, COUNT(compact));
    options.pinning = FILCH_PIN_SCATTER;
    if (plan_on(SIXTEEN, options, &topology))
        check_processors(&topology, scattered, COUNT(scattered));
}

Test(topology, on_a_node_without_pinning_no_worker_has_a_processor_of_its_own)
{
    struct filch_pool_options options = {.on_node = true, .node = 0};
    struct fi_topology topology;
    if (!plan_on(SIXTEEN, options, &topology))
        return;
    cr_assert_eq(topology.count, 8);
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(topology.places[i].processor, i);
        cr_assert_eq(fi_topology_processor(&topology, i), -1);
    }
    fi_topology_fini(&topology);
}

Test(topology, a_list_is_followed_in_its_order)
{
    static const int list[] = {3, 12, 3}, expected[] = {3, 12, 3, 3, 12};
    struct filch_pool_options options = {.pinning = FILCH_PIN_LIST,
                                         .processors = list,
                                         .processor_count = COUNT(list)};
    struct fi_topology topology;
    if (has_hwloc() && plan_on(SIXTEEN, options, &topology))
        check_processors(&topology, expected, COUNT(expected));
}

Test(topology, a_node_that_is_not_there_is_refused)
{
    int expected = has_hwloc() ? FILCH_EINVAL : FILCH_ETOPOLOGY;
    for (int pinning = FILCH_PIN_NONE; pinning <= FILCH_PIN_SCATTER; pinning++) {
        struct filch_pool_options options = {.pinning = (enum filch_pinning)pinning,
                                             .on_node = true,
                                             .node = 2};
        cr_assert_eq(refusal_on(SIXTEEN, options), expected);
        options.node = -1;
        cr_assert_eq(refusal_on(SIXTEEN, options), FILCH_EINVAL);
    }
}

Test(topology, a_list_with_a_processor_that_may_not_be_used_is_refused)
{
    static const int absent[] = {0, 1 << 20}, negative[] = {-1}, remote[] = {8, 0};
    struct filch_pool_options options = {.pinning = FILCH_PIN_LIST};

    options.processors = absent, options.processor_count = 2;
    cr_assert_eq(refusal_on(SIXTEEN, options), FILCH_EINVAL);
    options.processors = negative, options.processor_count = 1;
    cr_assert_eq(refusal_on(SIXTEEN, options), FILCH_EINVAL);
    options.processors = remote, options.processor_count = 2;
    options.on_node = true, options.node = 1;
    cr_assert_eq(refusal_on(SIXTEEN, options), has_hwloc() ? FILCH_EINVAL : FILCH_ETOPOLOGY);
}

Test(topology, options_that_contradict_each_other_are_refused)
{
    static const int list[FILCH_WORKERS_MAX + 1] = {0};
    const struct filch_pool_options wrong[] = {
        {.pinning = (enum filch_pinning)(FILCH_PIN_LIST + 1)},
        {.pinning = (enum filch_pinning) - 1},
        {.pinning = FILCH_PIN_LIST},
        {.pinning = FILCH_PIN_LIST, .processors = list},
        {.pinning = FILCH_PIN_LIST, .processor_count = 1},
        {.pinning = FILCH_PIN_LIST, .processors = list, .processor_count = COUNT(list)},
        {.pinning = FILCH_PIN_NONE, .processors = list, .processor_count = 1},
        {.pinning = FILCH_PIN_COMPACT, .processors = list, .processor_count = 1},
        {.pinning = FILCH_PIN_SCATTER, .processor_count = 1},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct filch_pool *pool = UNTOUCHED;
        cr_assert_eq(filch_pool_create(&wrong[i], &pool), FILCH_EINVAL, "%zu", i);
        cr_assert_eq((void *)pool, UNTOUCHED);
    }
}

/* ---- Whom to steal from first ------------------------------------------------------------------- */

Test(topology, the_nearest_thing_that_is_shared_is_the_distance)
{
    static const enum filch_pinning compact = FILCH_PIN_COMPACT;
    static const enum fi_distance to_first[] = {FI_SAME_CORE,  FI_SAME_CORE, FI_SAME_CACHE,
                                                FI_SAME_CACHE, FI_SAME_NODE, FI_SAME_NODE,
                                                FI_SAME_NODE,  FI_SAME_NODE, FI_REMOTE,
                                                FI_REMOTE,     FI_REMOTE,    FI_REMOTE,
                                                FI_REMOTE,     FI_REMOTE,    FI_REMOTE,
                                                FI_REMOTE};
    struct fi_topology topology;
    if (!pin_on(SIXTEEN, compact, &topology))
        return;
    for (int i = 0; i < 16; i++) {
        cr_assert_eq(fi_distance(&topology.places[0], &topology.places[i]), to_first[i]);
        cr_assert_eq(fi_distance(&topology.places[i], &topology.places[0]), to_first[i]);
    }
    fi_topology_fini(&topology);
}

Test(topology, what_is_not_known_is_not_shared)
{
    struct fi_place a = {0, -1, -1, -1}, b = {1, -1, -1, -1};
    cr_assert_eq(fi_distance(&a, &b), FI_REMOTE);
    cr_assert_eq(fi_distance(&a, &a), FI_SAME_CORE);
}

static void check_order(const struct fi_topology *topology, int workers, int worker,
                        const uint32_t *ends, const uint16_t *expected)
{
    struct fi_order *order = fi_order_create(topology, workers, worker);
    cr_assert_not_null(order);
    for (int distance = 0; distance < FI_DISTANCES; distance++)
        cr_assert_eq(order->ends[distance], ends[distance]);
    for (int i = 0; i < workers; i++)
        cr_assert_eq(order->workers[i], expected[i], "%d: %d", i, order->workers[i]);
    free(order);
}

Test(topology, victims_are_ordered_core_cache_node_remote)
{
    static const uint32_t ends[] = {2, 4, 8, 16};
    static const uint16_t expected[] = {4, 5, 6, 7, 0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15};
    struct fi_topology topology;
    if (!pin_on(SIXTEEN, FILCH_PIN_COMPACT, &topology))
        return;
    check_order(&topology, 16, 5, ends, expected);
    fi_topology_fini(&topology);
}

Test(topology, scattered_workers_have_their_neighbours_elsewhere_in_the_pool)
{
    static const uint32_t ends[] = {1, 2, 4, 8}; /* on 0, 8, 4, 12, 2, 10, 6, 14 */
    static const uint16_t expected[] = {1, 5, 3, 7, 0, 2, 4, 6};
    struct fi_topology topology;
    if (!pin_on(SIXTEEN, FILCH_PIN_SCATTER, &topology))
        return;
    check_order(&topology, 8, 1, ends, expected);
    fi_topology_fini(&topology);
}

Test(topology, workers_on_one_processor_are_near)
{
    static const uint32_t ends[] = {4, 4, 4, 6};
    static const uint16_t expected[] = {0, 1, 4, 5, 2, 3};
    struct fi_topology topology;
    if (!pin_on("node:2 core:1 pu:2", FILCH_PIN_COMPACT, &topology))
        return;
    check_order(&topology, 6, 4, ends, expected);
    fi_topology_fini(&topology);
}

/* ---- Any machine ------------------------------------------------------------------------- */

static uint32_t seed = 1;

static int any(int from, int to)
{
    seed = seed * 1664525u + 1013904223u;
    return from + (int)((seed >> 16) % (uint32_t)(to - from + 1));
}

static void check_any_order(const struct fi_topology *topology, int workers, int worker)
{
    struct fi_order *order = fi_order_create(topology, workers, worker);
    const struct fi_place *place = &topology->places[worker % topology->count];
    int seen[64] = {0};
    uint32_t begin = 0;

    cr_assert_not_null(order);
    for (int distance = 0; distance < FI_DISTANCES; distance++) {
        cr_assert_leq(begin, order->ends[distance]);
        for (uint32_t i = begin; i < order->ends[distance]; i++) {
            int other = order->workers[i];
            cr_assert_lt(other, workers);
            seen[other]++;
            cr_assert_eq((int)fi_distance(place, &topology->places[other % topology->count]),
                         distance);
        }
        begin = order->ends[distance];
    }
    for (int i = 0; i < workers; i++)
        cr_assert_eq(seen[i], 1, "worker %d is there %d times", i, seen[i]);
    free(order);
}

/* Every processor has its turn before one has a second, and none is ahead by more than one on any
 * node as long as these are alike. */
static void check_any_plan(const struct fi_topology *topology, enum filch_pinning pinning,
                           int nodes)
{
    bool used[64] = {false};
    int on_node[3] = {0};

    for (int i = 0; i < topology->count; i++) {
        const struct fi_place *place = &topology->places[i];
        cr_assert(place->processor >= 0 && place->processor < 64);
        cr_assert_not(used[place->processor]);
        used[place->processor] = true;
        cr_assert(place->node >= 0 && place->node < nodes);
        on_node[place->node]++;
        for (int n = 0; pinning == FILCH_PIN_SCATTER && topology->pins && n < nodes; n++)
            cr_assert_leq(on_node[place->node] - on_node[n], 1);
    }
}

Test(topology, on_any_machine_every_worker_has_a_place_and_every_other_worker_as_victim_once)
{
    for (int round = 0; round < 100; round++) {
        char machine[64];
        int nodes = any(1, 3), caches = any(1, 2), cores = any(1, 4), threads = any(1, 2);
        int workers = any(1, 64);
        enum filch_pinning pinning = any(0, 1) ? FILCH_PIN_COMPACT : FILCH_PIN_SCATTER;
        struct filch_pool_options options = {.pinning = pinning, .on_node = any(0, 3) == 0};
        struct fi_topology topology;

        options.node = options.on_node ? any(0, nodes - 1) : 0;
        snprintf(machine, sizeof machine, "node:%d l3:%d core:%d pu:%d", nodes, caches, cores,
                 threads);
        if (!plan_on(machine, options, &topology))
            continue;
        cr_assert_eq(topology.count, (options.on_node ? 1 : nodes) * caches * cores * threads);
        if (!options.on_node)
            check_any_plan(&topology, pinning, nodes);
        for (int i = 0; i < workers; i++) {
            cr_assert_geq(fi_topology_processor(&topology, i), 0);
            check_any_order(&topology, workers, i);
        }
        fi_topology_fini(&topology);
    }
}

/* ---- Pools ------------------------------------------------------------------------------- */

/* The processors that this thread may use, at most 64 of them. */
static int allowed_processors(int *processors)
{
    cpu_set_t set;
    int count = 0;
    cr_assert_eq(sched_getaffinity(0, sizeof set, &set), 0);
    for (int i = 0; i < CPU_SETSIZE && count < 64; i++)
        if (CPU_ISSET((size_t)i, &set))
            processors[count++] = i;
    return count;
}

static cpu_set_t set_of(const int *processors, int count)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int i = 0; i < count; i++)
        CPU_SET((size_t)processors[i], &set);
    return set;
}

static bool is_bound_to(const struct fi_worker *worker, cpu_set_t expected)
{
    cpu_set_t set;
    cr_assert_eq(pthread_getaffinity_np(worker->thread, sizeof set, &set), 0);
    return CPU_EQUAL(&set, &expected);
}

FILCH_TASK(int, fib, int, n)
{
    if (n < 2)
        return n;
    FILCH_FORK(fib, n - 1);
    int b = FILCH_CALL(fib, n - 2);
    return FILCH_JOIN(fib) + b;
}

static struct filch_pool *pool_with(struct filch_pool_options options)
{
    struct filch_pool *pool = NULL;
    int error = filch_pool_create(&options, &pool);
    cr_assert_eq(error, 0, "%s", filch_strerror(error));
    return pool;
}

FILCH_TASK(int, is_on_its_processor, struct filch_pool *, pool)
{
    return sched_getcpu() == filch_pool_processor(pool, filch_pool_worker());
}

/* Each worker is where the plan says, which is where expected says, and it works. */
static void check_pool(struct filch_pool *pool, const int *expected)
{
    for (int i = 0; i < filch_pool_size(pool); i++) {
        cr_assert_eq(filch_pool_processor(pool, i), expected[i]);
        cr_assert(is_bound_to(pool->workers[i], set_of(&expected[i], 1)), "worker %d", i);
    }
    for (int i = 0; i < 100; i++)
        cr_assert(FILCH_RUN(pool, is_on_its_processor, pool));
    cr_assert_eq(FILCH_RUN(pool, fib, 20), 6765);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

Test(topology, each_worker_of_a_list_runs_on_its_processor)
{
    int processors[64], expected[64 + 3];
    int count = allowed_processors(processors);
    for (int i = 0; i < count; i++)
        expected[i] = processors[count - 1 - i];
    for (int i = 0; i < 3; i++)
        expected[count + i] = expected[i % count];
    struct filch_pool_options options = {.workers = count + 3,
                                         .pinning = FILCH_PIN_LIST,
                                         .processors = expected,
                                         .processor_count = (size_t)count};
    check_pool(pool_with(options), expected);
}

static void check_pinned(enum filch_pinning pinning)
{
    struct filch_pool *pool = UNTOUCHED;
    struct filch_pool_options options = {.workers = 3, .pinning = pinning};
    int processors[64], expected[3];
    int count = allowed_processors(processors);
    cpu_set_t allowed = set_of(processors, count);

    if (!has_hwloc()) {
        cr_assert_eq(filch_pool_create(&options, &pool), FILCH_ETOPOLOGY);
        cr_assert_eq((void *)pool, UNTOUCHED);
        return;
    }
    pool = pool_with(options);
    for (int i = 0; i < 3; i++) {
        expected[i] = filch_pool_processor(pool, i);
        cr_assert(CPU_ISSET((size_t)expected[i], &allowed));
        for (int j = 0; j < i; j++)
            cr_assert(expected[i] != expected[j] || i - j >= count, "processors are left");
    }
    check_pool(pool, expected);
}

Test(topology, each_worker_runs_on_its_processor_or_hwloc_is_missing_compact)
{
    check_pinned(FILCH_PIN_COMPACT);
}

Test(topology, each_worker_runs_on_its_processor_or_hwloc_is_missing_scatter)
{
    check_pinned(FILCH_PIN_SCATTER);
}

Test(topology, a_pool_stays_on_the_processors_of_its_creator)
{
    int processors[64];
    int count = allowed_processors(processors), last = processors[count - 1];
    cpu_set_t one = set_of(&last, 1);
    struct filch_pool_options options = {.workers = 2, .pinning = FILCH_PIN_COMPACT};
    struct filch_pool *pool = UNTOUCHED;

    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
    if (has_hwloc())
        check_pool(pool_with(options), (int[]){last, last});
    options.pinning = FILCH_PIN_LIST;
    options.processor_count = 1;
    options.processors = &last;
    check_pool(pool_with(options), (int[]){last, last});
    if (count == 1)
        return;
    options.processors = &processors[0];
    cr_assert_eq(filch_pool_create(&options, &pool), FILCH_EINVAL);
    cr_assert_eq((void *)pool, UNTOUCHED);
}

Test(topology, workers_that_are_not_pinned_have_no_processor)
{
    struct filch_pool *pool = pool_of(2);
    cpu_set_t all;
    cr_assert_eq(sched_getaffinity(0, sizeof all, &all), 0);
    for (int i = -1; i <= 2; i++)
        cr_assert_eq(filch_pool_processor(pool, i), -1);
    for (int i = 0; i < 2; i++) {
        cr_assert(is_bound_to(pool->workers[i], all));
        cr_assert_null(pool->workers[i]->order);
    }
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

Test(topology, a_number_that_is_no_workers_has_no_processor)
{
    int processors[64];
    allowed_processors(processors);
    struct filch_pool *pool = pool_with((struct filch_pool_options){
        .workers = 2,
        .pinning = FILCH_PIN_LIST,
        .processors = processors,
        .processor_count = 1,
    });
    cr_assert_eq(filch_pool_processor(pool, 1), processors[0]);
    cr_assert_eq(filch_pool_processor(pool, 2), -1);
    cr_assert_eq(filch_pool_processor(pool, -1), -1);
    cr_assert_eq(filch_pool_processor(pool, INT_MAX), -1);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

static void *block_until_left(void *argument)
{
    filch_blocking_begin();
    sem_post(&entered);
    await_signal(&leave);
    filch_blocking_end();
    return argument;
}

static void *own_affinity(void *set)
{
    cr_assert_eq(sched_getaffinity(0, sizeof(cpu_set_t), set), 0);
    return (void *)(intptr_t)filch_pool_worker();
}

Test(topology, a_spare_may_run_on_all_processors_of_the_pool, .init = setup)
{
    int processors[64];
    int count = allowed_processors(processors);
    struct filch_pool *pool = pool_with((struct filch_pool_options){
        .workers = 1,
        .pinning = FILCH_PIN_LIST,
        .processors = processors,
        .processor_count = (size_t)count,
    });
    cpu_set_t seen, expected = set_of(processors, count);
    struct filch_future *blocked = submit(pool, block_until_left, NULL);
    await_signal(&entered);
    struct filch_future *other = submit(pool, own_affinity, &seen);
    cr_assert_eq((intptr_t)result_of(other), 1, "the spare's number");
    cr_assert(CPU_EQUAL(&seen, &expected));
    cr_assert_eq(filch_pool_processor(pool, 1), -1);
    sem_post(&leave);
    (void)result_of(blocked);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

/* ---- Pools as for another machine -------------------------------------------------------- */

Test(topology, for_another_machine_workers_are_planned_and_not_bound)
{
    cpu_set_t all;
    cr_assert_eq(sched_getaffinity(0, sizeof all, &all), 0);
    setenv("HWLOC_SYNTHETIC", SIXTEEN, 1);
    if (!has_hwloc())
        cr_skip_test("hwloc is not built in");
    struct filch_pool *pool =
        pool_with((struct filch_pool_options){.workers = 16, .pinning = FILCH_PIN_COMPACT});
    for (int i = 0; i < 16; i++) {
        cr_assert_eq(filch_pool_processor(pool, i), i);
        cr_assert(is_bound_to(pool->workers[i], all));
    }
    cr_assert_eq(FILCH_RUN(pool, fib, 20), 6765);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

Test(topology, on_a_node_there_are_by_default_no_more_workers_than_processors)
{
    struct filch_pool_options options = {.on_node = true, .node = 1};
    unsetenv("FILCH_WORKERS");
    setenv("HWLOC_SYNTHETIC", "node:2 core:1 pu:1", 1);
    if (!has_hwloc())
        cr_skip_test("hwloc is not built in");
    struct filch_pool *pool = pool_with(options);
    cr_assert_eq(filch_pool_size(pool), 1);
    cr_assert_eq(filch_pool_destroy(pool), 0);
    setenv("FILCH_WORKERS", "3", 1);
    pool = pool_with(options);
    cr_assert_eq(filch_pool_size(pool), 3);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

Test(topology, hwloc_counts_what_the_machine_has)
{
    struct filch_topology topology;
    setenv("HWLOC_SYNTHETIC", "package:2 node:2 l3:2 core:2 pu:2", 1);
    if (!has_hwloc())
        cr_skip_test("hwloc is not built in");
    cr_assert_eq(filch_topology_read(&topology), 0);
    cr_assert_eq(topology.packages, 2);
    cr_assert_eq(topology.nodes, 4);
    cr_assert_eq(topology.caches, 8);
    cr_assert_eq(topology.cores, 16);
    cr_assert_eq(topology.processors, 32);
}

/* ---- The search -------------------------------------------------------------------------- */

/* Workers 0 and 2 offer tasks; worker 1 sits beside 0 on a core, and takes one; 3 is kept busy.
 * Each waits for what it needs. */
static _Atomic(int) at_work, offering, stolen_from; /* the latter: 1 + who was, first */

FILCH_TASK(int, offered, int, owner)
{
    int none = 0;
    if (filch_pool_worker() == 1)
        (void)atomic_compare_exchange_strong(&stolen_from, &none, owner + 1);
    return 1;
}

FILCH_TASK(int, offer, int, owner)
{
    FILCH_FORK(offered, owner);
    FILCH_FORK(offered, owner);
    while (!fi_deque_has_shared(&fi_worker_self()->level->deque)) {
        (void)FILCH_JOIN(offered);
        FILCH_FORK(offered, owner);
    }
    atomic_fetch_add(&offering, 1);
    while (!atomic_load(&stolen_from))
        sched_yield();
    int b = FILCH_JOIN(offered);
    return FILCH_JOIN(offered) + b;
}

static void *take_part(void *pool)
{
    int number = filch_pool_worker();

    atomic_fetch_add(&at_work, 1);
    while (atomic_load(&at_work) < 4)
        sched_yield();
    if (number % 2 == 0)
        return (void *)(intptr_t)FILCH_RUN(pool, offer, number);
    while (number == 1 ? atomic_load(&offering) < 2 : !atomic_load(&stolen_from))
        sched_yield();
    return NULL;
}

Test(topology, a_thief_goes_to_a_neighbour_first)
{
    setenv("HWLOC_SYNTHETIC", "node:2 core:1 pu:2", 1);
    if (!has_hwloc())
        cr_skip_test("hwloc is not built in");
    for (int round = 0; round < 12; round++) {
        struct filch_pool *pool =
            pool_with((struct filch_pool_options){.workers = 4, .pinning = FILCH_PIN_COMPACT});
        struct filch_future *futures[4];
        at_work = offering = stolen_from = 0;
        for (int i = 0; i < 4; i++)
            futures[i] = submit(pool, take_part, pool);
        for (int i = 0; i < 4; i++)
            (void)result_of(futures[i]);
        cr_assert_eq(stolen_from, 1, "worker 1 stole from worker %d first", stolen_from - 1);
        cr_assert_eq(filch_pool_destroy(pool), 0);
    }
}
