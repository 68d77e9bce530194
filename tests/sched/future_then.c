/* SPDX-License-Identifier: MIT
 *
 * Continuations of a future: values, errors and cancellation along a chain, on which thread, chains
 * of any length, and chains that would wait for themselves. */
#include "executor.h"

#include <filch/sync.h>
#include <filch/wait.h>

TestSuite(future_then, .init = setup);

static struct filch_future *then(struct filch_future *future, struct filch_executor *executor,
                                 filch_then_fn *fn, void *argument)
{
    struct filch_future *next = NULL;
    cr_assert_eq(filch_future_then(future, executor, fn, argument, &next), 0);
    cr_assert(next);
    return next;
}

/* Values are numbers here. */
static void *number(intptr_t value)
{
    return (void *)value;
}

static void *plus(void *value, void *argument)
{
    atomic_fetch_add(&ran, 1);
    return number((intptr_t)value + (intptr_t)argument);
}

static void *fail_then(void *value, void *argument)
{
    atomic_fetch_add(&ran, 1);
    return filch_fail((int)(intptr_t)argument, "not with %d", (int)(intptr_t)value);
}

/* ---- Values, errors, cancellation ---------------------------------------------------------- */

Test(future_then, gets_the_value_of_what_it_follows_on)
{
    struct filch_future *future = manual(), *next = then(future, NULL, plus, number(2));
    cr_assert_eq(filch_future_state(next), FILCH_PENDING);
    cr_assert_eq(atomic_load(&ran), 0);
    cr_assert_eq(filch_future_set_result(future, number(40)), 0);
    cr_assert_eq(filch_future_state(next), FILCH_FINISHED);
    cr_assert_eq(result_of(next), number(42));
    next = then(future, NULL, plus, number(3)); /* it has ended: here and now */
    cr_assert_eq(filch_future_state(next), FILCH_FINISHED);
    cr_assert_eq(result_of(next), number(43));
    filch_future_release(future);
}

Test(future_then, several_follow_in_the_order_in_which_they_were_added)
{
    static struct filch_future *next[10];
    struct filch_future *future = manual();
    for (int i = 0; i < 10; i++)
        next[i] = then(future, NULL, (filch_then_fn *)plus, number(i));
    cr_assert_eq(filch_future_set_result(future, number(100)), 0);
    cr_assert_eq(atomic_load(&ran), 10);
    for (int i = 0; i < 10; i++)
        cr_assert_eq(result_of(next[i]), number(100 + i));
    filch_future_release(future);
}

static int turns[10];

static void *take_turn(void *value, void *argument)
{
    (void)value;
    *(int *)argument = atomic_fetch_add(&ran, 1);
    return NULL;
}

Test(future_then, those_that_nobody_waits_for_run_in_order)
{
    struct filch_future *future = manual();
    for (int i = 0; i < 10; i++)
        cr_assert_eq(filch_future_then(future, NULL, take_turn, &turns[i], NULL), 0);
    cr_assert_eq(filch_future_set_result(future, NULL), 0);
    for (int i = 0; i < 10; i++)
        cr_assert_eq(turns[i], i);
    filch_future_release(future);
}

Test(future_then, an_error_travels_along_with_its_text)
{
    struct filch_future *future = manual(), *first = then(future, NULL, plus, NULL);
    struct filch_future *second = then(first, NULL, plus, NULL);
    cr_assert_eq(filch_future_set_error(future, 7, "line 3: no number"), 0);
    filch_future_release(future);
    filch_future_release(first);
    cr_assert_str_eq(filch_future_error(second, 0, NULL), "line 3: no number");
    cr_assert_eq(error_of(second), 7);
    cr_assert_eq(atomic_load(&ran), 0, "nothing was called");
}

Test(future_then, one_that_fails_stops_what_follows)
{
    struct filch_future *future = manual(), *bad = then(future, NULL, fail_then, number(9));
    struct filch_future *last = then(bad, NULL, plus, NULL);
    cr_assert_eq(filch_future_set_result(future, number(6)), 0);
    cr_assert_eq(atomic_load(&ran), 1);
    cr_assert_str_eq(filch_future_error(bad, 0, NULL), "not with 6");
    cr_assert_str_eq(filch_future_error(last, 0, NULL), "not with 6");
    cr_assert_eq(error_of(bad), 9);
    cr_assert_eq(error_of(last), 9);
    cr_assert_eq(filch_future_result(future, 0, NULL), 0, "what came before stays as it was");
    filch_future_release(future);
}

