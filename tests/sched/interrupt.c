/* SPDX-License-Identifier: MIT
 *
 * Waits that are interrupted, sentence by sentence of filch/interrupt.h: by another thread, and by a
 * signal handler on the waiting thread itself; and that nothing is lost by it. */
#include "executor.h"

#include <filch/group.h>
#include <filch/interrupt.h>
#include <filch/map.h>
#include <filch/sync.h>
#include <filch/task.h>
#include <filch/wait.h>

#include <signal.h>

/* ---- Ways to wait ----------------------------------------------------------------------------- */

/* All that a wait can be for. */
static struct {
    struct filch_executor *executor, *bounded;
    struct filch_future *held, *future; /* the second one stands behind the first one */
    struct filch_group *group;
    struct filch_map *map, *unordered;
    struct filch_as_completed *iterator;
    struct filch_semaphore semaphore;
    struct filch_mutex mutex;
} all;

enum way {
    RESULT,
    ERROR,
    WAIT_ALL,
    WAIT_FIRST,
    AS_COMPLETED,
    GROUP,
    MAP,
    MAP_UNORDERED,
    SEMAPHORE,
    MUTEX,
    SUBMIT,
    WAYS
};

static const char *const names[WAYS] = {"result",       "error", "wait",  "wait for the first",
                                        "as_completed", "group", "map",   "map unordered",
                                        "semaphore",    "mutex", "submit"};

/* Waits for at most so long; SUBMIT for ever. */
static int await_by(enum way way, double timeout)
{
    struct filch_future *first;
    size_t count;
    void *result;
    int code = 0, error = 0;
    bool done;
    switch (way) {
    case RESULT:
        return filch_future_result(all.future, timeout, NULL);
    case ERROR:
        (void)filch_future_error(all.future, timeout, &code);
        return code;
    case WAIT_ALL:
    case WAIT_FIRST:
        error = filch_wait(&all.future, 1,
                           way == WAIT_ALL ? FILCH_ALL_COMPLETED : FILCH_FIRST_COMPLETED,
                           timeout, &done, &count);
        return error || done ? error : FILCH_ETIMEDOUT;
    case AS_COMPLETED:
        error = filch_as_completed_next(all.iterator, &first);
        if (!error)
            filch_future_release(first);
        return error;
    case GROUP:
        return filch_group_wait(all.group, timeout);
    case MAP:
        return filch_map_next(all.map, &result);
    case MAP_UNORDERED:
        return filch_map_next(all.unordered, &result);
    case SEMAPHORE:
        return filch_semaphore_acquire(&all.semaphore, timeout);
    case MUTEX:
        error = filch_mutex_lock(&all.mutex, timeout);
        if (!error)
            (void)filch_mutex_unlock(&all.mutex);
        return error;
    default:
        return filch_executor_submit(all.bounded, same, NULL, NULL);
    }
}

/* Nothing of it comes before let_come(). */
static void setup_all(void)
{
    struct filch_executor_options room = {.max_queued = 1};
    static void *items[2];
    struct filch_map_options unordered = FILCH_MAP_OPTIONS;
    unordered.unordered = true;
    setup();
    all.executor = executor_of(1);
    all.bounded = executor_with(1, &room);
    all.held = occupy_executor(all.executor);
    filch_future_release(occupy_executor(all.bounded));
    cr_assert_eq(filch_executor_submit(all.bounded, same, NULL, NULL), 0);
    all.future = submit_to(all.executor, same, NULL);
    cr_assert_eq(filch_group_create(all.executor, NULL, &all.group), 0);
    cr_assert_eq(filch_group_submit(all.group, same, NULL), 0);
    cr_assert_eq(filch_map_array(all.executor, same, items, 2, NULL, &all.map), 0);
    cr_assert_eq(filch_map_array(all.executor, same, items, 2, &unordered, &all.unordered), 0);
    cr_assert_eq(filch_as_completed_create(&all.future, 1, FILCH_FOREVER, &all.iterator), 0);
    filch_semaphore_init(&all.semaphore, 0);
    filch_mutex_init(&all.mutex);
    cr_assert_eq(filch_mutex_lock(&all.mutex, FILCH_FOREVER), 0);
}

