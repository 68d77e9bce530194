/* SPDX-License-Identifier: MIT
 *
 * Tasks with serial clones, on more workers than cores: ragged trees, whose thieves are always
 * hungry, so that calls of the serial clone turn to real forks at any point. With results of
 * several sizes in one frame, more forks than a frame keeps results of, void tasks, tiny deques,
 * and plain functions that run tasks of their own. Imitates unbalanced tree search and a fine
 * recursion in turn. */
#define FILCH_SERIAL_CLONES 1
#include "stress.h"

#include <filch/stats.h>
#include <filch/task.h>

#include <stdatomic.h>
#include <stdint.h>

static struct filch_pool *pool;
static _Atomic(uint64_t) visits;

/* Up to 15: more than a frame keeps results of. */
static int children_of(uint64_t node, int depth)
{
    uint64_t random = stress_mix(node);
    if (depth == 0)
        return 0;
    return random % 16 == 0 ? (int)(random >> 8) % 16 : (int)(random >> 8) % 4;
}

struct sums {
    uint64_t nodes, mixed, depths;
};

static struct sums add(struct sums a, struct sums b)
{
    return (struct sums){a.nodes + b.nodes, a.mixed ^ b.mixed, a.depths + b.depths};
}

static struct sums walk(uint64_t node, int depth)
{
    struct sums sums = {1, stress_mix(node), (uint64_t)depth};
    for (int i = 0; i < children_of(node, depth); i++)
        sums = add(sums, walk(stress_mix(node + (uint64_t)i), depth - 1));
    return sums;
}

FILCH_VOID_TASK(visit, uint64_t, node)
{
    /* Relaxed: read after the join. */
    atomic_fetch_add_explicit(&visits, node % 7 + 1, memory_order_relaxed);
}

FILCH_TASK(char, parity, uint64_t, node)
{
    return (char)(node % 2);
}

/* Results of 24 and 1 byte and of none, in every other order. */
FILCH_TASK(struct sums, tree, uint64_t, node, int, depth)
{
    struct sums sums = {1, stress_mix(node), (uint64_t)depth};
    int children = children_of(node, depth);
    char parity_sum = 0;

    for (int i = 0; i < children; i++) {
        uint64_t child = stress_mix(node + (uint64_t)i);
        FILCH_FORK(tree, child, depth - 1);
        FILCH_FORK(parity, child);
        FILCH_FORK(visit, child);
    }
    for (int i = children - 1; i >= 0; i--) {
        FILCH_JOIN(visit);
        parity_sum = (char)(parity_sum + FILCH_JOIN(parity));
        sums = add(sums, FILCH_JOIN(tree));
    }
    for (int i = 0; i < children; i++)
        parity_sum = (char)(parity_sum - (char)(stress_mix(node + (uint64_t)i) % 2));
    CHECK(parity_sum == 0);
    return sums;
}

static uint64_t plain(int n);

FILCH_TASK(uint64_t, fib, int, n)
{
    if (n < 2)
        return (uint64_t)n;
    if (n == 12 && stress_mix((uint64_t)atomic_load(&visits)) % 64 == 0)
        return plain(n);
    FILCH_FORK(fib, n - 1);
    uint64_t b = FILCH_CALL(fib, n - 2);
    return FILCH_JOIN(fib) + b;
}

/* A plain function under a task: it knows no head, so its work goes to another level. */
static uint64_t plain(int n)
{
    return FILCH_RUN(pool, fib, n - 1) + FILCH_RUN(pool, fib, n - 2);
}

static uint64_t visits_of(uint64_t node, int depth)
{
    uint64_t sum = 0;
    for (int i = 0; i < children_of(node, depth); i++) {
        uint64_t child = stress_mix(node + (uint64_t)i);
        sum += child % 7 + 1 + visits_of(child, depth - 1);
    }
    return sum;
}

int main(int argc, char **argv)
{
    struct filch_pool_options options = {.workers = 8};
    uint64_t rounds = 0, steals = 0;

    stress_begin(argc, argv);
    while (stress_goes_on() || rounds < 8) {
        struct filch_stats stats;
        options.deque_slots = rounds % 4 == 3 ? 1 + rounds % 50 : 0;
        CHECK(!filch_pool_create(&options, &pool));
        for (uint64_t i = 0; i < 20; i++) {
            uint64_t root = stress_mix(rounds * 1000 + i);
            int depth = SANITIZED ? 9 : 12;
            struct sums sums = walk(root, depth);
            atomic_store(&visits, 0);
            struct sums same = FILCH_RUN(pool, tree, root, depth);
            CHECK(same.nodes == sums.nodes && same.mixed == sums.mixed);
            CHECK(same.depths == sums.depths);
            CHECK(atomic_load(&visits) == visits_of(root, depth));
            CHECK(FILCH_RUN(pool, fib, 18) == 2584);
        }
        filch_stats_read(pool, &stats);
        steals += stats.steals;
        filch_pool_destroy(pool);
        rounds++;
    }
    CHECK(steals > 0);
    printf("%llu rounds, %llu steals\n", (unsigned long long)rounds,
           (unsigned long long)steals);
    return 0;
}
