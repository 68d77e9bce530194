/* SPDX-License-Identifier: MIT
 *
 * The plan of a graph, and whether it can be run. */
#ifndef FI_GRAPH_CHECK_H
#define FI_GRAPH_CHECK_H

#include "sched/flow/graph.h"

/* Who has entered the graph. Makes the plan unless there is one. As filch_graph_check(). */
int fi_graph_plan(struct filch_graph *graph, char *text, size_t size);

#endif
