/* SPDX-License-Identifier: MIT
 *
 * Graphs: each node once and in order, whatever the shape and the number of workers; branches and
 * loops; errors and cancelling; graphs that are wrong, or busy; DOT. */
#include "dag.h"
#include "several.h"

#include <filch/cancel.h>
#include <filch/graph.h>

#include <limits.h>
#include <stdio.h>

/* ---- What the tests share ------------------------------------------------------------------ */

/* Pools of 0 (none), 1, 2 and 8 workers. */
#define POOLS 4
static struct filch_pool *pools[POOLS];
static const int sizes[POOLS] = {0, 1, 2, 8};

static void setup_pools(void)
{
    setup();
    for (int p = 1; p < POOLS; p++)
        pools[p] = pool_of(sizes[p]);
}

static void end_pools(void)
{
    for (int p = 0; p < POOLS; p++)
        cr_assert_eq(filch_pool_destroy(pools[p]), 0);
}

TestSuite(graph, .init = setup_pools, .fini = end_pools);

static struct filch_graph *graph_new(void)
{
    struct filch_graph *graph = NULL;
    cr_assert_eq(filch_graph_create(&graph), 0);
    return graph;
}

static void graph_end(struct filch_graph *graph)
{
    cr_assert_eq(filch_graph_destroy(graph), 0);
}

static struct filch_node *task(struct filch_graph *graph, const char *name, filch_graph_fn *fn,
                               void *arg)
{
    struct filch_node *node = NULL;
    cr_assert_eq(filch_graph_task(graph, name, fn, arg, &node), 0);
    cr_assert(node);
    return node;
}

static struct filch_node *condition(struct filch_graph *graph, const char *name,
                                    filch_graph_fn *fn, void *arg)
{
    struct filch_node *node = NULL;
    cr_assert_eq(filch_graph_condition(graph, name, fn, arg, &node), 0);
    cr_assert(node);
    return node;
}

static void precede(struct filch_node *before, struct filch_node *after)
{
    cr_assert_eq(filch_graph_precede(before, after), 0);
}

static int run(struct filch_graph *graph, struct filch_pool *pool)
{
    return filch_graph_run(graph, pool, NULL);
}

static int run_under(struct filch_graph *graph, struct filch_pool *pool,
                     struct filch_token *token)
{
    return filch_graph_run(graph, pool, &(struct filch_graph_options){.token = token});
}

/* A node that counts how often it has run; of a condition, and what it then returns. */
struct counter {
    _Atomic(int) runs;
    int result;
};

static int tick(void *argument)
{
    struct counter *counter = argument;
    atomic_fetch_add(&counter->runs, 1);
    return counter->result;
}

static int runs_of(struct counter *counter)
{
    return atomic_exchange(&counter->runs, 0);
}

/* A condition that returns 0 so often, then 1, and begins anew. */
struct loop {
    int times, passed;
    _Atomic(int) asked;
};

static int again(void *argument)
{
    struct loop *loop = argument;
    atomic_fetch_add(&loop->asked, 1);
    if (loop->passed++ < loop->times)
        return 0;
    loop->passed = 0;
    return 1;
}

/* A node that takes down its letter. */
static char trace[64];
static _Atomic(size_t) traced;

static int note(void *letter)
{
    trace[atomic_fetch_add(&traced, 1)] = *(const char *)letter;
    return 0;
}

static const char *take_trace(void)
{
    trace[atomic_exchange(&traced, 0)] = '\0';
    return trace;
}

/* ---- Order --------------------------------------------------------------------------------- */

Test(graph, runs_each_node_once_and_after_all_that_come_before_it)
{
    static const int workers[] = {0, 1, 2, 3, 5, 8};
    for (size_t w = 0; w < COUNT(workers); w++) {
        struct filch_pool *pool = workers[w] ? pool_of(workers[w]) : NULL;
        for (uint64_t seed = 1; seed <= (ADDRESS_SANITIZER ? 20 : 60); seed++) {
            struct dag dag;
            uint64_t state = seed * 31 + (uint64_t)workers[w];
            size_t count = 1 + dag_random(&state) % (seed % 10 ? 300 : 5000);
            size_t most = dag_random(&state) % 6, near = dag_random(&state) % 3 * 20;
            cr_assert(dag_create(&dag, state, count, most, near));
            for (size_t runs = 1; runs <= 4; runs++) {
                cr_assert_eq(run(dag.graph, pool), 0);
                cr_assert_eq(dag_faults(&dag, runs), 0, "%d workers, seed %d", workers[w],
                             (int)seed);
            }
            cr_assert_eq(dag_destroy(&dag), 0);
        }
        cr_assert_eq(filch_pool_destroy(pool), 0);
    }
}

Test(graph, without_nodes_runs_nothing)
{
    struct filch_graph *graph = graph_new();
    for (int p = 0; p < POOLS; p++)
        cr_assert_eq(run(graph, pools[p]), 0);
    cr_assert_eq(filch_graph_check(graph, NULL, 0), 0);
    graph_end(graph);
    graph_end(NULL);
}

Test(graph, may_be_changed_between_runs)
{
    for (int p = 0; p < POOLS; p++) {
        struct filch_graph *graph = graph_new();
        struct counter counters[40] = {{0}};
        struct filch_node *last = NULL;
        for (int i = 0; i < 40; i++) {
            struct filch_node *node = task(graph, NULL, tick, &counters[i]);
            if (last)
                precede(last, node);
            last = node;
            cr_assert_eq(run(graph, pools[p]), 0);
            for (int j = 0; j <= i; j++)
                cr_assert_eq(runs_of(&counters[j]), 1);
        }
        graph_end(graph);
    }
}

Test(graph, without_a_pool_runs_in_the_order_of_the_calls_on_the_calling_thread)
{
    struct filch_graph *graph = graph_new();
    struct filch_node *nodes[8];
    for (int i = 0; i < 8; i++)
        nodes[i] = task(graph, NULL, note, &"abcdefgh"[i]);
    precede(nodes[7], nodes[0]); /* h before a; b to f after a, in this order: */
    precede(nodes[0], nodes[5]);
    precede(nodes[0], nodes[1]);
    precede(nodes[0], nodes[3]);
    precede(nodes[5], nodes[4]);
    precede(nodes[3], nodes[2]);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(run(graph, NULL), 0);
        cr_assert_str_eq(take_trace(), "ghafbdec");
    }
    graph_end(graph);
}

Test(graph, counts_each_of_several_edges_between_two_nodes)
{
    for (int p = 0; p < POOLS; p++) {
        struct filch_graph *graph = graph_new();
        struct counter counters[3] = {{0}};
        struct filch_node *a = task(graph, NULL, tick, &counters[0]),
                          *b = task(graph, NULL, tick, &counters[1]),
                          *c = task(graph, NULL, tick, &counters[2]);
        precede(a, c);
        precede(a, c);
        precede(b, c);
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(run(graph, pools[p]), 0);
            for (int j = 0; j < 3; j++)
                cr_assert_eq(runs_of(&counters[j]), 1);
        }
        graph_end(graph);
    }
}

