/* SPDX-License-Identifier: MIT
 *
 * Futures that are completed by hand, in each of their states: what they answer, and what may be
 * done to them. The rules are those of CPython's test_future.py. */
#include "executor.h"

TestSuite(future_state, .init = setup);

/* ---- In each state ----------------------------------------------------------------------- */

enum state { PENDING, RUNNING, CANCELLED, NOTIFIED, FAILED, SUCCEEDED, STATES };

static const enum filch_future_state states[] = {
    FILCH_PENDING,  FILCH_RUNNING,  FILCH_CANCELLED, FILCH_CANCELLED_AND_NOTIFIED,
    FILCH_FINISHED, FILCH_FINISHED,
};

static struct filch_future *future_in(enum state state)
{
    struct filch_future *future = manual();
    if (state == CANCELLED || state == NOTIFIED)
        cr_assert(filch_future_cancel(future));
    if (state != PENDING && state != CANCELLED)
        cr_assert_eq(filch_future_set_running_or_notify_cancel(future), state != NOTIFIED);
    if (state == FAILED)
        cr_assert_eq(filch_future_set_error(future, 5, "no number"), 0);
    if (state == SUCCEEDED)
        cr_assert_eq(filch_future_set_result(future, &untouched), 0);
    return future;
}

static bool is_cancelled(enum state state)
{
    return state == CANCELLED || state == NOTIFIED;
}

Test(future_state, answers_in_each_state)
{
    for (enum state state = 0; state < STATES; state++) {
        struct filch_future *future = future_in(state);
        cr_assert_eq(filch_future_state(future), states[state], "%d", state);
        ASSERT_STATE(future, state == RUNNING, state >= CANCELLED, is_cancelled(state));
        filch_future_release(future);
    }
}

Test(future_state, only_a_pending_one_is_cancelled)
{
    for (enum state state = 0; state < STATES; state++) {
        struct filch_future *future = future_in(state);
        bool expected = state == PENDING || is_cancelled(state);
        for (int again = 0; again < 2; again++) {
            cr_assert_eq(filch_future_cancel(future), expected, "%d", state);
            cr_assert_eq(filch_future_state(future),
                         state == PENDING ? FILCH_CANCELLED : states[state]);
        }
        filch_future_release(future);
    }
}

Test(future_state, stopping_one_is_cancelling_it)
{
    for (enum state state = 0; state < STATES; state++) {
        struct filch_future *future = future_in(state);
        cr_assert_eq(filch_future_stop(future), state == PENDING || is_cancelled(state));
        cr_assert_eq(filch_future_state(future),
                     state == PENDING ? FILCH_CANCELLED : states[state]);
        filch_future_release(future);
    }
}

Test(future_state, tells_its_result_at_once_where_there_is_one)
{
    static const int expected[] = {
        FILCH_ETIMEDOUT, FILCH_ETIMEDOUT, FILCH_ECANCELED, FILCH_ECANCELED, 5, 0};
    for (enum state state = 0; state < STATES; state++) {
        struct filch_future *future = future_in(state);
        void *result = UNTOUCHED;
        cr_assert_eq(filch_future_result(future, 0, &result), expected[state]);
        cr_assert_eq(result, &untouched, "it is the result, or it is untouched");
        cr_assert_eq(filch_future_result(future, -1, NULL), expected[state]);
        cr_assert_eq(filch_future_result(future, (double)NAN, NULL), FILCH_EINVAL);
        filch_future_release(future);
    }
}

Test(future_state, tells_its_error_at_once_where_there_is_one)
{
    static const int codes[] = {
        FILCH_ETIMEDOUT, FILCH_ETIMEDOUT, FILCH_ECANCELED, FILCH_ECANCELED, 5, 0};
    for (enum state state = 0; state < STATES; state++) {
        struct filch_future *future = future_in(state);
        int code = 1;
        const char *text = filch_future_error(future, 0, &code);
        cr_assert_eq(code, codes[state]);
        if (state == SUCCEEDED)
            cr_assert_null(text);
        else
            cr_assert_str_eq(text, state == FAILED ? "no number" : filch_strerror(code));
        filch_future_release(future);
    }
}

