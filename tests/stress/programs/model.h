/* SPDX-License-Identifier: MIT
 *
 * Plays a program without filch, step by step in a random order, by the rule that filch is to keep
 * (DESIGN.md, "Waiting"): as many tasks of a pool are at work as it has workers, one that sleeps
 * is none of them, and one that waits runs what it waits for if that is pending in its own pool. Checks
 * the generator: a program without a cycle must end, one with a cycle must stop with all of the
 * cycle's tasks waiting for each other, and end once one of them is told. */
#ifndef FILCH_TESTS_STRESS_PROGRAM_MODEL_H
#define FILCH_TESTS_STRESS_PROGRAM_MODEL_H

#include "make.h"

static struct {
    int at[NODES];
    int submitted[NODES]; /* children, in this step */
    int order[NODES];     /* in the queue */
    bool told[NODES];
    int next_order;
    int next_root; /* the main thread's next task */
    int top[PLACES], below[NODES];
    int holders[ALL_LOCKS];
} model;

/* ---- Asking ------------------------------------------------------------------------------ */

static const struct step *model_step(int id)
{
    const struct node *node = &program.nodes[id];
    bool runs = model.at[id] >= 0 && model.at[id] < node->step_count;

    return runs ? &node->steps[model.at[id]] : NULL;
}

static bool model_waits_done(const struct step *step)
{
    for (int i = 0; i < step->count; i++)
        if (model.at[step->targets[i]] != ENDED)
            return false;
    return true;
}

static bool model_has_room(int place)
{
    size_t queued = 0, limit = program.places[place].max_queued;

    for (int id = 0; limit && id < program.node_count; id++)
        queued += model.at[id] == QUEUED && program.nodes[id].place == place;
    return !limit || queued < limit;
}

static bool model_has_arrived(int id)
{
    for (int i = 0; i <= model.at[id] && i < program.nodes[id].step_count; i++)
        if (program.nodes[id].steps[i].kind == GATE)
            return true;
    return false;
}

static bool model_gate_open(void)
{
    if (model.next_root < program.node_count)
        return false;
    for (int i = 0; program.rendezvous && i < program.cycle_length; i++)
        if (!model_has_arrived(program.cycle[i]))
            return false;
    return true;
}

/* The child that the step submits next; or -1. */
static int model_next_child(int id, const struct step *step)
{
    int i = model.submitted[id];

    while (i < step->count && !is_child_of(&program.nodes[id], step->targets[i]))
        i++;
    return i < step->count ? step->targets[i] : -1;
}

/* Can the task's step go on? */
static bool model_can_go_on(int id)
{
    const struct step *step = model_step(id);

    if (!step || model.told[id])
        return true;
    switch (step->kind) {
    case PAUSE:
    case UNLOCK:
        return true;
    case LOCK:
        return model.holders[step->place] < 0;
    case GATE:
        return model_gate_open();
    default:;
        int child = model_next_child(id, step);
        return child >= 0 ? model_has_room(program.nodes[child].place) : model_waits_done(step);
    }
}

/* A wait that filch sees. */
static bool model_sleeps(int id)
{
    const struct step *step = model_step(id);

    return !model_can_go_on(id) && !(step->kind == LOCK && program.locks[step->place].system);
}

static int model_at_work(int pool)
{
    int count = 0;

    for (int id = 0; id < program.node_count; id++)
        count += model.at[id] >= 0 && model.at[id] < ENDED && program.nodes[id].place >= 0 &&
                 pool_of(program.nodes[id].place) == pool && !model_sleeps(id);
    return count;
}

/* Does a task that waits for this one run it on its own thread? */
static bool model_has_runner(int id)
{
    int pool = pool_of(program.nodes[id].place);

    for (int other = 0; other < program.node_count; other++) {
        const struct step *step = model_step(other);
        if (!step || !is_target(step, id) || step->kind == THEN || model.told[other])
            continue;
        bool forks = step->kind == FORK || step->kind == RUN || step->kind == LOOP;
        int place = forks && step->place >= 0 ? step->place : program.nodes[other].place;
        if (pool_of(place) == pool)
            return true;
    }
    return false;
}

static bool model_is_first(int id)
{
    for (int other = 0; other < program.node_count; other++)
        if (model.at[other] == QUEUED &&
            program.nodes[other].place == program.nodes[id].place &&
            model.order[other] < model.order[id])
            return false;
    return true;
}

