/* SPDX-License-Identifier: MIT
 *
 * The steps of a task that wait for futures: one by one, several at once, and what follows on
 * one. */
#ifndef FILCH_TESTS_STRESS_PROGRAM_WAIT_FUTURES_H
#define FILCH_TESTS_STRESS_PROGRAM_WAIT_FUTURES_H

#include "check.h"

#include <filch/wait.h>

static void *run_node(void *argument); /* run.h */

static struct node *target_of(const struct step *step, int use)
{
    return &program.nodes[step->targets[use % step->count]];
}

static struct filch_executor *executor_of(int place)
{
    return place < 0 ? NULL : program.places[place].executor;
}

/* How long the next attempt at a wait may take: some polls and short limits first, in a quarter of
 * all steps. The last attempt has no limit, since only then the waiting thread may run what it waits
 * for, and on an executor with one worker nobody else would. */
static double patience(const struct node *node, const struct step *step, int attempt)
{
    int polls = (int)(step->dice >> 4 & 3), limited = step->dice >> 6 & 7 ? 0 : 2;

    if (!has(TIMEOUT) || node->cyclic || step->dice & 3 || attempt >= polls + limited)
        return FILCH_FOREVER;
    return attempt < polls ? 0 : 0.003;
}

/* ---- Waits for futures --------------------------------------------------------------------- */

static uint64_t await_result(struct node *node, const struct step *step, int use)
{
    struct node *target = target_of(step, use);
    void *value = NULL;
    int error, attempt = 0;

    do {
        double timeout = patience(node, step, attempt++);
        if (step->dice >> 9 & 1)
            (void)filch_future_error(target->future, timeout, &error);
        else
            error = filch_future_result(target->future, timeout, &value);
    } while (error == FILCH_ETIMEDOUT);
    if (step->dice >> 9 & 1 && !error)
        error = filch_future_result(target->future, 0, &value);
    return accept(node, target, error, value);
}

static uint64_t await_results(struct node *node, const struct step *step)
{
    uint64_t sum = 0;

    for (int use = 0; use < step->uses; use++)
        sum += await_result(node, step, use);
    return sum;
}

/* filch_wait() for those of the step's tasks that are not `done` yet: one call. Returns false if it
 * has failed. */
static bool wait_once(struct node *node, const struct step *step, enum filch_when when,
                      double timeout, bool *done)
{
    struct filch_future *futures[TARGETS] = {NULL};
    int which[TARGETS];
    bool flags[TARGETS];
    size_t count = 0, done_count = 0, flagged = 0;

    for (int i = 0; i < step->count; i++)
        if (!done[i]) {
            which[count] = i;
            futures[count++] = target_of(step, i)->future;
        }
    int error = filch_wait(futures, count, when, timeout, flags, &done_count);
    if (!accept_call(node, error, false, "filch_wait()"))
        return false;
    for (size_t i = 0; i < count; i++) {
        done[which[i]] = flags[i];
        flagged += flags[i];
        HOLDS(!flags[i] || filch_future_done(futures[i]));
    }
    HOLDS(flagged == done_count);
    HOLDS(timeout != FILCH_FOREVER || when != FILCH_ALL_COMPLETED || done_count == count);
    HOLDS(timeout != FILCH_FOREVER || done_count > 0);
    return true;
}

static bool are_all(const bool *done, int count)
{
    while (count && done[count - 1])
        count--;
    return count == 0;
}

static uint64_t wait_for_all(struct node *node, const struct step *step)
{
    bool done[TARGETS] = {false};

    for (int attempt = 0; !are_all(done, step->count); attempt++)
        if (!wait_once(node, step, FILCH_ALL_COMPLETED, patience(node, step, attempt), done))
            return 0;
    return await_results(node, step);
}

/* One after another, as they come; or only the first one. */
static uint64_t wait_for_first(struct node *node, const struct step *step)
{
    bool done[TARGETS] = {false}, before[TARGETS] = {false};
    uint64_t sum = 0;

    for (int attempt = 0; !are_all(done, step->count); attempt++) {
        if (!wait_once(node, step, FILCH_FIRST_COMPLETED, patience(node, step, attempt), done))
            return 0;
        for (int i = 0; i < step->count; i++) {
            if (done[i] && step->partial)
                return 0;
            if (done[i] && !before[i])
                sum += await_result(node, step, i);
            before[i] = done[i];
        }
    }
    return sum;
}