Test(future_state, is_set_running_or_notified_once)
{
    static const int expected[] = {1,           FILCH_ESTATE, 0, FILCH_ESTATE, FILCH_ESTATE,
                                   FILCH_ESTATE};
    static const enum filch_future_state after[] = {
        FILCH_RUNNING,
        FILCH_RUNNING,
        FILCH_CANCELLED_AND_NOTIFIED,
        FILCH_CANCELLED_AND_NOTIFIED,
        FILCH_FINISHED,
        FILCH_FINISHED,
    };
    for (enum state state = 0; state < STATES; state++) {
        struct filch_future *future = future_in(state);
        cr_assert_eq(filch_future_set_running_or_notify_cancel(future), expected[state]);
        cr_assert_eq(filch_future_state(future), after[state]);
        cr_assert_eq(filch_future_set_running_or_notify_cancel(future), FILCH_ESTATE);
        cr_assert_eq(filch_future_state(future), after[state]);
        filch_future_release(future);
    }
}

Test(future_state, takes_a_result_once_and_while_it_is_not_done)
{
    for (enum state state = 0; state < STATES; state++) {
        struct filch_future *future = future_in(state);
        void *result = NULL;
        int code;
        if (state < CANCELLED) {
            cr_assert_eq(filch_future_set_result(future, &result), 0);
            cr_assert_eq(filch_future_set_result(future, NULL), FILCH_ESTATE);
            cr_assert_eq(filch_future_set_error(future, 1, "late"), FILCH_ESTATE);
            cr_assert_eq(filch_future_state(future), FILCH_FINISHED);
            cr_assert_eq(filch_future_result(future, 0, &result), 0);
            cr_assert_eq(result, &result, "it stays the first one");
        } else {
            cr_assert_eq(filch_future_set_result(future, NULL), FILCH_ESTATE);
            cr_assert_eq(filch_future_state(future), states[state]);
            (void)filch_future_error(future, 0, &code);
            cr_assert_eq(code, is_cancelled(state) ? FILCH_ECANCELED : state == FAILED ? 5 : 0);
        }
        filch_future_release(future);
    }
}

Test(future_state, takes_an_error_once_and_while_it_is_not_done)
{
    for (enum state state = 0; state < STATES; state++) {
        struct filch_future *future = future_in(state);
        int code;
        if (state < CANCELLED) {
            cr_assert_eq(filch_future_set_error(future, 7, "first"), 0);
            cr_assert_eq(filch_future_set_error(future, 8, "second"), FILCH_ESTATE);
            cr_assert_eq(filch_future_set_result(future, NULL), FILCH_ESTATE);
            cr_assert_eq(filch_future_state(future), FILCH_FINISHED);
            cr_assert_str_eq(filch_future_error(future, 0, &code), "first");
            cr_assert_eq(code, 7);
        } else {
            cr_assert_eq(filch_future_set_error(future, 8, "second"), FILCH_ESTATE);
            cr_assert_eq(filch_future_state(future), states[state]);
        }
        filch_future_release(future);
    }
}

/* ---- Errors ------------------------------------------------------------------------------ */

Test(future_state, an_error_without_a_code_is_refused)
{
    struct filch_future *future = manual();
    cr_assert_eq(filch_future_set_error(future, 0, "nothing"), FILCH_EINVAL);
    cr_assert_eq(filch_future_state(future), FILCH_PENDING);
    filch_future_release(future);
}

Test(future_state, an_error_without_a_text_has_that_of_its_code)
{
    struct filch_future *future = manual();
    cr_assert_eq(filch_future_set_error(future, FILCH_ECHECK, NULL), 0);
    cr_assert_str_eq(filch_future_error(future, 0, NULL), filch_strerror(FILCH_ECHECK));
    filch_future_release(future);
}

Test(future_state, the_text_of_an_error_is_copied_and_cut_after_255_bytes)
{
    for (size_t length = 254; length < 258; length++) {
        struct filch_future *future = manual();
        char words[258] = {0};
        memset(words, 'x', length);
        cr_assert_eq(filch_future_set_error(future, 1, words), 0);
        memset(words, 'y', length);
        const char *text = filch_future_error(future, 0, NULL);
        cr_assert_eq(strlen(text), length < 255 ? length : 255);
        cr_assert_eq(strspn(text, "x"), strlen(text));
        filch_future_release(future);
    }
}

