/* SPDX-License-Identifier: MIT
 *
 * Errors that carry an object, sentence by sentence of filch_fail_text() and filch_fail_detail() in
 * filch/error.h, and of what gives them out: each object is destroyed once. */
#include "executor.h"

#include <filch/group.h>
#include <filch/map.h>

TestSuite(future_detail, .init = setup);

/* ---- Objects ------------------------------------------------------------------------------- */

struct object {
    _Atomic(int) destroyed;
    int code;
    const char *text;
};

static void destroy_object(void *detail)
{
    struct object *object = detail;
    atomic_fetch_add(&object->destroyed, 1);
}

static int destroyed(struct object *object)
{
    return atomic_load(&object->destroyed);
}

static void *fail_with(void *argument)
{
    struct object *object = argument;
    return filch_fail_detail(object->code, object->text, object, destroy_object);
}

/* ---- Texts --------------------------------------------------------------------------------- */

static void *fail_in_plain_words(void *text)
{
    return filch_fail_text(7, text);
}

Test(future_detail, a_text_is_taken_as_it_is)
{
    struct filch_executor *executor = executor_of(1);
    char words[1000];
    int code;
    struct filch_future *future = submit_to(executor, fail_in_plain_words, "100%d %s");
    cr_assert_str_eq(filch_future_error(future, FILCH_FOREVER, &code), "100%d %s");
    cr_assert_eq(code, 7);
    cr_assert_null(filch_future_error_detail(future));
    filch_future_release(future);
    for (size_t length = 254; length < 300; length++) {
        memset(words, 'x', length);
        words[length] = '\0';
        future = submit_to(executor, fail_in_plain_words, words);
        cr_assert_eq(strlen(filch_future_error(future, FILCH_FOREVER, NULL)),
                     length < 255 ? length : 255);
        filch_future_release(future);
    }
    destroy(executor);
}

Test(future_detail, without_a_text_that_of_the_code_is_used)
{
    struct filch_executor *executor = executor_of(1);
    struct object object = {.code = FILCH_ECHECK};
    struct filch_future *future = submit_to(executor, fail_with, &object);
    struct filch_future *plain = submit_to(executor, fail_in_plain_words, NULL);
    char line[200];
    cr_assert_str_eq(filch_future_error(future, FILCH_FOREVER, NULL),
                     filch_strerror(FILCH_ECHECK));
    cr_assert_eq(filch_future_error_detail(future), &object);
    filch_future_describe(future, line, sizeof line);
    cr_assert(strstr(line, "FILCH_ECHECK"));
    cr_assert_str_eq(filch_future_error(plain, FILCH_FOREVER, NULL), filch_strerror(7));
    filch_future_release(future);
    filch_future_release(plain);
    destroy(executor);
    cr_assert_eq(destroyed(&object), 1);
}

Test(future_detail, code_0_counts_as_an_argument_out_of_range)
{
    struct filch_executor *executor = executor_of(1);
    struct object object = {.text = "no code"};
    cr_assert_eq(error_of(submit_to(executor, fail_with, &object)), FILCH_EINVAL);
    destroy(executor);
    cr_assert_eq(destroyed(&object), 1);
}

/* ---- A task's ------------------------------------------------------------------------------ */

Test(future_detail, the_object_lives_as_long_as_the_future)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 2);
        struct object object = {.code = 5, .text = "why"};
        struct filch_future *future = submit_to(backend.executor, fail_with, &object);
        cr_assert_eq(filch_future_result(future, FILCH_FOREVER, NULL), 5);
        filch_future_retain(future);
        backend_destroy(&backend);
        filch_future_release(future);
        cr_assert_eq(filch_future_error_detail(future), &object);
        cr_assert_str_eq(filch_future_error(future, 0, NULL), "why");
        cr_assert_eq(destroyed(&object), 0);
        filch_future_release(future);
        cr_assert_eq(destroyed(&object), 1, "%s", kind_names[kind]);
    }
}

Test(future_detail, there_is_none_before_the_end_and_none_of_what_did_not_fail)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_future *held = occupy_executor(executor);
    struct filch_future *pending = submit_to(executor, same, NULL);
    cr_assert_null(filch_future_error_detail(held));
    cr_assert_null(filch_future_error_detail(pending));
    filch_future_cancel(pending);
    cr_assert_null(filch_future_error_detail(pending));
    sem_post(&leave);
    cr_assert_eq(filch_future_result(held, FILCH_FOREVER, NULL), 0);
    cr_assert_null(filch_future_error_detail(held));
    filch_future_release(held);
    filch_future_release(pending);
    destroy(executor);
}

