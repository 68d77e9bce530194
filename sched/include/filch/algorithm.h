/* SPDX-License-Identifier: MIT
 *
 * Parallel algorithms: loops over ranges of indices, on the workers of a pool. They nest freely, in
 * each other, in tasks, and in what a pool's workers run otherwise.
 *
 * pool: whose workers run the loop. A worker of that pool that calls takes part at once; any other
 * thread hands the loop over and sleeps until it has ended. NULL: the calling thread alone.
 *
 * A loop over a range of which `begin` is not below `end` is empty: nothing is called, 0 is
 * returned. `context` is handed through.
 *
 * Errors: a body returns 0, or a code: the user's own above 0, filch's below. The first one, in
 * time, stops the loop: calls that have begun come to their end, no other begins; and it is what
 * the loop returns. So does a cancel, as FILCH_ECANCELED: of the task that calls (cancel.h), or of
 * the token in the loop's options; in a body filch_cancelled() speaks of both, whichever thread
 * runs it. Further: FILCH_EINVAL (a function is NULL), FILCH_ENOMEM where it is named, FILCH_EFORKED
 * (the pool's threads stayed in the parent process). When a loop returns, none of its calls runs
 * any more. */
#ifndef FILCH_ALGORITHM_H
#define FILCH_ALGORITHM_H

#include <filch/base.h>
#include <filch/error.h>
#include <filch/pool.h>

#include <stddef.h>

struct filch_token;

/* How a loop runs. NULL instead, or all fields 0: the defaults. */
struct filch_loop {
    size_t
        grain; /* indices that one call of the body gets, at most; 0: the loop finds out itself,
                     by the time that its first calls take, so that a call takes about 10 us, and
                     does not begin to share work unless 3 us of it are left */
    struct filch_token *token; /* cancels the loop, too; or NULL */
};

/* Indices from `begin` up to, without, `end`. */
struct filch_range {
    size_t begin, end;
};

/* A body: for part of the range, never empty. Any worker, several at a time, in any order. */
typedef int filch_for_fn(void *context, size_t begin, size_t end);
typedef int filch_for_2d_fn(void *context, struct filch_range rows, struct filch_range columns);
typedef int filch_for_strided_fn(void *context, ptrdiff_t first, size_t count);

FILCH_BEGIN_DECLS

/* Any thread. Blocks. Has the body called for parts that make up the range, each index once. The
 * range is halved as long as the halves are larger than the grain, and others take the larger
 * parts: a fork each, no allocation. */
FILCH_API int filch_for(struct filch_pool *pool, size_t begin, size_t end, filch_for_fn *body,
                        void *context, const struct filch_loop *options);

/* Any thread. Blocks. Likewise for the rectangle rows x columns; the longer side is halved. The
 * grain counts pairs of indices. */
FILCH_API int filch_for_2d(struct filch_pool *pool, struct filch_range rows,
                           struct filch_range columns, filch_for_2d_fn *body, void *context,
                           const struct filch_loop *options);

/* Any thread. Blocks. Likewise for begin, begin + stride, begin + 2 * stride, ... as long as they
 * are below `end` or, with a negative stride, above it. The body gets `count` of them, from `first`
 * on. Errors: FILCH_EINVAL (stride 0), too. */
FILCH_API int filch_for_strided(struct filch_pool *pool, ptrdiff_t begin, ptrdiff_t end,
                                ptrdiff_t stride, filch_for_strided_fn *body, void *context,
                                const struct filch_loop *options);

FILCH_END_DECLS

#endif
