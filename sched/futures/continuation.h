/* SPDX-License-Identifier: MIT
 *
 * What is called when a future has ended. Its user's callbacks are called at once, as in CPython,
 * one inside the other if a callback completes another future. Continuations are the library's
 * own: they are called before the callbacks, which may wait for what they start; and what they
 * would do on this very thread they leave to its trampoline, a loop instead of recursion, so that
 * a chain of them may be of any length.
 *
 * Here nothing is known of futures: the one that has ended is the `owner` of what is called. */
#ifndef FI_CONTINUATION_H
#define FI_CONTINUATION_H

#include "sched/core/latch.h"

#include <filch/future.h>

#include <stdbool.h>

/* ---- Callbacks --------------------------------------------------------------------------- */

/* Any thread. Calls fn(future, arg) now, in a context of its own: what fails there is not the task
 * that the thread runs. */
void fi_callback_call(filch_done_fn *fn, struct filch_future *future, void *arg);

/* Any thread. What calls fn(owner, arg) in this way when it is called, and is gone then. Returns
 * NULL when memory lacks. */
struct fi_callback *fi_callback_create(filch_done_fn *fn, void *arg);

/* ---- Dispatch ---------------------------------------------------------------------------- */

/* Who has ended `owner`, with a reference to it. callbacks: what fi_latch_end() handed out.
 * Whatever fi_callback_create() has not made is a continuation, and comes first. */
void fi_continuations_dispatch(void *owner, struct fi_callback *callbacks);

/* Who gives back the last reference to an owner that will never end. Its continuations are called
 * without an owner (NULL), callbacks are dropped. */
void fi_continuations_abandon(struct fi_callback *callbacks);

/* ---- The trampoline ---------------------------------------------------------------------- */

/* The thread. Has its loop call `continuation`, without an owner, when all have been that were
 * added before. The caller sees to it that the loop runs: by fi_trampoline_run(), or as it is
 * called by fi_continuations_dispatch(). */
void fi_trampoline_add(struct fi_callback *continuation);

/* The thread. Calls what was added, unless a loop further down on the stack is at it. */
void fi_trampoline_run(void);

/* A thread that is about to wait, maybe for just that. Calls what was added, in any case. */
void fi_trampoline_drain(void);

/* Around a task's function: what is added meanwhile is called at once, not when a loop further
 * down on the stack comes to it, as the function may wait for that. */
bool fi_trampoline_pause(void);
void fi_trampoline_resume(bool looping);

#endif
