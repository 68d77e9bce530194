/* SPDX-License-Identifier: MIT
 *
 * Graphs: tasks that run after others, described once and run as often as wanted.
 *
 *     filch_graph_create(&graph);
 *     filch_graph_task(graph, "load", load, &image, &first);
 *     filch_graph_task(graph, "left", blur, &left, &a);
 *     filch_graph_task(graph, "right", blur, &right, &b);
 *     filch_graph_precede(first, a);
 *     filch_graph_precede(first, b);
 *     error = filch_graph_run(graph, pool, NULL);     // load, then both halves side by side
 *
 * The rules are Taskflow's (Huang, Lin, Lin, Lin: "Taskflow: A Lightweight Parallel and
 * Heterogeneous Task Graph Computing System", 2022). A node is a task or a condition, and both have
 * successors. An edge out of a task is a strong one: a node with strong edges coming in is run when
 * as many of its predecessors have ended. An edge out of a condition is a weak one, a branch: the
 * condition returns the number of the branch to go on with, and that node is run then, whatever
 * else comes before it; its count of strong ones begins anew. So a condition that branches back
 * makes a loop. A run begins with all nodes that have no edge coming in, weak ones included, and
 * ends when nothing is left to be run: nodes that no branch has led to have not run.
 *
 *     filch_graph_condition(graph, "again?", again, &state, &condition);
 *     filch_graph_precede(body, condition);
 *     filch_graph_precede(condition, body);           // 0: once more
 *     filch_graph_precede(condition, after);          // 1: on
 *
 * A task that a loop leads to again before it has ended runs twice at a time. A node of several
 * strong predecessors counts ends, not who it is that has ended: a loop should not end one of them
 * twice before another has ended once.
 *
 * One call at a time: a call that finds another one at work on its graph, a run first of all, does
 * nothing and returns FILCH_EBUSY. So do all of them in the graph's own tasks, and so does
 * filch_graph_destroy() while it runs. */
#ifndef FILCH_GRAPH_H
#define FILCH_GRAPH_H

#include <filch/base.h>
#include <filch/error.h>
#include <filch/pool.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct filch_graph;
struct filch_node; /* the graph's */
struct filch_token;

/* What a node does. A task returns 0, or an error: a code of the user's own above 0, or filch's
 * below. A condition returns the number of a branch, from 0 on; if there is no such branch it
 * leads nowhere. */
typedef int filch_graph_fn(void *arg);

/* How a graph is run. NULL instead, or all fields 0: once. */
struct filch_graph_options {
    size_t times; /* one after another; 0: once, or without end if there is `until` */
    /* Called after each time, by the caller or a worker of the pool: true ends it; or NULL. */
    bool (*until)(void *arg);
    void *until_arg;           /* handed through */
    struct filch_token *token; /* cancels the run, too (cancel.h); or NULL */
};

FILCH_BEGIN_DECLS

/* ---- Making ------------------------------------------------------------------------------- */

/* Any thread. Does not block. A graph without nodes, the caller's until filch_graph_destroy().
 * Errors: FILCH_ENOMEM. */
FILCH_API int filch_graph_create(struct filch_graph **graph);

/* Any thread. Does not block. Gives back the graph and its nodes. graph: NULL is fine.
 * Errors: FILCH_EBUSY. */
FILCH_API int filch_graph_destroy(struct filch_graph *graph);

/* Any thread. Does not block. One more task. name: for people to read, copied; NULL or "": it is
 * called by its number, counted from #0 in the order of these calls. arg: handed to fn. *node: for
 * filch_graph_precede(), valid as long as the graph; node NULL: not wanted.
 * Errors: FILCH_EINVAL (graph or fn NULL), FILCH_ENOMEM, FILCH_EBUSY. */
FILCH_API int filch_graph_task(struct filch_graph *graph, const char *name, filch_graph_fn *fn,
                               void *arg, struct filch_node **node);

/* Likewise, one more condition. */
FILCH_API int filch_graph_condition(struct filch_graph *graph, const char *name,
                                    filch_graph_fn *fn, void *arg, struct filch_node **node);

/* Any thread. Does not block. An edge: `after` is run when `before` has ended, or, for a condition,
 * when it has chosen this edge: the order of these calls numbers its branches. Two nodes may have
 * several edges; each counts. Errors: FILCH_EINVAL (a node is NULL, they are of different graphs,
 * or one task is both; a condition may branch to itself), FILCH_ENOMEM, FILCH_EBUSY. */
FILCH_API int filch_graph_precede(struct filch_node *before, struct filch_node *after);

/* Any thread. Does not block. Can the graph be run? Until it is changed, a run allocates nothing
 * after that. Writes what is wrong into `text`, at most size - 1 bytes and a zero: a sentence
 * such as `these wait for each other: "a" -> "b" -> #2 -> "a"`, or nothing. text: NULL is fine with
 * size 0. O(nodes + edges) after a change.
 * Errors: FILCH_EINVAL (graph is NULL, or text with a size; nodes, but none to begin with),
 * FILCH_EDEADLK (strong edges make a cycle), FILCH_ENOMEM, FILCH_EBUSY. */
FILCH_API int filch_graph_check(struct filch_graph *graph, char *text, size_t size);

/* ---- Running ------------------------------------------------------------------------------ */

/* Any thread. Blocks. Runs the graph, as often as the options say. pool: whose workers run it; a
 * worker of that pool that calls takes part at once; any other thread hands it over and sleeps.
 * NULL: the calling thread alone, and in the order in which nodes become ready, which is that of
 * their making, or of the calls of filch_graph_precede(), where several do at a time.
 *
 * The first error that a task returns, in time, ends the run: nodes that have begun come to their
 * end, no other begins, and it is what is returned. So does a cancel or a deadline, as
 * FILCH_ECANCELED: of the task that calls (cancel.h), or of the token; in a node filch_cancelled()
 * speaks of both, whichever thread runs it. Where nothing was left to be begun it comes too late.
 * The next run begins as if there had been none.
 * Errors: also those of filch_graph_check(), and FILCH_EFORKED: nothing is run. */
FILCH_API int filch_graph_run(struct filch_graph *graph, struct filch_pool *pool,
                              const struct filch_graph_options *options);

/* ---- Looking ------------------------------------------------------------------------------ */

/* Any thread. Blocks as the file does. Writes the graph, be it right or wrong, for `dot -Tsvg`:
 * conditions are diamonds, their branches dashed and numbered. Errors: FILCH_EINVAL (graph or file
 * is NULL, or the file takes no more: see errno), FILCH_EBUSY. */
FILCH_API int filch_graph_dot(struct filch_graph *graph, FILE *file);

FILCH_END_DECLS

#endif
