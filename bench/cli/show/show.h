/* SPDX-License-Identifier: MIT
 *
 * What the parts of `filch futures` share. Each part shows one field of executors and futures,
 * a labelled line a property; all that it prints was observed. What a line depends on is forced
 * by tasks that are held until they are told to end, so that the lines are the same on every
 * machine. */
#ifndef BENCH_CLI_SHOW_SHOW_H
#define BENCH_CLI_SHOW_SHOW_H

#include <filch/executor.h>
#include <filch/future.h>

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

/* ---- The parts, in the order in which they are shown ------------------------------------- */

void show_chapter(void);
void show_states(void);
void show_by_hand(void);
void show_callbacks(void);
void show_chains(void);
void show_wait(void);
void show_as_completed(void);
void show_map(void);
void show_workers(void);
void show_queues(void);
void show_endings(void);
void show_back_ends(void);
void show_tokens(void);
void show_groups(void);
void show_blocking(void);
void show_locks(void);
void show_fork(void);

/* ---- Words ------------------------------------------------------------------------------- */

/* "True" or "False", as the chapter has it. */
const char *show_truth(bool value);

/* The name of an error code of filch, "0", or the number of a user's own. A static buffer. */
const char *show_code(int code);

/* LABEL: NAME, "text" */
void show_outcome(const char *label, int code);

/* LABEL: done running cancelled */
void show_flags(const char *label, const struct filch_future *future);

/* ---- Steps that have to work ------------------------------------------------------------- */

/* Ends the program with a message unless error is 0: there is nothing to show without memory or
 * threads. */
void show_must(int error);

struct filch_executor *show_executor(int max_workers);
struct filch_future *show_submit(struct filch_executor *executor, filch_fn *fn, void *arg);

/* Waits for the result, and gives back the reference. */
intptr_t show_result(struct filch_future *future);

/* Waits for the end, whatever it is; gives back the reference, and returns the code. */
int show_end(struct filch_future *future);

/* Waits for a semaphore of the C library. It keeps a worker, which filch's own would not. */
void show_sleep_on(sem_t *semaphore);

/* The same for what a task posts when it begins. Returns false after 10 s: where threads cannot
 * be started it may never begin. */
bool show_begins(sem_t *semaphore);

/* ---- Tasks ------------------------------------------------------------------------------- */

static inline void *show_pointer(intptr_t number)
{
    return (void *)number;
}

void *show_one(void *unused); /* returns 1 */
void *show_fail(void *line);  /* fails with code 7, "line *line: no number" */

/* A task that says when it runs, and ends when it is told to: with its number, or as a failure
 * with code `error`. */
struct show_held {
    sem_t started, may_end;
    intptr_t number;
    int error;
};

void show_held_init(struct show_held *held, intptr_t number);
void show_held_fini(struct show_held *held);
void *show_hold(void *held);

/* Submits it, and waits until it runs, which has to work. */
struct filch_future *show_hold_worker(struct filch_executor *executor, struct show_held *held);

void show_let_go(struct show_held *held);

#endif
