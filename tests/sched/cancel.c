/* SPDX-License-Identifier: MIT
 *
 * Cancelling what runs, and what has not started: filch_cancelled(), tokens, deadlines. */
#include "executor.h"

#include <filch/cancel.h>

TestSuite(cancel, .init = setup);

/* Asks before and after somebody had time to cancel it. */
static void *ask_twice(void *answers)
{
    ((bool *)answers)[0] = filch_cancelled();
    hold(NULL);
    ((bool *)answers)[1] = filch_cancelled();
    return answers;
}

/* ---- Futures ----------------------------------------------------------------------------- */

Test(cancel, nothing_is_cancelled_outside_of_a_task)
{
    cr_assert_not(filch_cancelled());
}

Test(cancel, a_running_task_is_asked_to_stop)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 1);
        bool answers[2] = {true, false};
        struct filch_future *future = submit_to(backend.executor, ask_twice, answers);
        await_signal(&entered);
        cr_assert_not(filch_future_stop(future), "it runs");
        cr_assert(filch_future_running(future));
        sem_post(&leave);
        cr_assert_eq(result_of(future), answers, "what it returns is its result all the same");
        cr_assert_not(answers[0]);
        cr_assert(answers[1]);
        backend_destroy(&backend);
    }
}

static void *tell(void *argument)
{
    return filch_cancelled() ? argument : NULL;
}

Test(cancel, stopping_one_task_leaves_the_next_one_alone)
{
    struct filch_executor *executor = executor_of(1);
    bool answers[2];
    struct filch_future *stopped = submit_to(executor, ask_twice, answers);
    struct filch_future *next = submit_to(executor, tell, &answers);
    await_signal(&entered);
    (void)filch_future_stop(stopped);
    sem_post(&leave);
    cr_assert_null(result_of(next));
    (void)result_of(stopped);
    destroy(executor);
}

Test(cancel, stopping_a_task_that_has_not_started_cancels_it)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_future *held = occupy_executor(executor);
    struct filch_future *future = submit_to(executor, count, NULL);
    cr_assert(filch_future_stop(future));
    cr_assert(filch_future_cancelled(future));
    sem_post(&leave);
    destroy(executor);
    cr_assert_eq(atomic_load(&ran), 0);
    filch_future_release(held);
    filch_future_release(future);
}

/* Runs another task on its own stack, and asks there and here. */
static struct filch_executor *own;

static void *ask_in_and_out(void *answers)
{
    bool inner = true;
    struct filch_future *future = submit_to(own, ask_twice, answers);
    hold(NULL); /* it is stopped here */
    sem_post(&leave);
    (void)result_of(future); /* the only worker runs it */
    await_signal(&entered);
    inner = ((bool *)answers)[1];
    ((bool *)answers)[0] = inner;
    ((bool *)answers)[1] = filch_cancelled();
    return answers;
}

Test(cancel, a_task_that_another_runs_as_it_waits_is_not_stopped_with_it)
{
    bool answers[2] = {true, false};
    own = executor_of(1);
    struct filch_future *future = submit_to(own, ask_in_and_out, answers);
    await_signal(&entered);
    (void)filch_future_stop(future);
    sem_post(&leave);
    (void)result_of(future);
    cr_assert_not(answers[0], "the inner one");
    cr_assert(answers[1], "the outer one, afterwards");
    destroy(own);
}

/* ---- Tokens ------------------------------------------------------------------------------ */

Test(cancel, a_token_is_cancelled_for_good)
{
    struct filch_token *token = token_below(NULL);
    cr_assert_not(filch_token_cancelled(token));
    filch_token_cancel(token);
    cr_assert(filch_token_cancelled(token));
    filch_token_cancel(token);
    cr_assert_eq(filch_token_set_deadline(token, FILCH_FOREVER), 0);
    cr_assert(filch_token_cancelled(token));
    filch_token_release(token);
    filch_token_release(NULL);
}

