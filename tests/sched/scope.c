/* SPDX-License-Identifier: MIT
 *
 * Scopes: parts of a task on other threads, and parts of it under a token of their own. */
#include "executor.h"

#include <filch/cancel.h>
#include <filch/group.h>
#include <filch/task.h>

TestSuite(scope, .init = setup);

/* ---- A task whose part runs on another thread ---------------------------------------------- */

/* What part() has seen there. */
struct sight {
    struct filch_scope *scope; /* the task's */
    struct filch_scope *inside;
    bool before, after; /* somebody had time to cancel the task */
    bool from_outside;  /* filch_scope_cancelled(), after that */
};

static void part(void *argument)
{
    struct sight *sight = argument;
    sight->inside = filch_scope_current();
    sight->before = filch_cancelled();
    hold(NULL);
    sight->after = filch_cancelled();
}

static void *part_in_thread(void *argument)
{
    struct sight *sight = argument;
    cr_assert_null(filch_scope_current());
    filch_scope_call(sight->scope, part, sight);
    cr_assert_null(filch_scope_current());
    cr_assert_not(filch_cancelled());
    sight->from_outside = filch_scope_cancelled(sight->scope);
    return NULL;
}

static void *lend(void *argument)
{
    struct sight *sight = argument;
    pthread_t thread;
    sight->scope = filch_scope_current();
    cr_assert_eq(pthread_create(&thread, NULL, part_in_thread, sight), 0);
    pthread_join(thread, NULL);
    return sight;
}

static void check(const struct sight *sight, bool is_cancelled)
{
    cr_assert(sight->scope);
    cr_assert_eq(sight->inside, sight->scope);
    cr_assert_not(sight->before);
    cr_assert_eq(sight->after, is_cancelled);
    cr_assert_eq(sight->from_outside, is_cancelled);
}

Test(scope, there_is_none_outside_of_a_task)
{
    cr_assert_null(filch_scope_current());
    cr_assert_not(filch_scope_cancelled(NULL));
}

Test(scope, a_part_elsewhere_sees_the_task_stopped)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++)
        for (int stop = 0; stop < 2; stop++) {
            struct backend backend = backend_of(kind, 1);
            struct sight sight = {0};
            struct filch_future *future = submit_to(backend.executor, lend, &sight);
            await_signal(&entered);
            if (stop)
                cr_assert_not(filch_future_stop(future));
            sem_post(&leave);
            cr_assert_eq(result_of(future), &sight);
            check(&sight, stop);
            backend_destroy(&backend);
        }
}

Test(scope, a_part_elsewhere_sees_a_token_cancelled)
{
    struct filch_executor *executor = executor_of(1);
    for (int above = 0; above < 2; above++)
        for (int by_deadline = 0; by_deadline < 2; by_deadline++) {
            struct filch_token *parent = token_below(NULL), *token = token_below(parent);
            struct sight sight = {0};
            struct filch_future *future = submit_under(token, executor, lend, &sight);
            await_signal(&entered);
            if (by_deadline)
                cr_assert_eq(filch_token_set_deadline(above ? parent : token, 0), 0);
            else
                filch_token_cancel(above ? parent : token);
            sem_post(&leave);
            (void)result_of(future);
            check(&sight, true);
            filch_token_release(token);
            filch_token_release(parent);
        }
    destroy(executor);
}

Test(scope, a_part_elsewhere_sees_a_group_cancelled)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_group *group = NULL;
    struct sight sight = {0};
    cr_assert_eq(filch_group_create(executor, NULL, &group), 0);
    cr_assert_eq(filch_group_submit(group, lend, &sight), 0);
    await_signal(&entered);
    filch_token_cancel(filch_group_token(group));
    sem_post(&leave);
    cr_assert_eq(filch_group_wait(group, FILCH_FOREVER), 0);
    check(&sight, true);
    cr_assert_eq(filch_group_destroy(group), 0);
    destroy(executor);
}

/* Forks of a task, on the workers of another pool: each stays until all have entered. */
struct forks {
    struct filch_scope *scope;
    _Atomic(int) entered, cancelled;
    struct filch_pool *pool;
};

static void fork_part(void *argument)
{
    struct forks *forks = argument;
    atomic_fetch_add(&forks->entered, 1);
    while (atomic_load(&forks->entered) < 2) /* so it is two threads */
        sched_yield();
    while (!filch_cancelled())
        sched_yield();
    atomic_fetch_add(&forks->cancelled, 1);
}

