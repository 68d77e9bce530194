/* SPDX-License-Identifier: MIT
 *
 * The workloads of the benchmarks, above all unbalanced tree search, with more workers than cores:
 * all have the results of serial C, variants included; the trees of its own distribution have the node counts that are published for them, with any
 * number of workers; a thousand trees of random shape have the counts that serial C finds; and
 * T3L, 17,844 nodes deep, fits the default stack. */
#include "stress.h"

#include "bench/workloads/uts.h"
#include "bench/workloads/workload.h"

#define MOST 8 /* workers */

static uint64_t result_on(const struct workload_system *system, int workers,
                          enum workload_id id, long size)
{
    const struct workload *workload = &workloads[id];
    void *input = workload->create(size);
    CHECK(input);
    CHECK(system->start(workers) == NULL);
    if (workload->reset)
        workload->reset(input);
    system->run[id](input);
    system->stop();
    uint64_t result = workload->result(input);
    workload->destroy(input);
    return result;
}

/* Is that the result for any number of workers? */
static void check(enum workload_id id, long size, uint64_t expected)
{
    const struct workload_system *system =
        workload_system_with(id, &filch_system, &filch_algorithms);
    for (int workers = 1; system && workers <= MOST; workers *= 2)
        CHECK(result_on(system, workers, id, size) == expected);
}

static uint64_t serial_result(enum workload_id id, long size)
{
    return result_on(workload_system_with(id, &serial_system, &serial_algorithms), 1, id, size);
}

/* Every workload, and every variant with the results of what it is one of. */
static void check_all(void)
{
#define BASE(id, name, unit, of, filch) [WORKLOAD_##id] = WORKLOAD_##of,
    static const enum workload_id bases[WORKLOAD_COUNT] = {WORKLOAD_VARIANTS(BASE)};
#undef BASE
    for (enum workload_id id = 0; id < WORKLOAD_COUNT; id++) {
        long size = workloads[id].quick_size;
        check(id, size, serial_result(id < WORKLOAD_TABLES ? id : bases[id], size));
    }
}

/* Binomial trees near the critical point, where some are tiny and some are not, and geometric
 * ones. */
static struct uts_tree random_tree(uint32_t seed)
{
    uint32_t random = seed * 2654435761u;
    if (random >> 31)
        return (struct uts_tree){.kind = UTS_GEOMETRIC,
                                 .seed = seed,
                                 .branching = 2 + (int)(random >> 8) % 3,
                                 .depth_limit = 3 + (int)(random >> 16) % 3};
    int children = 2 + (int)(random >> 8) % 7;
    return (struct uts_tree){.kind = UTS_BINOMIAL,
                             .seed = seed,
                             .branching = 1 + (int)(random >> 16) % 100,
                             .children = children,
                             .chance = 0.97 / children};
}

int main(void)
{
    const int trees = SANITIZED ? 200 : 1000;

    check_all();
    CHECK(filch_system.start(MOST) == NULL);
    for (int i = 0; i < trees; i++) {
        struct uts tree = {.tree = random_tree((uint32_t)i)}, same = tree;
        serial_system.run[WORKLOAD_UTS_T1](&tree);
        filch_system.run[WORKLOAD_UTS_T1](&same);
        CHECK(tree.nodes == same.nodes);
    }
    filch_system.stop();

    if (!SANITIZED) {
        check(WORKLOAD_UTS_T1, 10, 4130071);
        check(WORKLOAD_UTS_T3, 2000, 4112897);
        CHECK(result_on(&filch_system, MOST, WORKLOAD_UTS_T3L, 2000) == 111345631);
    }
    printf("%d workloads and %d trees on up to %d workers\n", WORKLOAD_COUNT, trees, MOST);
    return 0;
}
