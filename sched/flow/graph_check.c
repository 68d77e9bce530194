/* SPDX-License-Identifier: MIT
 *
 * Can a graph be run? Makes its plan, and looks for a cycle of strong edges, by a search in depth
 * that keeps its path in memory instead of on the stack. */
#include "sched/flow/graph_check.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- What is wrong ------------------------------------------------------------------------ */

struct text {
    char *buffer;
    size_t size, length; /* length: less than size, or size is 0 */
};

FILCH_PRINTF(2, 3) static void append(struct text *text, const char *fmt, ...)
{
    va_list arguments;

    if (text->length + 1 >= text->size)
        return;
    va_start(arguments, fmt);
    int length =
        vsnprintf(text->buffer + text->length, text->size - text->length, fmt, arguments);
    va_end(arguments);
    size_t left = text->size - text->length - 1;
    text->length += length < 0 ? 0 : (size_t)length < left ? (size_t)length : left;
}

static void append_name(struct text *text, const struct filch_node *node)
{
    if (node->name[0])
        append(text, "\"%s\"", node->name);
    else
        append(text, "#%u", (unsigned)node->number);
}

/* ---- The plan ------------------------------------------------------------------------------ */

static bool is_source(const struct filch_node *node)
{
    return node->strong == 0 && node->weak == 0;
}

/* Steps, and where their successors will be. Returns how many nodes there are to begin with. */
static uint32_t fill_steps(const struct filch_graph *graph, struct fi_step *steps)
{
    uint32_t first = 0, sources = 0;

    for (uint32_t i = 0; i < graph->node_count; i++) {
        const struct filch_node *node = graph->nodes[i];
        struct fi_step *step = &steps[i];
        step->fn = node->fn;
        step->arg = node->arg;
        step->first = first;
        step->successors = node->successors & (FI_GRAPH_MAX * 2 - 1);
        step->condition = node->condition;
        step->strong = node->strong;
        atomic_init(&step->came, 0);
        first += node->successors;
        sources += is_source(node);
    }
    return sources;
}

static void fill_targets(const struct filch_graph *graph, const struct fi_plan *plan)
{
    uint32_t source = plan->edges;

    for (uint32_t i = 0; i < graph->edge_count; i++) {
        const struct fi_edge *edge = &graph->edges[i];
        plan->targets[plan->steps[edge->before].first + edge->branch] = edge->after;
    }
    for (uint32_t i = 0; i < graph->node_count; i++)
        if (is_source(graph->nodes[i]))
            plan->targets[source++] = i;
}

static int make_plan(const struct filch_graph *graph, struct fi_plan *plan)
{
    size_t count = graph->node_count;
    size_t size =
        count * sizeof *plan->steps + (graph->edge_count + count * 3) * sizeof(uint32_t);

    size = (size + FILCH_CACHE_LINE - 1) / FILCH_CACHE_LINE * FILCH_CACHE_LINE;
    plan->steps = aligned_alloc(FILCH_CACHE_LINE, size);
    if (!plan->steps)
        return FILCH_ENOMEM;
    plan->targets = (uint32_t *)(void *)(plan->steps + count);
    plan->count = graph->node_count;
    plan->edges = graph->edge_count;
    plan->sources = fill_steps(graph, plan->steps);
    plan->queue = plan->targets + plan->edges + plan->sources;
    plan->due = memset(plan->queue + count, 0, count * sizeof *plan->due);
    fill_targets(graph, plan);
    return 0;
}

/* ---- Cycles ------------------------------------------------------------------------------- */

/* In `seen`: a node that was not met yet; that is done with; that is on the path, with so many of
 * its successors behind it. */
#define NEW     0u
#define DONE    UINT32_MAX
#define MET(n)  ((n) + 1)
#define PAST(s) ((s)-1)

/* Follows strong edges from `root`. Returns 0, or how long a cycle is: the end of the path, whose
 * length is *length by then. */
static uint32_t search(const struct fi_plan *plan, uint32_t root, uint32_t *seen,
                       uint32_t *length)
{
    uint32_t *path = plan->queue;

    path[0] = root;
    seen[root] = MET(0);
    for (*length = 1; *length > 0;) {
        uint32_t number = path[*length - 1], past = PAST(seen[number]);
        const struct fi_step *step = &plan->steps[number];
        if (step->condition || past == step->successors) {
            seen[number] = DONE;
            --*length;
            continue;
        }
        uint32_t next = plan->targets[step->first + past];
        seen[number] = MET(past + 1);
        if (seen[next] == NEW) {
            seen[next] = MET(0);
            path[(*length)++] = next;
        } else if (seen[next] != DONE) {
            uint32_t from = *length - 1;
            while (path[from] != next)
                from--;
            return *length - from;
        }
    }
    return 0;
}

static int find_cycle(const struct filch_graph *graph, const struct fi_plan *plan,
                      struct text *text)
{
    uint32_t *seen = calloc(plan->count, sizeof *seen); /* all NEW */
    uint32_t cycle = 0, length = 0;

    if (!seen)
        return FILCH_ENOMEM;
    for (uint32_t i = 0; i < plan->count && !cycle; i++)
        if (seen[i] == NEW)
            cycle = search(plan, i, seen, &length);
    free(seen);
    if (!cycle)
        return 0;
    append(text, "these wait for each other: ");
    for (uint32_t i = length - cycle; i < length; i++) {
        append_name(text, graph->nodes[plan->queue[i]]);
        append(text, " -> ");
    }
    append_name(text, graph->nodes[plan->queue[length - cycle]]);
    return FILCH_EDEADLK;
}

/* ------------------------------------------------------------------------------------------ */

static int plan_and_check(struct filch_graph *graph, struct text *text)
{
    struct fi_plan plan = {.steps = NULL};

    if (graph->node_count == 0) {
        graph->plan = plan;
        return 0;
    }
    int error = make_plan(graph, &plan);
    if (error)
        return error;
    error = find_cycle(graph, &plan, text);
    if (!error && plan.sources == 0) {
        append(text, "there is nothing to begin with: each node has a predecessor");
        error = FILCH_EINVAL;
    }
    if (error)
        free(plan.steps);
    else
        graph->plan = plan;
    return error;
}

int fi_graph_plan(struct filch_graph *graph, char *buffer, size_t size)
{
    struct text text = {buffer, size, 0};

    if (size)
        buffer[0] = '\0';
    if (graph->planned)
        return 0;
    int error = plan_and_check(graph, &text);
    graph->planned = !error;
    graph->torn = false;
    if (error && text.length == 0)
        append(&text, "%s", filch_strerror(error));
    return error;
}

int filch_graph_check(struct filch_graph *graph, char *text, size_t size)
{
    if (!graph || (!text && size))
        return FILCH_EINVAL;
    if (!fi_graph_enter(graph)) {
        if (size)
            snprintf(text, size, "%s", filch_strerror(FILCH_EBUSY));
        return FILCH_EBUSY;
    }
    int error = fi_graph_plan(graph, text, size);
    fi_graph_leave(graph);
    return error;
}