/* ---- Large ones, on small stacks and in small deques ----------------------------------------- */

#define LARGE (ADDRESS_SANITIZER ? 100000 : 1000000)

static _Atomic(int) large_runs;

static int count_large(void *argument)
{
    (void)argument;
    atomic_fetch_add_explicit(&large_runs, 1, memory_order_relaxed);
    return 0;
}

/* Node number i comes after node parent(i), but for the first. */
static void run_large(int count, int (*parent)(int i))
{
    static const struct filch_pool_options kinds[] = {
        {.workers = 1, .stack_size = 65536},
        {.workers = 2, .stack_size = 65536},
        {.workers = 1, .stack_size = 1 << 20, .deque_slots = 1},
        {.workers = 3, .stack_size = 1 << 20, .deque_slots = 4},
    };
    struct filch_graph *graph = graph_new();
    struct filch_node **nodes = calloc((size_t)count, sizeof *nodes);
    for (int i = 0; i < count; i++) {
        nodes[i] = task(graph, NULL, count_large, NULL);
        if (i > 0)
            precede(nodes[parent(i)], nodes[i]);
    }
    cr_assert_eq(run(graph, NULL), 0);
    cr_assert_eq(atomic_exchange(&large_runs, 0), count);
    for (size_t k = ADDRESS_SANITIZER ? 2 : 0; k < COUNT(kinds); k++) {
        struct filch_pool *pool = NULL;
        cr_assert_eq(filch_pool_create(&kinds[k], &pool), 0);
        cr_assert_eq(run(graph, pool), 0);
        cr_assert_eq(atomic_exchange(&large_runs, 0), count);
        cr_assert_eq(filch_pool_destroy(pool), 0);
    }
    free(nodes);
    graph_end(graph);
}

static int one_before(int i)
{
    return i - 1;
}

static int the_first(int i)
{
    (void)i;
    return 0;
}

/* A chain 0, 1, 3, 5, ... of which each node has a leaf as well: before or behind the next one. */
static int leaf_behind(int i)
{
    return i % 2 ? (i > 1 ? i - 2 : 0) : i - 1;
}

static int leaf_before(int i)
{
    return i % 2 ? i - 1 : i - 2;
}

static int half(int i)
{
    return (i - 1) / 2;
}

Test(graph, takes_a_long_chain)
{
    run_large(LARGE, one_before);
}

Test(graph, takes_a_long_chain_with_a_leaf_at_each_link)
{
    run_large(LARGE, leaf_behind);
    run_large(LARGE, leaf_before);
}

/* Of leaves that are ready and wait for their turn there are as many as links, unless a loop sees
 * to them in time. */
Test(graph, holds_a_limited_number_of_forks)
{
    struct filch_pool *pool = NULL;
    struct filch_graph *graph = graph_new();
    struct filch_node *links[20000];
    struct filch_stats stats;
    struct filch_pool_options few = {.workers = 1, .deque_slots = 1100};
    cr_assert_eq(filch_pool_create(&few, &pool), 0);
    for (size_t i = 0; i < COUNT(links); i++) {
        links[i] = task(graph, NULL, count_large, NULL);
        if (i > 0)
            precede(links[i - 1], links[i]);
        if (i > 0)
            precede(links[i - 1], task(graph, NULL, count_large, NULL));
    }
    cr_assert_eq(run(graph, pool), 0);
    cr_assert_eq(atomic_exchange(&large_runs, 0), 2 * COUNT(links) - 1);
    filch_stats_read(pool, &stats);
    cr_assert_eq(stats.spills, 0);
    graph_end(graph);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

Test(graph, takes_a_wide_fan)
{
    run_large(LARGE / 10, the_first);
}

Test(graph, takes_a_tree)
{
    run_large(LARGE / 10, half);
}

/* ---- Branches ------------------------------------------------------------------------------ */

Test(graph, a_condition_chooses_one_of_its_branches)
{
    static const int results[] = {0, 1, 2, 3, -1, INT_MIN, INT_MAX, 1, 0};
    for (int p = 0; p < POOLS; p++) {
        struct filch_graph *graph = graph_new();
        struct counter first = {0}, way = {0}, cases[3] = {{0}}, behind[3] = {{0}};
        struct filch_node *begin = task(graph, "begin", tick, &first),
                          *choose = condition(graph, "choose", tick, &way);
        precede(begin, choose);
        for (int i = 0; i < 3; i++) {
            struct filch_node *node = task(graph, NULL, tick, &cases[i]);
            precede(choose, node);
            precede(node, task(graph, NULL, tick, &behind[i]));
        }
        for (size_t i = 0; i < COUNT(results); i++) {
            way.result = results[i];
            cr_assert_eq(run(graph, pools[p]), 0);
            cr_assert_eq(runs_of(&first), 1);
            cr_assert_eq(runs_of(&way), 1);
            for (int j = 0; j < 3; j++) {
                cr_assert_eq(runs_of(&cases[j]), j == results[i], "%d: %d", results[i], j);
                cr_assert_eq(runs_of(&behind[j]), j == results[i], "%d: %d", results[i], j);
            }
        }
        graph_end(graph);
    }
}

Test(graph, two_branches_may_lead_to_one_node)
{
    struct filch_graph *graph = graph_new();
    struct counter way = {0}, same_node = {0};
    struct filch_node *choose = condition(graph, NULL, tick, &way),
                      *node = task(graph, NULL, tick, &same_node);
    precede(choose, node);
    precede(choose, node);
    for (way.result = 0; way.result < 3; way.result++) {
        cr_assert_eq(run(graph, NULL), 0);
        cr_assert_eq(runs_of(&same_node), way.result < 2);
    }
    graph_end(graph);
}

Test(graph, a_branch_leads_to_a_node_whatever_else_comes_before_it)
{
    for (int p = 0; p < POOLS; p++) {
        struct filch_graph *graph = graph_new();
        struct counter never = {0}, way = {0}, node_runs = {0}, sink = {.result = 5};
        struct filch_node *choose = condition(graph, NULL, tick, &way),
                          *skipped = task(graph, NULL, tick, &never),
                          *node = task(graph, NULL, tick, &node_runs),
                          *dead = condition(graph, NULL, tick, &sink);
        precede(choose, node);
        precede(dead, skipped);
        precede(skipped, node);
        precede(skipped, node);
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(run(graph, pools[p]), 0);
            cr_assert_eq(runs_of(&node_runs), 1);
            cr_assert_eq(runs_of(&never), 0);
        }
        graph_end(graph);
    }
}

