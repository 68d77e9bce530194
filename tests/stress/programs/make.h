/* SPDX-License-Identifier: MIT
 *
 * Invents a task: how it waits, for tasks of the main thread's from before it, and for those that it
 * submits itself; and which locks it holds meanwhile. What graph.h does not allow is left out. */
#ifndef FILCH_TESTS_STRESS_PROGRAM_MAKE_H
#define FILCH_TESTS_STRESS_PROGRAM_MAKE_H

#include "graph.h"

#include <string.h>

/* ---- Dice -------------------------------------------------------------------------------- */

static uint64_t dice;

static uint64_t roll(void)
{
    return stress_mix(dice += 0x9e3779b97f4a7c15u);
}

/* 0 to count - 1. */
static int pick(int count)
{
    return (int)(roll() % (uint64_t)count);
}

static bool one_in(int count)
{
    return pick(count) == 0;
}

/* One of the words in `set` that occur in this program; or -1. */
static int pick_word(uint64_t set)
{
    int count = __builtin_popcountll(set &= program.words);

    if (!count)
        return -1;
    for (count = pick(count); count; count--)
        set &= set - 1;
    return __builtin_ctzll(set);
}

static int pick_place(void)
{
    int place;

    do
        place = pick(PLACES);
    while (!program.places[place].used);
    return place;
}

/* An executor that is not serial: there is always one on the shared pool. */
static int pick_wide_place(void)
{
    int place = pick_place();
    return program.places[place].serial ? OWN : place;
}

/* ---- Tasks ------------------------------------------------------------------------------- */

static void make_steps(struct node *node);

static struct node *new_node(enum birth birth, int place, const struct node *parent)
{
    struct node *node = &program.nodes[program.node_count];

    memset(node, 0, sizeof *node);
    node->id = program.node_count++;
    node->birth = birth;
    node->place = place;
    node->parent = parent ? parent->id : -1;
    node->root = parent ? parent->root : node->id;
    node->depth = parent ? parent->depth + 1 : 0;
    node->pure = parent && parent->pure;
    node->group = node->base = node->turn = -1;
    return node;
}

static struct step *new_step(struct node *node, int kind, int place)
{
    struct step *step = &node->steps[node->step_count++];

    memset(step, 0, sizeof *step);
    step->kind = kind;
    step->place = place;
    step->dice = (uint32_t)roll();
    return step;
}

/* All steps are known. */
static void finish_node(struct node *node)
{
    uint64_t sum = 0;

    for (int i = 0; i < node->step_count && !node->cyclic; i++)
        for (int use = 0; use < node->steps[i].uses; use++) {
            const struct step *step = &node->steps[i];
            sum += contribution(&program.nodes[step->targets[use % step->count]]);
        }
    node->expected = value_of_sum(node, sum);
    node->fails = has(FAIL) && !node->plain && !node->cyclic && one_in(12);
}

/* ---- Whom to wait for ---------------------------------------------------------------------- */

static bool is_target(const struct step *step, int id)
{
    for (int i = 0; i < step->count; i++)
        if (step->targets[i] == id)
            return true;
    return false;
}

/* A task of the main thread's with a future, from before `end`; or -1. */
static int pick_target(const struct node *node, const struct step *step, int end)
{
    for (int tries = end ? 8 : 0; tries; tries--) {
        int id = one_in(2) ? pick(end) : end - 1 - pick(end < 12 ? end : 12);
        const struct node *target = &program.nodes[id];
        if (!target->depth && !target->plain && !is_target(step, id) &&
            !(node->pure && target->tainted))
            return id;
    }
    return -1;
}

static bool add_target(struct node *node, struct step *step, int from_pool, int id)
{
    if (id < 0 || !graph_wait(node, from_pool, &program.nodes[id]))
        return false;
    step->targets[step->count++] = id;
    node->tainted |= program.nodes[id].tainted;
    return true;
}

/* Up to three earlier ones. */
static bool add_targets(struct node *node, struct step *step, int from_pool)
{
    for (int count = 1 + pick(3); count; count--)
        if (!add_target(node, step, from_pool, pick_target(node, step, node->root)))
            return step->count > 0;
    return true;
}

static bool add_child(struct node *node, struct step *step, int place, bool plain)
{
    if (program.child_count == CHILDREN || node->depth == DEPTH)
        return false;
    program.child_count++;
    struct node *child = new_node(CHILD, place, node);
    child->plain = plain;
    child->pure |= plain;
    if (!graph_child(node, child))
        return false;
    make_steps(child);
    finish_node(child);
    step->targets[step->count++] = child->id;
    node->tainted |= child->tainted;
    return true;
}

/* The one that the same parent has submitted before, if it is a future; or -1. */
static int pick_sibling(const struct node *node)
{
    int id = node->id - 1;

    while (id > node->parent && program.nodes[id].parent != node->parent)
        id--;
    const struct node *sibling = &program.nodes[id];
    return id > node->parent && !sibling->plain && !(node->pure && sibling->tainted) ? id : -1;
}

/* ---- Ways to wait ------------------------------------------------------------------------ */

