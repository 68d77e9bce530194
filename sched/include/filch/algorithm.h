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
 * the loop returns. So does a cancel or a deadline, as FILCH_ECANCELED: of the task that calls
 * (cancel.h), or of the token in the loop's options; in a body filch_cancelled() speaks of both,
 * whichever thread runs it. Further: FILCH_EINVAL (a function is NULL), FILCH_ENOMEM where it is
 * named, FILCH_EFORKED (the pool's threads stayed in the parent process). When a loop returns, none
 * of its calls runs any more. */
#ifndef FILCH_ALGORITHM_H
#define FILCH_ALGORITHM_H

#include <filch/base.h>
#include <filch/error.h>
#include <filch/pool.h>

#include <stdbool.h>
#include <stddef.h>

struct filch_token;

/* How a loop runs. NULL instead, or all fields 0: the defaults. */
struct filch_loop {
    /* Indices that one call of the body gets, at most; 0: the loop finds out itself, by the time
     * that its first calls take, so that a call takes about 10 us, and that nothing is shared
     * unless 3 us of work are left. */
    size_t grain;
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

/* For arrays, which are given as to qsort(): their elements' number, and their size in bytes. Any
 * worker, several at a time, in any order. */
typedef bool filch_predicate(void *context, const void *element);
typedef int filch_compare(const void *a, const void *b, void *context); /* as for qsort_r() */
typedef int filch_map_fn(void *context, const void *in, void *out);     /* 0 or an error */

/* Folds part of the range, never empty, into an accumulator, in the order of the indices. Any
 * worker, several at a time, in any order. */
typedef int filch_fold_fn(void *context, size_t begin, size_t end, void *accumulator);

/* Has `left` hold what it does, followed by what `right` does. Any worker, several at a time. */
typedef int filch_combine_fn(void *context, void *left, const void *right);

/* What filch_reduce() and filch_scan() compute. Accumulators are plain memory: copied as bytes,
 * forgotten without a call, aligned to FILCH_CACHE_LINE. The operation should be associative, as
 * far as the user cares; it need not be commutative. */
struct filch_reduction {
    size_t size;          /* bytes of an accumulator, not 0 */
    const void *identity; /* what stands for no index at all; NULL: zeros. Constant meanwhile */
    filch_fold_fn *fold;  /* gets the identity, and a block */
    filch_combine_fn *combine;
};

FILCH_BEGIN_DECLS

/* Any thread. Blocks. Has the body called for parts that make up the range, each index once. The
 * range is halved as long as the halves are larger than the grain, and others take the larger
 * parts: a fork each, no allocation. */
FILCH_API int filch_for(struct filch_pool *pool, size_t begin, size_t end, filch_for_fn *body,
                        void *context, const struct filch_loop *options);

/* Any thread. Blocks. Likewise for the rectangle rows x columns; the longer side is halved. The
 * grain counts pairs of indices. Errors: FILCH_EINVAL (more than SIZE_MAX pairs), too. */
FILCH_API int filch_for_2d(struct filch_pool *pool, struct filch_range rows,
                           struct filch_range columns, filch_for_2d_fn *body, void *context,
                           const struct filch_loop *options);

/* Any thread. Blocks. Likewise for begin, begin + stride, begin + 2 * stride, ... as long as they
 * are below `end` or, with a negative stride, above it. The body gets `count` of them, from `first`
 * on. Errors: FILCH_EINVAL (stride 0), too. */
FILCH_API int filch_for_strided(struct filch_pool *pool, ptrdiff_t begin, ptrdiff_t end,
                                ptrdiff_t stride, filch_for_strided_fn *body, void *context,
                                const struct filch_loop *options);

/* ---- Arrays ------------------------------------------------------------------------------ */

/* All of these: any thread; blocks. The loop runs over the elements; with errors, what is given
 * back is as before. FILCH_EINVAL, too: the size is 0, the array is larger than memory, or NULL and
 * not empty. */

/* *index: of the first element that the predicate holds for, the same on every run; count if there
 * is none. Elements behind it may or may not have been looked at. */
FILCH_API int filch_find(struct filch_pool *pool, const void *base, size_t count, size_t size,
                         filch_predicate *predicate, void *context, size_t *index,
                         const struct filch_loop *options);

/* *answer: whether the predicate holds for an element. Ends as soon as that is known. */
FILCH_API int filch_any(struct filch_pool *pool, const void *base, size_t count, size_t size,
                        filch_predicate *predicate, void *context, bool *answer,
                        const struct filch_loop *options);

/* *answer: whether it holds for every element. Likewise. */
FILCH_API int filch_all(struct filch_pool *pool, const void *base, size_t count, size_t size,
                        filch_predicate *predicate, void *context, bool *answer,
                        const struct filch_loop *options);

/* *min, *max: the index of the smallest and of the largest element, of the first one where several
 * are. An order that contradicts itself gives any two. Errors: FILCH_EINVAL (there is no element),
 * too. */
FILCH_API int filch_min_max(struct filch_pool *pool, const void *base, size_t count,
                            size_t size, filch_compare *compare, void *context, size_t *min,
                            size_t *max, const struct filch_loop *options);

/* fn(context, &in[i], &out[i]) for each i. The arrays may be the same one if the sizes are. With
 * errors, what `out` holds is undefined. (The executor's map, which waits for the results of
 * tasks, is filch/map.h.) */
FILCH_API int filch_map(struct filch_pool *pool, const void *in, size_t in_size, void *out,
                        size_t out_size, size_t count, filch_map_fn *fn, void *context,
                        const struct filch_loop *options);

/* Copies the elements that the predicate holds for to `out`, which has room for `count` and does not
 * overlap, in their order; *kept: how many. The predicate is asked once for each element. Allocates
 * about a byte for each. With errors, what `out` holds is undefined. Errors: FILCH_ENOMEM, too. */
FILCH_API int filch_filter(struct filch_pool *pool, const void *in, size_t count, size_t size,
                           void *out, size_t *kept, filch_predicate *predicate, void *context,
                           const struct filch_loop *options);

/* Moves the elements that the predicate holds for before the others; both keep their order.
 * *boundary: how many it holds for. It is asked once for each element. Allocates as much again as
 * the array, and about a byte for each element. With errors, the array is as before. Errors:
 * FILCH_ENOMEM, too. */
FILCH_API int filch_partition(struct filch_pool *pool, void *base, size_t count, size_t size,
                              filch_predicate *predicate, void *context, size_t *boundary,
                              const struct filch_loop *options);

/* ---- Reductions and scans ------------------------------------------------------------------
 *
 * Deterministic: their range is cut into blocks, one call each, and the blocks' results are
 * combined in an order that the length of the range and the grain alone decide. So a result has
 * the same bits in every run, and on any number of workers, pool NULL included, whatever the
 * operation. Here the grain is the length of a block: another grain may mean other bits. 0: a part
 * in 256 of the range, rounded up, but not more than 16,384 indices. A block costs 20 to
 * 40 ns: where the indices take next to nothing, a larger grain is better. */

/* Any thread. Blocks. Has reduction->fold called for each block and combines their accumulators,
 * by halves of the blocks: ((0 1) (2 (3 4))). The result, of reduction->size bytes, is the identity
 * for an empty range; in case of an error it is left as it was. Allocates nothing for accumulators
 * of up to FILCH_CACHE_LINE bytes, else one for each half under way: about as many as workers,
 * times log2(blocks). Errors: FILCH_EINVAL (a size of 0, or no result), FILCH_ENOMEM, too. */
FILCH_API int filch_reduce(struct filch_pool *pool, size_t begin, size_t end,
                           const struct filch_reduction *reduction, void *context, void *result,
                           const struct filch_loop *options);

/* Any thread. Blocks. Has `scan` called for each block, with an accumulator that holds what comes
 * before the block and is its to change: `scan` goes through the block as reduction->fold does, and
 * writes for each index what the accumulator holds then: after it has taken the index in, which
 * makes the scan inclusive, or before, exclusive. It may write where `fold` reads, which has been
 * called before for this block, if at all. What comes before a block is combined from the left: the
 * identity, block 0, block 1, ... `total`: gets what the accumulator of the last block holds in the
 * end, the identity for an empty range, and nothing in case of an error; NULL is fine.
 * Fold and scan together do twice the work of a serial loop, but read memory once: with two workers
 * it pays where memory is the bound, else from three on. One allocation, of some 20 accumulators a
 * worker, or up to 500 for short ranges. Errors: FILCH_EINVAL (a size of 0), FILCH_ENOMEM, too. */
FILCH_API int filch_scan(struct filch_pool *pool, size_t begin, size_t end,
                         const struct filch_reduction *reduction, filch_fold_fn *scan,
                         void *context, void *total, const struct filch_loop *options);

/* Any thread. Blocks. *sum = values[0] + ... + values[count - 1], as filch_reduce() with blocks of
 * 8192 by default. Allocates nothing. Errors: FILCH_EINVAL (no values, with a count above 0; a
 * count that no array has; no sum), too. */
FILCH_API int filch_sum_double(struct filch_pool *pool, const double *values, size_t count,
                               double *sum, const struct filch_loop *options);

/* Any thread. Blocks. Likewise, nearly as if computed exactly and rounded once: off by no more than
 * u * |sum| + (h * u)^2 * (|values[0]| + ... + |values[count - 1]|), where u = 2^-53 and
 * h = 1050 + 2 * log2(count); with a grain, grain / 8 + 26 instead of 1050. Infinite or NaN where a
 * plain sum in this order is: by a value that is, or a partial sum that is too large. */
FILCH_API int filch_sum_double_compensated(struct filch_pool *pool, const double *values,
                                           size_t count, double *sum,
                                           const struct filch_loop *options);

FILCH_END_DECLS

#endif
