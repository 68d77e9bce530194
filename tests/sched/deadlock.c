/* SPDX-License-Identifier: MIT
 *
 * Deadlocks in words: filch_deadlock_describe(), after each kind of wait that is told FILCH_EDEADLK.
 * Tasks are called by their names. */
#include "executor.h"

#include <filch/group.h>
#include <filch/map.h>
#include <filch/sync.h>
#include <filch/wait.h>

TestSuite(deadlock, .init = setup);

enum { WORDS = 400 };

static const char *words_now(void)
{
    static _Thread_local char text[WORDS];
    size_t length = filch_deadlock_describe(text, sizeof text);
    cr_assert_eq(length, strlen(text));
    return text;
}

/* Submits fn(argument) under a name, in a way that it finds its own future in `futures` first. */
static struct filch_future *futures[4];
static sem_t known;

static struct filch_future *submit_named(struct filch_executor *executor, const char *name,
                                         filch_fn *fn, void *argument)
{
    struct filch_task_options options = {.name = name};
    struct filch_future *future = NULL;
    cr_assert_eq(filch_executor_submit_with(executor, &options, fn, argument, &future), 0);
    return future;
}

/* How tasks wait for futures[number]. */
enum way { RESULT, ERROR, WAIT_ALL, WAIT_FIRST, AS_COMPLETED, WAYS };

static int await_by(enum way way, struct filch_future *future)
{
    struct filch_as_completed *iterator;
    struct filch_future *first;
    int code = 0;
    switch (way) {
    case RESULT:
        return filch_future_result(future, FILCH_FOREVER, NULL);
    case ERROR:
        (void)filch_future_error(future, FILCH_FOREVER, &code);
        return code;
    case WAIT_ALL:
        return filch_wait(&future, 1, FILCH_ALL_COMPLETED, FILCH_FOREVER, NULL, NULL);
    case WAIT_FIRST:
        return filch_wait(&future, 1, FILCH_FIRST_COMPLETED, FILCH_FOREVER, NULL, NULL);
    default:
        cr_assert_eq(filch_as_completed_create(&future, 1, FILCH_FOREVER, &iterator), 0);
        code = filch_as_completed_next(iterator, &first);
        filch_as_completed_destroy(iterator);
        if (!code)
            filch_future_release(first);
        return code;
    }
}

/* What a task waits for, and what it was told. */
struct asker {
    struct filch_future **awaited;
    enum way way;
    int error;
    char words[WORDS];
};

static void *ask_for(void *argument)
{
    struct asker *asker = argument;
    await_signal(&known);
    asker->error = await_by(asker->way, *asker->awaited);
    strcpy(asker->words, asker->error == FILCH_EDEADLK ? words_now() : "");
    return argument;
}

static void know(int count)
{
    for (int i = 0; i < count; i++)
        sem_post(&known);
}

static void setup_known(void)
{
    setup();
    sem_init(&known, 0, 0);
}

/* ---- At once ----------------------------------------------------------------------------------- */

Test(deadlock, a_thread_that_was_told_of_none_has_no_words)
{
    char text[3] = "??";
    cr_assert_eq(filch_deadlock_describe(text, sizeof text), 0);
    cr_assert_str_empty(text);
    cr_assert_eq(filch_deadlock_describe(NULL, 0), 0);
}

Test(deadlock, a_task_that_waits_for_itself_has_a_name, .init = setup_known)
{
    struct filch_executor *executor = executor_of(2);
    for (enum way way = 0; way < WAYS; way++) {
        struct asker asker = {.awaited = &futures[0], .way = way};
        futures[0] = submit_named(executor, "parse", ask_for, &asker);
        know(1);
        (void)result_of(futures[0]);
        cr_assert_eq(asker.error, FILCH_EDEADLK);
        cr_assert_str_eq(asker.words, "'parse' waits for itself", "%d: %s", way, asker.words);
    }
    destroy(executor);
}

static void *cut_words(void *argument)
{
    char text[9];
    memset(text, '?', sizeof text);
    (void)ask_for(argument);
    cr_assert_eq(filch_deadlock_describe(text, 8), strlen("'parse' waits for itself"));
    cr_assert_eq(memcmp(text, "'parse'\0?", 9), 0);
    cr_assert_eq(filch_deadlock_describe(NULL, 0), strlen("'parse' waits for itself"));
    cr_assert_str_eq(words_now(), "'parse' waits for itself", "it can be asked again");
    return argument;
}