/* ---- Those who wait ---------------------------------------------------------------------- */

static struct question question;

static void complete(struct filch_future *future, enum state how)
{
    if (how == CANCELLED)
        cr_assert(filch_future_cancel(future));
    else if (how == FAILED)
        cr_assert_eq(filch_future_set_error(future, 5, "no number"), 0);
    else
        cr_assert_eq(filch_future_set_result(future, &question), 0);
}

static void check_answer(enum state how)
{
    cr_assert_eq(question.error, how == CANCELLED ? FILCH_ECANCELED : how == FAILED ? 5 : 0);
    cr_assert_eq(question.result, how == SUCCEEDED ? (void *)&question : UNTOUCHED);
}

Test(future_state, a_thread_that_waits_hears_of_each_end)
{
    static const enum state ends[] = {SUCCEEDED, FAILED, CANCELLED};
    for (size_t i = 0; i < COUNT(ends) * COUNT(long_timeouts); i++) {
        pthread_t thread;
        enum state how = ends[i % COUNT(ends)];
        question = (struct question){manual(), long_timeouts[i / COUNT(ends)], 0, 0, NULL};
        cr_assert_eq(pthread_create(&thread, NULL, ask, &question), 0);
        await_waiter(question.future);
        complete(question.future, how);
        pthread_join(thread, NULL);
        check_answer(how);
        filch_future_release(question.future);
    }
}

Test(future_state, a_worker_that_waits_hears_of_each_end)
{
    static const enum state ends[] = {SUCCEEDED, FAILED, CANCELLED};
    struct filch_pool *pool = pool_of(1);
    for (size_t i = 0; i < COUNT(ends); i++) {
        question = (struct question){manual(), FILCH_FOREVER, 0, 0, NULL};
        struct filch_future *task = submit(pool, ask, &question);
        await_waiter(question.future);
        complete(question.future, ends[i]);
        (void)result_of(task);
        check_answer(ends[i]);
        filch_future_release(question.future);
    }
    filch_pool_destroy(pool);
}

static void *set_it(void *future)
{
    return (void *)(intptr_t)filch_future_set_result(future, NULL);
}

Test(future_state, a_worker_that_waits_may_run_the_task_that_completes_it)
{
    struct filch_pool *pool = pool_of(1);
    question = (struct question){manual(), FILCH_FOREVER, 0, 0, NULL};
    struct filch_future *task = submit(pool, ask, &question);
    cr_assert_eq(result_of(submit(pool, set_it, question.future)), NULL);
    (void)result_of(task);
    cr_assert_eq(question.error, 0);
    filch_future_release(question.future);
    filch_pool_destroy(pool);
}

/* ---- Races ------------------------------------------------------------------------------- */

static struct filch_future *disputed;
static pthread_barrier_t start;

static void *set_disputed(void *argument)
{
    (void)argument;
    pthread_barrier_wait(&start);
    return (void *)(intptr_t)filch_future_set_result(disputed, NULL);
}

static void *run_disputed(void *argument)
{
    (void)argument;
    pthread_barrier_wait(&start);
    return (void *)(intptr_t)filch_future_set_running_or_notify_cancel(disputed);
}

Test(future_state, of_two_results_one_is_taken)
{
    pthread_barrier_init(&start, NULL, 2);
    for (int round = 0; round < 500; round++) {
        pthread_t thread;
        void *theirs, *mine;
        disputed = manual();
        pthread_create(&thread, NULL, set_disputed, NULL);
        mine = set_disputed(NULL);
        pthread_join(thread, &theirs);
        cr_assert_eq((intptr_t)mine + (intptr_t)theirs, FILCH_ESTATE);
        filch_future_release(disputed);
    }
}

