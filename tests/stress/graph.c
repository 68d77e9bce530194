/* SPDX-License-Identifier: MIT
 *
 * Graphs of random shape, again and again, on more workers than cores: each node looks whether all
 * that comes before it has run, in memory that is not atomic. Then loops that go on beside what
 * they have made ready, runs that end in an error, and calls that find a graph busy. Imitates a
 * program that takes the same steps for every frame. */
#include "stress.h"

#include "tests/sched/dag.h"

#include <pthread.h>

#define ROUNDS (SANITIZED ? 20 : 300)

static struct filch_pool *pools[3];

static void random_graph(uint64_t seed)
{
    struct dag dag;
    size_t count = 1 + stress_mix(seed) % 2000, most = stress_mix(seed + 1) % 5,
           near = stress_mix(seed + 2) % 3 * 10;
    struct filch_graph_options thrice = {.times = 3};

    CHECK(dag_create(&dag, seed, count, most, near));
    CHECK(!filch_graph_run(dag.graph, pools[seed % 3], NULL));
    CHECK(!filch_graph_run(dag.graph, pools[(seed + 1) % 3], &thrice));
    CHECK(dag_faults(&dag, 4) == 0);
    CHECK(!dag_destroy(&dag));
}

/* ---- A loop -------------------------------------------------------------------------------- */

#define SIDES 5

struct loop {
    int rounds, left, right; /* not atomic: the edges order them */
    int target;
    _Atomic(int) sides;
};

static int step_left(void *argument)
{
    struct loop *loop = argument;
    loop->left = loop->rounds + 1;
    return 0;
}

static int step_right(void *argument)
{
    struct loop *loop = argument;
    loop->right = loop->rounds + 1;
    return 0;
}

static int side(void *argument)
{
    struct loop *loop = argument;
    atomic_fetch_add_explicit(&loop->sides, 1, memory_order_relaxed);
    return 0;
}

static int ask(void *argument)
{
    struct loop *loop = argument;
    CHECK(loop->left == loop->rounds + 1 && loop->right == loop->rounds + 1);
    loop->rounds++;
    return loop->rounds < loop->target ? 0 : -1;
}

static int begin(void *argument)
{
    (void)argument;
    return 0;
}

static void loop_beside_sides(uint64_t seed)
{
    struct loop loop = {.target = SANITIZED ? 200 : 2000};
    struct filch_graph *graph;
    struct filch_node *first, *body, *left, *right, *condition, *node;

    CHECK(!filch_graph_create(&graph));
    CHECK(!filch_graph_task(graph, "begin", begin, NULL, &first));
    CHECK(!filch_graph_task(graph, "body", begin, NULL, &body));
    CHECK(!filch_graph_task(graph, "left", step_left, &loop, &left));
    CHECK(!filch_graph_task(graph, "right", step_right, &loop, &right));
    CHECK(!filch_graph_condition(graph, "again?", ask, &loop, &condition));
    CHECK(!filch_graph_precede(first, body) && !filch_graph_precede(body, left) &&
          !filch_graph_precede(body, right) && !filch_graph_precede(condition, body));
    for (uint64_t i = 0; i < SIDES; i++) {
        if (i == seed % SIDES)
            CHECK(!filch_graph_precede(left, condition) &&
                  !filch_graph_precede(right, condition));
        CHECK(!filch_graph_task(graph, NULL, side, &loop, &node));
        CHECK(!filch_graph_precede(left, node) && !filch_graph_precede(right, node));
    }
    CHECK(!filch_graph_run(graph, pools[seed % 3], NULL));
    CHECK(loop.rounds == loop.target);
    CHECK(loop.sides == SIDES * loop.target);
    CHECK(!filch_graph_destroy(graph));
}

/* ---- Errors, and a second thread ------------------------------------------------------------- */

static struct filch_graph *shared;
static _Atomic(bool) over;

static int fail_at_times(void *argument)
{
    _Atomic(unsigned) *calls = argument;
    return atomic_fetch_add_explicit(calls, 1, memory_order_relaxed) % 77 == 76 ? 5 : 0;
}

static void *run_too(void *argument)
{
    (void)argument;
    while (!atomic_load(&over)) {
        int error = filch_graph_run(shared, pools[1], NULL);
        CHECK(error == 0 || error == 5 || error == FILCH_EBUSY);
    }
    return NULL;
}

static void two_run_one_graph(uint64_t seed)
{
    static _Atomic(unsigned) calls;
    struct filch_node *nodes[100];
    pthread_t thread;

    atomic_store(&over, false);
    CHECK(!filch_graph_create(&shared));
    for (size_t i = 0; i < 100; i++) {
        CHECK(!filch_graph_task(shared, NULL, fail_at_times, &calls, &nodes[i]));
        for (size_t k = 0; i > 0 && k < 2; k++)
            CHECK(!filch_graph_precede(nodes[stress_mix(seed + i * 2 + k) % i], nodes[i]));
    }
    CHECK(!pthread_create(&thread, NULL, run_too, NULL));
    for (int i = 0; i < 50; i++) {
        int error = filch_graph_run(shared, pools[2], NULL);
        CHECK(error == 0 || error == 5 || error == FILCH_EBUSY);
    }
    atomic_store(&over, true);
    pthread_join(thread, NULL);
    CHECK(!filch_graph_destroy(shared));
}

int main(int argc, char **argv)
{
    unsigned round = 0;

    stress_begin(argc, argv);
    for (int i = 0; i < 3; i++)
        CHECK(
            !filch_pool_create(&(struct filch_pool_options){.workers = 1 + 3 * i}, &pools[i]));
    for (; round < ROUNDS || stress_goes_on(); round++) {
        random_graph(round);
        if (round % 4 == 0)
            loop_beside_sides(round / 4);
        if (round % 4 == 2)
            two_run_one_graph(round);
    }
    for (int i = 0; i < 3; i++)
        CHECK(!filch_pool_destroy(pools[i]));
    printf("graph: %u rounds, each node once and in order\n", round);
    return 0;
}