Test(deadlock, the_words_are_cut_to_what_there_is_room_for, .init = setup_known)
{
    struct filch_executor *executor = executor_of(1);
    struct asker asker = {.awaited = &futures[0]};
    futures[0] = submit_named(executor, "parse", cut_words, &asker);
    know(1);
    (void)result_of(futures[0]);
    destroy(executor);
    cr_assert_eq(filch_deadlock_describe(NULL, 0), 0, "not this thread's");
}

/* A task that runs another one itself, as it waits for it, and is what that one waits for. */
static void *ask_for_second(void *argument)
{
    await_signal(&known);
    (void)filch_future_result(futures[1], FILCH_FOREVER, NULL);
    return argument;
}

Test(deadlock, a_task_that_waits_for_one_beneath_it_names_both, .init = setup_known)
{
    struct filch_executor *executor = executor_of(1);
    for (enum way way = 0; way < WAYS; way++) {
        struct asker asker = {.awaited = &futures[0], .way = way};
        futures[0] = submit_named(executor, "lower", ask_for_second, NULL);
        futures[1] = submit_named(executor, "upper", ask_for, &asker);
        know(2);
        (void)filch_future_result(futures[0], FILCH_FOREVER, NULL);
        cr_assert_eq(asker.error, FILCH_EDEADLK);
        cr_assert_str_eq(asker.words, "'upper' waits for 'lower', which waits for 'upper'",
                         "%s", asker.words);
        filch_future_release(futures[0]);
        filch_future_release(futures[1]);
    }
    destroy(executor);
}

static void *pass_on(void *value, void *argument)
{
    (void)argument;
    return value;
}

Test(deadlock, what_follows_on_the_task_is_named_too, .init = setup_known)
{
    struct filch_executor *executor = executor_of(2);
    for (enum way way = 0; way < WAYS; way++) {
        struct asker asker = {.awaited = &futures[1], .way = way};
        char expected[WORDS];
        futures[0] = submit_named(executor, "parse", ask_for, &asker);
        cr_assert_eq(filch_future_then(futures[0], way % 2 ? executor : NULL, pass_on, NULL,
                                       &futures[1]),
                     0);
        snprintf(expected, sizeof expected,
                 "'parse' waits for task %p, which waits for 'parse'", (void *)futures[1]);
        know(1);
        (void)result_of(futures[0]);
        cr_assert_eq(asker.error, FILCH_EDEADLK);
        cr_assert_str_eq(asker.words, expected, "%s", asker.words);
        (void)result_of(futures[1]);
    }
    destroy(executor);
}

/* ---- Several threads ----------------------------------------------------------------------------- */

Test(deadlock, a_cycle_names_its_tasks, .init = setup_known)
{
    static const char *const names[] = {"first", "second", "third"};
    struct filch_executor *executor = executor_of(3);
    for (enum way way = 0; way < WAYS; way++) {
        struct asker askers[3];
        int told = 0;
        for (int i = 0; i < 3; i++) {
            askers[i] = (struct asker){.awaited = &futures[(i + 1) % 3], .way = way};
            futures[i] = submit_named(executor, names[i], ask_for, &askers[i]);
        }
        know(3);
        for (int i = 0; i < 3; i++)
            cr_assert_eq(filch_future_result(futures[i], FILCH_FOREVER, NULL), 0);
        for (int i = 0; i < 3; i++) {
            char expected[WORDS];
            filch_future_release(futures[i]);
            if (askers[i].error == 0)
                continue;
            cr_assert_eq(askers[i].error, FILCH_EDEADLK);
            told++;
            snprintf(expected, sizeof expected,
                     "'%s' waits for '%s', which waits for '%s', which waits for '%s'",
                     names[i], names[(i + 1) % 3], names[(i + 2) % 3], names[i]);
            cr_assert_str_eq(askers[i].words, expected, "%s", askers[i].words);
        }
        cr_assert_geq(told, 1);
    }
    destroy(executor);
}

