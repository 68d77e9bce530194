/* SPDX-License-Identifier: MIT
 *
 * Groups under load: several threads, each with groups of its own on executors that they share,
 * of tasks that submit more of their kind, fail, have groups of their own, cancel, or block; waited
 * for with short timeouts, and by two at once; used again, and destroyed with tasks outstanding.
 * Imitates requests that spread into many small tasks, some of which are given up. What tasks write
 * is read after the wait without any lock, so that ThreadSanitizer sees a wait that ends early. */
#include "stress.h"

#include <filch/blocking.h>
#include <filch/cancel.h>
#include <filch/group.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#define DRIVERS   4
#define EXECUTORS 5
#define SLOTS     512 /* tasks of one use of a group, at most */
#define OWN_ERROR 42

static struct filch_pool *pool;
static struct filch_executor *executors[EXECUTORS];
static _Atomic(uint64_t) uses, tasks_run, timeouts, failures, cancels;

/* A use of a group: tasks are submitted, more come from them, and all are waited for. */
struct use {
    struct filch_group *group;
    unsigned number;
    bool may_fail, may_cancel, may_refuse;
    _Atomic(unsigned) taken; /* slots */
    _Atomic(int) submitted, started;
    struct slot {
        struct use *use;
        unsigned depth;
        int written; /* by the task, plainly */
    } slots[SLOTS];
};

/* ---- Tasks ------------------------------------------------------------------------------- */

static void *spread(void *argument);

static void submit(struct use *use, unsigned depth)
{
    unsigned place = atomic_fetch_add(&use->taken, 1);

    if (place >= SLOTS)
        return;
    use->slots[place] = (struct slot){.use = use, .depth = depth};
    int error = filch_group_submit(use->group, spread, &use->slots[place]);
    CHECK(!error || (use->may_refuse && error == FILCH_EFULL));
    if (!error)
        atomic_fetch_add(&use->submitted, 1);
}

static void *set(void *flag)
{
    *(bool *)flag = true;
    return flag;
}

/* A group within a task of another one. */
static void spread_inside(struct use *use)
{
    enum { FLAGS = 8 };
    bool flags[FLAGS] = {false};
    void *arguments[FLAGS];
    size_t submitted = 0;
    struct filch_group *inner;

    for (int i = 0; i < FLAGS; i++)
        arguments[i] = &flags[i];
    CHECK(!filch_group_create(executors[use->number % EXECUTORS], filch_group_token(use->group),
                              &inner));
    int error = filch_group_submit_many(inner, set, arguments, FLAGS, &submitted);
    CHECK(submitted == FLAGS || (error == FILCH_EFULL && submitted < FLAGS));
    error = filch_group_wait(inner, FILCH_FOREVER);
    CHECK(!error || (error == FILCH_ECANCELED && use->may_cancel));
    for (size_t i = 0; i < submitted; i++)
        CHECK(flags[i] || use->may_cancel);
    CHECK(!filch_group_destroy(inner));
}

static void *spread(void *argument)
{
    struct slot *slot = argument;
    struct use *use = slot->use;
    unsigned draw = (unsigned)stress_mix(use->number * 1000u + (unsigned)(slot - use->slots));

    atomic_fetch_add(&use->started, 1);
    for (unsigned i = 0; slot->depth && i < draw % 4; i++)
        submit(use, slot->depth - 1);
    if (draw % 64 == 1)
        spread_inside(use);
    if (draw % 64 == 2) {
        filch_blocking_begin();
        sched_yield();
        filch_blocking_end();
    }
    if (use->may_cancel && draw % 64 == 3)
        filch_token_cancel(filch_group_token(use->group));
    if (draw % 64 == 4)
        CHECK(filch_group_wait(use->group, FILCH_FOREVER) == FILCH_EDEADLK);
    slot->written = 1;
    if (use->may_fail && draw % 64 == 5)
        return filch_fail(OWN_ERROR, "slot %d", (int)(slot - use->slots));
    return NULL;
}

/* ---- Those who wait ---------------------------------------------------------------------- */

static void check_error(const struct use *use, int error)
{
    CHECK(error == 0 || (error == OWN_ERROR && use->may_fail) ||
          (error == FILCH_ECANCELED && use->may_cancel));
}

static int await_impatiently(struct use *use)
{
    int error;

    while ((error = filch_group_wait(use->group, 1e-5)) == FILCH_ETIMEDOUT)
        atomic_fetch_add(&timeouts, 1);
    return error;
}

static void *await_beside(void *argument)
{
    struct use *use = argument;

    check_error(use, use->number % 3 ? filch_group_wait(use->group, FILCH_FOREVER)
                                     : await_impatiently(use));
    return NULL;
}

/* All that the group has taken in has ended. */
static void check_slots(struct use *use, int error)
{
    int written = 0;

    for (int i = 0; i < SLOTS; i++)
        written += use->slots[i].written;
    CHECK(written == atomic_load(&use->started));
    CHECK(written == atomic_load(&use->submitted) ||
          (use->may_cancel && written < atomic_load(&use->submitted)));
    CHECK(written == atomic_load(&use->submitted) || error);
    atomic_fetch_add(&tasks_run, (uint64_t)written);
    atomic_fetch_add(&uses, 1);
}