Test(cancel, a_token_cancels_all_below_it_and_none_above_or_beside)
{
    struct filch_token *tokens[20], *beside;
    tokens[0] = token_below(NULL);
    for (int i = 1; i < 20; i++)
        tokens[i] = token_below(tokens[i - 1]);
    beside = token_below(tokens[9]);
    filch_token_cancel(tokens[10]);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(filch_token_cancelled(tokens[i]), i >= 10);
    cr_assert_not(filch_token_cancelled(beside));
    filch_token_cancel(tokens[0]);
    cr_assert(filch_token_cancelled(beside));
    for (int i = 0; i < 20; i++)
        filch_token_release(tokens[i]); /* from above: each keeps its parent */
    cr_assert(filch_token_cancelled(beside));
    filch_token_release(beside);
}

Test(cancel, a_token_that_is_released_is_not_cancelled)
{
    struct filch_token *parent = token_below(NULL), *token = token_below(parent);
    cr_assert_eq(filch_token_retain(token), token);
    filch_token_release(parent);
    filch_token_release(token);
    cr_assert_not(filch_token_cancelled(token));
    filch_token_release(token);
}

Test(cancel, many_tokens_below_each_other_are_released_at_once)
{
    struct filch_token *token = token_below(NULL);
    for (int i = 0; i < 1000000; i++) {
        struct filch_token *below = token_below(token);
        filch_token_release(token);
        token = below;
    }
    filch_token_release(token);
}

Test(cancel, a_token_tells_the_tasks_that_run_under_it)
{
    for (int above = 0; above < 2; above++) {
        struct filch_executor *one = executor_of(2), *two = executor_of(1);
        struct filch_token *parent = token_below(NULL), *token = token_below(parent);
        bool answers[3][2] = {{true, false}, {true, false}, {true, true}};
        struct filch_future *futures[] = {submit_under(token, one, ask_twice, answers[0]),
                                          submit_under(token, two, ask_twice, answers[1]),
                                          submit_to(one, ask_twice, answers[2])};
        for (int i = 0; i < 3; i++)
            await_signal(&entered);
        filch_token_cancel(above ? parent : token);
        filch_token_release(parent);
        filch_token_release(token); /* its tasks keep it */
        for (int i = 0; i < 3; i++)
            sem_post(&leave);
        for (int i = 0; i < 3; i++) {
            (void)result_of(futures[i]);
            cr_assert_not(answers[i][0]);
            cr_assert_eq(answers[i][1], i < 2);
        }
        destroy(one);
        destroy(two);
    }
}

static _Atomic(int) calls;

static void note_call(struct filch_future *future, void *argument)
{
    (void)argument;
    atomic_fetch_add(&calls, filch_future_cancelled(future));
}

Test(cancel, what_has_not_started_under_a_cancelled_token_does_not_start)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_token *token = token_below(NULL);
        struct filch_future *held = occupy_executor(backend.executor);
        struct filch_future *early = submit_under(token, backend.executor, count, NULL);
        struct filch_future *other = submit_to(backend.executor, same, NULL);
        atomic_store(&calls, 0);
        cr_assert_eq(filch_future_add_done_callback(early, note_call, NULL), 0);
        filch_token_cancel(token);
        struct filch_future *late = submit_under(token, backend.executor, count, NULL);
        filch_token_release(token);
        sem_post(&leave);
        cr_assert_eq(error_of(early), FILCH_ECANCELED);
        cr_assert_eq(error_of(late), FILCH_ECANCELED);
        cr_assert_eq(error_of(other), 0);
        (void)result_of(held);
        backend_destroy(&backend);
        cr_assert_eq(atomic_load(&calls), 1);
        cr_assert_eq(atomic_load(&ran), 0);
    }
}

static void *wait_for_it(void *future)
{
    return (void *)(intptr_t)filch_future_result(*(struct filch_future **)future, FILCH_FOREVER,
                                                 NULL);
}

Test(cancel, nor_does_a_worker_start_it_that_waits_for_it)
{
    for (enum kind kind = THREADS; kind <= SHARED; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_token *token = token_below(NULL);
        struct filch_future *held = occupy_executor(backend.executor), *future;
        struct filch_future *waits = submit_to(backend.executor, wait_for_it, &future);
        future = submit_under(token, backend.executor, count, NULL);
        filch_token_cancel(token);
        sem_post(&leave);
        cr_assert_eq((intptr_t)result_of(waits), FILCH_ECANCELED, "%s", kind_names[kind]);
        cr_assert_eq(atomic_load(&ran), 0);
        filch_future_release(future);
        filch_future_release(held);
        filch_token_release(token);
        backend_destroy(&backend);
    }
}

