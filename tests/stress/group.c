/* SPDX-License-Identifier: MIT
 *
 * Groups under load: several threads, each with groups of its own on executors that they share,
 * of tasks that submit more of their kind, fail, have groups of their own, fork, cancel, or block;
 * waited for with short timeouts, and by two at once; used again until they fail, and destroyed
 * with tasks outstanding. Imitates requests that spread into many small tasks, some of which are
 * given up. What tasks write is read after the wait without any lock, so that ThreadSanitizer sees a
 * wait that ends early. */
#include "stress.h"

#include <filch/blocking.h>
#include <filch/cancel.h>
#include <filch/group.h>
#include <filch/sync.h>
#include <filch/task.h>

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
static _Atomic(uint64_t) uses, tasks_run, timeouts, failures, cancels, parts, parts_cancelled;

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
        int written, failed; /* by the task, plainly */
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
    CHECK(!error || (use->may_refuse && error == FILCH_EFULL) ||
          ((use->may_fail || use->may_cancel) && error == FILCH_ECANCELED));
    if (!error)
        atomic_fetch_add(&use->submitted, 1);
}

static void *set(void *flag)
{
    *(bool *)flag = true;
    return flag;
}

/* A group within a task of another one, whose worker may have to leave all to others. */
static void spread_inside(struct use *use)
{
    enum { FLAGS = 8 };
    bool flags[FLAGS] = {false};
    void *arguments[FLAGS];
    size_t submitted = 0;
    struct filch_group *inner;
    struct filch_mutex mutex;

    for (int i = 0; i < FLAGS; i++)
        arguments[i] = &flags[i];
    filch_mutex_init(&mutex);
    CHECK(!filch_group_create(executors[use->number % EXECUTORS], filch_group_token(use->group),
                              &inner));
    int error = filch_group_submit_many(inner, set, arguments, FLAGS, &submitted);
    CHECK(submitted == FLAGS || error == FILCH_EFULL || error == FILCH_ECANCELED);
    if (use->number % 2)
        CHECK(!filch_mutex_lock(&mutex, FILCH_FOREVER));
    error = filch_group_wait(inner, FILCH_FOREVER);
    if (use->number % 2)
        CHECK(!filch_mutex_unlock(&mutex));
    filch_mutex_fini(&mutex);
    CHECK(!error || (error == FILCH_ECANCELED && (use->may_cancel || use->may_fail)));
    size_t run = 0;
    for (size_t i = 0; i < FLAGS; i++)
        run += flags[i];
    CHECK(run + filch_group_skipped(inner) == submitted);
    CHECK(!filch_group_destroy(inner));
}

/* Parts of a task, forked to any worker of a pool, each in the task's scope. */
struct whole {
    struct use *use;
    struct filch_scope *scope;
    struct filch_token *token; /* of every fourth part */
};

static void be_part_under_token(void *argument)
{
    struct whole *whole = argument;

    CHECK(filch_scope_current() != whole->scope);
    if (filch_scope_cancelled(whole->scope))
        CHECK(filch_cancelled());
    filch_token_cancel(whole->token);
    CHECK(filch_cancelled());
}

static void be_part(void *argument)
{
    struct whole *whole = argument;

    CHECK(filch_scope_current() == whole->scope);
    if (filch_cancelled()) {
        CHECK(filch_scope_cancelled(whole->scope));
        atomic_fetch_add(&parts_cancelled, 1);
    }
    CHECK(filch_group_wait(whole->use->group, FILCH_FOREVER) == FILCH_EDEADLK);
    (void)filch_fail(OWN_ERROR + 1, "of a part: not of the task");
    if (atomic_fetch_add(&parts, 1) % 4 == 0)
        filch_token_call(whole->token, be_part_under_token, whole);
    CHECK(filch_scope_current() == whole->scope);
}