Test(future_then, is_cancelled_with_what_it_follows_on)
{
    for (int late = 0; late < 2; late++) {
        struct filch_future *future = manual(), *next = NULL;
        if (!late)
            next = then(future, NULL, plus, NULL);
        cr_assert(filch_future_cancel(future));
        if (late)
            next = then(future, NULL, plus, NULL);
        cr_assert(filch_future_cancelled(next));
        cr_assert_eq(error_of(next), FILCH_ECANCELED);
        cr_assert_eq(atomic_load(&ran), 0);
        filch_future_release(future);
    }
}

Test(future_then, cancelling_it_leaves_alone_what_it_follows_on)
{
    struct filch_future *future = manual(), *next = then(future, NULL, plus, NULL);
    struct filch_future *last = then(next, NULL, plus, NULL);
    struct filch_future *other = then(future, NULL, plus, number(1));
    cr_assert(filch_future_cancel(next));
    cr_assert(filch_future_cancelled(last), "but its continuation goes along");
    cr_assert_eq(filch_future_state(future), FILCH_PENDING);
    cr_assert_eq(filch_future_set_result(future, number(1)), 0);
    cr_assert_eq(result_of(other), number(2));
    cr_assert_eq(atomic_load(&ran), 1);
    cr_assert(filch_future_cancelled(next));
    filch_future_release(next);
    filch_future_release(last);
    filch_future_release(future);
}

Test(future_then, a_future_that_goes_without_an_end_cancels_what_follows)
{
    struct filch_future *future = manual(), *next = then(future, NULL, plus, NULL);
    struct filch_future *last = then(next, NULL, plus, NULL);
    filch_future_release(future);
    cr_assert(filch_future_cancelled(next));
    cr_assert(filch_future_cancelled(last));
    filch_future_release(next);
    filch_future_release(last);
    cr_assert_eq(atomic_load(&ran), 0);
}

Test(future_then, one_that_nobody_holds_runs_all_the_same)
{
    struct filch_future *future = manual(), *next = then(future, NULL, plus, NULL);
    filch_future_release(then(next, NULL, plus, NULL));
    filch_future_release(next);
    cr_assert_eq(filch_future_set_result(future, NULL), 0);
    cr_assert_eq(atomic_load(&ran), 2);
    filch_future_release(future);
}

Test(future_then, without_a_function_is_refused)
{
    struct filch_future *future = manual(), *next = UNTOUCHED;
    cr_assert_eq(filch_future_then(future, NULL, NULL, NULL, &next), FILCH_EINVAL);
    cr_assert_eq(next, UNTOUCHED);
    filch_future_release(future);
}

Test(future_then, is_not_completed_by_hand)
{
    struct filch_future *future = manual(), *next = then(future, NULL, plus, NULL);
    cr_assert_eq(filch_future_set_result(next, NULL), FILCH_ESTATE);
    cr_assert_eq(filch_future_set_running_or_notify_cancel(next), FILCH_ESTATE);
    cr_assert_eq(filch_future_set_result(future, number(1)), 0);
    cr_assert_eq(result_of(next), number(1));
    filch_future_release(future);
}

/* ---- On which thread ----------------------------------------------------------------------- */

static void *tell_pool(void *value, void *argument)
{
    (void)value, (void)argument;
    return filch_pool_current();
}

Test(future_then, runs_on_a_worker_of_its_executor)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 2);
        struct filch_future *future = manual();
        struct filch_future *early = then(future, backend.executor, tell_pool, NULL);
        cr_assert_eq(filch_future_set_result(future, NULL), 0);
        struct filch_future *late = then(future, backend.executor, tell_pool, NULL);
        cr_assert_eq(result_of(early), filch_executor_pool(backend.executor));
        cr_assert_eq(result_of(late), filch_executor_pool(backend.executor));
        filch_future_release(future);
        backend_destroy(&backend);
    }
}