/* Of the two edges into `node` one has come when the branch leads there, and then the other: that
 * makes one, not two. */
Test(graph, a_branch_has_the_count_of_the_others_begin_anew)
{
    for (int p = 0; p < POOLS; p++) {
        struct filch_graph *graph = graph_new();
        struct counter first = {0}, second = {0}, node_runs = {0}, way = {0};
        struct filch_node *a = task(graph, "a", tick, &first),
                          *b = task(graph, "b", tick, &second),
                          *node = task(graph, "node", tick, &node_runs),
                          *to_node = condition(graph, "to node", tick, &way),
                          *to_b = condition(graph, "to b", tick, &way);
        precede(a, node);
        precede(b, node);
        precede(a, to_node);
        precede(to_node, node);
        precede(node, to_b);
        precede(to_b, b);
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(run(graph, pools[p]), 0);
            cr_assert_eq(runs_of(&second), 1);
            cr_assert_eq(runs_of(&node_runs), 1);
        }
        graph_end(graph);
    }
}

Test(graph, what_a_run_left_counted_does_not_count_in_the_next_one)
{
    for (int p = 0; p < POOLS; p++) {
        struct filch_graph *graph = graph_new();
        struct counter first = {0}, way = {0}, second = {0}, node_runs = {0};
        struct filch_node *a = task(graph, NULL, tick, &first),
                          *choose = condition(graph, NULL, tick, &way),
                          *b = task(graph, NULL, tick, &second),
                          *node = task(graph, NULL, tick, &node_runs);
        precede(a, node);
        precede(choose, b);
        precede(b, node);
        for (int i = 0; i < 6; i++) {
            way.result = i % 3; /* 0: to b, so on to node; else nowhere */
            cr_assert_eq(run(graph, pools[p]), 0);
            cr_assert_eq(runs_of(&node_runs), way.result == 0, "run %d", i);
        }
        graph_end(graph);
    }
}

/* ---- Loops --------------------------------------------------------------------------------- */

Test(graph, a_branch_back_makes_a_loop)
{
    for (int p = 0; p < POOLS; p++) {
        struct filch_graph *graph = graph_new();
        struct counter before = {0}, bodies[3] = {{0}}, after = {0};
        struct loop loop = {.times = 1000};
        struct filch_node *begin = task(graph, NULL, tick, &before),
                          *body = task(graph, NULL, tick, &bodies[0]),
                          *left = task(graph, NULL, tick, &bodies[1]),
                          *right = task(graph, NULL, tick, &bodies[2]),
                          *ask_again = condition(graph, NULL, again, &loop);
        precede(begin, body);
        precede(body, left);
        precede(body, right);
        precede(left, ask_again);
        precede(right, ask_again);
        precede(ask_again, body);
        precede(ask_again, task(graph, NULL, tick, &after));
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(run(graph, pools[p]), 0);
            cr_assert_eq(runs_of(&before), 1);
            for (int j = 0; j < 3; j++)
                cr_assert_eq(runs_of(&bodies[j]), 1001);
            cr_assert_eq(runs_of(&after), 1);
        }
        graph_end(graph);
    }
}

Test(graph, a_condition_may_branch_to_itself)
{
    for (int p = 0; p < POOLS; p++) {
        struct filch_graph *graph = graph_new();
        struct counter before = {0}, after = {0};
        struct loop loop = {.times = 1000000};
        struct filch_node *begin = task(graph, NULL, tick, &before),
                          *ask_again = condition(graph, NULL, again, &loop);
        precede(begin, ask_again);
        precede(ask_again, ask_again);
        precede(ask_again, task(graph, NULL, tick, &after));
        cr_assert_eq(run(graph, pools[p]), 0);
        cr_assert_eq(atomic_load(&loop.asked), 1000001);
        cr_assert_eq(runs_of(&after), 1);
        graph_end(graph);
    }
}

Test(graph, a_loop_that_takes_in_the_first_node_needs_another_to_begin_with)
{
    struct filch_graph *graph = graph_new();
    struct counter body = {0}, begin = {0};
    struct loop loop = {.times = 3};
    char text[100];
    struct filch_node *first = task(graph, "first", tick, &body),
                      *ask_again = condition(graph, "again?", again, &loop);
    precede(first, ask_again);
    precede(ask_again, first);
    cr_assert_eq(run(graph, NULL), FILCH_EINVAL);
    cr_assert_eq(filch_graph_check(graph, text, sizeof text), FILCH_EINVAL);
    cr_assert_str_eq(text, "there is nothing to begin with: each node has a predecessor");
    cr_assert_eq(runs_of(&body), 0);
    precede(task(graph, "begin", tick, &begin), first);
    for (int p = 0; p < POOLS; p++) {
        cr_assert_eq(run(graph, pools[p]), 0);
        cr_assert_eq(runs_of(&body), 4);
    }
    graph_end(graph);
}

Test(graph, loops_nest)
{
    for (int p = 0; p < POOLS; p++) {
        struct filch_graph *graph = graph_new();
        struct counter begin = {0}, outer = {0}, inner = {0}, after = {0};
        struct loop outer_loop = {.times = 29}, inner_loop = {.times = 49};
        struct filch_node *start = task(graph, NULL, tick, &begin),
                          *outer_body = task(graph, NULL, tick, &outer),
                          *inner_body = task(graph, NULL, tick, &inner),
                          *ask_inner = condition(graph, NULL, again, &inner_loop),
                          *ask_outer = condition(graph, NULL, again, &outer_loop);
        precede(start, outer_body);
        precede(outer_body, inner_body);
        precede(inner_body, ask_inner);
        precede(ask_inner, inner_body);
        precede(ask_inner, ask_outer);
        precede(ask_outer, outer_body);
        precede(ask_outer, task(graph, NULL, tick, &after));
        for (int i = 0; i < 2; i++) {
            cr_assert_eq(run(graph, pools[p]), 0);
            cr_assert_eq(runs_of(&outer), 30);
            cr_assert_eq(runs_of(&inner), 1500);
            cr_assert_eq(runs_of(&after), 1);
        }
        graph_end(graph);
    }
}

/* Nobody waits for `side`, which two nodes of the loop make ready each time around, one of many
 * successors that they have: it is run as often, and no edge is lost. */