static struct object objects[3];

static void *fail_three_times(void *argument)
{
    (void)argument;
    for (int i = 0; i < 2; i++)
        (void)filch_fail_detail(1, "not yet", &objects[i], destroy_object);
    cr_assert_eq(destroyed(&objects[0]), 1, "at once");
    return filch_fail_detail(2, "now", &objects[2], destroy_object);
}

static void *fail_without_it(void *argument)
{
    (void)argument;
    (void)filch_fail_detail(1, "not yet", &objects[0], destroy_object);
    return filch_fail(3, "now, %d", 3);
}

static void *fail_and_recover(void *argument)
{
    (void)filch_fail_detail(1, "not at all", &objects[0], destroy_object);
    return argument;
}

Test(future_detail, another_failure_of_the_same_task_takes_its_place)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_future *future = submit_to(executor, fail_three_times, NULL);
    cr_assert_eq(filch_future_result(future, FILCH_FOREVER, NULL), 2);
    cr_assert_eq(filch_future_error_detail(future), &objects[2]);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(destroyed(&objects[i]), i < 2);
    filch_future_release(future);
    destroy(executor);
    cr_assert_eq(destroyed(&objects[2]), 1);
}

Test(future_detail, a_failure_without_an_object_takes_its_place_too)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_future *future = submit_to(executor, fail_without_it, NULL);
    cr_assert_eq(filch_future_result(future, FILCH_FOREVER, NULL), 3);
    cr_assert_null(filch_future_error_detail(future));
    cr_assert_str_eq(filch_future_error(future, 0, NULL), "now, 3");
    cr_assert_eq(destroyed(&objects[0]), 1);
    filch_future_release(future);
    destroy(executor);
}

Test(future_detail, a_task_that_returns_something_else_has_none)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 1);
        atomic_store(&objects[0].destroyed, 0);
        struct filch_future *future = submit_to(backend.executor, fail_and_recover, &untouched);
        cr_assert_eq(filch_future_result(future, FILCH_FOREVER, NULL), 0);
        cr_assert_eq(destroyed(&objects[0]), 1, "before the future ends");
        cr_assert_null(filch_future_error_detail(future));
        filch_future_release(future);
        backend_destroy(&backend);
        cr_assert_eq(destroyed(&objects[0]), 1);
    }
}

Test(future_detail, of_a_task_without_a_future_it_is_destroyed_when_it_ends)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct backend backend = backend_of(kind, 1);
        struct filch_task_options options = {.name = "fire and forget"};
        struct object object = {.code = 5}, other = {.code = 6};
        cr_assert_eq(filch_executor_submit(backend.executor, fail_with, &object, NULL), 0);
        cr_assert_eq(filch_executor_submit_with(backend.executor, &options, fail_with, &other,
                                                NULL),
                     0);
        backend_destroy(&backend);
        cr_assert_eq(destroyed(&object), 1);
        cr_assert_eq(destroyed(&other), 1);
    }
}

Test(future_detail, outside_of_a_task_it_is_destroyed_at_once)
{
    struct object object = {.code = 5};
    cr_assert(fail_with(&object));
    cr_assert_eq(destroyed(&object), 1);
    cr_assert(filch_fail_detail(1, "nothing to be destroyed", &object, NULL));
    cr_assert_eq(destroyed(&object), 1);
}

static void fail_in_callback(struct filch_future *future, void *argument)
{
    (void)future;
    (void)fail_with(argument);
}

Test(future_detail, of_a_callback_nobody_hears)
{
    struct object object = {.code = 5};
    struct filch_future *future = manual();
    cr_assert_eq(filch_future_add_done_callback(future, fail_in_callback, &object), 0);
    cr_assert_eq(filch_future_set_result(future, NULL), 0);
    cr_assert_eq(destroyed(&object), 1);
    cr_assert_null(filch_future_error_detail(future));
    filch_future_release(future);
}

/* Its object is destroyed on the thread of a task that fails itself. */
static void fail_in_destroy(void *detail)
{
    (void)filch_fail(9, "not the task's");
    destroy_object(detail);
}

static void *release_and_fail(void *argument)
{
    void *failure = filch_fail(4, "the task's");
    filch_future_release(argument);
    return failure;
}