static void *tell_thread(void *value, void *argument)
{
    (void)value;
    *(pthread_t *)argument = pthread_self();
    return NULL;
}

static void *set_null(void *future)
{
    cr_assert_eq(filch_future_set_result(future, NULL), 0);
    return NULL;
}

Test(future_then, without_an_executor_runs_on_the_thread_that_completes)
{
    struct filch_future *future = manual();
    pthread_t thread, seen;
    struct filch_future *next = then(future, NULL, tell_thread, &seen);
    cr_assert_eq(pthread_create(&thread, NULL, set_null, future), 0);
    pthread_join(thread, NULL);
    cr_assert_eq(filch_future_state(next), FILCH_FINISHED);
    cr_assert(pthread_equal(thread, seen));
    filch_future_release(future);
    filch_future_release(next);
}

Test(future_then, chains_cross_executors)
{
    struct filch_executor *one = executor_of(1), *two = executor_of(1), *three;
    cr_assert_eq(filch_executor_create_inline(&three), 0);
    struct filch_future *last = submit_to(one, same, number(1));
    for (int i = 0; i < 300; i++) {
        struct filch_executor *executor = i % 4 == 0   ? one
                                          : i % 4 == 1 ? two
                                          : i % 4 == 2 ? three
                                                       : NULL;
        struct filch_future *next = then(last, executor, plus, number(1));
        filch_future_release(last);
        last = next;
    }
    cr_assert_eq(result_of(last), number(301));
    destroy(one);
    destroy(two);
    destroy(three);
}

/* ---- Executors that take no more ----------------------------------------------------------- */

Test(future_then, an_executor_that_was_shut_down_refuses_it)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_future *future = manual(), *next = UNTOUCHED;
        struct filch_future *early = then(future, backend.executor, plus, NULL);
        struct filch_future *after = then(early, NULL, plus, NULL);
        cr_assert_eq(filch_executor_shutdown(backend.executor, true, false), 0);
        cr_assert_eq(filch_future_then(future, backend.executor, plus, NULL, &next),
                     FILCH_ESHUTDOWN);
        cr_assert_eq(next, UNTOUCHED);
        cr_assert_eq(filch_future_state(early), FILCH_PENDING);
        cr_assert_eq(filch_future_set_result(future, NULL), 0);
        cr_assert_eq(error_of(early), FILCH_ESHUTDOWN, "%s", kind_names[kind]);
        cr_assert_eq(error_of(after), FILCH_ESHUTDOWN);
        cr_assert_eq(atomic_load(&ran), 0);
        filch_future_release(future);
        backend_destroy(&backend);
    }
}

Test(future_then, may_outlive_its_executor)
{
    for (enum kind kind = 0; kind < KINDS; kind++)
        for (int how = 0; how < 3; how++) {
            struct backend backend = backend_of(kind, 1);
            struct filch_future *future = manual();
            struct filch_future *next = then(future, backend.executor, plus, NULL);
            backend_destroy(&backend);
            if (how == 0) {
                cr_assert_eq(filch_future_set_result(future, NULL), 0);
                cr_assert_eq(filch_future_result(next, 0, NULL), FILCH_ESHUTDOWN);
            } else if (how == 1) {
                cr_assert(filch_future_cancel(next));
            }
            filch_future_release(future);
            cr_assert_eq(filch_future_cancelled(next), how > 0);
            filch_future_release(next);
        }
}

/* ---- Long chains --------------------------------------------------------------------------- */

enum { LENGTH = 100000 };

struct chain {
    struct filch_executor *executor; /* of all links, or NULL */
    struct filch_future *root, *last;
    int links;
};

static void chain_add(struct chain *chain, int links)
{
    for (int i = 0; i < links; i++) {
        struct filch_future *next = then(chain->last, chain->executor, plus, number(1));
        filch_future_release(chain->last);
        chain->last = next;
    }
    chain->links += links;
}

static struct chain chain_of(struct filch_executor *executor, int links)
{
    struct filch_future *root = manual();
    struct chain chain = {executor, root, filch_future_retain(root), 0};
    chain_add(&chain, links);
    return chain;
}