Test(graph, a_loop_goes_on_beside_what_it_has_made_ready)
{
    for (int p = 0; p < POOLS; p++) {
        struct filch_graph *graph = graph_new();
        struct counter other = {0}, side = {0};
        struct loop loop = {.times = ADDRESS_SANITIZER ? 1000 : 20000};
        struct filch_node *begin = task(graph, NULL, tick, &other),
                          *fork_node = task(graph, NULL, tick, &other),
                          *left = task(graph, NULL, tick, &other),
                          *right = task(graph, NULL, tick, &other),
                          *ask_again = condition(graph, NULL, again, &loop);
        precede(begin, fork_node);
        precede(fork_node, left);
        precede(fork_node, right);
        for (int i = 0; i < 3; i++) {
            struct filch_node *node = task(graph, NULL, tick, &side);
            precede(left, node);
            precede(right, node);
            if (i == 1) {
                precede(left, ask_again);
                precede(right, ask_again);
            }
        }
        precede(ask_again, fork_node);
        for (int i = 0; i < 2; i++) {
            cr_assert_eq(run(graph, pools[p]), 0);
            cr_assert_eq(runs_of(&side), 3 * (loop.times + 1));
        }
        graph_end(graph);
    }
}

/* Branches back from both of a node's successors: it is due twice as often each time, until it has
 * run 1000 times. */
static _Atomic(int) generation;

static int back_for_a_while(void *argument)
{
    (void)argument;
    return atomic_fetch_add(&generation, 1) < 1000 ? 0 : 1;
}

Test(graph, a_node_may_be_due_many_times_at_once)
{
    for (int p = 0; p < POOLS; p++) {
        struct filch_graph *graph = graph_new();
        struct counter begin = {0}, node_runs = {0}, end = {0};
        struct filch_node *start = task(graph, NULL, tick, &begin),
                          *node = task(graph, NULL, tick, &node_runs),
                          *last = task(graph, NULL, tick, &end);
        atomic_store(&generation, 0);
        precede(start, node);
        for (int i = 0; i < 2; i++) {
            struct filch_node *back = condition(graph, NULL, back_for_a_while, NULL);
            precede(node, back);
            precede(back, node);
            precede(back, last);
        }
        cr_assert_eq(run(graph, pools[p]), 0);
        cr_assert_eq(runs_of(&node_runs), 1001);
        cr_assert_eq(runs_of(&end), 1002);
        graph_end(graph);
    }
}

/* ---- Several times ------------------------------------------------------------------------- */

static int until_calls;

static bool until_called_so_often(void *often)
{
    return ++until_calls == *(const int *)often;
}

Test(graph, is_run_as_often_as_the_options_say)
{
    static const struct {
        size_t times;
        int until; /* 0: none */
        int runs, calls;
    } cases[] = {{0, 0, 1, 0}, {1, 0, 1, 0}, {1000, 0, 1000, 0}, {0, 1, 1, 1},
                 {0, 7, 7, 7}, {3, 7, 3, 3}, {7, 3, 3, 3},       {5, 5, 5, 5}};
    for (int p = 0; p < POOLS; p++) {
        struct filch_graph *graph = graph_new();
        struct counter counters[4] = {{0}};
        struct filch_node *a = task(graph, NULL, tick, &counters[0]),
                          *d = task(graph, NULL, tick, &counters[3]);
        for (int i = 1; i < 3; i++) {
            struct filch_node *node = task(graph, NULL, tick, &counters[i]);
            precede(a, node);
            precede(node, d);
        }
        for (size_t i = 0; i < COUNT(cases); i++) {
            struct filch_graph_options options = {.times = cases[i].times};
            int often = cases[i].until;
            if (often) {
                options.until = until_called_so_often;
                options.until_arg = &often;
            }
            until_calls = 0;
            cr_assert_eq(filch_graph_run(graph, pools[p], &options), 0);
            cr_assert_eq(until_calls, cases[i].calls, "case %zu", i);
            for (int j = 0; j < 4; j++)
                cr_assert_eq(runs_of(&counters[j]), cases[i].runs, "case %zu", i);
        }
        graph_end(graph);
    }
}

/* ---- Errors -------------------------------------------------------------------------------- */

Test(graph, the_first_error_ends_the_run_and_is_returned)
{
    static const int codes[] = {1, INT_MAX, -1, FILCH_ENOMEM, INT_MIN};
    for (int p = 0; p < POOLS; p++) {
        struct filch_graph *graph = graph_new();
        struct counter a = {0}, bad = {0}, after = {0}, joined = {0};
        struct filch_node *first = task(graph, NULL, tick, &a),
                          *middle = task(graph, NULL, tick, &bad),
                          *last = task(graph, NULL, tick, &joined);
        precede(first, middle);
        precede(middle, last);
        precede(middle, task(graph, NULL, tick, &after));
        precede(first, last);
        for (size_t i = 0; i < COUNT(codes); i++) {
            struct filch_graph_options thrice = {.times = 3};
            bad.result = codes[i];
            cr_assert_eq(filch_graph_run(graph, pools[p], &thrice), codes[i]);
            cr_assert_eq(runs_of(&a), 1);
            cr_assert_eq(runs_of(&bad), 1);
            cr_assert_eq(runs_of(&after), 0);
            cr_assert_eq(runs_of(&joined), 0, "an error leaves no edge behind it");
            bad.result = 0;
            cr_assert_eq(filch_graph_run(graph, pools[p], &thrice), 0);
            cr_assert_eq(runs_of(&a) + runs_of(&bad) + runs_of(&after) + runs_of(&joined), 12,
                         "the next run begins as if there had been none");
        }
        graph_end(graph);
    }
}

static int note_and_fail_at_first(void *letter)
{
    static _Atomic(int) calls;
    (void)note(letter);
    return atomic_fetch_add(&calls, 1) % 2 ? 0 : 7;
}

/* Of the two edges into the last node one has come before the error, and the other never does. */
Test(graph, an_error_leaves_no_edge_counted)
{
    for (int p = 0; p < POOLS; p++) {
        struct filch_graph *graph = graph_new();
        struct filch_node *first = task(graph, NULL, note, "f"),
                          *middle = task(graph, NULL, note_and_fail_at_first, "m"),
                          *last = task(graph, NULL, note, "l");
        struct filch_node *between = task(graph, NULL, note, "b");
        precede(first, middle);
        precede(first, last);
        precede(middle, between);
        precede(between, last);
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(run(graph, pools[p]), 7);
            cr_assert_str_eq(take_trace(), "fm");
            cr_assert_eq(run(graph, pools[p]), 0);
            cr_assert_str_eq(take_trace(), "fmbl");
        }
        graph_end(graph);
    }
}

Test(graph, nobody_is_asked_for_more_after_an_error)
{
    for (int p = 0; p < POOLS; p++) {
        struct filch_graph *graph = graph_new();
        struct counter bad = {.result = 8};
        struct filch_graph_options options = {.until = until_called_so_often,
                                              .until_arg = &(int){3}};
        task(graph, NULL, tick, &bad);
        until_calls = 0;
        cr_assert_eq(filch_graph_run(graph, pools[p], &options), 8);
        cr_assert_eq(until_calls, 0);
        graph_end(graph);
    }
}