/* ---- Groups --------------------------------------------------------------------------------------- */

static struct filch_group *group;
static char told[2][WORDS];
static int errors[2];

static void *await_own_group(void *argument)
{
    (void)argument;
    errors[0] = filch_group_wait(group, FILCH_FOREVER);
    strcpy(told[0], words_now());
    errors[1] = filch_group_destroy(group);
    strcpy(told[1], words_now());
    return NULL;
}

Test(deadlock, a_task_that_waits_for_its_own_group_has_words)
{
    struct filch_executor *executor = executor_of(1);
    cr_assert_eq(filch_group_create(executor, NULL, &group), 0);
    cr_assert_eq(filch_group_submit(group, await_own_group, NULL), 0);
    cr_assert_eq(filch_group_wait(group, FILCH_FOREVER), 0);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(errors[i], FILCH_EDEADLK);
        cr_assert(strstr(told[i], " waits for itself"), "%s", told[i]);
    }
    cr_assert_eq(filch_group_destroy(group), 0);
    destroy(executor);
}

static void *await_group(void *argument)
{
    struct asker *asker = argument;
    await_signal(&known);
    asker->error = filch_group_wait(group, FILCH_FOREVER);
    strcpy(asker->words, asker->error == FILCH_EDEADLK ? words_now() : "");
    return argument;
}

Test(deadlock, a_cycle_through_a_group_names_the_task_that_waits_for_it, .init = setup_known)
{
    struct filch_executor *executor = executor_of(3);
    struct asker outer = {.way = RESULT}, inner = {.awaited = &futures[0]};
    cr_assert_eq(filch_group_create(executor, NULL, &group), 0);
    futures[0] = submit_named(executor, "collect", await_group, &outer);
    cr_assert_eq(filch_group_submit(group, ask_for, &inner), 0);
    know(2);
    cr_assert_eq(filch_future_result(futures[0], FILCH_FOREVER, NULL), 0);
    cr_assert_eq(filch_group_wait(group, FILCH_FOREVER), 0);
    cr_assert(outer.error == FILCH_EDEADLK || inner.error == FILCH_EDEADLK);
    if (outer.error)
        cr_assert(strstr(outer.words, "'collect' waits for task "), "%s", outer.words);
    if (inner.error)
        cr_assert(strstr(inner.words, " waits for 'collect', which waits for task "), "%s",
                  inner.words);
    filch_future_release(futures[0]);
    cr_assert_eq(filch_group_destroy(group), 0);
    destroy(executor);
}

/* ---- Mutexes --------------------------------------------------------------------------------------- */

static struct filch_mutex mutexes[2];
static pthread_barrier_t both;

static void *lock_twice(void *argument)
{
    struct asker *asker = argument;
    cr_assert_eq(filch_mutex_lock(&mutexes[0], FILCH_FOREVER), 0);
    asker->error = filch_mutex_lock(&mutexes[0], FILCH_FOREVER);
    strcpy(asker->words, words_now());
    cr_assert_eq(filch_mutex_unlock(&mutexes[0]), 0);
    return NULL;
}

Test(deadlock, who_locks_a_mutex_twice_has_words)
{
    struct filch_executor *executor = executor_of(1);
    struct asker asker = {.way = RESULT};
    filch_mutex_init(&mutexes[0]);
    (void)result_of(submit_named(executor, "twice", lock_twice, &asker));
    cr_assert_eq(asker.error, FILCH_EDEADLK);
    cr_assert_str_eq(asker.words, "'twice' waits for itself");
    (void)lock_twice(&asker);
    cr_assert_eq(strncmp(asker.words, "thread ", 7), 0, "%s", asker.words);
    filch_mutex_fini(&mutexes[0]);
    destroy(executor);
}

static void *lock_both(void *argument)
{
    struct asker *asker = argument;
    int first = asker->awaited == &futures[0];
    cr_assert_eq(filch_mutex_lock(&mutexes[first], FILCH_FOREVER), 0);
    pthread_barrier_wait(&both);
    asker->error = filch_mutex_lock(&mutexes[1 - first], FILCH_FOREVER);
    strcpy(asker->words, asker->error ? words_now() : "");
    if (!asker->error)
        (void)filch_mutex_unlock(&mutexes[1 - first]);
    (void)filch_mutex_unlock(&mutexes[first]);
    return NULL;
}

