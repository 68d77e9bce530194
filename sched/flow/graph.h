/* SPDX-License-Identifier: MIT
 *
 * A graph in its two forms. As it is made: nodes, one by one, and edges in the order of the calls.
 * As it is run, its plan: all in one block of memory, and the successors of a node side by side.
 * graph_check.h makes the plan, a change throws it away. Internal: the public side is
 * filch/graph.h. */
#ifndef FI_GRAPH_H
#define FI_GRAPH_H

#include <filch/graph.h>

#include <stdatomic.h>
#include <stdint.h>

/* Nodes at most, and edges: what an index of 32 bits can count, sources as well. */
#define FI_GRAPH_MAX (1u << 30)

/* No node. */
#define FI_GRAPH_NONE UINT32_MAX

/* Constant, but for the counts. */
struct filch_node {
    struct filch_graph *graph;
    filch_graph_fn *fn;
    void *arg;
    uint32_t number;       /* in the graph */
    uint32_t strong, weak; /* edges coming in */
    uint32_t successors;
    bool condition;
    char name[]; /* or "" */
};

struct fi_edge {
    uint32_t before, after;
    uint32_t branch; /* its number among the edges out of `before` */
};

/* A node as it is run. Two fill a cache line. */
struct fi_step {
    filch_graph_fn *fn;
    void *arg;
    uint32_t first;           /* of its successors in `targets` */
    uint32_t successors : 31; /* how many */
    uint32_t condition : 1;
    uint32_t strong;        /* edges coming in */
    _Atomic(uint64_t) came; /* how often one of these has come: graph_run.c */
};

struct fi_plan {
    struct fi_step *steps; /* the block: steps, targets, queue, due */
    uint32_t *targets;     /* successors of all nodes, then those to begin with */
    uint32_t *queue;       /* room for each node once: for runs without a pool */
    uint32_t *due;         /* how often each is to be run by now: likewise; 0 between runs */
    uint32_t count;        /* steps */
    uint32_t edges;        /* targets[edges] is the first to begin with */
    uint32_t sources;      /* how many of these there are */
};

struct filch_graph {
    _Atomic(bool) busy; /* a call is at work: all below is its own */
    bool torn;          /* `came` may be no multiple of `strong` */
    bool planned;       /* `plan` is that of the nodes and edges */
    struct fi_plan plan;

    struct filch_node **nodes;
    uint32_t node_count, node_room;
    uint32_t condition_count;
    struct fi_edge *edges; /* in the order of the calls */
    uint32_t edge_count, edge_room;
};

/* Any thread. Returns false if another call is at work on the graph. */
bool fi_graph_enter(struct filch_graph *graph);
void fi_graph_leave(struct filch_graph *graph);

/* Who has entered it. Throws the plan away, if there is one. */
void fi_graph_unplan(struct filch_graph *graph);

#endif