Test(graph, no_node_begins_after_an_error)
{
    struct filch_graph *graph = graph_new();
    struct counter counters[100] = {{0}};
    counters[10].result = 42;
    counters[20].result = 43;
    for (int i = 0; i < 100; i++)
        task(graph, NULL, tick, &counters[i]);
    cr_assert_eq(run(graph, NULL), 42);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(runs_of(&counters[i]), i <= 10);
    graph_end(graph);
}

static _Atomic(bool) held_to_the_end;

static int hold_node(void *argument)
{
    (void)hold(argument);
    atomic_store(&held_to_the_end, true);
    return 0;
}

static int let_go_and_fail(void *argument)
{
    (void)argument;
    await_signal(&entered);
    sem_post(&leave);
    return 99;
}

Test(graph, what_has_begun_comes_to_its_end_after_an_error)
{
    struct filch_graph *graph = graph_new();
    task(graph, NULL, hold_node, NULL);
    task(graph, NULL, let_go_and_fail, NULL);
    for (int i = 0; i < 100; i++) {
        atomic_store(&held_to_the_end, false);
        cr_assert_eq(run(graph, pools[2]), 99);
        cr_assert(atomic_load(&held_to_the_end));
    }
    graph_end(graph);
}

/* ---- Cancelling ---------------------------------------------------------------------------- */

Test(graph, cancelled_before_it_is_run_runs_nothing)
{
    struct filch_token *tokens[2] = {token_below(NULL), token_below(NULL)};
    filch_token_cancel(tokens[0]);
    cr_assert_eq(filch_token_set_deadline(tokens[1], 0), 0);
    for (int p = 0; p < POOLS; p++) {
        struct filch_graph *graph = graph_new();
        struct counter counter = {0};
        cr_assert_eq(run_under(graph, pools[p], tokens[0]), FILCH_ECANCELED, "without nodes");
        task(graph, NULL, tick, &counter);
        for (int i = 0; i < 2; i++)
            cr_assert_eq(run_under(graph, pools[p], tokens[i]), FILCH_ECANCELED);
        cr_assert_eq(runs_of(&counter), 0);
        cr_assert_eq(run(graph, pools[p]), 0);
        cr_assert_eq(runs_of(&counter), 1);
        graph_end(graph);
    }
    for (int i = 0; i < 2; i++)
        filch_token_release(tokens[i]);
}

static int cancel_and_look(void *token)
{
    if (filch_cancelled())
        return 1;
    filch_token_cancel(token);
    return filch_cancelled() ? 0 : 2;
}

Test(graph, a_cancel_stops_what_has_not_begun)
{
    for (int p = 0; p < POOLS; p++) {
        struct filch_token *token = token_below(NULL);
        struct filch_graph *graph = graph_new();
        struct counter counters[3] = {{0}};
        struct filch_node *a = task(graph, NULL, tick, &counters[0]),
                          *stop = task(graph, NULL, cancel_and_look, token);
        precede(a, stop);
        for (int i = 1; i < 3; i++)
            precede(stop, task(graph, NULL, tick, &counters[i]));
        cr_assert_eq(run_under(graph, pools[p], token), FILCH_ECANCELED);
        for (int i = 0; i < 3; i++)
            cr_assert_eq(runs_of(&counters[i]), i == 0);
        graph_end(graph);
        filch_token_release(token);
    }
}

Test(graph, a_cancel_by_the_last_node_comes_too_late)
{
    for (int p = 0; p < POOLS; p++) {
        struct filch_token *token = token_below(NULL);
        struct filch_graph *graph = graph_new();
        task(graph, NULL, cancel_and_look, token);
        cr_assert_eq(run_under(graph, pools[p], token), 0);
        cr_assert_eq(run_under(graph, pools[p], token), FILCH_ECANCELED);
        graph_end(graph);
        filch_token_release(token);
    }
}

static int set_deadline(void *token)
{
    return filch_token_set_deadline(token, 0.001);
}

/* A loop without end: only a cancel ends it. */
Test(graph, a_deadline_ends_a_loop)
{
    for (int p = 0; p < POOLS; p++) {
        struct filch_token *token = token_below(NULL);
        struct filch_graph *graph = graph_new();
        struct counter forever = {0};
        struct filch_node *ask_again = condition(graph, NULL, tick, &forever);
        precede(task(graph, NULL, set_deadline, token), ask_again);
        precede(ask_again, ask_again);
        cr_assert_eq(run_under(graph, pools[p], token), FILCH_ECANCELED);
        graph_end(graph);
        filch_token_release(token);
    }
}

static bool never(void *argument)
{
    (void)argument;
    return false;
}

Test(graph, a_cancel_ends_runs_without_end)
{
    for (int p = 0; p < POOLS; p++) {
        struct filch_token *token = token_below(NULL);
        struct filch_graph *graph = graph_new();
        struct filch_graph_options options = {.until = never, .token = token};
        task(graph, NULL, cancel_and_look, token);
        cr_assert_eq(filch_graph_run(graph, pools[p], &options), FILCH_ECANCELED);
        graph_end(graph);
        filch_token_release(token);
    }
}

/* Each of many nodes, on whichever worker, is part of the task that runs the graph. */
static _Atomic(int) seen_cancelled;

static int look(void *argument)
{
    (void)argument;
    atomic_fetch_add(&seen_cancelled, filch_cancelled());
    return 0;
}

static int wait_until_cancelled(void *argument)
{
    sem_post(argument);
    while (!filch_cancelled())
        sched_yield();
    return 0;
}

struct plain_task {
    struct filch_graph *graph;
    struct filch_pool *pool;
    int error;
};

static void *run_plain_task(void *argument)
{
    struct plain_task *plain_task = argument;
    plain_task->error = run(plain_task->graph, plain_task->pool);
    return NULL;
}

Test(graph, stops_with_the_task_that_runs_it)
{
    for (int p = 0; p < POOLS; p++) {
        struct filch_pool *caller = pool_of(1);
        struct filch_graph *graph = graph_new();
        struct counter after = {0};
        struct plain_task plain_task = {graph, pools[p], 0};
        struct filch_node *waits = NULL;
        for (int i = 0; i < 2; i++) { /* both begin, where there are two workers */
            waits = task(graph, NULL, wait_until_cancelled, &entered);
            precede(waits, task(graph, NULL, tick, &after));
        }
        struct filch_future *future = submit(caller, run_plain_task, &plain_task);
        for (int i = 0; i < (sizes[p] > 1 ? 2 : 1); i++)
            await_signal(&entered);
        cr_assert_not(filch_future_stop(future));
        cr_assert_eq(filch_future_result(future, FILCH_FOREVER, NULL), 0);
        cr_assert_eq(plain_task.error, FILCH_ECANCELED);
        cr_assert_eq(runs_of(&after), 0);
        filch_future_release(future);
        graph_end(graph);
        cr_assert_eq(filch_pool_destroy(caller), 0);
    }
}

