/* SPDX-License-Identifier: MIT
 *
 * Fork-join. A task is defined like a function, and forked, called and joined by name:
 *
 *     FILCH_TASK(long, fib, long, n)
 *     {
 *         if (n < 2)
 *             return n;
 *         FILCH_FORK(fib, n - 1);             // may run on another worker from now on
 *         long b = FILCH_CALL(fib, n - 2);    // runs here, like a function
 *         return FILCH_JOIN(fib) + b;         // the result of the newest fork not yet joined
 *     }
 *     ...
 *     long r = FILCH_RUN(pool, fib, 39);      // from ordinary code
 *
 * Rules: FORK, CALL, JOIN and SHARE stand only in the body of a task. A body joins every fork that it
 * made, newest first, naming the same task. 0 to 6 arguments of any scalar or struct type,
 * FILCH_PAYLOAD bytes together; they are converted as in a function call. A type is written in
 * one piece: typedef an array or a pointer to function. A fork never fails and allocates nothing,
 * but for one that finds the deque full, which runs in place (pool.h, deque_slots).
 *
 * What a compiler can see of these rules is an error. The rest is asserted where FILCH_DEBUG is
 * defined before this header is included: a join without its fork, or of another task; a fork
 * that is never joined; a worker's stack that is used up. The text names the task.
 *
 * A fork that no thief takes runs at its join: put first with FILCH_CALL what should come first. A
 * body has no setjmp and takes no label's address: it may be compiled twice. */
#ifndef FILCH_TASK_H
#define FILCH_TASK_H

#include <filch/base.h>
#include <filch/body.h>
#include <filch/pool.h>
#include <filch/slot.h>

/* FILCH_SERIAL_CLONES: 1 where a task is defined, and gcc may compile its body a second time, with
 * forks that are plain calls, for use while thieves have enough: see body.h. For tasks that do
 * next to nothing but fork, and whose recursion is balanced: fib gains 1.3 times. Not where order
 * matters, as in a search, since most forks then run at once, before what follows them, nor where
 * trees are ragged, since thieves find less. */
#ifndef FILCH_SERIAL_CLONES
#define FILCH_SERIAL_CLONES 0
#endif

/* FILCH_TASK(R, name, T1, a1, ...) { body }     a task with a result of type R
 * FILCH_VOID_TASK(name, T1, a1, ...) { body }   one without
 * At file scope. Defines `name` for the calls below, for this file. */
#define FILCH_TASK(...) FILCH_TASK_DECLARE(__VA_ARGS__) FILCH_TASK_BODY(__VA_ARGS__)
#define FILCH_VOID_TASK(...) \
    FILCH_VOID_TASK_DECLARE(__VA_ARGS__) FILCH_VOID_TASK_BODY(__VA_ARGS__)

/* The two halves, for tasks that fork each other: first every DECLARE, then every BODY. */
#define FILCH_TASK_DECLARE(...)      FILCH_DECLARE_(FILCH_VALUE_, __VA_ARGS__, ~)
#define FILCH_TASK_BODY(...)         FILCH_BODY_(__VA_ARGS__, ~)
#define FILCH_VOID_TASK_DECLARE(...) FILCH_DECLARE_(FILCH_NOVALUE_, void, __VA_ARGS__, ~)
#define FILCH_VOID_TASK_BODY(...)    FILCH_BODY_(void, __VA_ARGS__, ~)

/* FILCH_FORK(name, args...): in a task. The task may run on another worker from here on, and will
 * have run when its FILCH_JOIN returns. A statement. Does not block. */
#define FILCH_FORK(...) FILCH_WITH_(_filch_fork, (filch_front_, filch_frame_), __VA_ARGS__)

/* FILCH_CALL(name, args...): in a task. Runs the task here and now; its result. */
#define FILCH_CALL(...) FILCH_WITH_(_filch_call, (filch_front_, filch_frame_), __VA_ARGS__)

/* FILCH_JOIN(name): in a task. The result of the newest fork not yet joined, which must be of
 * `name`. Runs it here unless it has run or a thief has it; in that case runs forks that
 * were made under it, and sleeps when there are none. */
#define FILCH_JOIN(name) name##_filch_join(filch_front_, filch_frame_)

/* FILCH_SHARE(): in a task. Forks are shown to other workers late, or never, where nobody asks. From here
 * on all of this worker's can be stolen: for a task that has forked and is now about to block
 * (blocking.h). A statement. Does not block. */
#define FILCH_SHARE() filch_front_share(filch_front_, filch_frame_->head)

/* FILCH_RUN(pool, name, args...): anywhere. Any thread. Blocks. Runs the task on the pool; its
 * result. See filch_pool_run() in body.h. */
#define FILCH_RUN(...) FILCH_PASTE_(FILCH_RUN_, FILCH_MORE_(__VA_ARGS__))(__VA_ARGS__)

#endif
