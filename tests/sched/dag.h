/* SPDX-License-Identifier: MIT
 *
 * Random graphs without conditions, whose nodes look whether all that comes before them has run,
 * and run once. What they look at is not atomic: ThreadSanitizer sees a missing order, too. */
#ifndef FILCH_TESTS_DAG_H
#define FILCH_TESTS_DAG_H

#include <filch/graph.h>

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

struct dag_node {
    struct dag *dag;
    struct filch_node *node;
    size_t runs;
    size_t first, count; /* of its predecessors */
};

struct dag {
    struct filch_graph *graph;
    size_t count, edge_count, sources;
    struct dag_node *nodes, **before; /* predecessors, node by node */
    _Atomic(size_t) faults;
};

static inline uint64_t dag_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static int dag_step(void *argument)
{
    struct dag_node *self = argument;

    for (size_t i = 0; i < self->count; i++)
        if (self->dag->before[self->first + i]->runs != self->runs + 1)
            atomic_fetch_add(&self->dag->faults, 1);
    self->runs++;
    return 0;
}

/* Up to `most` edges come into each node, from any that is earlier in a random order, or, if
 * `near` is not 0, from the last `near`. Returns false when a call fails. */
static inline bool dag_create(struct dag *dag, uint64_t seed, size_t count, size_t most,
                              size_t near)
{
    struct dag_node **order = calloc(count, sizeof *order);
    uint64_t state = seed;

    *dag = (struct dag){.count = count};
    dag->nodes = calloc(count, sizeof *dag->nodes);
    dag->before = calloc(count * most + 1, sizeof(*dag->before));
    bool made = order && dag->nodes && dag->before && filch_graph_create(&dag->graph) == 0;
    for (size_t i = 0; made && i < count; i++) {
        size_t other = dag_random(&state) % (i + 1);
        dag->nodes[i].dag = dag;
        made = filch_graph_task(dag->graph, NULL, dag_step, &dag->nodes[i],
                                &dag->nodes[i].node) == 0;
        order[i] = order[other];
        order[other] = &dag->nodes[i];
    }
    for (size_t i = 0; made && i < count; i++) {
        size_t span = near && near < i ? near : i;
        order[i]->first = dag->edge_count;
        order[i]->count = span ? dag_random(&state) % (most + 1) : 0;
        for (size_t k = 0; made && k < order[i]->count; k++) {
            struct dag_node *before = order[i - 1 - dag_random(&state) % span];
            dag->before[dag->edge_count++] = before;
            made = filch_graph_precede(before->node, order[i]->node) == 0;
        }
        dag->sources += order[i]->count == 0;
    }
    free(order);
    return made;
}

/* How many nodes have not run so often, or before one that they come after. */
static inline size_t dag_faults(struct dag *dag, size_t runs)
{
    size_t faults = atomic_load(&dag->faults);

    for (size_t i = 0; i < dag->count; i++)
        faults += dag->nodes[i].runs != runs;
    return faults;
}

static inline int dag_destroy(struct dag *dag)
{
    free(dag->nodes);
    free(dag->before);
    return filch_graph_destroy(dag->graph);
}

#endif