static uint64_t wait_for_error(struct node *node, const struct step *step)
{
    bool done[TARGETS] = {false}, failed = false;

    if (!wait_once(node, step, FILCH_FIRST_ERROR, FILCH_FOREVER, done))
        return 0;
    for (int i = 0; i < step->count; i++)
        failed |= done[i] && filch_future_result(target_of(step, i)->future, 0, NULL);
    HOLDS(failed || are_all(done, step->count));
    return await_results(node, step);
}

/* Which of the step's tasks it is. */
static int find_target(const struct step *step, const struct filch_future *future)
{
    int i = 0;

    while (i < step->count && target_of(step, i)->future != future)
        i++;
    HOLDS(i < step->count);
    return i;
}

/* Takes what an iterator gives; returns its last word. */
static int take_completed(struct node *node, const struct step *step,
                          struct filch_as_completed *iterator, bool *done, uint64_t *sum)
{
    struct filch_future *future;
    int error;

    while (!(error = filch_as_completed_next(iterator, &future))) {
        int i = find_target(step, future);
        void *value = NULL;
        HOLDS(!done[i]);
        done[i] = true;
        error = filch_future_result(future, 0, &value);
        *sum += accept(node, target_of(step, i), error, value);
        filch_future_release(future);
    }
    return error;
}

static uint64_t await_completed(struct node *node, const struct step *step)
{
    bool done[TARGETS] = {false};
    uint64_t sum = 0;

    for (int attempt = 0; !are_all(done, step->count); attempt++) {
        struct filch_as_completed *iterator;
        struct filch_future *futures[TARGETS] = {NULL};
        size_t count = 0;
        for (int i = 0; i < step->count; i++)
            if (!done[i])
                futures[count++] = target_of(step, i)->future;
        double timeout = patience(node, step, attempt);
        HOLDS(!filch_as_completed_create(futures, count, timeout, &iterator));
        int error = take_completed(node, step, iterator, done, &sum);
        filch_as_completed_destroy(iterator);
        HOLDS(error != FILCH_ETIMEDOUT || timeout != FILCH_FOREVER);
        if (error != FILCH_ETIMEDOUT &&
            !accept_call(node, error == FILCH_EEND ? 0 : error, false, "as_completed"))
            return sum;
        HOLDS(error != FILCH_EEND || are_all(done, step->count));
    }
    return sum;
}

static void submit_children(struct node *node, const struct step *step)
{
    for (int i = 0; i < step->count; i++) {
        struct node *child = target_of(step, i);
        if (child->parent != node->id)
            continue;
        atomic_store(&child->at, QUEUED);
        HOLDS(
            !filch_executor_submit(executor_of(child->place), run_node, child, &child->future));
    }
}

static uint64_t await_futures(struct node *node, const struct step *step)
{
    submit_children(node, step);
    switch (step->kind) {
    case WAIT:
        return wait_for_all(node, step);
    case FIRST:
        return wait_for_first(node, step);
    case ERROR:
        return wait_for_error(node, step);
    case COMPLETED:
        return await_completed(node, step);
    default:
        return await_results(node, step);
    }
}

/* ---- Continuations ------------------------------------------------------------------------- */

static void *continue_value(void *value, void *key)
{
    return (void *)(uintptr_t)continued((uintptr_t)value, (uintptr_t)key);
}

/* What a task makes follow on another one. */
static uint64_t await_continuation(struct node *node, const struct step *step)
{
    struct node *target = target_of(step, 0);
    struct filch_future *next;
    void *value = NULL;
    uint64_t key = (uint64_t)node->id;
    int error, attempt = 0;

    HOLDS(!filch_future_then(target->future, executor_of(step->place), continue_value,
                             (void *)(uintptr_t)key, &next));
    do
        error = filch_future_result(next, patience(node, step, attempt++), &value);
    while (error == FILCH_ETIMEDOUT);
    filch_future_release(next);
    return accept_value(node, target, error, (uintptr_t)value,
                        continued(target->expected, key));
}

/* A continuation of the main thread's. */
static void *run_continuation(void *value, void *argument)
{
    struct node *node = argument;

    check_begin(node);
    atomic_store(&node->at, 0);
    HOLDS((uintptr_t)value == program.nodes[node->base].expected);
    check_end(node);
    atomic_store(&node->at, ENDED);
    return (void *)(uintptr_t)continued((uintptr_t)value, (uint64_t)node->id);
}

#endif
