/* SPDX-License-Identifier: MIT
 *
 * Graphs as they are made: nodes and edges. */
#include "sched/flow/graph.h"

#include <stdlib.h>
#include <string.h>

bool fi_graph_enter(struct filch_graph *graph)
{
    bool busy = false;

    /* N2, acquire, pairs with N3: all that the call before has done. */
    return atomic_compare_exchange_strong_explicit(&graph->busy, &busy, true,
                                                   memory_order_acquire, memory_order_relaxed);
}

void fi_graph_leave(struct filch_graph *graph)
{
    /* N3, release, pairs with N2. The last access: another thread may destroy the graph now. */
    atomic_store_explicit(&graph->busy, false, memory_order_release);
}

void fi_graph_unplan(struct filch_graph *graph)
{
    if (graph->planned)
        free(graph->plan.steps);
    graph->planned = false;
}

int filch_graph_create(struct filch_graph **graph)
{
    struct filch_graph *new = calloc(1, sizeof *new);

    if (!new)
        return FILCH_ENOMEM;
    atomic_init(&new->busy, false);
    *graph = new;
    return 0;
}

int filch_graph_destroy(struct filch_graph *graph)
{
    if (!graph)
        return 0;
    if (!fi_graph_enter(graph))
        return FILCH_EBUSY;
    fi_graph_unplan(graph);
    for (uint32_t i = 0; i < graph->node_count; i++)
        free(graph->nodes[i]);
    free(graph->nodes);
    free(graph->edges);
    free(graph);
    return 0;
}

/* Makes room for one more item in an array that has `count`. Returns false when memory lacks. */
static bool reserve(void **array, size_t item, uint32_t count, uint32_t *room)
{
    if (count < *room)
        return true;
    uint32_t larger = *room ? *room * 2 : 16;
    if (larger > FI_GRAPH_MAX || larger > SIZE_MAX / item)
        return false;
    void *moved = realloc(*array, larger * item);
    if (!moved)
        return false;
    *array = moved;
    *room = larger;
    return true;
}

static int add_node(struct filch_graph *graph, struct filch_node *node, const char *name,
                    struct filch_node **added)
{
    size_t length = name ? strlen(name) : 0;

    if (!reserve((void **)&graph->nodes, sizeof(*graph->nodes), graph->node_count,
                 &graph->node_room))
        return FILCH_ENOMEM;
    struct filch_node *new = malloc(sizeof *new + length + 1);
    if (!new)
        return FILCH_ENOMEM;
    *new = *node;
    if (length)
        memcpy(new->name, name, length);
    new->name[length] = '\0';
    new->number = graph->node_count;
    graph->nodes[graph->node_count++] = new;
    graph->condition_count += new->condition;
    fi_graph_unplan(graph);
    if (added)
        *added = new;
    return 0;
}

static int make_node(struct filch_graph *graph, bool condition, const char *name,
                     filch_graph_fn *fn, void *arg, struct filch_node **added)
{
    struct filch_node node = {.graph = graph, .fn = fn, .arg = arg, .condition = condition};

    if (!graph || !fn)
        return FILCH_EINVAL;
    if (!fi_graph_enter(graph))
        return FILCH_EBUSY;
    int error = add_node(graph, &node, name, added);
    fi_graph_leave(graph);
    return error;
}

int filch_graph_task(struct filch_graph *graph, const char *name, filch_graph_fn *fn, void *arg,
                     struct filch_node **node)
{
    return make_node(graph, false, name, fn, arg, node);
}

int filch_graph_condition(struct filch_graph *graph, const char *name, filch_graph_fn *fn,
                          void *arg, struct filch_node **node)
{
    return make_node(graph, true, name, fn, arg, node);
}

static int add_edge(struct filch_graph *graph, struct filch_node *before,
                    struct filch_node *after)
{
    if (!reserve((void **)&graph->edges, sizeof(*graph->edges), graph->edge_count,
                 &graph->edge_room))
        return FILCH_ENOMEM;
    graph->edges[graph->edge_count++] =
        (struct fi_edge){before->number, after->number, before->successors++};
    if (before->condition)
        after->weak++;
    else
        after->strong++;
    fi_graph_unplan(graph);
    return 0;
}

int filch_graph_precede(struct filch_node *before, struct filch_node *after)
{
    if (!before || !after || before->graph != after->graph ||
        (before == after && !before->condition))
        return FILCH_EINVAL;
    if (!fi_graph_enter(before->graph))
        return FILCH_EBUSY;
    int error = add_edge(before->graph, before, after);
    fi_graph_leave(before->graph);
    return error;
}
