/* SPDX-License-Identifier: MIT
 *
 * The cycle of a program: two to six of the main thread's tasks, each of which waits, without a
 * limit, for the next one. They go through a gate first, which opens when all are known, so that
 * they may wait for later ones; in some programs, when all of them run, so that each has locked
 * what another one wants. Besides, they wait only for tasks from before all of them. */
#ifndef FILCH_TESTS_STRESS_PROGRAM_MAKE_CYCLE_H
#define FILCH_TESTS_STRESS_PROGRAM_MAKE_CYCLE_H

#include "make_roots.h"

static struct {
    int ordinals[CYCLE_NODES]; /* which of the main thread's tasks, by place in the cycle */
    int ways[CYCLE_NODES];     /* how each waits for the next one */
    int handles[CYCLE_NODES];  /* what the one before it waits for: a task, or a group */
    int first;                 /* the oldest one's id, or -1 so far */
} cycle;

static int before_in_cycle(int place)
{
    return (place + program.cycle_length - 1) % program.cycle_length;
}

static void plan_cycle(int roots)
{
    bool mutex = false;

    cycle.first = -1;
    program.cycle_length = 2 + pick(CYCLE_NODES - 1);
    if (program.cycle_length > roots)
        program.cycle_length = roots;
    for (int i = 0; i < program.cycle_length; i++) {
        cycle.ways[i] = pick_word(CYCLES);
        mutex |= cycle.ways[i] == CYCLE_MUTEX;
        bool taken;
        do {
            cycle.ordinals[i] = pick(roots);
            taken = false;
            for (int j = 0; j < i; j++)
                taken |= cycle.ordinals[j] == cycle.ordinals[i];
        } while (taken);
    }
    program.rendezvous = mutex || one_in(2);
    /* All that is in the cycle waits for all of it, and for workers for it. */
    for (int pool = 0; pool < POOLS; pool++)
        if (!is_serial(pool))
            CHECK(graph_add(&program.graph, CYCLE_VERTEX, WORKER_VERTEX + pool));
}

/* Its place in the cycle, or -1. */
static int cycle_place(int ordinal)
{
    for (int i = 0; i < program.cycle_length; i++)
        if (cycle.ordinals[i] == ordinal)
            return i;
    return -1;
}

/* ---- A task in the cycle ------------------------------------------------------------------- */

/* A group that may lose the others if the one in the cycle fails. */
static int make_cycle_group(struct node *node)
{
    struct group *group = &program.groups[program.group_count++];

    memset(group, 0, sizeof *group);
    group->place = node->place;
    group->members[group->count++] = node->id;
    group->tainted = group->complete = true;
    node->birth = IN_GROUP;
    node->group = program.group_count - 1;
    node->plain = true;
    program.places[node->place].may_skip = true;
    for (int count = pick(3); count; count--) {
        struct node *other = new_root(IN_GROUP, group->place);
        other->group = node->group;
        other->plain = other->tainted = true;
        (void)new_step(other, PAUSE, -1);
        finish_node(other);
        group->members[group->count++] = other->id;
    }
    return node->group;
}

/* What the one before it in the cycle will wait for. */
static int make_handle(struct node *node, int way)
{
    int id = node->id;

    if (way == CYCLE_GROUP)
        return make_cycle_group(node);
    if (way != CYCLE_THEN)
        return id;
    for (int count = 1 + pick(3); count; count--) {
        id = make_continuation(id, one_in(2) ? -1 : pick_wide_place());
        CHECK(id >= 0);
    }
    return id;
}

/* The oldest one may be on an executor with one worker, if nothing there depends on it. */
static struct node *new_cycle_root(void)
{
    struct graph graph = program.graph;
    int place = cycle.first < 0 ? pick_place() : pick_wide_place();
    struct node *node = new_root(BY_MAIN, place);

    if (!graph_cycle(node, previous_of(node))) {
        program.graph = graph;
        program.node_count--;
        program.places[place].submitted--;
        node = new_root(BY_MAIN, pick_wide_place());
        CHECK(graph_cycle(node, previous_of(node)));
    }
    if (cycle.first < 0)
        cycle.first = node->id;
    node->cyclic = node->tainted = true;
    return node;
}

static void make_cycle_node(int place)
{
    int way = cycle.ways[before_in_cycle(place)];
    struct node *node = new_cycle_root();

    program.cycle[place] = node->id;
    (void)new_step(node, PAUSE, -1);
    if (way == CYCLE_MUTEX)
        (void)new_step(node, LOCK, LOCKS + place);
    (void)new_step(node, GATE, -1);
    finish_node(node);
    cycle.handles[place] = make_handle(node, way);
}

/* ---- Its wait for the next one --------------------------------------------------------------- */

/* Tasks from before the cycle, as far as they do not need a task that waits for it. */
static void add_innocents(struct node *node, struct step *step)
{
    for (int count = pick(3); count; count--) {
        int id = pick_target(node, step, cycle.first);
        if (id >= 0 && graph_add(&program.graph, CYCLE_VERTEX, id))
            step->targets[step->count++] = id;
    }
}

/* A third task in the cycle, if it has a future. */
static void add_chord(struct step *step)
{
    int id = program.cycle[pick(program.cycle_length)];

    if (has(CYCLE_CHORD) && one_in(3) && !program.nodes[id].plain && !is_target(step, id))
        step->targets[step->count++] = id;
}

static void close_cycle_at(int place)
{
    struct node *node = &program.nodes[program.cycle[place]];
    int next = (place + 1) % program.cycle_length, way = cycle.ways[place];
    static const int kinds[] = {
        [CYCLE_RESULT] = RESULT, [CYCLE_WAIT] = WAIT,   [CYCLE_COMPLETED] = COMPLETED,
        [CYCLE_GROUP] = GROUP,   [CYCLE_THEN] = RESULT, [CYCLE_MUTEX] = LOCK};
    struct step *step = new_step(node, kinds[way], -1);

    switch (way) {
    case CYCLE_MUTEX:
        step->place = LOCKS + next;
        (void)new_step(node, UNLOCK, LOCKS + next);
        break;
    case CYCLE_GROUP:
        step->place = cycle.handles[next];
        const struct group *group = &program.groups[step->place];
        memcpy(step->targets, group->members, sizeof group->members);
        step->count = group->count;
        break;
    default:
        step->targets[step->count++] = cycle.handles[next];
        add_chord(step);
        if (way == CYCLE_WAIT || way == CYCLE_COMPLETED)
            add_innocents(node, step);
    }
    step->uses = step->count;
    if (cycle.ways[before_in_cycle(place)] == CYCLE_MUTEX)
        (void)new_step(node, UNLOCK, LOCKS + place);
}

#endif