FILCH_VOID_TASK(fork_parts, struct whole *, whole, int, depth)
{
    if (!depth) {
        filch_scope_call(whole->scope, be_part, whole);
        return;
    }
    FILCH_FORK(fork_parts, whole, depth - 1);
    FILCH_CALL(fork_parts, whole, depth - 1);
    FILCH_JOIN(fork_parts);
}

static void fork_inside(struct use *use)
{
    struct whole whole = {.use = use, .scope = filch_scope_current()};

    CHECK(!filch_token_create(NULL, &whole.token));
    FILCH_RUN(pool, fork_parts, &whole, 5);
    filch_token_release(whole.token);
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
    if (draw % 64 == 6)
        fork_inside(use);
    slot->written = 1;
    slot->failed = use->may_fail && draw % 64 == 5;
    return slot->failed ? filch_fail(OWN_ERROR, "slot %d", (int)(slot - use->slots)) : NULL;
}

/* ---- Those who wait ---------------------------------------------------------------------- */

static void check_error(const struct use *use, int error)
{
    CHECK(error == 0 || (error == OWN_ERROR && use->may_fail) ||
          (error == FILCH_ECANCELED && use->may_cancel));
}

/* How many of its tasks have been run, and how many of these failed. */
struct sum {
    size_t written, failed;
};

static struct sum sum_up(const struct use *use)
{
    struct sum sum = {0, 0};

    for (int i = 0; i < SLOTS; i++) {
        sum.written += (size_t)use->slots[i].written;
        sum.failed += (size_t)use->slots[i].failed;
    }
    return sum;
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
static void check_slots(struct use *use)
{
    struct sum sum = sum_up(use);

    CHECK(sum.written == (size_t)atomic_load(&use->started));
    atomic_fetch_add(&tasks_run, sum.written);
    atomic_fetch_add(&uses, 1);
}

static void check_failures(struct use *use, int error)
{
    struct filch_group_failure list[SLOTS];
    struct sum sum = sum_up(use);
    int code = -1000;
    unsigned place;
    const char *text = filch_group_error(use->group, &code);

    CHECK(code == error && (text != NULL) == (error != 0));
    CHECK(sum.written + filch_group_skipped(use->group) ==
          (size_t)atomic_load(&use->submitted));
    CHECK(filch_group_errors(use->group, list, SLOTS) == sum.failed);
    CHECK((error == OWN_ERROR) == (sum.failed > 0));
    for (size_t i = 0; i < sum.failed; i++) {
        CHECK(list[i].code == OWN_ERROR && sscanf(list[i].text, "slot %u", &place) == 1);
        CHECK(place < SLOTS && use->slots[place].failed--); /* each but once */
    }
    CHECK(!sum.failed || text == list[0].text);
    CHECK(!sum.failed || filch_token_cancelled(filch_group_token(use->group)));
    atomic_fetch_add(&failures, sum.failed);
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
    check_slots(use);
    check_failures(use, error);
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
    check_slots(use);
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
        /* First without errors, then with them: then it takes no more. */
        for (unsigned i = 0; i < 4; i++) {
            struct use *use = use_create(number * 4 + i, group);
            use->may_fail = i > 1 && number / 2 % 2;
            use->may_cancel = i > 2;
            use->may_refuse = which == 3;
            if (use->may_cancel && parent && number % 2)
                filch_token_cancel(parent);
            use_group(use);
            free(use);
            if (!filch_group_error(group, NULL))
                continue;
            CHECK(!filch_group_destroy(group));
            CHECK(!filch_group_create(executors[which], parent, &group));
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
        "group: %llu waits for %llu tasks, %llu failed, %llu cancelled, %llu timeouts passed\n"
        "group: %llu parts of tasks, %llu of them told to stop\n",
        (unsigned long long)atomic_load(&uses), (unsigned long long)atomic_load(&tasks_run),
        (unsigned long long)atomic_load(&failures), (unsigned long long)atomic_load(&cancels),
        (unsigned long long)atomic_load(&timeouts), (unsigned long long)atomic_load(&parts),
        (unsigned long long)atomic_load(&parts_cancelled));
    return 0;
}
