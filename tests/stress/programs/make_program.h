/* SPDX-License-Identifier: MIT
 *
 * Invents a program, from a seed and its number. */
#ifndef FILCH_TESTS_STRESS_PROGRAM_MAKE_PROGRAM_H
#define FILCH_TESTS_STRESS_PROGRAM_MAKE_PROGRAM_H

#include "make_cycle.h"

static void make_places(bool bounded)
{
    int own = 1 + pick(OWN), shared = 1 + pick(PLACES - OWN);

    memset(program.places, 0, sizeof program.places);
    for (int i = 0; i < PLACES; i++) {
        struct place *place = &program.places[i];
        place->used = i < own || (i >= OWN && i < OWN + shared);
        place->workers = 1 + pick(one_in(2) ? 3 : 8);
        place->serial = i < OWN && place->workers == 1 && has(SERIAL);
        if (i < OWN && place->workers == 1 && !place->serial)
            place->workers = 2;
        if (i > OWN)
            place->workers = program.places[OWN].workers;
        if (bounded && one_in(4))
            place->max_queued = 1 + (size_t)pick(8);
    }
}

static void make_locks(void)
{
    program.lock_count = has(MUTEX) || has(PTHREAD) ? pick(LOCKS + 1) : 0;
    for (int i = 0; i < ALL_LOCKS; i++)
        program.locks[i].system = i < LOCKS && has(PTHREAD) && (!has(MUTEX) || one_in(2));
}

/* Half of the programs use all that is wanted, the others some of it. */
static uint64_t choose_words(uint64_t wanted)
{
    uint64_t chosen = wanted;

    if (one_in(2))
        for (int word = RESULT; word < CYCLE_RESULT; word++)
            chosen &= one_in(2) ? ~WORD(word) : ~UINT64_C(0);
    return chosen & WAYS ? chosen : wanted;
}

static void make_next(int ordinal)
{
    int place = cycle_place(ordinal), base = -1;

    if (place >= 0)
        make_cycle_node(place);
    else if (has(GROUP) && program.group_count < GROUPS - CYCLE_NODES && one_in(8))
        make_group();
    else if (!has(THEN) || !one_in(10) || (base = pick_base()) < 0 ||
             make_continuation(base, one_in(2) ? -1 : pick_place()) < 0)
        make_root();
}

/* A third has a cycle, or all do, if nothing else is wanted. */
static void make_program(uint64_t seed, uint64_t number, uint64_t wanted)
{
    dice = stress_mix(seed) + stress_mix(number + 1);
    int roots = 5 + pick(1 + pick(ROOTS - 4));
    program.seed = seed;
    program.number = number;
    program.words = choose_words(wanted);
    program.node_count = program.child_count = program.group_count = program.cycle_length = 0;
    memset(&program.graph, 0, sizeof program.graph);
    bool cyclic = wanted & CYCLES && (!(wanted & WAYS) || one_in(3));
    make_places(has(BOUNDED) && !cyclic);
    make_locks();
    if (cyclic)
        plan_cycle(roots);
    for (int i = 0; i < roots; i++)
        make_next(i);
    for (int i = 0; i < program.cycle_length; i++)
        close_cycle_at(i);
}

#endif