Test(cancel, inline_does_not_run_what_is_cancelled)
{
    struct backend backend = backend_of(INLINE, 0);
    struct filch_token *token = token_below(NULL);
    filch_token_cancel(token);
    struct filch_future *future = submit_under(token, backend.executor, count, NULL);
    cr_assert_eq(filch_future_state(future), FILCH_CANCELLED_AND_NOTIFIED);
    cr_assert_eq(atomic_load(&ran), 0);
    filch_future_release(future);
    filch_token_release(token);
    backend_destroy(&backend);
}

static void *tell_then(void *value, void *argument)
{
    (void)value;
    return filch_cancelled() ? argument : NULL;
}

Test(cancel, what_follows_is_under_no_token)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_token *token = token_below(NULL);
    bool answers[2];
    struct filch_future *future = submit_under(token, executor, ask_twice, answers), *next;
    cr_assert_eq(filch_future_then(future, NULL, tell_then, &answers, &next), 0);
    await_signal(&entered);
    filch_token_cancel(token);
    sem_post(&leave);
    cr_assert_null(result_of(next), "it was run, and not asked to stop");
    cr_assert(answers[1]);
    filch_future_release(future);
    filch_token_release(token);
    destroy(executor);
}

/* ---- Deadlines --------------------------------------------------------------------------- */

static void set_deadline(struct filch_token *token, double seconds)
{
    cr_assert_eq(filch_token_set_deadline(token, seconds), 0);
}

Test(cancel, a_deadline_that_has_passed_cancels)
{
    static const double passed[] = {0, -0.0, -1e-9, -3600, -1e300, -FILCH_FOREVER};
    static const double ahead[] = {3600, 1e10, 1e300, FILCH_FOREVER};
    struct filch_token *token = token_below(NULL), *below = token_below(token);
    for (size_t i = 0; i < COUNT(passed) * COUNT(ahead); i++) {
        set_deadline(token, passed[i % COUNT(passed)]);
        cr_assert(filch_token_cancelled(token));
        cr_assert(filch_token_cancelled(below));
        set_deadline(token, ahead[i / COUNT(passed)]);
        cr_assert_not(filch_token_cancelled(token), "the last call counts");
        cr_assert_not(filch_token_cancelled(below));
    }
    set_deadline(below, 0);
    cr_assert(filch_token_cancelled(below));
    cr_assert_not(filch_token_cancelled(token));
    filch_token_release(token);
    filch_token_release(below);
}

Test(cancel, a_deadline_that_is_no_number_is_refused)
{
    struct filch_token *token = token_below(NULL);
    cr_assert_eq(filch_token_set_deadline(token, (double)NAN), FILCH_EINVAL);
    cr_assert_not(filch_token_cancelled(token));
    set_deadline(token, 0);
    cr_assert_eq(filch_token_set_deadline(token, (double)NAN), FILCH_EINVAL);
    cr_assert(filch_token_cancelled(token), "it stays as it was");
    filch_token_release(token);
}

static void *run_until_cancelled(void *argument)
{
    while (!filch_cancelled())
        sched_yield();
    return argument;
}

Test(cancel, a_task_hears_of_its_deadline)
{
    struct filch_executor *executor = executor_of(1);
    for (int above = 0; above < 2; above++) {
        struct filch_token *parent = token_below(NULL), *token = token_below(parent);
        set_deadline(above ? parent : token, 0.002);
        set_deadline(above ? token : parent, 3600);
        struct filch_future *future =
            submit_under(token, executor, run_until_cancelled, &above);
        int error = filch_future_result(future, FILCH_FOREVER, NULL);
        cr_assert(error == 0 || error == FILCH_ECANCELED, "it may have passed before");
        filch_future_release(future);
        filch_token_release(parent);
        filch_token_release(token);
    }
    destroy(executor);
}

Test(cancel, a_deadline_may_be_set_while_the_task_runs)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_token *token = token_below(NULL);
    struct filch_future *future = submit_under(token, executor, run_until_cancelled, &token);
    set_deadline(token, 0.001);
    cr_assert(filch_future_result(future, FILCH_FOREVER, NULL) <= 0);
    filch_future_release(future);
    filch_token_release(token);
    destroy(executor);
}