/* Ends chains in a thread with a small stack, which recursion would soon use up. */
static void *end_chain(void *argument)
{
    struct chain *chain = argument;
    int how = chain->links;
    if (how == 0)
        cr_assert_eq(filch_future_set_result(chain->root, number(1)), 0);
    else if (how == 1)
        cr_assert_eq(filch_future_set_error(chain->root, 7, "line 3"), 0);
    else if (how == 2)
        cr_assert(filch_future_cancel(chain->root));
    filch_future_release(chain->root);
    return NULL;
}

static void end_on_small_stack(struct chain *chain, int how)
{
    pthread_attr_t attributes;
    pthread_t thread;
    chain->links = how;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)256 << 10);
    cr_assert_eq(pthread_create(&thread, &attributes, end_chain, chain), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
}

Test(future_then, a_long_chain_runs_from_end_to_end)
{
    struct chain chain = chain_of(NULL, LENGTH);
    end_on_small_stack(&chain, 0);
    cr_assert_eq(result_of(chain.last), number(LENGTH + 1));
}

Test(future_then, a_long_chain_fails_from_end_to_end)
{
    struct chain chain = chain_of(NULL, LENGTH);
    end_on_small_stack(&chain, 1);
    cr_assert_str_eq(filch_future_error(chain.last, 0, NULL), "line 3");
    cr_assert_eq(error_of(chain.last), 7);
    cr_assert_eq(atomic_load(&ran), 0);
}

Test(future_then, a_long_chain_is_cancelled_from_end_to_end)
{
    struct chain chain = chain_of(NULL, LENGTH);
    end_on_small_stack(&chain, 2);
    cr_assert_eq(error_of(chain.last), FILCH_ECANCELED);
}

Test(future_then, a_long_chain_without_an_end_goes_as_a_whole)
{
    struct chain chain = chain_of(NULL, LENGTH);
    end_on_small_stack(&chain, 3);
    cr_assert_eq(error_of(chain.last), FILCH_ECANCELED);
    cr_assert_eq(atomic_load(&ran), 0);
}

Test(future_then, a_long_chain_that_nobody_holds_goes_as_a_whole)
{
    for (int how = 0; how < 4; how++) {
        struct chain chain = chain_of(NULL, LENGTH);
        filch_future_release(chain.last);
        atomic_store(&ran, 0);
        end_on_small_stack(&chain, how);
        cr_assert_eq(atomic_load(&ran), how == 0 ? LENGTH : 0);
    }
}

Test(future_then, a_long_chain_may_grow_from_a_future_that_has_ended)
{
    struct chain chain = chain_of(NULL, 0);
    cr_assert_eq(filch_future_set_result(chain.root, number(1)), 0);
    filch_future_release(chain.root);
    chain_add(&chain, LENGTH);
    cr_assert_eq(result_of(chain.last), number(LENGTH + 1));
}

Test(future_then, a_long_chain_runs_on_an_executor)
{
    static const struct filch_executor_options small = {.stack_size = (size_t)256 << 10};
    for (int how = 0; how < 4; how++) {
        struct filch_executor *executor = executor_with(2, &small);
        struct chain chain = chain_of(executor, LENGTH);
        end_on_small_stack(&chain, how);
        if (how == 0)
            cr_assert_eq(result_of(chain.last), number(LENGTH + 1));
        else
            cr_assert_eq(error_of(chain.last), how == 1 ? 7 : FILCH_ECANCELED);
        destroy(executor);
    }
}

Test(future_then, a_long_chain_ends_where_its_executor_is_shut_down)
{
    struct filch_executor *executor = executor_of(1);
    struct chain chain = chain_of(executor, LENGTH);
    cr_assert_eq(filch_executor_shutdown(executor, true, false), 0);
    end_on_small_stack(&chain, 0);
    cr_assert_eq(error_of(chain.last), FILCH_ESHUTDOWN);
    destroy(executor);
}

static void *set_root(void *argument)
{
    struct chain *chain = argument;
    cr_assert_eq(filch_future_set_result(chain->root, number(1)), 0);
    return NULL;
}

