/* SPDX-License-Identifier: MIT
 *
 * A program and its state, for people to read: which task waits for which, and how. */
#ifndef FILCH_TESTS_STRESS_PROGRAM_PRINT_H
#define FILCH_TESTS_STRESS_PROGRAM_PRINT_H

#include "program.h"

static void print_place(int place)
{
    if (place < 0)
        printf(" here");
    else
        printf(" on executor %d", place);
}

static void print_step(const struct step *step)
{
    switch (step->kind) {
    case PAUSE:
        return;
    case GATE:
        printf("; gate");
        return;
    case LOCK:
        printf("; lock %d", step->place);
        return;
    case UNLOCK:
        printf("; unlock %d", step->place);
        return;
    case GROUP:
        printf("; group %d =", step->place);
        break;
    default:
        printf("; %s", word_names[step->kind]);
        if (step->kind >= THEN)
            print_place(step->place);
    }
    for (int i = 0; i < step->count; i++)
        printf(" %d", step->targets[i]);
    if (step->partial)
        printf(" (one of them)");
}

static void print_birth(const struct node *node)
{
    switch (node->birth) {
    case CHILD:
        printf(", child of %d", node->parent);
        break;
    case IN_GROUP:
        printf(", in group %d", node->group);
        break;
    case CONTINUATION:
        printf(", follows on %d", node->base);
        break;
    default:
        break;
    }
}

static void print_node(struct node *node)
{
    int at = atomic_load(&node->at);

    printf("  task %d%s", node->id, node->cyclic ? " (cycle)" : "");
    print_place(node->place);
    print_birth(node);
    printf(node->fails ? ", fails" : "");
    printf(at == ABSENT ? ": not submitted" : at == QUEUED ? ": submitted" : ": ");
    if (at == ENDED)
        printf("ended");
    else if (at >= 0)
        printf("in its step %d", at);
    printf(atomic_load(&node->told) ? ", told" : "");
    for (int i = 0; i < node->step_count; i++) {
        print_step(&node->steps[i]);
        printf(i == at ? " <-- here" : "");
    }
    printf("\n");
}

static void print_places(void)
{
    for (int i = 0; i < PLACES; i++) {
        struct place *place = &program.places[i];
        if (!place->used)
            continue;
        printf("  executor %d: %d workers%s%s", i, place->workers,
               i < OWN ? "" : " of the shared pool", place->serial ? " (serial)" : "");
        if (place->max_queued)
            printf(", at most %zu queued", place->max_queued);
        printf("\n");
    }
}

static void print_locks(void)
{
    for (int i = 0; i < ALL_LOCKS; i++) {
        int holder = atomic_load(&program.locks[i].holder);
        if (i >= program.lock_count && i < LOCKS)
            continue;
        if (i < LOCKS || holder >= 0)
            printf("  lock %d, a %s: ", i,
                   program.locks[i].system ? "pthread_mutex_t" : "filch_mutex");
        if (holder >= 0)
            printf("task %d holds it\n", holder);
        else if (i < LOCKS)
            printf("free\n");
    }
}

/* Those that have not ended come last. */
static void print_program(void)
{
    printf("programs: seed %llu, program %llu, of %d tasks%s\n",
           (unsigned long long)program.seed, (unsigned long long)program.number,
           program.node_count, program.cycle_length ? ", with a cycle" : "");
    print_places();
    print_locks();
    for (int ended = 1; ended >= 0; ended--)
        for (int id = 0; id < program.node_count; id++)
            if ((atomic_load(&program.nodes[id].at) == ENDED) == ended)
                print_node(&program.nodes[id]);
    fflush(stdout);
}

#endif