Test(future_state, it_is_cancelled_or_set_running)
{
    pthread_barrier_init(&start, NULL, 2);
    for (int round = 0; round < 500; round++) {
        pthread_t thread;
        void *runs;
        disputed = manual();
        pthread_create(&thread, NULL, run_disputed, NULL);
        pthread_barrier_wait(&start);
        bool cancelled = filch_future_cancel(disputed);
        pthread_join(thread, &runs);
        cr_assert_eq((intptr_t)runs, !cancelled);
        cr_assert_eq(filch_future_state(disputed),
                     cancelled ? FILCH_CANCELLED_AND_NOTIFIED : FILCH_RUNNING);
        filch_future_release(disputed);
    }
}

/* ---- Futures of an executor -------------------------------------------------------------- */

Test(future_state, one_of_an_executor_is_not_completed_by_hand)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_future *held = occupy_executor(executor);
    struct filch_future *future = submit_to(executor, count, &question);
    struct filch_future *both[] = {held, future};
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(filch_future_set_running_or_notify_cancel(both[i]), FILCH_ESTATE);
        cr_assert_eq(filch_future_set_result(both[i], NULL), FILCH_ESTATE);
        cr_assert_eq(filch_future_set_error(both[i], 1, NULL), FILCH_ESTATE);
    }
    sem_post(&leave);
    cr_assert_eq(result_of(held), &untouched);
    cr_assert_eq(result_of(future), &question);
    cr_assert_eq(atomic_load(&ran), 1);
    destroy(executor);
}

/* ---- In words ---------------------------------------------------------------------------- */

static void assert_described(const struct filch_future *future, const char *head,
                             const char *tail)
{
    char expected[512], line[512];
    int length = snprintf(expected, sizeof expected, "<Future%s at %p state=%s>", head,
                          (const void *)future, tail);
    cr_assert_eq(filch_future_describe(future, line, sizeof line), (size_t)length);
    cr_assert_str_eq(line, expected);
}

Test(future_state, is_described_in_each_state)
{
    char returned[64];
    const char *tails[] = {
        "pending", "running", "cancelled", "cancelled", "finished raised 5: no number",
        returned};
    snprintf(returned, sizeof returned, "finished returned %p", (void *)&untouched);
    for (enum state state = 0; state < STATES; state++) {
        struct filch_future *future = future_in(state);
        assert_described(future, "", tails[state]);
        filch_future_release(future);
    }
}

Test(future_state, an_error_is_described_by_its_name_and_text)
{
    struct filch_future *future = manual();
    cr_assert_eq(filch_future_set_error(future, FILCH_EINVAL, "line 3: no number"), 0);
    assert_described(future, "", "finished raised FILCH_EINVAL: line 3: no number");
    filch_future_release(future);
    future = manual();
    cr_assert_eq(filch_future_set_error(future, FILCH_ECHECK, NULL), 0);
    assert_described(future, "",
                     "finished raised FILCH_ECHECK: a result did not pass its check");
    filch_future_release(future);
}

Test(future_state, is_described_with_its_name)
{
    struct filch_executor *executor = executor_of(1);
    char name[] = "parse";
    struct filch_task_options options = {.name = name};
    struct filch_future *future, *held = occupy_executor(executor);
    cr_assert_eq(filch_executor_submit_with(executor, &options, same, NULL, &future), 0);
    name[0] = 'x'; /* it was copied */
    assert_described(future, " 'parse'", "pending");
    cr_assert(filch_future_cancel(future));
    assert_described(future, " 'parse'", "cancelled");
    sem_post(&leave);
    filch_future_release(future);
    filch_future_release(held);
    destroy(executor);
}

Test(future_state, a_description_is_cut_to_the_room_there_is)
{
    struct filch_future *future = manual();
    char whole[128], line[128];
    size_t length = filch_future_describe(future, whole, sizeof whole);
    cr_assert_eq(filch_future_describe(future, NULL, 0), length);
    for (size_t size = 1; size < length + 3; size++) {
        memset(line, '#', sizeof line);
        cr_assert_eq(filch_future_describe(future, line, size), length);
        cr_assert_eq(strlen(line), size - 1 < length ? size - 1 : length);
        cr_assert_eq(strncmp(line, whole, strlen(line)), 0);
        cr_assert_eq(line[size], '#', "nothing is written behind it");
    }
    filch_future_release(future);
}