Test(future_then, a_long_chain_may_run_at_the_end_of_a_task)
{
    static const struct filch_executor_options small = {.stack_size = (size_t)256 << 10};
    struct filch_executor *executor = executor_with(1, &small);
    struct chain chain = chain_of(NULL, LENGTH);
    struct filch_future *task = submit_to(executor, set_root, &chain);
    cr_assert_eq(result_of(chain.last), number(LENGTH + 1));
    filch_future_release(task);
    filch_future_release(chain.root);
    destroy(executor);
}

/* ---- Waiting ------------------------------------------------------------------------------- */

static struct filch_executor *own;
static struct filch_future *awaited;
static int errors[8];

static void *ask_awaited(void *argument)
{
    static const double timeouts[] = {1e-6, 3600, FILCH_FOREVER};
    await_signal(&leave);
    for (size_t i = 0; i < COUNT(timeouts); i++)
        errors[i] = filch_future_result(awaited, timeouts[i], NULL);
    errors[3] = filch_future_result(awaited, 0, NULL);
    return argument;
}

Test(future_then, a_task_that_waits_for_what_follows_on_it_is_told_so)
{
    for (int links = 1; links < 5; links += 3)
        for (int executors = 0; executors < 2; executors++) {
            own = executor_of(2);
            struct filch_future *task = submit_to(own, ask_awaited, number(5)), *last = task;
            for (int i = 0; i < links; i++) {
                struct filch_future *next = then(last, executors ? own : NULL, plus, number(1));
                if (i > 0)
                    filch_future_release(last); /* the chain holds together without */
                last = next;
            }
            awaited = last;
            sem_post(&leave);
            cr_assert_eq(result_of(last), number(5 + links));
            for (int i = 0; i < 3; i++)
                cr_assert_eq(errors[i], FILCH_EDEADLK);
            cr_assert_eq(errors[3], FILCH_ETIMEDOUT);
            filch_future_release(task);
            destroy(own);
        }
}

static void *ask_then(void *value, void *argument)
{
    ask_awaited(argument);
    return value;
}

Test(future_then, one_that_waits_for_itself_or_what_follows_on_it_is_told_so)
{
    for (int of_next = 0; of_next < 2; of_next++) {
        own = executor_of(2);
        struct filch_future *future = manual(), *asks = then(future, own, ask_then, NULL);
        struct filch_future *next = then(asks, NULL, plus, number(1));
        awaited = of_next ? next : asks;
        cr_assert_eq(filch_future_set_result(future, number(5)), 0);
        sem_post(&leave);
        cr_assert_eq(result_of(next), number(6));
        for (int i = 0; i < 3; i++)
            cr_assert_eq(errors[i], FILCH_EDEADLK);
        filch_future_release(asks);
        filch_future_release(future);
        destroy(own);
    }
}

static void *ask_last(void *argument)
{
    errors[0] = filch_future_result(*(struct filch_future **)argument, FILCH_FOREVER, NULL);
    return number(1);
}

static struct filch_mutex mutex;

static void *ask_last_with_lock(void *argument)
{
    cr_assert_eq(filch_mutex_lock(&mutex, FILCH_FOREVER), 0);
    void *value = ask_last(argument);
    cr_assert_eq(filch_mutex_unlock(&mutex), 0);
    return value;
}

/* The only worker runs `fn`; what that asks for follows on a task that stands behind it. */
static void ask_what_follows_on_another(filch_fn *fn)
{
    for (int executors = 0; executors < 2; executors++) {
        own = executor_of(1);
        struct filch_future *held = occupy_executor(own), *next;
        struct filch_future *asks = submit_to(own, fn, &next);
        struct filch_future *task = submit_to(own, same, number(5));
        next = then(task, executors ? own : NULL, plus, number(1));
        sem_post(&leave);
        cr_assert_eq(result_of(asks), number(1));
        cr_assert_eq(errors[0], 0);
        cr_assert_eq(result_of(next), number(6));
        filch_future_release(task);
        filch_future_release(held);
        destroy(own);
    }
}

Test(future_then, a_task_may_wait_for_what_follows_on_another)
{
    ask_what_follows_on_another(ask_last);
}