/* By futures: of earlier tasks, and of tasks that are submitted for it. */
static bool make_future_wait(struct node *node, struct step *step)
{
    step->partial = step->kind == FIRST && one_in(3);
    for (int count = 1 + pick(3); count; count--) {
        bool child = has(SUBMIT) && !step->partial && one_in(4);
        int sibling = node->depth && one_in(4) ? pick_sibling(node) : -1;
        bool added;
        if (child)
            added = add_child(node, step, pick_place(), false);
        else if (sibling >= 0 && !is_target(step, sibling))
            added = add_target(node, step, pool_of(node->place), sibling);
        else
            added = add_target(node, step, pool_of(node->place),
                               pick_target(node, step, node->root));
        if (!added)
            return child ? false : step->count > 0;
    }
    return true;
}

static bool make_group_wait(struct node *node, struct step *step)
{
    if (!program.group_count)
        return false;
    step->place = pick(program.group_count);
    const struct group *group = &program.groups[step->place];
    if (!group->complete || group->members[group->count - 1] >= node->root ||
        (node->pure && group->tainted))
        return false;
    for (int i = 0; i < group->count; i++)
        if (!add_target(node, step, pool_of(node->place), group->members[i]))
            return false;
    node->tainted |= group->tainted;
    return true;
}

/* A group or a map of new tasks. */
static bool make_own_tasks(struct node *node, struct step *step)
{
    step->place = pick_place();
    for (int count = 1 + pick(step->kind == MAP ? TARGETS : 4); count; count--) {
        int before = step->count ? step->targets[step->count - 1] : -1;
        bool same_chunk = step->kind == MAP && (size_t)step->count % chunk_of(step);
        if (!add_child(node, step, step->place, true))
            return false;
        int last = step->targets[step->count - 1];
        if (same_chunk && !graph_add(&program.graph, last, before))
            return false;
    }
    return true;
}

static bool make_fork_join(struct node *node, struct step *step)
{
    int pool = pool_of(node->place);

    step->place = node->place;
    if (step->kind == RUN || (step->kind == LOOP && one_in(2))) {
        step->place = step->kind == LOOP && one_in(2) ? -1 : pick_wide_place();
        pool = step->place < 0 ? pool : pool_of(step->place);
        if (pool != pool_of(node->place) && !graph_need(node, WORKER_VERTEX + pool))
            return false;
    }
    if (step->kind == RUN && pool == pool_of(node->place))
        return false;
    if (!add_targets(node, step, pool))
        return false;
    step->uses = step->count + pick(6);
    return true;
}

static bool make_follow_wait(struct node *node, struct step *step)
{
    step->place = one_in(2) ? -1 : pick_wide_place();
    if (step->place >= 0 && !graph_need(node, WORKER_VERTEX + pool_of(step->place)))
        return false;
    /* Nobody who waits for what follows runs what it follows on. */
    return add_target(node, step, -1, pick_target(node, step, node->root));
}

static bool make_wait(struct node *node, struct step *step)
{
    switch (step->kind) {
    case GROUP:
        return make_group_wait(node, step);
    case NEST:
    case MAP:
        return make_own_tasks(node, step);
    case FORK:
    case RUN:
    case LOOP:
        return make_fork_join(node, step);
    case THEN:
        return make_follow_wait(node, step);
    default:
        return make_future_wait(node, step);
    }
}

/* ---- Steps ------------------------------------------------------------------------------- */

static void try_wait(struct node *node)
{
    struct graph graph = program.graph;
    int nodes = program.node_count, children = program.child_count, kind = pick_word(WAYS);
    bool tainted = node->tainted;

    if (kind < 0)
        return;
    struct step *step = new_step(node, kind, -1);
    if (make_wait(node, step)) {
        step->uses = step->uses ? step->uses : step->partial ? 0 : step->count;
        return;
    }
    node->step_count--;
    node->tainted = tainted;
    program.node_count = nodes;
    program.child_count = children;
    program.graph = graph;
}

/* Returns the lock, or -1. */
static int try_lock(struct node *node)
{
    struct graph graph = program.graph;
    int lock = program.lock_count ? pick(program.lock_count) : -1;

    if (lock < 0 || node->holds >> lock & 1)
        return -1;
    if (!graph_lock(node, lock)) {
        program.graph = graph;
        return -1;
    }
    node->holds |= UINT32_C(1) << lock;
    (void)new_step(node, LOCK, lock);
    return lock;
}

static void unlock(struct node *node, int lock)
{
    node->holds &= ~(UINT32_C(1) << lock);
    (void)new_step(node, UNLOCK, lock);
}

static void make_steps(struct node *node)
{
    int waits = node->depth ? pick(3) : pick(4), locks[2], held = 0;

    (void)new_step(node, PAUSE, -1);
    for (; waits; waits--) {
        if (held < 2 && one_in(3) && (locks[held] = try_lock(node)) >= 0)
            held++;
        try_wait(node);
        if (held && one_in(3))
            unlock(node, locks[--held]);
    }
    while (held)
        unlock(node, locks[--held]);
}

#endif
