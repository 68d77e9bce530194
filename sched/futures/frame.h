/* SPDX-License-Identifier: MIT
 *
 * The submitted task that runs on a thread: what filch_fail() and filch_cancelled() speak of. Tasks
 * nest when one of them waits, so frames form a stack. A frame is the thread's own; its scope,
 * which is what the frame's function belongs to, may be that of a frame on another thread: it does
 * not change as long as that one's function runs. */
#ifndef FI_FRAME_H
#define FI_FRAME_H

#include <stdbool.h>
#include <stddef.h>

struct fi_tally;
struct filch_executor;
struct filch_future;
struct filch_token;

#define FI_TEXT_SIZE 256

/* Constant while the function runs, and read by all threads that were lent it. */
struct filch_scope {
    struct filch_future *future;     /* or NULL */
    struct filch_token *token;       /* or NULL */
    struct filch_executor *executor; /* or NULL */
    struct fi_tally *tally;          /* of its group, or NULL */
    struct filch_scope *above;       /* that cancels this one, too, or NULL */
};

struct fi_frame {
    struct filch_scope
        *scope; /* `own`, or that of a frame elsewhere, which outlives this one */
    struct filch_scope own;
    struct fi_frame *outer;
    struct fi_frame
        *lent;   /* of a frame whose scope is not its own: the next one further down */
    size_t mark; /* of scratch memory, in debug builds */
    int code;    /* what the last filch_fail() of this task said; 0: nothing */
    char text[FI_TEXT_SIZE];
};

/* The thread. Before and after the task's function. Field by field: the text need not be
 * cleared. */
void fi_frame_enter(struct fi_frame *frame, struct filch_future *future,
                    struct filch_token *token, struct filch_executor *executor);
void fi_frame_leave(struct fi_frame *frame);

/* The thread. The innermost, or NULL. */
const struct fi_frame *fi_frame_current(void);

/* The thread. Does it run a part of the task that was lent it, not the task itself? */
bool fi_frame_is_lent(const struct filch_future *future);

/* Is this what filch_fail() returned? */
bool fi_failed(const void *value);

/* The code of a frame whose task returned a failure, and its text, or NULL: a failure that is not
 * the task's own has no code. */
int fi_frame_failure(const struct fi_frame *frame, const char **text);

#endif
