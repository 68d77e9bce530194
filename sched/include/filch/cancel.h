/* SPDX-License-Identifier: MIT
 *
 * Cancelling what runs. A thread is never killed, and a task never interrupted: a task that may
 * be told to stop asks from time to time, `if (filch_cancelled()) return ...`. A token is the
 * other end: one that holds it cancels every task that was started under it, and every token
 * below it, at once or at a deadline. A task that has not started by then does not start: its
 * future is cancelled.
 *
 * What a task forks runs on other threads, of which filch_cancelled() knows nothing. A scope takes
 * them in: the task hands out its own, and what it has forked calls its function through it. */
#ifndef FILCH_CANCEL_H
#define FILCH_CANCEL_H

#include <filch/base.h>
#include <filch/error.h>

#include <stdbool.h>

/* A counted handle. */
struct filch_token;

/* What filch_cancelled() asks: the task's that runs. Lives until the task's function returns. */
struct filch_scope;

FILCH_BEGIN_DECLS

/* Any thread, does not block. Is the task that calls to stop? True once its token, or one above
 * it, is cancelled or past its deadline, or once filch_future_stop() was called on its future.
 * Outside of a submitted task: false. It does not reach into the forks of FILCH_FORK but through
 * filch_scope_call(). O(tokens above each other), a few ns; reads the clock where a deadline is
 * set. */
FILCH_API bool filch_cancelled(void);

/* ---- Tokens ------------------------------------------------------------------------------ */

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

/* Any thread. Calls fn(arg) here in a scope of its own, which is cancelled if the token is, or the
 * scope of the caller; the caller's executor and group remain its own, and so does what fn gives to
 * filch_fail(): the task may return it. token: the caller's until fn has returned; NULL: calls
 * fn(arg). */
FILCH_API void filch_token_call(struct filch_token *token, void (*fn)(void *arg), void *arg);

/* ---- Scopes ------------------------------------------------------------------------------ */

/* Any thread, does not block. The scope of the task that calls, or NULL in none. */
FILCH_API struct filch_scope *filch_scope_current(void);

/* Any thread, does not block. As filch_cancelled(), for that scope. scope: NULL is fine (false). */
FILCH_API bool filch_scope_cancelled(const struct filch_scope *scope);

/* Any thread. Calls fn(arg) here as if the task with that scope did: filch_cancelled() and
 * filch_scope_current() speak of that task, and a wait for it, or for its group, is
 * FILCH_EDEADLK. What fn gives to filch_fail() is lost: it is not on the task's own thread. Within
 * that very scope a plain call. scope: NULL: as if no task did. */
FILCH_API void filch_scope_call(struct filch_scope *scope, void (*fn)(void *arg), void *arg);

FILCH_END_DECLS

#endif