static void check_text(struct use *use, int error)
{
    int code = -1000;
    const char *text = filch_group_error(use->group, &code);

    CHECK(code == error && (text != NULL) == (error != 0));
    CHECK(error != OWN_ERROR || !strncmp(text, "slot ", 5));
    atomic_fetch_add(&failures, error == OWN_ERROR);
    atomic_fetch_add(&cancels, error == FILCH_ECANCELED);
}

static void use_group(struct use *use)
{
    pthread_t thread;
    bool beside = use->number % 4 == 0;

    for (unsigned i = 0; i < 1 + use->number % 50; i++) {
        submit(use, 3);
        if (i == 0 && beside)
            CHECK(!pthread_create(&thread, NULL, await_beside, use));
    }
    if (use->may_cancel && use->number % 5 == 0)
        CHECK(!filch_token_set_deadline(filch_group_token(use->group),
                                        use->number % 2 ? 1e-4 : 0));
    int error =
        use->number % 2 ? await_impatiently(use) : filch_group_wait(use->group, FILCH_FOREVER);
    if (beside)
        pthread_join(thread, NULL);
    check_error(use, error);
    check_text(use, error);
    check_slots(use, error);
}

/* ---- Rounds ------------------------------------------------------------------------------ */

static struct use *use_create(unsigned number, struct filch_group *group)
{
    struct use *use = calloc(1, sizeof *use);

    CHECK(use);
    use->number = number;
    use->group = group;
    return use;
}

/* Nobody waits but the end of the group. */
static void abandon(struct use *use)
{
    for (unsigned i = 0; i < 20; i++)
        submit(use, 2);
    CHECK(!filch_group_destroy(use->group));
    check_slots(use, 1);
}

static void *drive(void *argument)
{
    unsigned number = (unsigned)(uintptr_t)argument;
    unsigned least = number + DRIVERS * 30;

    for (; number < least || stress_goes_on(); number += DRIVERS) {
        unsigned which = number / DRIVERS % EXECUTORS;
        struct filch_token *parent = NULL;
        struct filch_group *group;

        if (number % 3 == 0)
            CHECK(!filch_token_create(NULL, &parent));
        CHECK(!filch_group_create(executors[which], parent, &group));
        /* First without errors, then with them: they stay. */
        for (unsigned i = 0; i < 4; i++) {
            struct use *use = use_create(number * 4 + i, group);
            use->may_fail = i > 1 && number / 2 % 2;
            use->may_cancel = i > 2;
            use->may_refuse = which == 3;
            if (use->may_cancel && parent && number % 2)
                filch_token_cancel(parent);
            use_group(use);
            free(use);
        }
        CHECK(!filch_group_destroy(group));
        CHECK(!filch_group_create(executors[which], parent, &group));
        struct use *use = use_create(number, group);
        use->may_fail = true;
        use->may_cancel = parent && number % 2; /* it is by now */
        use->may_refuse = which == 3;
        abandon(use);
        free(use);
        filch_token_release(parent);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static const struct filch_executor_options bounded[] = {
        {.max_queued = 10, .when_full = FILCH_FULL_CALLER_RUNS},
        {.max_queued = 100, .when_full = FILCH_FULL_REJECT},
        {.max_queued = 5, .when_full = FILCH_FULL_BLOCK},
    };
    pthread_t drivers[DRIVERS];

    stress_begin(argc, argv);
    CHECK(!filch_pool_create(&(struct filch_pool_options){.workers = 2}, &pool));
    CHECK(!filch_executor_create(3, NULL, &executors[0]));
    CHECK(!filch_executor_create_on(pool, NULL, &executors[1]));
    CHECK(!filch_executor_create(1, &bounded[0], &executors[2]));
    CHECK(!filch_executor_create_on(pool, &bounded[1], &executors[3]));
    CHECK(!filch_executor_create(2, &bounded[2], &executors[4]));
    for (int i = 0; i < DRIVERS; i++)
        CHECK(!pthread_create(&drivers[i], NULL, drive, (void *)(uintptr_t)i));
    for (int i = 0; i < DRIVERS; i++)
        pthread_join(drivers[i], NULL);
    for (int i = 0; i < EXECUTORS; i++)
        CHECK(!filch_executor_destroy(executors[i]));
    CHECK(!filch_pool_destroy(pool));
    printf(
        "group: %llu waits for %llu tasks, %llu failed, %llu cancelled, %llu timeouts passed\n",
        (unsigned long long)atomic_load(&uses), (unsigned long long)atomic_load(&tasks_run),
        (unsigned long long)atomic_load(&failures), (unsigned long long)atomic_load(&cancels),
        (unsigned long long)atomic_load(&timeouts));
    return 0;
}
