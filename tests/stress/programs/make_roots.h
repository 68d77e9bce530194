/* SPDX-License-Identifier: MIT
 *
 * The tasks that the main thread submits: alone, in groups, or to follow on an earlier one. */
#ifndef FILCH_TESTS_STRESS_PROGRAM_MAKE_ROOTS_H
#define FILCH_TESTS_STRESS_PROGRAM_MAKE_ROOTS_H

#include "make.h"

/* The last one that the main thread has submitted to the executor before; or -1. */
static int previous_of(const struct node *node)
{
    int id = node->id - 1;

    while (id >= 0 && (program.nodes[id].place != node->place || program.nodes[id].turn < 0))
        id--;
    return id;
}

static struct node *new_root(enum birth birth, int place)
{
    struct node *node = new_node(birth, place, NULL);

    node->turn = program.places[place].submitted++;
    CHECK(graph_root(node, previous_of(node)));
    return node;
}

static void make_root(void)
{
    struct node *node = new_root(BY_MAIN, pick_place());

    make_steps(node);
    finish_node(node);
}

static void make_group(void)
{
    struct group *group = &program.groups[program.group_count++];
    int count = 1 + pick(TARGETS);

    memset(group, 0, sizeof *group);
    group->place = pick_place();
    for (int i = 0; i < count; i++) {
        struct node *node = new_root(IN_GROUP, group->place);
        node->plain = node->pure = true;
        node->group = program.group_count - 1;
        make_steps(node);
        finish_node(node);
        group->members[group->count++] = node->id;
    }
    group->complete = true;
}

/* Returns its id, or -1. */
static int make_continuation(int base, int place)
{
    struct graph graph = program.graph;

    if (base < 0)
        return -1;
    struct node *node = new_node(CONTINUATION, place, NULL);
    const struct node *followed = &program.nodes[base];
    if (!graph_follow(node, followed, place)) {
        program.graph = graph;
        program.node_count--;
        return -1;
    }
    node->base = base;
    node->fails = followed->fails;
    node->tainted = followed->tainted;
    node->expected = continued(followed->expected, (uint64_t)node->id);
    return node->id;
}

static int pick_base(void)
{
    static const struct node nobody;
    static const struct step none;

    return pick_target(&nobody, &none, program.node_count);
}

#endif