Test(future_then, a_task_with_a_lock_may_wait_for_what_follows_on_another)
{
    filch_mutex_init(&mutex);
    ask_what_follows_on_another(ask_last_with_lock);
    filch_mutex_fini(&mutex);
}

/* Waits for a future that follows on the same one, after this one. */
static void *ask_sibling(void *value, void *argument)
{
    errors[0] = filch_future_result(*(struct filch_future **)argument, FILCH_FOREVER, NULL);
    return value;
}

Test(future_then, one_may_wait_for_a_later_one_of_the_same_thread)
{
    struct filch_future *future = manual(), *second;
    struct filch_future *first = then(future, NULL, ask_sibling, &second);
    second = then(future, NULL, plus, number(1));
    errors[0] = 1;
    cr_assert_eq(filch_future_set_result(future, number(5)), 0);
    cr_assert_eq(errors[0], 0);
    cr_assert_eq(result_of(first), number(5));
    cr_assert_eq(result_of(second), number(6));
    filch_future_release(future);
}

static void wait_for_follower(struct filch_future *future, void *argument)
{
    (void)future;
    errors[0] = filch_future_result(*(struct filch_future **)argument, FILCH_FOREVER, NULL);
}

Test(future_then, a_callback_may_wait_for_what_follows_on_the_same_future)
{
    for (int executors = 0; executors < 2; executors++) {
        struct filch_future *future = manual(), *next;
        own = executor_of(1);
        errors[0] = 1;
        cr_assert_eq(filch_future_add_done_callback(future, wait_for_follower, &next), 0);
        next = then(future, executors ? own : NULL, plus, number(1));
        cr_assert_eq(filch_future_set_result(future, number(5)), 0);
        cr_assert_eq(errors[0], 0);
        cr_assert_eq(result_of(next), number(6));
        filch_future_release(future);
        destroy(own);
    }
}

static void *wait_for_siblings(void *value, void *argument)
{
    bool done[3];
    errors[0] = filch_wait(argument, 3, FILCH_ALL_COMPLETED, FILCH_FOREVER, done, NULL);
    return done[0] && done[1] && done[2] ? value : NULL;
}

Test(future_then, one_may_wait_for_all_later_ones_of_the_same_thread)
{
    struct filch_future *future = manual(), *others[3];
    struct filch_future *first = then(future, NULL, wait_for_siblings, others);
    for (int i = 0; i < 3; i++)
        others[i] = then(future, NULL, plus, number(1));
    cr_assert_eq(filch_future_set_result(future, number(5)), 0);
    cr_assert_eq(errors[0], 0);
    cr_assert_eq(result_of(first), number(5));
    for (int i = 0; i < 3; i++)
        cr_assert_eq(result_of(others[i]), number(6));
    filch_future_release(future);
}

static void *complete_and_wait(void *argument)
{
    struct chain *chain = argument;
    cr_assert_eq(filch_future_set_result(chain->root, number(1)), 0);
    return number(filch_future_result(chain->last, FILCH_FOREVER, NULL));
}

Test(future_then, a_task_may_wait_for_what_follows_on_a_future_that_it_completes)
{
    own = executor_of(1);
    for (int executors = 0; executors < 2; executors++) {
        struct chain chain = chain_of(executors ? own : NULL, 3);
        cr_assert_eq(result_of(submit_to(own, complete_and_wait, &chain)), NULL);
        cr_assert_eq(result_of(chain.last), number(4));
        filch_future_release(chain.root);
    }
    destroy(own);
}

static void *then_complete(void *value, void *argument)
{
    (void)value;
    return complete_and_wait(argument);
}

Test(future_then, what_follows_may_itself_complete_and_wait_so)
{
    struct chain chain = chain_of(NULL, 3);
    struct filch_future *future = manual(), *next = then(future, NULL, then_complete, &chain);
    cr_assert_eq(filch_future_set_result(future, NULL), 0);
    cr_assert_eq(result_of(next), NULL);
    cr_assert_eq(result_of(chain.last), number(4));
    filch_future_release(chain.root);
    filch_future_release(future);
}
