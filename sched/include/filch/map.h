/* SPDX-License-Identifier: MIT
 *
 * map: a function applied by an executor to all that a source gives, the results one after
 * another. As Python's Executor.map, with its chunksize, timeout and (3.14) buffersize, and a
 * variant that gives results as they come. */
#ifndef FILCH_MAP_H
#define FILCH_MAP_H

#include <filch/base.h>
#include <filch/error.h>
#include <filch/executor.h>
#include <filch/future.h>

#include <stdbool.h>
#include <stddef.h>

struct filch_map;

/* A source: writes its next item to *item and returns true; or returns false at its end, after
 * which it is not called again. Called by the thread that makes or asks the map. May never end. */
typedef bool filch_source_fn(void *source, void **item);

struct filch_map_options {
    size_t chunksize; /* items that one task works off, one after another; at least 1 */
    size_t
        buffersize; /* results that may be on their way, at most; 0: no limit, so the whole source
                          is read and submitted by filch_map_create(), as in Python */
    double timeout; /* seconds from filch_map_create() on for all results (0 or negative: for
                       those that are there when they are asked for); FILCH_FOREVER */
    bool unordered; /* results as they come, not in the order of their items */
    void (*drop)(void *item);          /* called once for each item that was taken from the source and
                                          for which fn was not called; or NULL */
    void (*drop_result)(void *result); /* and for each result of fn that filch_map_next() did not give
                                          out, failures excepted; or NULL */
};

/* What to start from: chunksize 1, no limit, no timeout, ordered. */
#define FILCH_MAP_OPTIONS                         \
    {                                             \
        1, 0, (double)INFINITY, false, NULL, NULL \
    }

FILCH_BEGIN_DECLS

/* Any thread. Does not block, but for the executor's max_queued. Has fn(item) run for each item of
 * source. options: NULL for FILCH_MAP_OPTIONS. The executor and the source must outlive the map.
 * Errors: FILCH_EINVAL (fn or next NULL, timeout NaN, buffersize above PTRDIFF_MAX: a negative
 * number), FILCH_ECHUNKSIZE (0, or so), FILCH_ENOMEM, and those of filch_executor_submit(). With a
 * buffersize (below chunksize it makes chunks of its own size) what is refused is offered again
 * later, if anything was taken; without one all is taken or nothing. What it took from the source is
 * the map's, also if it fails: see drop, which the map's thread calls, as filch_map_next() comes to
 * the item or at the map's end. */
FILCH_API int filch_map_create(struct filch_executor *executor, filch_fn *fn,
                               filch_source_fn *next, void *source,
                               const struct filch_map_options *options, struct filch_map **map);

/* The same over an array of `count` items, which must outlive the map. items: NULL is fine with
 * count 0. */
FILCH_API int filch_map_array(struct filch_executor *executor, filch_fn *fn, void *const *items,
                              size_t count, const struct filch_map_options *options,
                              struct filch_map **map);

/* The map's thread, one at a time. Blocks until the next result is there. *result: what fn
 * returned. A task that waits runs what it waits for, if that has not
 * started, and nothing else.
 * Errors: FILCH_EEND (there are no more, or were none), FILCH_ETIMEDOUT, what the task gave to
 * filch_fail(), or what became of submitting it. After an error of a task the next call goes on
 * behind its chunk; in Python the iterator ends there. After FILCH_ETIMEDOUT, and FILCH_EDEADLK
 * and FILCH_EFORKED as of filch_future_result(), the rest is cancelled, and FILCH_EEND comes
 * next; after FILCH_EINTR (filch_interrupt()) it goes on as if it had not been asked. */
FILCH_API int filch_map_next(struct filch_map *map, void **result);

/* The map's thread. Does not block. The text of what filch_map_next() returned last, or NULL
 * after 0; valid until the next call. */
FILCH_API const char *filch_map_error(const struct filch_map *map);

/* The map's thread. Does not block. The object that stands for that error (filch_fail_detail()), or
 * NULL; valid until the next call. */
FILCH_API void *filch_map_error_detail(const struct filch_map *map);

/* The map's thread, but not in one of the map's own tasks. Cancels what has not started, waits for
 * what runs, since it uses the map. map: NULL is fine. */
FILCH_API void filch_map_destroy(struct filch_map *map);

FILCH_END_DECLS

#endif
