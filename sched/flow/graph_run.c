/* SPDX-License-Identifier: MIT
 *
 * A run of a graph, with the public fork-join alone. One loop runs node after node: of those that
 * an end makes ready it goes on with the first and forks the others. When nothing is ready any more
 * it takes back its newest fork and goes on with that. So a node costs about a fork, a chain of
 * nodes not even that, and the stack does not grow with the graph.
 *
 * To take a fork back is a join that does not run it: the fork, called by a join of the loop that
 * made it, returns its work; called by a thief it does it, in a loop of its own, and returns
 * nothing. `joining` tells it which. Nobody else can see it: it is the thread's own. */
#include "sched/algorithms/loop_stop.h"
#include "sched/flow/graph_check.h"

#include <filch/task.h>

/* Forks that a loop holds at most; then it runs the newest to its end before it makes another.
 * A deque has room for a million, and other loops further down the stack. */
#define HELD 1024

/* Successors that a loop looks at one by one; it halves longer rows, and forks the far half. */
#define ROW 32

struct run {
    struct fi_loop_stop stop;

    /* Constant. */
    struct filch_graph *graph;
    struct filch_pool *pool;
    struct filch_graph_options options;

    size_t times; /* the graph has been run; that of the first task alone */

    /* Without a pool. */
    uint32_t last, queued; /* where the next goes in, how many there are */
};

/* A node that is ready, or NONE; and targets[begin] to targets[end - 1], which lead to one that has
 * ended. */
struct work {
    uint32_t node, begin, end;
};

static const struct work nothing = {FI_GRAPH_NONE, 0, 0};

/* ---- Nodes --------------------------------------------------------------------------------- */

/* A node is ready whenever as many edges have come again as it has strong ones. They are counted
 * without end: nothing is set back for the next time, whose first edges may come while those of
 * this time still do, beside a loop. With one edge nothing is counted. */
static bool is_ready(struct fi_step *step)
{
    if (step->strong < 2)
        return true;
    /* N1, acq_rel, pairs with itself: what the other predecessors did comes before the node. */
    uint64_t came = atomic_fetch_add_explicit(&step->came, 1, memory_order_acq_rel) + 1;
    return came % step->strong == 0;
}

/* Relaxed: before the run, or by a branch, which leaves the edges that have come to themselves. */
static void count_anew(struct fi_step *step)
{
    atomic_store_explicit(&step->came, 0, memory_order_relaxed);
}

struct call {
    const struct fi_step *step;
    int result;
};

static void call(void *argument)
{
    struct call *call = argument;

    call->result = call->step->fn(call->step->arg);
}

/* Runs a node, unless the run is to stop. Returns what follows. */
static struct work run_node(struct run *run, uint32_t node)
{
    const struct fi_plan *plan = &run->graph->plan;
    const struct fi_step *step = &plan->steps[node];
    struct call next = {step, 0};

    if (fi_loop_stopped(&run->stop))
        return nothing;
    filch_scope_call(run->stop.scope, call, &next);
    if (!step->condition) {
        fi_loop_fail(&run->stop, next.result);
        return (struct work){FI_GRAPH_NONE, step->first, step->first + step->successors};
    }
    if ((uint32_t)next.result >= step->successors) /* or negative */
        return nothing;
    uint32_t target = plan->targets[step->first + (uint32_t)next.result];
    count_anew(&plan->steps[target]);
    return (struct work){target, 0, 0};
}

/* Looks at the targets. Returns true if there is more to do than `work` is left with: *rest. */
static bool split(const struct fi_plan *plan, struct work *work, struct work *rest)
{
    if (work->end - work->begin > ROW) {
        uint32_t middle = work->begin + (work->end - work->begin) / 2;
        *rest = (struct work){FI_GRAPH_NONE, middle, work->end};
        work->end = middle;
        return true;
    }
    while (work->begin <
           work->end) { /* from the last to the first, which is then gone on with */
        uint32_t target = plan->targets[--work->end];
        if (!is_ready(&plan->steps[target]))
            continue;
        *rest = (struct work){work->node, 0, 0};
        work->node = target;
        if (rest->node != FI_GRAPH_NONE)
            return true;
    }
    return false;
}

static struct work sources(const struct fi_plan *plan)
{
    return (struct work){FI_GRAPH_NONE, plan->edges, plan->edges + plan->sources};
}

/* ---- On a pool ----------------------------------------------------------------------------- */

/* The loop of this thread that forks or joins: the address of its `held`. Other loops may run in
 * its join, if a thief has the fork, which then is not there to be called. */
static _Thread_local const void *joining;

