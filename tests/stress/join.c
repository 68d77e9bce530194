/* SPDX-License-Identifier: MIT
 *
 * Joins of stolen work, deep and wide, on more workers than cores: the count of an irregular
 * tree, whose shape is known only by walking it, must come out the same every time. Imitates
 * unbalanced tree search, with loops of forks, several forks in a frame, tiny deques that
 * overflow, and plain functions inside tasks that run fork-join work and wait for futures of
 * their own. */
#include "stress.h"

#include <filch/future.h>
#include <filch/stats.h>
#include <filch/task.h>

#include <stdint.h>

static int children_of(uint64_t node, int depth)
{
    return depth == 0 ? 0 : (int)(stress_mix(node) % 7);
}

static uint64_t walk(uint64_t node, int depth)
{
    uint64_t sum = 1;
    for (int i = 0; i < children_of(node, depth); i++)
        sum += walk(stress_mix(node + (uint64_t)i), depth - 1);
    return sum;
}

static struct filch_pool *pool;
static uint64_t plain(uint64_t node, int depth);

FILCH_TASK(uint64_t, tree, uint64_t, node, int, depth)
{
    uint64_t sum = 1;
    int children = children_of(node, depth);

    if (depth > 2 && stress_mix(node + 99) % 61 == 0)
        return plain(node, depth);
    for (int i = 0; i < children; i++)
        FILCH_FORK(tree, stress_mix(node + (uint64_t)i), depth - 1);
    for (int i = 0; i < children; i++)
        sum += FILCH_JOIN(tree);
    return sum;
}

struct job {
    uint64_t node, sum;
    int depth;
};

static void *tree_job(void *argument)
{
    struct job *job = argument;
    job->sum = FILCH_RUN(pool, tree, job->node, job->depth);
    return job;
}

/* A plain function under a task: it knows no head, so its work goes to another level. */
static uint64_t plain(uint64_t node, int depth)
{
    uint64_t sum = 1;
    int children = children_of(node, depth);

    for (int i = 0; i < children; i++) {
        struct job job = {.node = stress_mix(node + (uint64_t)i), .depth = depth - 1};
        struct filch_future *future;
        if (i % 2) {
            sum += FILCH_RUN(pool, tree, job.node, job.depth);
            continue;
        }
        CHECK(!filch_pool_submit(pool, tree_job, &job, &future));
        CHECK(!filch_future_result(future, FILCH_FOREVER, NULL));
        filch_future_release(future);
        sum += job.sum;
    }
    return sum;
}

int main(int argc, char **argv)
{
    static const struct filch_pool_options shapes[] = {
        {.workers = 1},
        {.workers = 2},
        {.workers = 4},
        {.workers = 8},
        {.workers = 3, .deque_slots = 1},
        {.workers = 4, .stack_size = 256 << 10},
    };
    int rounds = 0;
    uint64_t steals = 0, spills = 0, nodes = 0;

    stress_begin(argc, argv);
    do {
        struct filch_stats stats;
        uint64_t seed = stress_mix((uint64_t)rounds), expected = walk(seed, 9);

        CHECK(!filch_pool_create(&shapes[rounds % 6], &pool));
        for (int i = 0; i < 4; i++) {
            CHECK(FILCH_RUN(pool, tree, seed, 9) == expected);
            nodes += expected;
        }
        filch_stats_read(pool, &stats);
        steals += stats.steals;
        spills += stats.spills;
        CHECK(!filch_pool_destroy(pool));
    } while (++rounds < 12 || stress_goes_on());
    CHECK(steals > 0);
    printf("join: %d pools, %llu nodes, %llu steals, %llu spills, every sum right\n", rounds,
           (unsigned long long)nodes, (unsigned long long)steals, (unsigned long long)spills);
    return 0;
}
