/* SPDX-License-Identifier: MIT
 *
 * The submitted task that runs on a thread: what filch_fail() and filch_cancelled() speak of. Tasks
 * nest when one of them waits, so frames form a stack. */
#ifndef FI_FRAME_H
#define FI_FRAME_H

#include <stdbool.h>
#include <stddef.h>

struct fi_tally;
struct filch_executor;
struct filch_future;
struct filch_token;

#define FI_TEXT_SIZE 256

struct fi_frame {
    struct filch_future *future;     /* or NULL */
    struct filch_token *token;       /* or NULL */
    struct filch_executor *executor; /* or NULL */
    struct fi_tally *tally;          /* of its group, or NULL */
    struct fi_frame *outer;
    int code; /* what the last filch_fail() of this task said; 0: nothing */
    char text[FI_TEXT_SIZE];
};

/* The thread. Before and after the task's function. Field by field: the text need not be
 * cleared. */
void fi_frame_enter(struct fi_frame *frame, struct filch_future *future,
                    struct filch_token *token, struct filch_executor *executor);
void fi_frame_leave(struct fi_frame *frame);

/* The thread. The innermost, or NULL. */
const struct fi_frame *fi_frame_current(void);

/* Is this what filch_fail() returned? */
bool fi_failed(const void *value);

/* The code of a frame whose task returned a failure, and its text, or NULL: a failure that is not
 * the task's own has no code. */
int fi_frame_failure(const struct fi_frame *frame, const char **text);

#endif