Test(future_detail, what_fails_while_one_is_destroyed_is_not_the_task)
{
    struct filch_executor *executor = executor_of(1);
    struct object object = {.code = 5};
    struct filch_future *future = manual(), *task;
    cr_assert_eq(filch_future_set_error_detail(future, 1, NULL, &object, fail_in_destroy), 0);
    task = submit_to(executor, release_and_fail, future);
    cr_assert_eq(filch_future_result(task, FILCH_FOREVER, NULL), 4);
    cr_assert_str_eq(filch_future_error(task, 0, NULL), "the task's");
    cr_assert_eq(destroyed(&object), 1);
    filch_future_release(task);
    destroy(executor);
}

/* ---- Under a token, in a lent scope ---------------------------------------------------------- */

static struct filch_token *token;
static void *scoped;

static void fail_in_scope(void *argument)
{
    scoped = fail_with(argument);
}

static void *fail_under_token(void *argument)
{
    filch_token_call(token, fail_in_scope, argument);
    return scoped;
}

static void *fail_under_no_scope(void *argument)
{
    filch_scope_call(NULL, fail_in_scope, argument);
    return argument;
}

Test(future_detail, what_fails_under_a_token_is_the_tasks)
{
    struct filch_executor *executor = executor_of(1);
    struct object object = {.code = 5, .text = "under a token"};
    token = token_below(NULL);
    struct filch_future *future = submit_to(executor, fail_under_token, &object);
    cr_assert_eq(filch_future_result(future, FILCH_FOREVER, NULL), 5);
    cr_assert_eq(filch_future_error_detail(future), &object);
    cr_assert_str_eq(filch_future_error(future, 0, NULL), "under a token");
    filch_future_release(future);
    cr_assert_eq(destroyed(&object), 1);
    filch_token_release(token);
    destroy(executor);
}

Test(future_detail, what_fails_in_another_scope_is_lost)
{
    struct filch_executor *executor = executor_of(1);
    struct object object = {.code = 5};
    (void)result_of(submit_to(executor, fail_under_no_scope, &object));
    cr_assert_eq(destroyed(&object), 1);
    destroy(executor);
}

/* ---- By hand ------------------------------------------------------------------------------- */

Test(future_detail, a_future_is_completed_by_hand_with_an_object)
{
    struct object object = {.code = 5};
    struct filch_future *future = manual();
    cr_assert_eq(filch_future_set_error_detail(future, 0, "no code", &object, destroy_object),
                 FILCH_EINVAL);
    cr_assert_eq(filch_future_set_error_detail(future, 3, "why", &object, destroy_object), 0);
    cr_assert_eq(filch_future_set_error_detail(future, 4, "again", &object, destroy_object),
                 FILCH_ESTATE);
    cr_assert_eq(destroyed(&object), 0, "the caller's, after an error");
    cr_assert_eq(filch_future_error_detail(future), &object);
    cr_assert_str_eq(filch_future_error(future, 0, NULL), "why");
    filch_future_release(future);
    cr_assert_eq(destroyed(&object), 1);
}

Test(future_detail, a_future_that_is_cancelled_takes_none)
{
    struct object object = {.code = 5};
    struct filch_future *future = manual();
    cr_assert(filch_future_cancel(future));
    cr_assert_eq(filch_future_set_error_detail(future, 3, "why", &object, destroy_object),
                 FILCH_ESTATE);
    filch_future_release(future);
    cr_assert_eq(destroyed(&object), 0);
}

/* ---- What follows --------------------------------------------------------------------------- */

static void *not_reached(void *value, void *argument)
{
    (void)value;
    (void)argument;
    cr_assert_fail("it was run");
    return NULL;
}

Test(future_detail, what_follows_on_a_failure_shares_its_object)
{
    struct filch_executor *executor = executor_of(1);
    struct object object = {.code = 5, .text = "the first one's"};
    struct filch_future *chain[5] = {manual()};
    for (int i = 1; i < 5; i++)
        cr_assert_eq(filch_future_then(chain[i - 1], i % 2 ? executor : NULL, not_reached, NULL,
                                       &chain[i]),
                     0);
    cr_assert_eq(filch_future_set_error_detail(chain[0], 5, object.text, &object,
                                               destroy_object),
                 0);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(filch_future_result(chain[i], FILCH_FOREVER, NULL), 5);
        cr_assert_eq(filch_future_error_detail(chain[i]), &object);
        cr_assert_str_eq(filch_future_error(chain[i], 0, NULL), object.text);
        cr_assert_eq(destroyed(&object), 0);
        if (i < 4)
            filch_future_release(chain[i]);
    }
    cr_assert_eq(destroyed(&object), 0, "the last one has it");
    filch_future_release(chain[4]);
    cr_assert_eq(destroyed(&object), 1);
    destroy(executor);
}

