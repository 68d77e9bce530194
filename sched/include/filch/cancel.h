/* SPDX-License-Identifier: MIT
 *
 * Cancelling what runs. A thread is never killed, and a task never interrupted: a task that may
 * be told to stop asks from time to time, `if (filch_cancelled()) return ...`. A token is the
 * other end: one that holds it cancels every task that was started under it, and every token
 * below it, at once or at a deadline. A task that has not started by then does not start: its
 * future is cancelled. */
#ifndef FILCH_CANCEL_H
#define FILCH_CANCEL_H

#include <filch/base.h>
#include <filch/error.h>

#include <stdbool.h>

/* A counted handle. */
struct filch_token;

FILCH_BEGIN_DECLS

/* Any thread, does not block. Is the task that calls to stop? True once its token, or one above
 * it, is cancelled or past its deadline, or once filch_future_stop() was called on its future.
 * Outside of a submitted task: false. It does not reach into the forks of FILCH_FORK. O(tokens
 * above each other), a few ns; reads the clock where a deadline is set. */
FILCH_API bool filch_cancelled(void);

/* Any thread, does not block. A token below `parent`, or below none (NULL); the caller's to give
 * back with filch_token_release(). It keeps its parent. Errors: FILCH_ENOMEM. */
FILCH_API int filch_token_create(struct filch_token *parent, struct filch_token **token);

/* Any thread, does not block. One more reference for the caller to give away. Returns token. */
FILCH_API struct filch_token *filch_token_retain(struct filch_token *token);

/* Any thread, does not block. Gives back one reference; the last one frees the token. A token
 * that is released is not thereby cancelled. token: NULL is fine. */
FILCH_API void filch_token_release(struct filch_token *token);

/* Any thread, does not block, O(1). For good; again is fine. */
FILCH_API void filch_token_cancel(struct filch_token *token);

/* Any thread, does not block, O(1). The token counts as cancelled `seconds` from now on (0 or
 * negative: now; FILCH_FOREVER: takes the deadline away). The last call counts.
 * Errors: FILCH_EINVAL (NaN). */
FILCH_API int filch_token_set_deadline(struct filch_token *token, double seconds);

/* Any thread, does not block. Is it cancelled or past its deadline, or is one above it? */
FILCH_API bool filch_token_cancelled(const struct filch_token *token);

FILCH_END_DECLS

#endif
