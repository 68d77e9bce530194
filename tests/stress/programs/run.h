/* SPDX-License-Identifier: MIT
 *
 * The tasks of a program, as filch runs them: each goes through its steps, adds up what it waited
 * for, and returns a number that depends on it. */
#ifndef FILCH_TESTS_STRESS_PROGRAM_RUN_H
#define FILCH_TESTS_STRESS_PROGRAM_RUN_H

#include "wait_others.h"

/* ---- What is no wait for tasks ---------------------------------------------------------------- */

static void take_a_while(uint32_t number)
{
    struct timespec nap = {0, (long)(number >> 8) % 200000};
    double until = stress_now() + (number >> 8) % 50 * 1e-6;

    if (number % 8 == 0)
        nanosleep(&nap, NULL);
    else if (number % 8 < 4)
        while (stress_now() < until)
            continue;
}

static void lock(struct node *node, const struct step *step)
{
    struct lock *it = &program.locks[step->place];
    int error = 0, attempt = 0;

    if (it->system)
        HOLDS(!pthread_mutex_lock(&it->system_mutex));
    else
        do
            error = filch_mutex_lock(&it->mutex, patience(node, step, attempt++));
        while (error == FILCH_ETIMEDOUT);
    if (!accept_call(node, error, false, "filch_mutex_lock()"))
        return;
    node->holds |= UINT32_C(1) << step->place;
    atomic_store(&it->holder, node->id);
}

static void unlock_if_held(struct node *node, const struct step *step)
{
    struct lock *it = &program.locks[step->place];

    if (!(node->holds >> step->place & 1))
        return; /* it was told */
    node->holds &= ~(UINT32_C(1) << step->place);
    atomic_store(&it->holder, -1);
    if (it->system)
        HOLDS(!pthread_mutex_unlock(&it->system_mutex));
    else
        HOLDS(!filch_mutex_unlock(&it->mutex));
}

/* One of those that the gate waits for is there. */
static void arrive(void)
{
    if (atomic_fetch_sub(&program.missing, 1) == 1)
        HOLDS(!filch_future_set_result(program.gate, NULL));
}

static void go_through_gate(void)
{
    if (program.rendezvous)
        arrive();
    HOLDS(!filch_future_result(program.gate, FILCH_FOREVER, NULL));
}

/* ---- A task ------------------------------------------------------------------------------ */

static uint64_t run_step(struct node *node, struct step *step)
{
    switch (step->kind) {
    case PAUSE:
        take_a_while(step->dice);
        return 0;
    case LOCK:
        lock(node, step);
        return 0;
    case UNLOCK:
        unlock_if_held(node, step);
        return 0;
    case GATE:
        go_through_gate();
        return 0;
    case THEN:
        return await_continuation(node, step);
    case GROUP:
        return await_main_group(node, step);
    case NEST:
        return await_own_group(node, step);
    case MAP:
        return await_map(node, step);
    case FORK:
    case RUN:
        return fork_and_wait(node, step);
    case LOOP:
        return loop_and_wait(node, step);
    default:
        return await_futures(node, step);
    }
}

static void *run_node(void *argument)
{
    struct node *node = argument;
    uint64_t sum = 0;

    HOLDS(atomic_load(&node->at) == QUEUED);
    check_begin(node);
    for (int i = 0; i < node->step_count; i++) {
        atomic_store(&node->at, i);
        sum += run_step(node, &node->steps[i]);
    }
    bool told = atomic_load(&node->told);
    node->value = value_of_sum(node, sum);
    if (!told && node->value != node->expected)
        give_up("task %d has added up something wrong", node->id);
    check_end(node);
    atomic_store(&node->at, ENDED);
    if (told)
        return filch_fail(TOLD, "task %d", node->id);
    return node->fails ? filch_fail(OWN_ERROR, "task %d", node->id)
                       : (void *)(uintptr_t)node->value;
}

#endif
