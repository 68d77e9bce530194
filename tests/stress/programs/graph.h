/* SPDX-License-Identifier: MIT
 *
 * Which waits cannot close a cycle, whatever the timing: a graph of who may have to wait for whom. A
 * program without a cycle in it ends if each waiting task has a thread of its own and nothing runs on
 * that thread meanwhile but what it waits for; make.h adds no step that closes one. Vertices:
 *   a task    -> what it waits for;
 *   a lock    -> what a task waits for while it holds the lock;
 *   a worker  (one that a pool has to spare) -> the pthread mutexes that tasks of the pool lock. A
 *                wait that filch cannot see keeps its worker, so that all of them may wait there.
 *                A task that is waited for in its own pool needs none: the waiting thread runs it;
 *                of an executor with one worker, which has no spare: -> all that its tasks wait for;
 *   guests    (of an executor with one worker: tasks that others than the main thread and its own
 *                tasks submit) -> each of these. They may stand in front of any other task there. */
#ifndef FILCH_TESTS_STRESS_PROGRAM_GRAPH_H
#define FILCH_TESTS_STRESS_PROGRAM_GRAPH_H

#include "program.h"

static bool graph_reaches(const struct graph *graph, int from, int to)
{
    uint64_t seen[VERTEX_WORDS] = {0}, open[VERTEX_WORDS] = {0};
    int word = from / 64;

    open[word] |= UINT64_C(1) << from % 64;
    while (!(open[to / 64] >> to % 64 & 1)) {
        for (word = 0; word < VERTEX_WORDS && !open[word]; word++)
            continue;
        if (word == VERTEX_WORDS)
            return false;
        int vertex = word * 64 + __builtin_ctzll(open[word]);
        seen[word] |= UINT64_C(1) << vertex % 64;
        for (int i = 0; i < VERTEX_WORDS; i++)
            open[i] = (open[i] | graph->edges[vertex][i]) & ~seen[i];
    }
    return true;
}

/* Adds an edge, or returns false where it would close a cycle. */
static bool graph_add(struct graph *graph, int from, int to)
{
    uint64_t *word = &graph->edges[from][to / 64], bit = UINT64_C(1) << to % 64;

    if (!(*word & bit) && graph_reaches(graph, to, from))
        return false;
    *word |= bit;
    return true;
}

/* ---- What a task's step adds ------------------------------------------------------------- */

/* The task may have to wait for what the vertex stands for. False: not allowed. */
static bool graph_need(const struct node *node, int vertex)
{
    struct graph *graph = &program.graph;
    int pool = pool_of(node->place);

    for (int lock = 0; lock < ALL_LOCKS; lock++)
        if (node->holds >> lock & 1 && !graph_add(graph, LOCK_VERTEX + lock, vertex))
            return false;
    return graph_add(graph, node->id, vertex) &&
           (!is_serial(pool) || graph_add(graph, WORKER_VERTEX + pool, vertex));
}

/* The task, or its forks on another pool, waits for another one. */
static bool graph_wait(const struct node *node, int from_pool, const struct node *target)
{
    if (!graph_need(node, target->id))
        return false;
    if (target->birth == CONTINUATION || pool_of(target->place) == from_pool)
        return true;
    int pool = pool_of(target->place);
    if (is_serial(pool) && target->birth != CHILD)
        return true; /* its turn comes */
    return graph_need(node, WORKER_VERTEX + pool);
}

/* A new task of the main thread's. */
static bool graph_root(const struct node *node, int previous)
{
    struct graph *graph = &program.graph;
    int pool = pool_of(node->place);

    if (!is_serial(pool))
        return true;
    return graph_add(graph, node->id, GUEST_VERTEX + pool) &&
           (previous < 0 || graph_add(graph, node->id, previous));
}

/* A new task that comes to an executor with one worker from elsewhere. */
static bool graph_guest(const struct node *node, int pool)
{
    return graph_add(&program.graph, node->id, WORKER_VERTEX + pool) &&
           graph_add(&program.graph, GUEST_VERTEX + pool, node->id);
}

/* A new child, which its parent waits for. */
static bool graph_child(const struct node *parent, const struct node *child)
{
    int pool = pool_of(child->place);
    bool here = pool == pool_of(parent->place);

    if (!graph_need(parent, child->id))
        return false;
    if ((!here || program.places[child->place].max_queued) &&
        !graph_need(parent, WORKER_VERTEX + pool))
        return false;
    return here || !is_serial(pool) || graph_guest(child, pool);
}

/* A new continuation, of the main thread's or not: what it follows on has to run, and then a worker
 * has to take it. */
static bool graph_follow(const struct node *node, const struct node *base, int place)
{
    int pool = pool_of(base->place);

    if (!graph_add(&program.graph, node->id, base->id))
        return false;
    if (base->place >= 0 && !is_serial(pool) &&
        !graph_add(&program.graph, node->id, WORKER_VERTEX + pool))
        return false;
    if (place < 0)
        return true;
    /* No guest of a serial one: once it stands there it waits for nothing. */
    return graph_add(&program.graph, node->id, WORKER_VERTEX + pool_of(place));
}

/* A new task of the cycle, which waits for all of it, and all of it for its turn. */
static bool graph_cycle(const struct node *node, int previous)
{
    struct graph *graph = &program.graph;
    int pool = pool_of(node->place);

    if (is_serial(pool) && !graph_add(graph, CYCLE_VERTEX, GUEST_VERTEX + pool))
        return false;
    if (is_serial(pool) && previous >= 0 && !graph_add(graph, CYCLE_VERTEX, previous))
        return false;
    return graph_need(node, CYCLE_VERTEX);
}

/* The task locks a lock. */
static bool graph_lock(const struct node *node, int lock)
{
    return graph_need(node, LOCK_VERTEX + lock) &&
           (!program.locks[lock].system ||
            graph_add(&program.graph, WORKER_VERTEX + pool_of(node->place),
                      LOCK_VERTEX + lock));
}

#endif
