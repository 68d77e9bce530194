/* SPDX-License-Identifier: MIT
 *
 * A graph in the DOT language, for a look at it. */
#include "sched/flow/graph.h"

/* Within a quoted string that is a label: what quotes and `\` would do, and `&`, which begins the
 * name of a character. */
static void put_escaped(const char *name, FILE *file)
{
    for (; *name; name++)
        if (*name == '"' || *name == '\\')
            fprintf(file, "\\%c", *name);
        else if (*name == '\n')
            fputs("\\n", file);
        else if (*name == '&')
            fputs("&amp;", file);
        else
            fputc(*name, file);
}

static void put_node(const struct filch_node *node, FILE *file)
{
    fprintf(file, "    n%u [label=\"", (unsigned)node->number);
    if (node->name[0])
        put_escaped(node->name, file);
    else
        fprintf(file, "#%u", (unsigned)node->number);
    fputs(node->condition ? "\", shape=diamond];\n" : "\"];\n", file);
}

static void put_edge(const struct filch_graph *graph, const struct fi_edge *edge, FILE *file)
{
    fprintf(file, "    n%u -> n%u", (unsigned)edge->before, (unsigned)edge->after);
    if (graph->nodes[edge->before]->condition)
        fprintf(file, " [style=dashed, label=\"%u\"]", (unsigned)edge->branch);
    fputs(";\n", file);
}

static void put_graph(const struct filch_graph *graph, FILE *file)
{
    fputs("digraph filch {\n", file);
    for (uint32_t i = 0; i < graph->node_count; i++)
        put_node(graph->nodes[i], file);
    for (uint32_t i = 0; i < graph->edge_count; i++)
        put_edge(graph, &graph->edges[i], file);
    fputs("}\n", file);
}

int filch_graph_dot(struct filch_graph *graph, FILE *file)
{
    if (!graph || !file)
        return FILCH_EINVAL;
    if (!fi_graph_enter(graph))
        return FILCH_EBUSY;
    put_graph(graph, file);
    fi_graph_leave(graph);
    return fflush(file) || ferror(file) ? FILCH_EINVAL : 0;
}