/* maker: of the loop that forked it, or NULL. */
FILCH_TASK(struct work, nodes, struct run *, run, struct work, work, const void *, maker)
{
    uint32_t held = 0;
    struct work rest;

    if (maker && maker == joining)
        return work;
    for (;;) {
        while (split(&run->graph->plan, &work, &rest)) {
            if (held == HELD) {
                joining = &held;
                struct work newest = FILCH_JOIN(nodes);
                joining = NULL;
                held--;
                (void)FILCH_CALL(nodes, run, newest, NULL);
            }
            joining = &held; /* for a full deque, which has the fork run here and now */
            FILCH_FORK(nodes, run, rest, &held);
            joining = NULL;
            held++;
        }
        if (work.node != FI_GRAPH_NONE) {
            work = run_node(run, work.node);
        } else if (held > 0) {
            joining = &held;
            work = FILCH_JOIN(nodes);
            joining = NULL;
            held--;
        } else {
            return nothing;
        }
    }
}

/* ---- Without one --------------------------------------------------------------------------- */

/* A node is in the queue once, however often it is due, so that there is always room. */
static void put(struct run *run, uint32_t node)
{
    const struct fi_plan *plan = &run->graph->plan;

    if (plan->due[node]++ > 0)
        return;
    plan->queue[run->last] = node;
    run->last = run->last + 1 < plan->count ? run->last + 1 : 0;
    run->queued++;
}

static uint32_t take(struct run *run)
{
    const struct fi_plan *plan = &run->graph->plan;
    uint32_t first = run->last + (run->last < run->queued ? plan->count : 0) - run->queued;
    uint32_t node = plan->queue[first], due = plan->due[node] - 1;

    run->queued--;
    plan->due[node] = 0;
    if (due > 0) { /* the next time comes behind what is due now */
        put(run, node);
        plan->due[node] = due;
    }
    return node;
}

static void put_all(struct run *run, struct work work)
{
    const struct fi_plan *plan = &run->graph->plan;

    if (work.node != FI_GRAPH_NONE)
        put(run, work.node);
    for (; work.begin < work.end; work.begin++)
        if (is_ready(&plan->steps[plan->targets[work.begin]]))
            put(run, plan->targets[work.begin]);
}

/* Goes on when the run is to stop: nothing follows then, and the queue is left empty. */
static void run_serially(struct run *run)
{
    put_all(run, sources(&run->graph->plan));
    while (run->queued > 0)
        put_all(run, run_node(run, take(run)));
}

/* ---- Again and again ----------------------------------------------------------------------- */

/* Is the graph to be run once more? */
static bool begin_round(struct run *run)
{
    struct filch_graph *graph = run->graph;
    const struct filch_graph_options *options = &run->options;

    if (fi_loop_error(&run->stop))
        return false;
    if (run->times > 0) {
        if (options->until ? options->until(options->until_arg) : options->times == 0)
            return false;
        if (options->times > 0 && run->times == options->times)
            return false;
    }
    if (fi_loop_stopped(&run->stop))
        return false;
    if (graph->torn)
        for (uint32_t i = 0; i < graph->plan.count; i++)
            count_anew(&graph->plan.steps[i]);
    /* A branch may leave a node behind to which some edges have come. */
    graph->torn = graph->condition_count > 0;
    run->times++;
    return true;
}

FILCH_VOID_TASK(rounds, struct run *, run)
{
    while (begin_round(run))
        (void)FILCH_CALL(nodes, run, sources(&run->graph->plan), NULL);
}

/* In the scope that the nodes are to run in. */
static void start(void *argument)
{
    struct run *run = argument;

    fi_loop_stop_init(&run->stop);
    if (run->pool)
        FILCH_RUN(run->pool, rounds, run);
    else
        while (begin_round(run))
            run_serially(run);
}

static int run_inside(struct filch_graph *graph, struct filch_pool *pool,
                      const struct filch_graph_options *options)
{
    struct run run = {.graph = graph, .pool = pool};
    int error = fi_graph_plan(graph, NULL, 0);

    if (error)
        return error;
    if (options)
        run.options = *options;
    filch_token_call(run.options.token, start, &run);
    error = fi_loop_error(&run.stop);
    graph->torn |= error != 0;
    return error;
}

int filch_graph_run(struct filch_graph *graph, struct filch_pool *pool,
                    const struct filch_graph_options *options)
{
    int error = pool ? filch_pool_check(pool) : 0;

    if (!graph)
        return FILCH_EINVAL;
    if (error)
        return error;
    if (!fi_graph_enter(graph))
        return FILCH_EBUSY;
    error = run_inside(graph, pool, options);
    fi_graph_leave(graph);
    return error;
}