/* ---- Groups and maps -------------------------------------------------------------------------- */

Test(future_detail, a_group_gives_the_objects_of_its_failures)
{
    for (enum kind kind = THREADS; kind < INLINE; kind++) {
        struct backend backend = backend_of(kind, 3);
        struct filch_group *group;
        struct filch_group_failure failures[4];
        struct object given[3] = {{.code = 1}, {.code = 2, .text = "two"}, {.code = 3}};
        pthread_barrier_t all;
        pthread_barrier_init(&all, NULL, 3);
        cr_assert_eq(filch_group_create(backend.executor, NULL, &group), 0);
        /* All run before one fails. */
        for (int i = 0; i < 3; i++)
            cr_assert_eq(filch_group_submit(group, hold, NULL), 0);
        for (int i = 0; i < 3; i++)
            await_signal(&entered);
        struct filch_group *failing;
        cr_assert_eq(filch_group_create(backend.executor, NULL, &failing), 0);
        void *arguments[3] = {&given[0], &given[1], &given[2]};
        cr_assert_eq(filch_group_submit_many(failing, fail_with, arguments, 3, NULL), 0);
        for (int i = 0; i < 3; i++)
            sem_post(&leave);
        cr_assert_eq(filch_group_destroy(group), 0);
        int first = filch_group_wait(failing, FILCH_FOREVER);
        size_t count = filch_group_errors(failing, failures, 4);
        cr_assert(count >= 1 && count <= 3);
        cr_assert_eq(failures[0].code, first);
        for (size_t i = 0; i < count; i++) {
            struct object *object = failures[i].detail;
            cr_assert_eq(object, &given[failures[i].code - 1]);
            cr_assert_eq(destroyed(object), 0);
        }
        cr_assert_eq(filch_group_destroy(failing), 0);
        int gone = 0;
        for (int i = 0; i < 3; i++)
            gone += destroyed(&given[i]);
        cr_assert_eq((size_t)gone, count, "those that failed");
        backend_destroy(&backend);
    }
}

Test(future_detail, of_a_task_that_was_cut_short_a_group_keeps_none)
{
    struct filch_executor *executor = executor_of(1);
    struct filch_group *group;
    struct object object = {.code = FILCH_ECANCELED};
    cr_assert_eq(filch_group_create(executor, NULL, &group), 0);
    cr_assert_eq(filch_group_submit(group, fail_with, &object), 0);
    cr_assert_eq(filch_group_wait(group, FILCH_FOREVER), FILCH_ECANCELED);
    cr_assert_eq(destroyed(&object), 1);
    cr_assert_eq(filch_group_destroy(group), 0);
    destroy(executor);
    cr_assert_eq(destroyed(&object), 1);
}

static void *fail_on_objects(void *item)
{
    return ((struct object *)item)->code ? fail_with(item) : item;
}

Test(future_detail, a_map_gives_the_object_of_its_last_error)
{
    struct filch_executor *executor = executor_of(2);
    for (int unordered = 0; unordered < 2; unordered++) {
        struct object given[] = {{.code = 0}, {.code = 4, .text = "four"}, {.code = 0}};
        void *items[] = {&given[0], &given[1], &given[2]}, *result;
        struct filch_map_options options = FILCH_MAP_OPTIONS;
        struct filch_map *map;
        int errors = 0, results = 0, error;
        options.unordered = unordered;
        cr_assert_eq(filch_map_array(executor, fail_on_objects, items, 3, &options, &map), 0);
        while ((error = filch_map_next(map, &result)) != FILCH_EEND) {
            cr_assert_eq(filch_map_error_detail(map), error ? &given[1] : NULL);
            cr_assert_eq(destroyed(&given[1]), error ? 0 : errors, "until the next call");
            errors += error == 4;
            results += error == 0;
        }
        cr_assert_null(filch_map_error_detail(map));
        cr_assert_eq(errors, 1);
        cr_assert_eq(results, 2);
        filch_map_destroy(map);
        cr_assert_eq(destroyed(&given[1]), 1);
    }
    destroy(executor);
}
