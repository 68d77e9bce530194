/* SPDX-License-Identifier: MIT
 *
 * The submitted task that runs on a thread: what filch_fail() and filch_cancelled() speak of. Tasks
 * nest when one of them waits, so contexts form a stack. A context is the thread's own; its scope,
 * which is what the context's function belongs to, may be that of a context on another thread: it
 * does not change as long as that one's function runs. */
#ifndef FI_CONTEXT_H
#define FI_CONTEXT_H

#include "sched/core/self.h"

#include <filch/base.h>

#include <stdbool.h>
#include <stddef.h>

struct fi_count_latch;
struct filch_executor;
struct filch_future;
struct filch_token;

#define FI_TEXT_SIZE 256

/* An object that stands for an error, as filch_fail_detail() is given it. */
struct fi_detail {
    void *object;
    void (*destroy)(void *object); /* or NULL */
};

/* Any thread. Calls `destroy`, in a context of its own: what fails there is not the task that the
 * thread runs. */
void fi_detail_destroy(struct fi_detail detail);

/* Constant while the function runs, and read by all threads that were lent it. */
struct filch_scope {
    struct filch_future *future;        /* or NULL */
    struct filch_token *token;          /* or NULL */
    struct filch_executor *executor;    /* or NULL */
    struct fi_count_latch *count_latch; /* of its group, or NULL */
    struct filch_scope *above;          /* that cancels this one, too, or NULL */
};

struct fi_context {
    struct fi_running running; /* first: its address is the context's */
    /* `own`, or that of a context elsewhere, which outlives this one. */
    struct filch_scope *scope;
    struct filch_scope own;
    struct fi_context *lent; /* if `scope` is not its own: the next such one further down */
    size_t mark;             /* of scratch memory, in debug builds */
    int code;                /* what the last filch_fail() of this task said; 0: nothing */
    bool has_text;           /* if there is a code, as the next two */
    struct fi_detail detail; /* its own */
    char text[FI_TEXT_SIZE];
};

/* The thread. Before and after the task's function. Field by field: the text need not be
 * cleared. */
void fi_context_enter(struct fi_context *context, struct filch_future *future,
                      struct filch_token *token, struct filch_executor *executor);
void fi_context_leave(struct fi_context *context);

void fi_context_forget_slowly(struct fi_context *context);

/* The thread. The innermost, or NULL. */
const struct fi_context *fi_context_current(void);

/* The thread, or who knows that it sleeps. The next one further down, or NULL. */
static inline const struct fi_context *fi_context_outer(const struct fi_context *context)
{
    return (const struct fi_context *)(const void *)context->running.outer;
}

/* The thread. Does it run a part of the task that was lent it, not the task itself? */
bool fi_context_is_lent(const struct filch_future *future);

/* The thread. Does a task of that executor, or of the group with that count latch, run on it? */
bool fi_context_in_executor(const struct filch_executor *executor);
bool fi_context_in_group(const struct fi_count_latch *count_latch);

/* Is this what filch_fail() returned? */
bool fi_failed(const void *value);

/* The code of a context whose task returned a failure, its text, or NULL, and its detail, which is
 * the caller's from now on: a failure that is not the task's own has none of them. */
int fi_context_failure(struct fi_context *context, const char **text, struct fi_detail *detail);

/* The thread, whose task returned something else: nobody will ask for a failure. */
static inline void fi_context_forget_failure(struct fi_context *context)
{
    if (FILCH_UNLIKELY(context->code))
        fi_context_forget_slowly(context);
}

#endif
