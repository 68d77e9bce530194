/* SPDX-License-Identifier: MIT
 *
 * Errors. Every call that can fail returns 0 or one of the negative codes below, and leaves
 * its out-parameters and its object as they were. The library never exits, aborts or prints.
 * A task reports its own failure with filch_fail(); code and text are kept on its future. */
#ifndef FILCH_ERROR_H
#define FILCH_ERROR_H

#include <filch/base.h>

#include <stddef.h>

/* The table of errors: X(name, value, text). */
#define FILCH_ERRORS(X)                                                                     \
    X(FILCH_EINVAL, -1, "an argument is out of its range")                                  \
    X(FILCH_ENOMEM, -2, "not enough memory")                                                \
    X(FILCH_ETHREAD, -3, "a thread could not be created: a limit of the system is reached") \
    X(FILCH_EWORKERS, -4, "FILCH_WORKERS must be a whole number from 1 to 1024")            \
    X(FILCH_ETIMEDOUT, -5, "the time is up")                                                \
    X(FILCH_ECANCELED, -6, "the task was cancelled")                                        \
    X(FILCH_EDEADLK, -7, "a task waits for one that cannot go on before it ends itself")    \
    X(FILCH_ESHUTDOWN, -8, "it has been shut down and takes no more tasks")                 \
    X(FILCH_ERANGE, -9, "the number is larger than the arithmetic can hold")                \
    X(FILCH_ECHECK, -10, "a result did not pass its check")                                 \
    X(FILCH_EBROKEN, -11, "the executor is broken: the initializer of a worker failed")     \
    X(FILCH_EMAXWORKERS, -12, "max_workers must be greater than 0")                         \
    X(FILCH_ECHUNKSIZE, -13, "the chunk size must be greater than 0")                       \
    X(FILCH_ESTATE, -14, "the future is in a state that does not allow this")               \
    X(FILCH_EFULL, -15, "no more tasks may be queued")                                      \
    X(FILCH_EFORKED, -16, "the pool's threads stayed in the parent process at fork()")      \
    X(FILCH_EEND, -17, "there is nothing more to come")                                     \
    X(FILCH_EAGAIN, -18, "it is not possible without waiting")                              \
    X(FILCH_ECLOSED, -19, "the channel is closed")                                          \
    X(FILCH_EPERM, -20, "the caller does not hold the lock")                                \
    X(FILCH_EBUSY, -21, "it is in use by another call, such as the one that runs it")       \
    X(FILCH_ETOPOLOGY, -22, "the topology is not known: without hwloc, or hwloc fails") \
    X(FILCH_EIO, -23, "the output could not be written")                                    \
    X(FILCH_EINTR, -24, "the wait was interrupted")

enum filch_error {
#define FILCH_ERROR_ENUM(name, value, text) name = value,
    FILCH_ERRORS(FILCH_ERROR_ENUM)
#undef FILCH_ERROR_ENUM
};

FILCH_BEGIN_DECLS

/* Any thread, does not block. One sentence, without a full stop, for a code of the table, for 0
 * ("success") or any other value ("unknown error"). A static string. */
FILCH_API const char *filch_strerror(int code);

/* Any thread, does not block. The name of a code of the table ("FILCH_ENOMEM"), or NULL.
 * A static string. */
FILCH_API const char *filch_error_name(int code);

/* A task function, on the thread that runs it; does not block. Records that this task fails:
 *     return filch_fail(FILCH_EINVAL, "line %d: no number", line);
 * code: not 0 (0 counts as FILCH_EINVAL); negative codes are filch's, positive ones the
 * user's own. fmt: as for printf; the text is cut after 255 bytes. Only the last call before the
 * task returns counts, and only if its value is what the task returns. Whoever asks the future
 * for its result gets code and text. Outside of a submitted task it records nothing. Returns a
 * pointer that means failure, and nothing else. */
FILCH_API void *filch_fail(int code, const char *fmt, ...) FILCH_PRINTF(2, 3);

/* The same, with a text that is no format: copied, cut after 255 bytes; NULL: filch_strerror() of the
 * code stands for it. */
FILCH_API void *filch_fail_text(int code, const char *text);

/* The same, with an object that stands for the error, such as a language's exception. It is filch's
 * from now on: kept where the code is, for filch_future_error_detail(), filch_group_errors() and
 * filch_map_error_detail(), and given to destroy(detail) exactly once, when the last future that
 * failed so goes, or the group; or when nobody can ask for it any more: the task fails again, or
 * returns something else, or was submitted without a future; at once outside of a submitted task,
 * or where memory lacks. destroy: NULL is fine; it is called on whatever thread that happens, may use
 * filch, and should not wait. */
FILCH_API void *filch_fail_detail(int code, const char *text, void *detail,
                                  void (*destroy)(void *detail));

/* Any thread, does not block. The last FILCH_EDEADLK that this thread got for a wait, in words: writes
 * at most size - 1 bytes and a zero, such as
 *     'parse' waits for 'load', which waits for 'parse'
 *     'parse' waits for itself
 * for people to read. Tasks with a name (filch_task_options) are called by it, others, and threads
 * without a task, by an address. "" if there was none, or more than a few others have been told since.
 * Returns the length of the whole text, as snprintf() does. text: NULL is fine with size 0. */
FILCH_API size_t filch_deadlock_describe(char *text, size_t size);

FILCH_END_DECLS

#endif