Test(graph, its_nodes_are_not_cancelled_without_reason)
{
    for (int p = 0; p < POOLS; p++) {
        struct filch_graph *graph = graph_new();
        struct filch_token *token = token_below(NULL);
        for (int i = 0; i < 100; i++)
            task(graph, NULL, look, NULL);
        cr_assert_eq(run_under(graph, pools[p], token), 0);
        cr_assert_eq(atomic_load(&seen_cancelled), 0);
        filch_token_release(token);
        graph_end(graph);
    }
}

/* ---- Graphs that are wrong ----------------------------------------------------------------- */

static struct counter unused;

/* "a" to "z" in a row, and edges as in "ab bc": they have no others. */
static struct filch_graph *graph_of(const char *edges)
{
    struct filch_graph *graph = graph_new();
    struct filch_node *nodes[26] = {NULL};
    for (int i = 0; i < 26; i++)
        nodes[i] = task(graph, (char[]){(char)('a' + i), 0}, tick, &unused);
    for (; *edges; edges += edges[2] ? 3 : 2)
        precede(nodes[edges[0] - 'a'], nodes[edges[1] - 'a']);
    return graph;
}

Test(graph, a_cycle_is_an_error_that_names_its_nodes)
{
    static const struct {
        const char *edges, *cycle;
    } cases[] = {
        {"ab ba", "\"a\" -> \"b\" -> \"a\""},
        {"zy yx xz", "\"x\" -> \"z\" -> \"y\" -> \"x\""},
        {"ab bc cd db de ef", "\"b\" -> \"c\" -> \"d\" -> \"b\""},
        {"ac bc cd ae ed df gh hi ij jh", "\"h\" -> \"i\" -> \"j\" -> \"h\""},
        {"ab ac ad bd cd de eb", "\"b\" -> \"d\" -> \"e\" -> \"b\""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct filch_graph *graph = graph_of(cases[i].edges);
        char text[200], expected[200];
        snprintf(expected, sizeof expected, "these wait for each other: %s", cases[i].cycle);
        for (int round = 0; round < 2; round++) {
            cr_assert_eq(filch_graph_check(graph, text, sizeof text), FILCH_EDEADLK);
            cr_assert_str_eq(text, expected);
            for (int p = 0; p < POOLS; p++)
                cr_assert_eq(run(graph, pools[p]), FILCH_EDEADLK);
        }
        cr_assert_eq(runs_of(&unused), 0);
        graph_end(graph);
    }
}

Test(graph, what_only_looks_like_a_cycle_is_none)
{
    static const char *const cases[] = {"", "ab", "ab bc ac", "ab ac bd cd ad", "zy yx xa za"};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct filch_graph *graph = graph_of(cases[i]);
        char text[10] = "untouched";
        cr_assert_eq(filch_graph_check(graph, text, sizeof text), 0);
        cr_assert_str_eq(text, "");
        cr_assert_eq(run(graph, NULL), 0);
        cr_assert_eq(runs_of(&unused), 26);
        graph_end(graph);
    }
}

Test(graph, a_cycle_through_a_condition_is_none)
{
    struct filch_graph *graph = graph_new();
    struct counter way = {.result = 1};
    struct filch_node *a = task(graph, NULL, tick, &unused),
                      *b = task(graph, NULL, tick, &unused),
                      *back = condition(graph, NULL, tick, &way);
    precede(a, b);
    precede(b, back);
    precede(back, b);
    cr_assert_eq(filch_graph_check(graph, NULL, 0), 0);
    cr_assert_eq(run(graph, NULL), 0);
    graph_end(graph);
}

Test(graph, nodes_without_names_are_called_by_their_numbers)
{
    struct filch_graph *graph = graph_new();
    char text[100];
    struct filch_node *a = task(graph, NULL, tick, &unused),
                      *b = task(graph, "", tick, &unused);
    precede(a, b);
    precede(b, a);
    cr_assert_eq(filch_graph_check(graph, text, sizeof text), FILCH_EDEADLK);
    cr_assert_str_eq(text, "these wait for each other: #0 -> #1 -> #0");
    graph_end(graph);
}

Test(graph, the_text_is_cut_to_its_buffer)
{
    static const char whole[] = "these wait for each other: \"a\" -> \"b\" -> \"a\"";
    struct filch_graph *graph = graph_of("ab ba");
    for (size_t size = 0; size < sizeof whole + 10; size++) {
        char *text = malloc(size + 1); /* AddressSanitizer sees what is written behind it */
        text[size] = '!';
        cr_assert_eq(filch_graph_check(graph, size ? text : NULL, size), FILCH_EDEADLK);
        cr_assert_eq(text[size], '!');
        if (size > 0) {
            cr_assert_eq(strlen(text), size < sizeof whole ? size - 1 : sizeof whole - 1);
            cr_assert_eq(strncmp(text, whole, strlen(text)), 0);
        }
        free(text);
    }
    graph_end(graph);
}

Test(graph, a_long_cycle_is_found)
{
    struct filch_graph *graph = graph_new();
    struct filch_node *first = task(graph, NULL, tick, &unused), *last = first;
    char text[60];
    for (int i = 1; i < LARGE; i++) {
        struct filch_node *node = task(graph, NULL, tick, &unused);
        precede(last, node);
        last = node;
    }
    precede(last, first);
    cr_assert_eq(filch_graph_check(graph, text, sizeof text), FILCH_EDEADLK);
    cr_assert_eq(strncmp(text, "these wait for each other: #0 -> #1 -> #2 -> ", 45), 0);
    graph_end(graph);
}

Test(graph, refuses_what_makes_no_sense_and_does_nothing)
{
    struct filch_graph *graph = graph_new(), *other = graph_new();
    struct filch_node *a = task(graph, NULL, tick, &unused),
                      *b = task(other, NULL, tick, &unused), *out = a;
    char text[4];
    cr_assert_eq(filch_graph_task(NULL, NULL, tick, NULL, &out), FILCH_EINVAL);
    cr_assert_eq(filch_graph_task(graph, "name", NULL, NULL, &out), FILCH_EINVAL);
    cr_assert_eq(filch_graph_condition(graph, "name", NULL, NULL, &out), FILCH_EINVAL);
    cr_assert_eq(out, a);
    cr_assert_eq(filch_graph_precede(NULL, a), FILCH_EINVAL);
    cr_assert_eq(filch_graph_precede(a, NULL), FILCH_EINVAL);
    cr_assert_eq(filch_graph_precede(a, a), FILCH_EINVAL);
    cr_assert_eq(filch_graph_precede(a, b), FILCH_EINVAL);
    cr_assert_eq(filch_graph_check(NULL, text, sizeof text), FILCH_EINVAL);
    cr_assert_eq(filch_graph_check(graph, NULL, 1), FILCH_EINVAL);
    cr_assert_eq(filch_graph_run(NULL, NULL, NULL), FILCH_EINVAL);
    cr_assert_eq(filch_graph_dot(NULL, stdout), FILCH_EINVAL);
    cr_assert_eq(filch_graph_dot(graph, NULL), FILCH_EINVAL);
    cr_assert_eq(run(graph, NULL), 0);
    cr_assert_eq(runs_of(&unused), 1, "no node was added");
    cr_assert_eq(filch_graph_task(graph, NULL, tick, &unused, NULL), 0, "no node is wanted");
    cr_assert_eq(run(graph, NULL), 0);
    cr_assert_eq(runs_of(&unused), 2);
    graph_end(graph);
    graph_end(other);
}