FILCH_VOID_TASK(fork_both, struct forks *, forks, int, depth)
{
    if (depth) {
        FILCH_FORK(fork_both, forks, 0);
        FILCH_CALL(fork_both, forks, 0);
        FILCH_JOIN(fork_both);
    } else {
        filch_scope_call(forks->scope, fork_part, forks);
    }
}

static void *fork_in_task(void *argument)
{
    struct forks *forks = argument;
    forks->scope = filch_scope_current();
    FILCH_RUN(forks->pool, fork_both, forks, 1);
    return forks;
}

Test(scope, forks_see_their_task_stopped)
{
    struct filch_executor *executor = executor_of(1);
    struct forks forks = {.pool = pool_of(2)};
    struct filch_future *future = submit_to(executor, fork_in_task, &forks);
    while (atomic_load(&forks.entered) < 2)
        sched_yield();
    cr_assert_not(filch_future_stop(future));
    cr_assert_eq(result_of(future), &forks);
    cr_assert_eq(atomic_load(&forks.cancelled), 2);
    destroy(executor);
    cr_assert_eq(filch_pool_destroy(forks.pool), 0);
}

/* ---- Calls in calls ------------------------------------------------------------------------ */

static struct filch_scope *scopes[2]; /* of two tasks that are held, the second one stopped */
static int calls[2];

static void *leave_scope(void *place)
{
    *(struct filch_scope **)place = filch_scope_current();
    return hold(place);
}

/* Enters both scopes from either, itself included, down to that depth. */
static void enter(size_t self, int depth);

static void enter_first(void *depth)
{
    enter(0, *(int *)depth);
}

static void enter_second(void *depth)
{
    enter(1, *(int *)depth);
}

static void enter(size_t self, int depth)
{
    calls[self]++;
    for (int i = 0; depth > 0 && i < 2; i++) {
        depth--;
        filch_scope_call(scopes[0], enter_first, &depth);
        cr_assert_eq(filch_scope_current(), scopes[self], "it is back");
        filch_scope_call(scopes[1], enter_second, &depth);
        cr_assert_eq(filch_scope_current(), scopes[self]);
    }
    cr_assert_eq(filch_cancelled(), self == 1);
}

Test(scope, calls_nest_and_each_goes_back_to_the_one_before)
{
    struct filch_executor *executor = executor_of(2);
    struct filch_future *futures[2];
    int depth = 6;
    for (int i = 0; i < 2; i++) {
        futures[i] = submit_to(executor, leave_scope, &scopes[i]);
        await_signal(&entered);
    }
    cr_assert_neq(scopes[0], scopes[1]);
    (void)filch_future_stop(futures[1]);
    cr_assert_not(filch_scope_cancelled(scopes[0]));
    cr_assert(filch_scope_cancelled(scopes[1]));
    filch_scope_call(scopes[0], enter_first, &depth);
    cr_assert_null(filch_scope_current());
    cr_assert_eq(calls[0], calls[1] + 1);
    cr_assert_gt(calls[1], 50);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(filch_future_result(futures[i], 1e-6, NULL), FILCH_ETIMEDOUT,
                     "this thread may wait for them again");
    sem_post(&leave);
    sem_post(&leave);
    for (int i = 0; i < 2; i++)
        (void)result_of(futures[i]);
    destroy(executor);
}

static void be_nobody(void *times)
{
    cr_assert_null(filch_scope_current());
    cr_assert_not(filch_cancelled());
    *(int *)times += 1;
}

Test(scope, without_one_it_is_a_call)
{
    int times = 0;
    filch_scope_call(NULL, be_nobody, &times);
    filch_token_call(NULL, be_nobody, &times);
    cr_assert_eq(times, 2);
}

static void be_not_cancelled(void *times)
{
    cr_assert_not(filch_cancelled());
    *(int *)times += 1;
}

static void call_without_scope(void *times)
{
    cr_assert(filch_cancelled());
    filch_scope_call(NULL, be_not_cancelled, times);
    cr_assert(filch_cancelled());
}

/* So a worker that waits in a task runs what somebody outside of all tasks has forked. */
Test(scope, without_one_hides_the_thread_s_own)
{
    int times = 0;
    struct filch_token *token = token_below(NULL);
    filch_token_cancel(token);
    filch_token_call(token, call_without_scope, &times);
    cr_assert_eq(times, 1);
    filch_token_release(token);
}

/* A task that another one runs as it waits is in its own scope. */
static struct filch_executor *own_executor;

static void *tell_scope(void *place)
{
    *(struct filch_scope **)place = filch_scope_current();
    return filch_cancelled() ? place : NULL;
}

