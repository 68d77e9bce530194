/* SPDX-License-Identifier: MIT
 *
 * What follows on a future: callbacks, and chains of futures. */
#include "show.h"

#include "bench/cli/output.h"

#include <pthread.h>
#include <string.h>

/* ---- Callbacks --------------------------------------------------------------------------- */

/* What was called. Callbacks of one future come one after another. */
struct record {
    char words[64];
    sem_t called; /* posted by each; the thread that completes a future may still be at it when
                     others know the result */
    pthread_t thread; /* of the last one */
    bool done;        /* what it found its future to be */
};

struct entry {
    struct record *record;
    const char *word;
};

static void note(struct filch_future *future, void *arg)
{
    const struct entry *entry = arg;
    struct record *record = entry->record;

    strcat(record->words, " ");
    strcat(record->words, entry->word);
    record->thread = pthread_self();
    record->done = filch_future_done(future);
    sem_post(&record->called);
}

static void note_and_fail(struct filch_future *future, void *arg)
{
    note(future, arg);
    (void)filch_fail(8, "a callback that fails");
}

/* Adds three callbacks to a task that runs, and lets it go; the second is `second`. */
static struct filch_future *call_three(struct filch_executor *executor, struct record *record,
                                       filch_done_fn *second)
{
    struct entry entries[3] = {{record, "first"}, {record, "second"}, {record, "third"}};
    struct show_held held;

    show_held_init(&held, 1);
    record->words[0] = '\0';
    struct filch_future *future = show_hold_worker(executor, &held);
    for (int i = 0; i < 3; i++)
        show_must(filch_future_add_done_callback(future, i == 1 ? second : note, &entries[i]));
    show_let_go(&held);
    for (int i = 0; i < 3; i++)
        show_sleep_on(&record->called);
    filch_future_result(future, FILCH_FOREVER, NULL);
    show_held_fini(&held);
    return future;
}

void show_callbacks(void)
{
    struct filch_executor *executor = show_executor(1);
    struct record record = {.words = ""};

    sem_init(&record.called, 0, 0);
    struct filch_future *future = call_three(executor, &record, note);
    output_printf("callbacks, in order of adding:%s; the future is done: %s\n", record.words,
                  show_truth(record.done));

    struct entry late = {&record, "late"};
    record.words[0] = '\0';
    show_must(filch_future_add_done_callback(future, note, &late));
    show_sleep_on(&record.called);
    output_printf("callback on a done future:%s, on this thread: %s\n", record.words,
                  show_truth(pthread_equal(record.thread, pthread_self())));
    filch_future_release(future);

    future = call_three(executor, &record, note_and_fail);
    output_printf("callbacks, the second fails:%s; result: %d\n", record.words,
                  (int)show_result(future));
    filch_executor_destroy(executor);
    sem_destroy(&record.called);
}

/* ---- Chains ------------------------------------------------------------------------------ */

struct step {
    intptr_t factor, term;
    int calls;
};

static void *apply(void *value, void *arg)
{
    struct step *step = arg;

    step->calls++;
    return show_pointer((intptr_t)value * step->factor + step->term);
}

/* What comes of two steps behind `future`: the first on a worker, the second wherever. */
static struct filch_future *chain(struct filch_executor *executor, struct filch_future *future,
                                  struct step steps[2])
{
    struct filch_future *middle, *last;

    show_must(filch_future_then(future, executor, apply, &steps[0], &middle));
    show_must(filch_future_then(middle, NULL, apply, &steps[1], &last));
    filch_future_release(middle);
    return last;
}

static void show_error_along_chain(struct filch_executor *executor)
{
    struct step steps[2] = {{1, 1, 0}, {10, 0, 0}};
    int line = 3, code;
    struct filch_future *first = show_submit(executor, show_fail, &line);
    struct filch_future *last = chain(executor, first, steps);
    const char *text = filch_future_error(last, FILCH_FOREVER, &code);

    output_printf("then, on a failure: code %d, \"%s\"; functions called: %d\n", code,
                  text ? text : "", steps[0].calls + steps[1].calls);
    filch_future_release(first);
    filch_future_release(last);
}

/* The first step behind `running` may be taken even after the others are over: the caller, who has
 * the steps, destroys the executor before they go. */
static void show_cancelled_chains(struct filch_executor *executor, struct step steps[2])
{
    struct show_held held;

    show_held_init(&held, 1);
    struct filch_future *running = show_hold_worker(executor, &held);
    struct filch_future *pending = show_submit(executor, show_one, NULL);
    struct filch_future *last = chain(executor, pending, steps);
    filch_future_cancel(pending);
    show_outcome("then, on a cancelled future", show_end(last));
    filch_future_release(pending);

    last = chain(executor, running, steps);
    output_printf("cancel the end of a chain: %s", show_truth(filch_future_cancel(last)));
    show_let_go(&held);
    output_printf(", its beginning ends with: %d\n", (int)show_result(running));
    filch_future_release(last);
    show_held_fini(&held);
}

/* A task that waits for what it finds in `awaited` once it is let go. */
struct cycle {
    struct show_held held;
    struct filch_future *awaited;
};

static void *wait_in_cycle(void *arg)
{
    struct cycle *cycle = arg;

    show_hold(&cycle->held);
    return show_pointer(filch_future_result(cycle->awaited, FILCH_FOREVER, NULL));
}

static void show_cycles(struct filch_executor *executor)
{
    static const char *const labels[2] = {"a task that waits for itself",
                                          "a task that waits for what follows on it"};
    struct step step = {1, 0, 0};

    for (int i = 0; i < 2; i++) {
        struct cycle cycle;
        show_held_init(&cycle.held, 1);
        struct filch_future *future = show_submit(executor, wait_in_cycle, &cycle), *next;
        show_must(filch_future_then(future, executor, apply, &step, &next));
        cycle.awaited = i == 0 ? future : next;
        show_let_go(&cycle.held);
        void *error;
        show_must(filch_future_result(future, FILCH_FOREVER, &error));
        show_outcome(labels[i], (int)(intptr_t)error);
        filch_future_release(future);
        show_end(next);
        show_held_fini(&cycle.held);
    }
}

void show_chains(void)
{
    struct filch_executor *executor = show_executor(1);
    struct step steps[2] = {{1, 1, 0}, {10, 0, 0}};
    struct filch_future *first = show_submit(executor, show_one, NULL);
    struct filch_future *last = chain(executor, first, steps);

    output_printf("then, 1 + 1 and 2 * 10: %d\n", (int)show_result(last));
    filch_future_release(first);
    show_error_along_chain(executor);
    show_cancelled_chains(executor, steps);
    show_cycles(executor);
    filch_executor_destroy(executor);
}