/* ---- Graphs that are busy ------------------------------------------------------------------ */

struct target {
    struct filch_graph *graph;
    struct filch_node *a, *b;
};

/* All that may be done with a graph, and is refused. Returns how many calls were not. */
static int try_all(void *argument)
{
    struct target *target = argument;
    struct filch_graph *graph = target->graph;
    struct filch_node *node = target->a;
    char text[100];
    return (filch_graph_destroy(graph) != FILCH_EBUSY) +
           (filch_graph_run(graph, NULL, NULL) != FILCH_EBUSY) +
           (filch_graph_run(graph, pools[1], NULL) != FILCH_EBUSY) +
           (filch_graph_check(graph, NULL, 0) != FILCH_EBUSY) +
           (filch_graph_check(graph, text, sizeof text) != FILCH_EBUSY) +
           (strcmp(text, filch_strerror(FILCH_EBUSY)) != 0) +
           (filch_graph_task(graph, NULL, tick, &unused, &node) != FILCH_EBUSY) +
           (filch_graph_condition(graph, NULL, tick, &unused, &node) != FILCH_EBUSY) +
           (filch_graph_precede(target->a, target->b) != FILCH_EBUSY) +
           (filch_graph_dot(graph, stdout) != FILCH_EBUSY) + (node != target->a);
}

static void *try_all_in_thread(void *argument)
{
    return (void *)(intptr_t)try_all(argument);
}

Test(graph, while_it_runs_it_cannot_be_destroyed_changed_or_run)
{
    for (int p = 0; p < POOLS; p++) {
        struct filch_graph *graph = graph_new();
        struct target target = {.graph = graph};
        target.a = task(graph, NULL, try_all, &target);
        target.b = task(graph, NULL, tick, &unused);
        precede(target.a, target.b);
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(run(graph, pools[p]), 0);
            cr_assert_eq(runs_of(&unused), 1);
        }
        graph_end(graph);
    }
}

Test(graph, nor_by_another_thread)
{
    struct filch_graph *graph = graph_new();
    struct target target = {.graph = graph};
    struct plain_task plain_task = {graph, pools[2], -1};
    pthread_t thread;
    target.a = task(graph, NULL, hold_node, NULL);
    target.b = task(graph, NULL, tick, &unused);
    precede(target.a, target.b);
    cr_assert_eq(pthread_create(&thread, NULL, run_plain_task, &plain_task), 0);
    await_signal(&entered);
    cr_assert_null(try_all_in_thread(&target));
    sem_post(&leave);
    pthread_join(thread, NULL);
    cr_assert_eq(plain_task.error, 0);
    cr_assert_eq(runs_of(&unused), 1);
    graph_end(graph);
}

/* ---- Graphs in tasks, and in graphs -------------------------------------------------------- */

static int run_inner(void *argument)
{
    struct plain_task *plain_task = argument;
    return run(plain_task->graph, plain_task->pool);
}

Test(graph, graphs_run_in_graphs)
{
    enum { WIDTH = 6, DEPTH = 3 };
    for (int p = 0; p < POOLS; p++)
        for (int q = 0; q < POOLS; q++) { /* the innermost ones on another pool */
            struct filch_graph *graphs[1 + WIDTH + WIDTH * WIDTH];
            struct plain_task plain_tasks[1 + WIDTH + WIDTH * WIDTH];
            struct counter counter = {0};
            for (size_t i = 0; i < COUNT(graphs); i++)
                plain_tasks[i] = (struct plain_task){graphs[i] = graph_new(), pools[p], 0};
            for (size_t i = 0; i < COUNT(graphs); i++) {
                struct filch_node *first = task(graphs[i], NULL, tick, &counter);
                for (size_t k = 1; k <= WIDTH; k++) {
                    size_t inner = i * WIDTH + k;
                    if (inner < COUNT(graphs))
                        precede(first, task(graphs[i], NULL, run_inner, &plain_tasks[inner]));
                    else
                        plain_tasks[i].pool = pools[q];
                }
            }
            cr_assert_eq(run(graphs[0], pools[p]), 0);
            cr_assert_eq(runs_of(&counter), COUNT(graphs));
            for (size_t i = 0; i < COUNT(graphs); i++)
                graph_end(graphs[i]);
        }
}

Test(graph, an_error_of_an_inner_graph_is_the_outer_ones)
{
    for (int p = 0; p < POOLS; p++) {
        struct filch_graph *outer = graph_new(), *inner = graph_new();
        struct counter bad = {.result = 1234};
        task(inner, NULL, tick, &bad);
        task(outer, NULL, run_inner, &(struct plain_task){inner, pools[p], 0});
        cr_assert_eq(run(outer, pools[p]), 1234);
        graph_end(inner);
        graph_end(outer);
    }
}

Test(graph, several_run_side_by_side_on_one_pool)
{
    enum { GRAPHS = 8 };
    struct dag dags[GRAPHS];
    struct plain_task plain_tasks[GRAPHS];
    struct filch_future *futures[GRAPHS];
    for (size_t i = 0; i < GRAPHS; i++) {
        cr_assert(dag_create(&dags[i], i + 1, 2000, 4, i % 2 * 10));
        plain_tasks[i] = (struct plain_task){dags[i].graph, pools[3], 0};
    }
    for (size_t runs = 1; runs <= 5; runs++) {
        for (size_t i = 0; i < GRAPHS; i++)
            futures[i] = submit(pools[i % 2 + 2], run_plain_task, &plain_tasks[i]);
        for (size_t i = 0; i < GRAPHS; i++) {
            cr_assert_eq(filch_future_result(futures[i], FILCH_FOREVER, NULL), 0);
            filch_future_release(futures[i]);
            cr_assert_eq(plain_tasks[i].error, 0);
            cr_assert_eq(dag_faults(&dags[i], runs), 0);
        }
    }
    for (size_t i = 0; i < GRAPHS; i++)
        cr_assert_eq(dag_destroy(&dags[i]), 0);
}

/* In the middle of a node its worker runs others, since the node waits. */
static int wait_for_future(void *pool)
{
    struct filch_future *future = submit(pool, count, NULL);
    int error = filch_future_result(future, FILCH_FOREVER, NULL);
    filch_future_release(future);
    return error;
}