Test(deadlock, two_tasks_that_lock_two_mutexes_crosswise_are_named)
{
    struct filch_executor *executor = executor_of(2);
    struct asker askers[2] = {{.awaited = &futures[0]}, {.awaited = &futures[1]}};
    pthread_barrier_init(&both, NULL, 2);
    for (int i = 0; i < 2; i++)
        filch_mutex_init(&mutexes[i]);
    futures[0] = submit_named(executor, "left", lock_both, &askers[0]);
    futures[1] = submit_named(executor, "right", lock_both, &askers[1]);
    for (int i = 0; i < 2; i++)
        (void)result_of(futures[i]);
    cr_assert_neq(askers[0].error, askers[1].error, "one is told");
    for (int i = 0; i < 2; i++)
        if (askers[i].error)
            cr_assert_str_eq(askers[i].words,
                             i ? "'right' waits for 'left', which waits for 'right'"
                               : "'left' waits for 'right', which waits for 'left'");
    for (int i = 0; i < 2; i++)
        filch_mutex_fini(&mutexes[i]);
    destroy(executor);
}

/* ---- Maps, executors --------------------------------------------------------------------------------- */

static struct filch_map *map;

static void *read_own_map(void *item)
{
    void *result;
    await_signal(&known);
    errors[0] = filch_map_next(map, &result);
    strcpy(told[0], words_now());
    return item;
}

Test(deadlock, a_task_of_a_map_that_reads_it_has_words, .init = setup_known)
{
    for (int unordered = 0; unordered < 2; unordered++) {
        struct filch_executor *executor = executor_of(1);
        struct filch_map_options options = FILCH_MAP_OPTIONS;
        void *item = NULL;
        options.unordered = unordered;
        cr_assert_eq(filch_map_array(executor, read_own_map, &item, 1, &options, &map), 0);
        know(1);
        cr_assert_eq(filch_executor_shutdown(executor, true, false), 0);
        cr_assert_eq(errors[0], FILCH_EDEADLK);
        cr_assert(strstr(told[0], " waits for itself"), "%s", told[0]);
        filch_map_destroy(map);
        destroy(executor);
    }
}

static void *shut_down_own(void *executor)
{
    errors[0] = filch_executor_shutdown(executor, true, false);
    strcpy(told[0], words_now());
    return NULL;
}

Test(deadlock, a_task_that_waits_for_its_executors_end_has_words)
{
    struct filch_executor *executor = executor_of(1);
    (void)result_of(submit_named(executor, "last", shut_down_own, executor));
    cr_assert_eq(errors[0], FILCH_EDEADLK);
    cr_assert_eq(strncmp(told[0], "'last' waits for the end of executor ", 37), 0, "%s",
                 told[0]);
    cr_assert(strstr(told[0], ", which waits for 'last'"), "%s", told[0]);
    destroy(executor);
}

/* ---- Many ---------------------------------------------------------------------------------------------- */

Test(deadlock, old_words_are_forgotten_not_mixed_up, .init = setup_known)
{
    struct filch_executor *executor = executor_of(1);
    char text[WORDS];
    filch_mutex_init(&mutexes[0]);
    cr_assert_eq(filch_mutex_lock(&mutexes[0], FILCH_FOREVER), 0);
    cr_assert_eq(filch_mutex_lock(&mutexes[0], FILCH_FOREVER), FILCH_EDEADLK);
    strcpy(text, words_now());
    cr_assert_str_not_empty(text);
    for (int i = 0; i < 100; i++) {
        struct asker asker = {.awaited = &futures[0]};
        futures[0] = submit_named(executor, "another", ask_for, &asker);
        know(1);
        (void)result_of(futures[0]);
        cr_assert_str_eq(asker.words, "'another' waits for itself");
        cr_assert(!*words_now() || !strcmp(words_now(), text));
    }
    cr_assert_str_empty(words_now());
    cr_assert_eq(filch_mutex_unlock(&mutexes[0]), 0);
    filch_mutex_fini(&mutexes[0]);
    destroy(executor);
}
