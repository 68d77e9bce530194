/* SPDX-License-Identifier: MIT
 *
 * What a wait may come back with, and the end of all when it comes back with something else. */
#ifndef FILCH_TESTS_STRESS_PROGRAM_CHECK_H
#define FILCH_TESTS_STRESS_PROGRAM_CHECK_H

#include "print.h"

#include <stdarg.h>
#include <unistd.h>

/* Prints what went wrong, and the program; ends the process. The first thread alone does. */
static _Noreturn void FILCH_PRINTF(1, 2) give_up(const char *format, ...)
{
    static atomic_flag given_up = ATOMIC_FLAG_INIT;
    va_list arguments;

    while (atomic_flag_test_and_set(&given_up))
        pause();
    va_start(arguments, format);
    printf("programs: ");
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    print_program();
    printf("programs: again: %s%s%sstress-programs SECONDS %llu %llu\n",
           named_words ? "FILCH_PROGRAMS=" : "", named_words ? named_words : "",
           named_words ? " " : "", (unsigned long long)program.seed,
           (unsigned long long)program.number);
    fflush(stdout);
    _exit(1);
}

#define HOLDS(condition)                                                         \
    do {                                                                         \
        if (!(condition))                                                        \
            give_up("%s:%d: does not hold: %s", __FILE__, __LINE__, #condition); \
    } while (0)

/* Has a wrong FILCH_EDEADLK been counted? Then some fail that should not. */
static bool is_lenient(void)
{
    return has(COUNT) && atomic_load(&program.wrong);
}

static const char *name_of(int error)
{
    const char *name = filch_error_name(error);
    return name ? name : error == OWN_ERROR ? "OWN_ERROR" : error == TOLD ? "TOLD" : "?";
}

/* A wait of this task has failed with FILCH_EDEADLK, or as what it waits for has. */
static void be_told(struct node *node, int error)
{
    if (error == FILCH_EDEADLK && node->cyclic)
        atomic_fetch_add(&program.told_count, 1);
    else if (error == FILCH_EDEADLK && has(COUNT))
        atomic_store(&program.wrong, true);
    else if (error == FILCH_EDEADLK)
        give_up("task %d is told FILCH_EDEADLK, and is in no cycle", node->id);
    atomic_store(&node->told, true);
}

/* A wait of `node` for `target` came back with this. Returns what it adds to the node's sum. */
static uint64_t accept_value(struct node *node, const struct node *target, int error,
                             uint64_t value, uint64_t expected)
{
    bool expected_error = error == 0 ? !target->fails : error == OWN_ERROR && target->fails;

    if (error == FILCH_EDEADLK || (error == TOLD && (target->tainted || is_lenient())) ||
        (error == FILCH_ECANCELED && is_lenient())) {
        be_told(node, error);
        return 0;
    }
    if (!expected_error)
        give_up("task %d waits for task %d and gets %d, %s", node->id, target->id, error,
                name_of(error));
    if (!error && value != expected)
        give_up("task %d gets a wrong value from task %d", node->id, target->id);
    return node->cyclic ? 0 : contribution(target);
}

static uint64_t accept(struct node *node, const struct node *target, int error, void *value)
{
    return accept_value(node, target, error, (uintptr_t)value, target->expected);
}

/* The same for a call that waits for several, or for none. Returns whether it has succeeded. */
static bool accept_call(struct node *node, int error, bool tainted, const char *call)
{
    if (!error)
        return true;
    if (error != FILCH_EDEADLK && !(error == TOLD && tainted) && !is_lenient())
        give_up("task %d: %s returns %d, %s", node->id, call, error, name_of(error));
    be_told(node, error);
    return false;
}

/* ---- Order on executors with one worker --------------------------------------------------- */

static bool is_checked(const struct node *node)
{
    return node->place >= 0 && program.places[node->place].serial && !has(THREADS) &&
           !has(COUNT);
}

/* What is below waits for this one: its child, or the child of the same task. */
static bool may_run_on(const struct node *node, int below)
{
    return node->parent >= 0 &&
           (node->parent == below || node->parent == program.nodes[below].parent);
}

static void check_begin(struct node *node)
{
    struct place *place = &program.places[node->place >= 0 ? node->place : 0];

    if (!is_checked(node))
        return;
    node->below = atomic_exchange(&place->top, node->id);
    if (node->below >= 0 && !may_run_on(node, node->below))
        give_up("task %d begins while task %d runs on the same worker", node->id, node->below);
    if (node->turn >= 0 && !place->may_skip && atomic_load(&place->ended) != node->turn)
        give_up("task %d begins before others of its executor that were submitted earlier",
                node->id);
}

static void check_end(struct node *node)
{
    struct place *place = &program.places[node->place >= 0 ? node->place : 0];

    if (!is_checked(node))
        return;
    atomic_store(&place->top, node->below);
    if (node->turn >= 0)
        atomic_fetch_add(&place->ended, 1);
}

#endif