Test(graph, its_nodes_may_wait_for_futures_of_the_pool)
{
    for (int p = 1; p < POOLS; p++) {
        struct filch_graph *graph = graph_new();
        struct filch_node *first = task(graph, NULL, wait_for_future, pools[p]);
        for (int i = 0; i < 200; i++)
            precede(first, task(graph, NULL, wait_for_future, pools[p]));
        cr_assert_eq(run(graph, pools[p]), 0);
        cr_assert_eq(atomic_exchange(&ran, 0), 201);
        graph_end(graph);
    }
}

static int run_on_a_pool_of_the_parent(void *argument)
{
    struct plain_task *plain_task = argument;
    return run(plain_task->graph, plain_task->pool) == FILCH_EFORKED &&
                   run(plain_task->graph, NULL) == 0 && runs_of(&unused) == 1
               ? 0
               : 1;
}

Test(graph, a_pool_that_stayed_behind_at_fork_is_an_error)
{
    struct filch_graph *graph = graph_new();
    struct plain_task plain_task = {graph, pools[2], 0};
    task(graph, NULL, tick, &unused);
    cr_assert_eq(run_in_child(run_on_a_pool_of_the_parent, &plain_task), 0);
    graph_end(graph);
}

/* ---- Without memory ------------------------------------------------------------------------ */

/* Builds and checks a graph; the first call that fails says so. */
static int build(struct filch_graph *graph, int *nodes)
{
    struct filch_node *last = NULL, *node = NULL;
    int error = 0;
    for (; *nodes < 40 && !error; *nodes += !error) {
        error = filch_graph_task(graph, "name", tick, &unused, &node);
        if (!error && last)
            error = filch_graph_precede(last, node);
        last = node;
    }
    return error ? error : filch_graph_check(graph, NULL, 0);
}

Test(graph, without_memory_says_so_and_stays_as_it_is)
{
    SKIP_WITHOUT_FAILING_MEMORY();
    long held = blocks_held, granted = 0;
    for (int error = FILCH_ENOMEM; error; granted++) {
        struct filch_graph *graph = NULL;
        int nodes = 0;
        allocations_left = granted;
        error = filch_graph_create(&graph);
        if (!error)
            error = build(graph, &nodes);
        allocations_left = -1;
        cr_assert(error == 0 || error == FILCH_ENOMEM);
        if (graph) {
            cr_assert_eq(run(graph, NULL), 0);
            int runs = runs_of(&unused);
            cr_assert(runs == nodes || runs == nodes + 1, "%d, %d", runs, nodes);
        }
        graph_end(graph);
        cr_assert_eq(blocks_held, held);
    }
    cr_assert_gt(granted, 44, "each node takes a block, and so does the plan");
}

Test(graph, once_checked_is_run_without_memory)
{
    SKIP_WITHOUT_FAILING_MEMORY();
    struct filch_graph *graph = graph_new();
    int nodes = 0;
    cr_assert_eq(build(graph, &nodes), 0);
    allocations_left = 0;
    int error = run(graph, NULL);
    allocations_left = -1;
    cr_assert_eq(error, 0);
    cr_assert_eq(runs_of(&unused), nodes);
    graph_end(graph);
}

/* ---- DOT ----------------------------------------------------------------------------------- */

static void dot_of(struct filch_graph *graph, char *text, size_t size)
{
    FILE *file = fmemopen(text, size, "w");
    cr_assert(file);
    cr_assert_eq(filch_graph_dot(graph, file), 0);
    cr_assert_eq(fclose(file), 0);
}

Test(graph, is_written_for_dot)
{
    struct filch_graph *graph = graph_new();
    char text[1000];
    struct filch_node *a = task(graph, "first \"one\"", tick, &unused),
                      *b = condition(graph, "back\\slash\n?", tick, &unused),
                      *c = task(graph, NULL, tick, &unused),
                      *d = task(graph, "&lt; \xc3\xa9", tick, &unused);
    precede(a, b);
    precede(b, c);
    precede(b, a);
    precede(c, d);
    precede(b, c);
    dot_of(graph, text, sizeof text);
    cr_assert_str_eq(text, "digraph filch {\n"
                           "    n0 [label=\"first \\\"one\\\"\"];\n"
                           "    n1 [label=\"back\\\\slash\\n?\", shape=diamond];\n"
                           "    n2 [label=\"#2\"];\n"
                           "    n3 [label=\"&amp;lt; \xc3\xa9\"];\n"
                           "    n0 -> n1;\n"
                           "    n1 -> n2 [style=dashed, label=\"0\"];\n"
                           "    n1 -> n0 [style=dashed, label=\"1\"];\n"
                           "    n2 -> n3;\n"
                           "    n1 -> n2 [style=dashed, label=\"2\"];\n"
                           "}\n");
    graph_end(graph);
}

Test(graph, is_written_for_dot_even_if_it_is_wrong)
{
    struct filch_graph *graph = graph_new();
    char text[100];
    dot_of(graph, text, sizeof text);
    cr_assert_str_eq(text, "digraph filch {\n}\n");
    graph_end(graph);
    graph = graph_of("ab ba");
    static char longer[2000];
    dot_of(graph, longer, sizeof longer);
    cr_assert(strstr(longer, "    n0 -> n1;\n    n1 -> n0;\n}\n"));
    graph_end(graph);
}

Test(graph, dot_takes_what_is_written)
{
    if (system("command -v dot >/dev/null 2>&1"))
        cr_skip_test("there is no dot");
    struct filch_graph *graph = graph_new();
    struct filch_node *last =
        condition(graph, "any \\ \" & < > \n | { } name \\", tick, &unused);
    for (int i = 0; i < 20; i++) {
        struct filch_node *node =
            i % 3 ? task(graph, NULL, tick, &unused) : condition(graph, "\\N", tick, &unused);
        precede(last, node);
        last = node;
    }
    FILE *file = popen("dot -Tsvg >/dev/null", "w");
    cr_assert(file);
    cr_assert_eq(filch_graph_dot(graph, file), 0);
    cr_assert_eq(pclose(file), 0);
    graph_end(graph);
}

Test(graph, a_file_that_takes_no_more_is_an_error)
{
    struct filch_graph *graph = graph_new();
    FILE *file = fopen("/dev/full", "w");
    if (!file)
        cr_skip_test("there is no /dev/full");
    cr_assert_eq(filch_graph_dot(graph, file), FILCH_EINVAL);
    fclose(file);
    file = fopen("/dev/full", "w");
    setvbuf(file, NULL, _IONBF, 0);
    cr_assert_eq(filch_graph_dot(graph, file), FILCH_EINVAL);
    fclose(file);
    cr_assert_eq(run(graph, NULL), 0);
    graph_end(graph);
}