/* On the thread that has set it up. */
static void let_come(void)
{
    (void)filch_semaphore_release(&all.semaphore, 1);
    (void)filch_mutex_unlock(&all.mutex);
    sem_post(&leave);
    sem_post(&leave);
    (void)filch_future_result(all.held, FILCH_FOREVER, NULL);
}

static void end_all(void)
{
    filch_as_completed_destroy(all.iterator);
    filch_map_destroy(all.map);
    filch_map_destroy(all.unordered);
    cr_assert_eq(filch_group_destroy(all.group), 0);
    filch_future_release(all.held);
    filch_future_release(all.future);
    destroy(all.executor);
    destroy(all.bounded);
    filch_semaphore_fini(&all.semaphore);
    filch_mutex_fini(&all.mutex);
}

TestSuite(interrupt, .init = setup_all, .fini = end_all);

/* ---- By another thread -------------------------------------------------------------------------- */

/* A thread that waits twice. */
static struct waiting {
    enum way way;
    struct filch_thread *_Atomic thread;
    int errors[2];
    sem_t told; /* the first wait is over */
} waiting;

static void *wait_twice(void *argument)
{
    atomic_store(&waiting.thread, filch_thread_current());
    for (int i = 0; i < 2; i++) {
        waiting.errors[i] = await_by(waiting.way, FILCH_FOREVER);
        if (i == 0)
            sem_post(&waiting.told);
    }
    return argument;
}

/* Until somebody sleeps on the event of that thread; asleep or not it is interrupted, but this is
 * to happen in the wait as a rule. */
static void await_thread(void)
{
    while (!atomic_load(&waiting.thread))
        sched_yield();
    usleep(2000);
}

static void begin(enum way way)
{
    waiting.way = way;
    atomic_store(&waiting.thread, NULL);
    sem_init(&waiting.told, 0, 0);
}

static void assert_interrupted_once(void)
{
    cr_assert_eq(waiting.errors[0], FILCH_EINTR, "%s: %s", names[waiting.way],
                 filch_strerror(waiting.errors[0]));
    cr_assert_eq(waiting.errors[1], 0, "%s: %s", names[waiting.way],
                 filch_strerror(waiting.errors[1]));
}

static void interrupt_from_elsewhere(enum way way)
{
    pthread_t thread;
    begin(way);
    cr_assert_eq(pthread_create(&thread, NULL, wait_twice, NULL), 0);
    await_thread();
    filch_interrupt(waiting.thread);
    await_signal(&waiting.told);
    let_come();
    pthread_join(thread, NULL);
    assert_interrupted_once();
}