/* ---- Doing ------------------------------------------------------------------------------- */

static void model_queue(int id)
{
    model.at[id] = QUEUED;
    model.order[id] = model.next_order++;
}

static void model_end(int id)
{
    int place = program.nodes[id].place;

    model.at[id] = ENDED;
    if (place >= 0 && program.places[place].serial)
        model.top[place] = model.below[id];
}

static bool model_start(int id)
{
    const struct node *node = &program.nodes[id];
    const struct place *place = &program.places[node->place];
    bool by_pool = place->serial ? model.top[node->place] < 0 && model_is_first(id)
                                 : model_at_work(pool_of(node->place)) < place->workers;

    if (!by_pool && (node->birth == CONTINUATION || !model_has_runner(id)))
        return false;
    if (place->serial) {
        model.below[id] = model.top[node->place];
        model.top[node->place] = id;
    }
    model.at[id] = 0;
    return true;
}

static bool model_advance(int id)
{
    const struct step *step = model_step(id);

    if (!step) {
        model_end(id);
        return true;
    }
    if (!model_can_go_on(id))
        return false;
    if (step->kind == LOCK && !model.told[id])
        model.holders[step->place] = id;
    if (step->kind == UNLOCK && model.holders[step->place] == id)
        model.holders[step->place] = -1;
    int child = step->kind < LOCK ? model_next_child(id, step) : -1;
    if (child >= 0) {
        model_queue(child);
        while (step->targets[model.submitted[id]++] != child)
            continue;
        return true;
    }
    model.told[id] = false;
    model.submitted[id] = 0;
    model.at[id]++;
    return true;
}

static bool model_submit_next(void)
{
    int id = model.next_root;

    if (id == program.node_count)
        return false;
    const struct node *node = &program.nodes[id];
    if (node->birth < CONTINUATION) {
        if (!model_has_room(node->place))
            return false;
        model_queue(id);
    }
    model.next_root++;
    return true;
}

static bool model_move(int id)
{
    const struct node *node = &program.nodes[id];

    switch (model.at[id]) {
    case ENDED:
        return false;
    case QUEUED:
        return model_start(id);
    case ABSENT:
        if (node->birth != CONTINUATION || model.next_root <= id ||
            model.at[node->base] != ENDED)
            return false;
        if (node->place < 0)
            model.at[id] = ENDED;
        else
            model_queue(id);
        return true;
    default:
        return model_advance(id);
    }
}

/* Until nothing moves. */
static void model_go_on(void)
{
    int still;

    do {
        int from = pick(program.node_count);
        bool moved = one_in(4) && model_submit_next();
        for (still = 0; !moved && still < program.node_count; still++)
            moved = model_move((from + still) % program.node_count);
        if (!moved)
            moved = model_submit_next();
        still = !moved;
    } while (!still);
}

static bool model_has_ended(void)
{
    for (int id = 0; id < program.node_count; id++)
        if (model.at[id] != ENDED)
            return false;
    return true;
}

/* Tells one task of the cycle; returns how many could have been told. */
static int model_tell(void)
{
    int hopeless = 0, chosen = -1;

    for (int i = 0; i < program.cycle_length; i++) {
        int id = program.cycle[i];
        const struct step *step = model_step(id);
        if (step && step->kind != GATE && step->kind != PAUSE && one_in(++hopeless))
            chosen = id;
    }
    if (chosen >= 0)
        model.told[chosen] = true;
    return hopeless;
}

/* For the report. */
static void model_leave_states(void)
{
    for (int id = 0; id < program.node_count; id++)
        atomic_store(&program.nodes[id].at, model.at[id]);
    for (int lock = 0; lock < ALL_LOCKS; lock++)
        atomic_store(&program.locks[lock].holder, model.holders[lock]);
}

/* Does the program do what it is meant to? */
static bool model_agrees(void)
{
    memset(&model, 0, sizeof model);
    for (int id = 0; id < program.node_count; id++)
        model.at[id] = ABSENT;
    for (int place = 0; place < PLACES; place++)
        model.top[place] = -1;
    for (int lock = 0; lock < ALL_LOCKS; lock++)
        model.holders[lock] = -1;
    model_go_on();
    if (!program.cycle_length)
        return model_has_ended();
    if (model_tell() < program.cycle_length)
        return false;
    do
        model_go_on();
    while (!model_has_ended() && model_tell());
    return model_has_ended();
}

#endif