static void wait_in_scope(void *place)
{
    struct filch_scope *scope = filch_scope_current();
    cr_assert(filch_cancelled());
    cr_assert_null(result_of(submit_to(own_executor, tell_scope, place)));
    cr_assert_neq(*(struct filch_scope **)place, scope);
    cr_assert_eq(filch_scope_current(), scope);
    cr_assert(filch_cancelled());
}

static void *enter_and_wait(void *place)
{
    filch_scope_call(scopes[0], wait_in_scope, place);
    cr_assert_not(filch_cancelled());
    return place;
}

Test(scope, a_task_that_runs_inside_of_a_call_is_not_of_that_scope)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_scope *inner = NULL;
    own_executor = executor_of(1);
    struct filch_future *held = submit_to(executor, leave_scope, &scopes[0]);
    await_signal(&entered);
    (void)filch_future_stop(held);
    (void)result_of(submit_to(own_executor, enter_and_wait, &inner));
    cr_assert(inner);
    sem_post(&leave);
    (void)result_of(held);
    destroy(executor);
    destroy(own_executor);
}

/* ---- Under a token of its own -------------------------------------------------------------- */

/* Tokens to be cancelled one after the other, inside of calls under both. */
struct under {
    struct filch_token *outer, *inner;
    bool cancel_outer, cancel_inner;
    bool in_outer, in_inner, after; /* filch_cancelled() */
};

static void be_inner(void *argument)
{
    struct under *under = argument;
    cr_assert_not(filch_cancelled());
    if (under->cancel_outer)
        filch_token_cancel(under->outer);
    if (under->cancel_inner)
        filch_token_cancel(under->inner);
    under->in_inner = filch_cancelled();
    cr_assert_eq(filch_scope_cancelled(filch_scope_current()), under->in_inner);
}

static void be_outer(void *argument)
{
    struct under *under = argument;
    struct filch_scope *scope = filch_scope_current();
    filch_token_call(under->inner, be_inner, under);
    cr_assert_eq(filch_scope_current(), scope);
    under->in_outer = filch_cancelled();
}

static void *call_under(void *argument)
{
    struct under *under = argument;
    struct filch_scope *scope = filch_scope_current();
    filch_token_call(under->outer, be_outer, under);
    cr_assert_eq(filch_scope_current(), scope);
    under->after = filch_cancelled();
    return under;
}

Test(scope, a_call_under_a_token_is_cancelled_with_it_or_what_is_around)
{
    struct filch_executor *executor = executor_of(1);
    for (int i = 0; i < 8; i++) {
        struct under under = {.outer = token_below(NULL),
                              .inner = token_below(NULL),
                              .cancel_outer = i & 1,
                              .cancel_inner = i & 2};
        if (i & 4)
            (void)call_under(&under); /* in no task */
        else
            (void)result_of(submit_to(executor, call_under, &under));
        cr_assert_eq(under.in_inner, under.cancel_outer || under.cancel_inner, "%d", i);
        cr_assert_eq(under.in_outer, under.cancel_outer, "%d", i);
        cr_assert_not(under.after);
        filch_token_release(under.outer);
        filch_token_release(under.inner);
    }
    cr_assert_null(filch_scope_current());
    destroy(executor);
}

/* A part elsewhere of a part under a token. */
static void lend_under(void *sight)
{
    (void)lend(sight);
}

static struct filch_token *own_token;

static void *lend_under_own(void *sight)
{
    filch_token_call(own_token, lend_under, sight);
    return sight;
}

Test(scope, a_part_elsewhere_sees_the_token_of_its_call_and_the_task_above)
{
    enum { BY_TOKEN, BY_DEADLINE, BY_STOP, BY_TASKS_TOKEN, BY_NOBODY, WAYS };
    struct filch_executor *executor = executor_of(1);
    for (int way = 0; way < WAYS; way++) {
        struct filch_token *token = token_below(NULL);
        struct sight sight = {0};
        own_token = token_below(NULL);
        struct filch_future *future = submit_under(token, executor, lend_under_own, &sight);
        await_signal(&entered);
        if (way == BY_TOKEN)
            filch_token_cancel(own_token);
        else if (way == BY_DEADLINE)
            cr_assert_eq(filch_token_set_deadline(own_token, 0), 0);
        else if (way == BY_STOP)
            cr_assert_not(filch_future_stop(future));
        else if (way == BY_TASKS_TOKEN)
            filch_token_cancel(token);
        sem_post(&leave);
        (void)result_of(future);
        check(&sight, way != BY_NOBODY);
        filch_token_release(own_token);
        filch_token_release(token);
    }
    destroy(executor);
}

