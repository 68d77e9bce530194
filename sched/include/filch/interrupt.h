/* SPDX-License-Identifier: MIT
 *
 * Ending a wait from elsewhere, as a signal handler has to when its program should stop waiting:
 *
 *     static struct filch_thread *waiting;                       // = filch_thread_current()
 *     static void on_signal(int number) { filch_interrupt(waiting); }
 *
 * Whatever the thread waits for goes on: only the wait ends, with FILCH_EINTR. */
#ifndef FILCH_INTERRUPT_H
#define FILCH_INTERRUPT_H

#include <filch/base.h>

struct filch_thread;

FILCH_BEGIN_DECLS

/* Any thread, does not block. The calling thread, for filch_interrupt(); it is there as long as the
 * thread runs. */
FILCH_API struct filch_thread *filch_thread_current(void);

/* Any thread, also in a signal handler (async-signal-safe), while `thread` runs. The wait that the
 * thread is in, or else its next one, returns FILCH_EINTR: of filch_future_result() and _error(),
 * filch_wait(), iterators, filch_group_wait(), filch_semaphore_acquire(), filch_mutex_lock(), and of
 * submits that wait for room. If what it waits for has come already that one returns as usual, and the
 * next one is interrupted. Other waits, such as those of FILCH_RUN, of conditions or of a destroy, go
 * on. A wait that runs what it waits for itself, as workers do, is interrupted only when that has
 * ended. Several calls before one wait count as one. */
FILCH_API void filch_interrupt(struct filch_thread *thread);

FILCH_END_DECLS

#endif
