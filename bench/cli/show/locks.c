/* SPDX-License-Identifier: MIT
 *
 * Locks and the like, for tasks: a worker whose task waits for one is replaced. */
#include "show.h"

#include "bench/cli/output.h"

#include <filch/sync.h>

#include <stdatomic.h>

enum { TASKS = 6, ROUNDS = 1000 };

/* Runs fn(arg) TASKS times at once; returns the sum of what they return. */
static int run_tasks(filch_fn *fn, void *arg)
{
    struct filch_executor *executor = show_executor(2);
    struct filch_future *futures[TASKS];
    int sum = 0;

    for (int i = 0; i < TASKS; i++)
        futures[i] = show_submit(executor, fn, arg);
    for (int i = 0; i < TASKS; i++)
        sum += (int)show_result(futures[i]);
    filch_executor_destroy(executor);
    return sum;
}

/* ---- Mutex ------------------------------------------------------------------------------- */

struct account {
    struct filch_mutex mutex;
    uint64_t sum; /* guarded by the mutex */
};

static void *pay_in(void *arg)
{
    struct account *account = arg;

    for (int i = 0; i < ROUNDS; i++) {
        show_must(filch_mutex_lock(&account->mutex, FILCH_FOREVER));
        account->sum++;
        show_must(filch_mutex_unlock(&account->mutex));
    }
    return NULL;
}

static void show_mutex(void)
{
    struct account account = {.sum = 0};

    filch_mutex_init(&account.mutex);
    run_tasks(pay_in, &account);
    output_printf("mutex, 6 tasks add 1,000 each: %s", output_grouped(account.sum).text);
    show_must(filch_mutex_lock(&account.mutex, FILCH_FOREVER));
    output_printf(", locked twice: %s\n",
                  show_code(filch_mutex_lock(&account.mutex, FILCH_FOREVER)));
    filch_mutex_unlock(&account.mutex);
    filch_mutex_fini(&account.mutex);
}

/* ---- Semaphore, barrier ------------------------------------------------------------------ */

/* Three may be inside, and nobody leaves before three are. */
struct room {
    struct filch_semaphore door;
    struct filch_barrier table;
    atomic_int inside, most;
};

static void *visit(void *arg)
{
    struct room *room = arg;

    show_must(filch_semaphore_acquire(&room->door, FILCH_FOREVER));
    int inside = atomic_fetch_add(&room->inside, 1) + 1, most = atomic_load(&room->most);
    while (most < inside && !atomic_compare_exchange_weak(&room->most, &most, inside))
        ;
    int last = filch_barrier_wait(&room->table);
    atomic_fetch_sub(&room->inside, 1);
    show_must(filch_semaphore_release(&room->door, 1));
    return show_pointer(last);
}

static void show_room(void)
{
    struct room room = {.inside = 0, .most = 0};

    filch_semaphore_init(&room.door, 3);
    show_must(filch_barrier_init(&room.table, 3));
    int rounds = run_tasks(visit, &room);
    output_printf("semaphore of 3, 6 tasks: at most inside: %d\n", atomic_load(&room.most));
    output_printf("barrier of 3, 6 tasks, 2 workers: rounds: %d\n", rounds);
    filch_barrier_fini(&room.table);
    filch_semaphore_fini(&room.door);
}

/* ---- Condition --------------------------------------------------------------------------- */

struct news {
    struct filch_mutex mutex;
    struct filch_condition changed;
    int waiting, value; /* guarded by the mutex */
};

static void *wait_for_news(void *arg)
{
    struct news *news = arg;

    show_must(filch_mutex_lock(&news->mutex, FILCH_FOREVER));
    /* The last to come has the news for the others: with fewer workers than tasks, too. */
    if (++news->waiting == TASKS) {
        news->value = 7;
        filch_condition_notify_all(&news->changed);
    }
    while (!news->value)
        show_must(filch_condition_wait(&news->changed, &news->mutex, FILCH_FOREVER));
    int value = news->value;
    show_must(filch_mutex_unlock(&news->mutex));
    return show_pointer(value == 7);
}

static void show_condition(void)
{
    struct news news = {.waiting = 0};

    filch_mutex_init(&news.mutex);
    filch_condition_init(&news.changed);
    int told = run_tasks(wait_for_news, &news);
    output_printf("condition, the last of 6 tasks tells the others: told: %d", told);
    show_must(filch_mutex_lock(&news.mutex, FILCH_FOREVER));
    output_printf(", wait for 10 ms: %s\n",
                  show_code(filch_condition_wait(&news.changed, &news.mutex, 0.01)));
    filch_mutex_unlock(&news.mutex);
    filch_condition_fini(&news.changed);
    filch_mutex_fini(&news.mutex);
}

/* ---- Channel ----------------------------------------------------------------------------- */

static void *send_five(void *arg)
{
    struct filch_channel *channel = arg;

    for (int i = 1; i <= 5; i++)
        show_must(filch_channel_send(channel, show_pointer(i), FILCH_FOREVER));
    filch_channel_close(channel);
    return NULL;
}

static void show_channel(void)
{
    struct filch_executor *executor = show_executor(1);
    struct filch_channel *channel;
    void *item;
    int error;

    show_must(filch_channel_create(2, &channel));
    struct filch_future *future = show_submit(executor, send_five, channel);
    output_printf("channel of 2, sent 1 to 5, received:");
    while ((error = filch_channel_receive(channel, &item, FILCH_FOREVER)) == 0)
        output_printf(" %d", (int)(intptr_t)item);
    output_printf(", then %s\n", show_code(error));
    show_result(future);
    filch_executor_destroy(executor);
    filch_channel_destroy(channel);
}

void show_locks(void)
{
    show_mutex();
    show_room();
    show_condition();
    show_channel();
}