#define FROM_ELSEWHERE(way, name)                     \
    Test(interrupt, another_thread_interrupts_##name) \
    {                                                 \
        interrupt_from_elsewhere(way);                \
    }

FROM_ELSEWHERE(RESULT, a_result)
FROM_ELSEWHERE(ERROR, an_error)
FROM_ELSEWHERE(WAIT_ALL, a_wait)
FROM_ELSEWHERE(WAIT_FIRST, a_wait_for_the_first)
FROM_ELSEWHERE(AS_COMPLETED, an_iterator)
FROM_ELSEWHERE(GROUP, a_group)
FROM_ELSEWHERE(MAP, a_map)
FROM_ELSEWHERE(MAP_UNORDERED, an_unordered_map)
FROM_ELSEWHERE(SEMAPHORE, a_semaphore)
FROM_ELSEWHERE(MUTEX, a_mutex)
FROM_ELSEWHERE(SUBMIT, a_submit_that_waits_for_room)

/* ---- A worker in a task -------------------------------------------------------------------------- */

static void interrupt_a_worker(enum way way, bool exclusive)
{
    struct filch_executor_options options = {.spares = exclusive ? -1 : 4};
    struct filch_executor *executor = executor_with(1, &options);
    begin(way);
    struct filch_future *task = submit_to(executor, wait_twice, NULL);
    await_thread();
    filch_interrupt(waiting.thread);
    await_signal(&waiting.told);
    let_come();
    (void)result_of(task);
    assert_interrupted_once();
    destroy(executor);
}

#define OF_A_WORKER(way, name)                                       \
    Test(interrupt, a_task_is_interrupted_in_##name)                 \
    {                                                                \
        interrupt_a_worker(way, false);                              \
    }                                                                \
    Test(interrupt, a_task_without_a_spare_is_interrupted_in_##name) \
    {                                                                \
        interrupt_a_worker(way, true);                               \
    }

OF_A_WORKER(RESULT, a_result)
OF_A_WORKER(WAIT_ALL, a_wait)
OF_A_WORKER(AS_COMPLETED, an_iterator)
OF_A_WORKER(GROUP, a_group)
OF_A_WORKER(MAP, a_map)
OF_A_WORKER(MAP_UNORDERED, an_unordered_map)
OF_A_WORKER(SEMAPHORE, a_semaphore)
OF_A_WORKER(MUTEX, a_mutex)
OF_A_WORKER(SUBMIT, a_submit_that_waits_for_room)

/* ---- By a signal ------------------------------------------------------------------------------------ */

static struct filch_thread *own_thread;
static _Atomic(int) signals;

static void on_signal(int number)
{
    (void)number;
    filch_interrupt(own_thread);
    atomic_fetch_add(&signals, 1);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    own_thread = filch_thread_current();
    cr_assert_eq(sigaction(SIGUSR1, &action, NULL), 0);
}

/* Sends signals to the thread that has set all up, until it says so. */
static pthread_t main_thread;
static _Atomic(bool) enough;

static void *send_signal(void *argument)
{
    usleep(2000);
    pthread_kill(main_thread, SIGUSR1);
    return argument;
}

static void interrupt_by_signal(enum way way)
{
    pthread_t thread;
    if (way == MUTEX) /* this thread holds it */
        return;
    catch_signals();
    main_thread = pthread_self();
    cr_assert_eq(pthread_create(&thread, NULL, send_signal, NULL), 0);
    cr_assert_eq(await_by(way, FILCH_FOREVER), FILCH_EINTR, "%s", names[way]);
    cr_assert_eq(atomic_load(&signals), 1);
    pthread_join(thread, NULL);
    let_come();
    cr_assert_eq(await_by(way, FILCH_FOREVER), 0, "%s", names[way]);
}

#define BY_SIGNAL(way, name)                            \
    Test(interrupt, a_signal_handler_interrupts_##name) \
    {                                                   \
        interrupt_by_signal(way);                       \
    }

BY_SIGNAL(RESULT, a_result)
BY_SIGNAL(WAIT_ALL, a_wait)
BY_SIGNAL(AS_COMPLETED, an_iterator)
BY_SIGNAL(GROUP, a_group)
BY_SIGNAL(MAP, a_map)
BY_SIGNAL(MAP_UNORDERED, an_unordered_map)
BY_SIGNAL(SEMAPHORE, a_semaphore)
BY_SIGNAL(SUBMIT, a_submit_that_waits_for_room)

/* ---- What is kept ------------------------------------------------------------------------------------- */

Test(interrupt, what_comes_before_a_wait_ends_the_next_one)
{
    filch_interrupt(filch_thread_current());
    filch_interrupt(filch_thread_current()); /* counts once */
    cr_assert_eq(await_by(RESULT, FILCH_FOREVER), FILCH_EINTR);
    cr_assert_eq(await_by(RESULT, 0.001), FILCH_ETIMEDOUT);
    let_come();
}

Test(interrupt, a_wait_for_what_has_come_leaves_it_to_the_next_one)
{
    let_come();
    cr_assert_eq(await_by(RESULT, FILCH_FOREVER), 0);
    struct filch_future *by_hand = manual();
    for (enum way way = 0; way < WAYS; way++) {
        filch_interrupt(filch_thread_current());
        /* The tasks may still be on their way. */
        int error = await_by(way, FILCH_FOREVER);
        if (error == FILCH_EINTR)
            error = await_by(way, FILCH_FOREVER);
        else
            cr_assert_eq(filch_future_result(by_hand, FILCH_FOREVER, NULL), FILCH_EINTR, "%s",
                         names[way]);
        cr_assert_eq(error, 0, "%s: %s", names[way], filch_strerror(error));
    }
    cr_assert_eq(filch_future_result(by_hand, 0.001, NULL), FILCH_ETIMEDOUT, "no more of it");
    filch_future_release(by_hand);
}

Test(interrupt, a_look_without_a_wait_leaves_it_to_the_next_one)
{
    filch_interrupt(filch_thread_current());
    cr_assert_eq(await_by(RESULT, 0), FILCH_ETIMEDOUT);
    cr_assert_eq(await_by(GROUP, 0), FILCH_ETIMEDOUT);
    cr_assert_eq(await_by(SEMAPHORE, 0), FILCH_ETIMEDOUT);
    cr_assert_eq(await_by(RESULT, FILCH_FOREVER), FILCH_EINTR);
    let_come();
}

Test(interrupt, threads_are_told_apart)
{
    pthread_t thread;
    begin(RESULT);
    cr_assert_eq(pthread_create(&thread, NULL, wait_twice, NULL), 0);
    await_thread();
    cr_assert_neq(waiting.thread, filch_thread_current());
    cr_assert_eq(filch_thread_current(), filch_thread_current());
    filch_interrupt(filch_thread_current());
    cr_assert_eq(sem_trywait(&waiting.told), -1);
    filch_interrupt(waiting.thread);
    await_signal(&waiting.told);
    cr_assert_eq(await_by(RESULT, FILCH_FOREVER), FILCH_EINTR);
    let_come();
    pthread_join(thread, NULL);
    assert_interrupted_once();
}

static int run_own(void *argument)
{
    struct question *question = argument;
    (void)ask(question);
    return question->error;
}

FILCH_TASK(int, work, struct question *, question)
{
    return question->timeout > 0 ? run_own(question) : 7;
}

Test(interrupt, other_waits_go_on)
{
    struct filch_executor *executor = executor_of(1);
    struct question question = {.timeout = 0};
    filch_interrupt(filch_thread_current());
    cr_assert_eq(FILCH_RUN(filch_executor_pool(executor), work, &question), 7);
    cr_assert_eq(filch_executor_shutdown(executor, true, false), 0);
    destroy(executor);
    cr_assert_eq(await_by(RESULT, FILCH_FOREVER), FILCH_EINTR, "it is kept");
    let_come();
}

Test(interrupt, with_a_time_limit_a_wait_is_interrupted_too)
{
    for (int i = 0; i < (int)COUNT(long_timeouts); i++) {
        filch_interrupt(filch_thread_current());
        cr_assert_eq(await_by(RESULT, long_timeouts[i]), FILCH_EINTR);
        filch_interrupt(filch_thread_current());
        cr_assert_eq(await_by(GROUP, long_timeouts[i]), FILCH_EINTR);
        filch_interrupt(filch_thread_current());
        cr_assert_eq(await_by(WAIT_ALL, long_timeouts[i]), FILCH_EINTR);
    }
    let_come();
}

static void *fail_as_interrupted(void *argument)
{
    (void)argument;
    return filch_fail(FILCH_EINTR, "a task's own");
}

Test(interrupt, a_task_that_fails_so_is_not_taken_for_an_interrupt)
{
    static void *items[2];
    struct filch_executor *executor = executor_of(1);
    struct filch_map *map;
    void *result;
    cr_assert_eq(filch_map_array(executor, fail_as_interrupted, items, 2, NULL, &map), 0);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(filch_map_next(map, &result), FILCH_EINTR);
        cr_assert_str_eq(filch_map_error(map), "a task's own");
    }
    cr_assert_eq(filch_map_next(map, &result), FILCH_EEND);
    filch_map_destroy(map);
    destroy(executor);
    cr_assert_eq(await_by(RESULT, 0.001), FILCH_ETIMEDOUT, "and none is left over");
    let_come();
}

/* ---- Many ---------------------------------------------------------------------------------------------- */

static void *send_signals(void *argument)
{
    while (!atomic_load(&enough)) {
        pthread_kill(main_thread, SIGUSR1);
        sched_yield();
    }
    return argument;
}

/* Signals at any point of submits and waits: the handler is on top of whatever filch does. */
Test(interrupt, signals_may_come_at_any_time)
{
    struct filch_executor *executor = executor_of(2);
    pthread_t thread;
    let_come();
    catch_signals();
    main_thread = pthread_self();
    cr_assert_eq(pthread_create(&thread, NULL, send_signals, NULL), 0);
    for (uintptr_t i = 1; i <= 3000; i++) {
        struct filch_future *future = submit_to(executor, same, (void *)i);
        void *result = NULL;
        int error;
        do
            error = filch_future_result(future, FILCH_FOREVER, &result);
        while (error == FILCH_EINTR);
        cr_assert_eq(error, 0);
        cr_assert_eq((uintptr_t)result, i);
        filch_future_release(future);
    }
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
    cr_assert_gt(atomic_load(&signals), 0);
    destroy(executor);
}