/* ---- What fails there ---------------------------------------------------------------------- */

static void fail_in_part(void *value)
{
    *(void **)value = filch_fail(7, "in a part");
}

static void *fail_under_token(void *argument)
{
    void *value = NULL;
    filch_token_call(own_token, fail_in_part, &value);
    return argument ? argument : value;
}

Test(scope, a_task_may_return_what_failed_in_its_call_under_a_token)
{
    struct filch_executor *executor = executor_of(1);
    int code = 0;
    own_token = token_below(NULL);
    cr_assert_eq(result_of(submit_to(executor, fail_under_token, &code)), &code);
    struct filch_future *future = submit_to(executor, fail_under_token, NULL);
    cr_assert_str_eq(filch_future_error(future, FILCH_FOREVER, &code), "in a part");
    cr_assert_eq(code, 7);
    filch_future_release(future);
    filch_token_release(own_token);
    destroy(executor);
}

/* The text of another task's failure does not come to be that of the thread's. */
static void *fail_elsewhere(void *argument)
{
    void *value = filch_fail(8, "its own"), *other = NULL;
    filch_scope_call(argument, fail_in_part, &other);
    cr_assert(other);
    return value;
}

Test(scope, what_fails_in_another_scope_is_not_the_failure_of_the_task_around)
{
    struct filch_executor *executor = executor_of(2);
    int code = 0;
    struct filch_future *held = submit_to(executor, leave_scope, &scopes[0]);
    await_signal(&entered);
    struct filch_future *future = submit_to(executor, fail_elsewhere, scopes[0]);
    cr_assert_str_eq(filch_future_error(future, FILCH_FOREVER, &code), "its own");
    cr_assert_eq(code, 8);
    filch_future_release(future);
    sem_post(&leave);
    (void)result_of(held);
    destroy(executor);
}

/* ---- Waiting for oneself, from elsewhere --------------------------------------------------- */

struct self {
    struct filch_scope *scope;
    struct filch_future *future;
    struct filch_group *group;
    bool under_token;
    int errors[4];
};

static void wait_for_self(void *argument)
{
    struct self *self = argument;
    if (self->future)
        self->errors[0] = filch_future_result(self->future, FILCH_FOREVER, NULL);
    if (self->group) {
        self->errors[1] = filch_group_wait(self->group, FILCH_FOREVER);
        self->errors[2] = filch_group_destroy(self->group);
    }
    self->errors[3] = filch_executor_destroy(own_executor);
}

static void *wait_in_thread(void *argument)
{
    struct self *self = argument;
    filch_scope_call(self->scope, wait_for_self, self);
    return NULL;
}

static void lend_self(void *argument)
{
    struct self *self = argument;
    pthread_t thread;
    self->scope = filch_scope_current();
    cr_assert_eq(pthread_create(&thread, NULL, wait_in_thread, self), 0);
    pthread_join(thread, NULL);
}

static void *lend_self_once_known(void *argument)
{
    struct self *self = hold(argument); /* it is told its future */
    filch_token_call(self->under_token ? own_token : NULL, lend_self, self);
    return NULL;
}

Test(scope, a_part_elsewhere_that_waits_for_its_task_is_told_so)
{
    own_token = token_below(NULL);
    for (int i = 0; i < 4; i++) {
        struct backend backend = backend_of(SHARED, 1);
        struct self self = {.under_token = i & 1};
        own_executor = backend.executor;
        if (i & 2) {
            cr_assert_eq(filch_group_create(own_executor, NULL, &self.group), 0);
            cr_assert_eq(filch_group_submit(self.group, lend_self_once_known, &self), 0);
        } else {
            self.future = submit_to(own_executor, lend_self_once_known, &self);
        }
        await_signal(&entered);
        sem_post(&leave);
        if (self.group) {
            cr_assert_eq(filch_group_wait(self.group, FILCH_FOREVER), 0);
            cr_assert_eq(self.errors[1], FILCH_EDEADLK, "%d", i);
            cr_assert_eq(self.errors[2], FILCH_EDEADLK, "%d", i);
            cr_assert_eq(filch_group_destroy(self.group), 0);
        } else {
            cr_assert_null(result_of(self.future));
            cr_assert_eq(self.errors[0], FILCH_EDEADLK, "%d", i);
        }
        cr_assert_eq(self.errors[3], FILCH_EDEADLK, "%d", i);
        backend_destroy(&backend);
    }
    filch_token_release(own_token);
}
