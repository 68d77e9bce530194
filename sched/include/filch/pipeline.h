/* SPDX-License-Identifier: MIT
 *
 * Pipelines: items go through a row of stages, each item through one after another, several items
 * at a time. A stage says how many of them may be in it at once, and whether they come in order:
 *
 *     static int read_block(void *file, void **item);      // *item = a block, or FILCH_EEND
 *     static int compress(void *context, void **item);     // *item = the block, compressed
 *     static int write_block(void *file, void **item);
 *
 *     const struct filch_stage stages[] = {
 *         {FILCH_STAGE_IN_ORDER, read_block, in},
 *         {FILCH_STAGE_PARALLEL, compress, NULL},
 *         {FILCH_STAGE_IN_ORDER, write_block, out},
 *     };
 *     int error = filch_pipeline_run(pool, stages, 3, 0, NULL);
 *
 * The first stage is the source. As oneTBB's parallel_pipeline, whose words these are: tokens are
 * the items that may be on their way at a time. There is no queue between two stages, and nobody
 * waits in front of one: an item whose turn has not come is left there, and whoever brings its turn
 * about sees that it goes on. A worker carries its item as far as it can, and takes the next from
 * the source when it has reached the end. */
#ifndef FILCH_PIPELINE_H
#define FILCH_PIPELINE_H

#include <filch/base.h>
#include <filch/error.h>
#include <filch/pool.h>

#include <stddef.h>

struct filch_pipeline;
struct filch_token;

/* How many items may be in a stage at a time. */
enum filch_stage_kind {
    FILCH_STAGE_PARALLEL, /* any number, in any order */
    FILCH_STAGE_SERIAL,   /* one, in any order */
    FILCH_STAGE_IN_ORDER  /* one, in the order in which the source gave them */
};

/* A stage's function, called once for each item. *item: in, what the stage before has left there;
 * out, what the next one gets; NULL is an item like any other. Returns 0, or an error: the user's
 * own above 0, filch's below, which ends the pipeline; *item is then what the pipeline's `discard`
 * gets.
 *
 * A stage may block, but should not wait for another one to be run: now and then the workers put
 * down all items that are not in a stage, and go on when those that are have left theirs.
 *
 * The first stage finds NULL in *item and writes an item there; or returns FILCH_EEND: there are no
 * more, *item is not looked at. It is not asked again, but that other calls of a parallel source
 * may have begun. With any other error *item is not looked at either. The order of a parallel
 * source's items is that in which its calls return. What the last stage leaves in *item is not
 * looked at. */
typedef int filch_stage_fn(void *context, void **item);

struct filch_stage {
    enum filch_stage_kind kind; /* of the source, SERIAL and IN_ORDER are the same */
    filch_stage_fn *run;
    void *context;
};

#define FILCH_PIPELINE_STAGES_MAX 1024
#define FILCH_PIPELINE_TOKENS_MAX 1048576

/* NULL instead, or all fields 0: the defaults. */
struct filch_pipeline_options {
    struct filch_token *token; /* cancels the pipeline, too (cancel.h); or NULL */
    void (*discard)(void *context, void *item); /* called once for each item that has left the
                                                   source and has not passed the last stage, when
                                                   the pipeline has ended with an error: on the
                                                   thread that runs it, after all stages, in any
                                                   order; or NULL */
    void *context;                              /* discard's */
};

FILCH_BEGIN_DECLS

/* Any thread, a stage's included. Blocks until all items are through; a worker of the pool that
 * calls takes part. pool: NULL: the calling thread alone, item by item. stages: the first is the
 * source; they may go when it returns. tokens: items that may be on their way at a time, 0 for four
 * times the pool's workers. Memory: tokens * (stages / 8 + 2) cache lines, of which only those are
 * touched that items need; stack and forks do not depend on the number of items.
 *
 * The first error, in time, ends it: the source is asked no more, no further stage is called, and
 * when those that run have ended it is returned. So does a cancel or a deadline, as
 * FILCH_ECANCELED: of the task that calls, or of the token in the options; in a stage
 * filch_cancelled() speaks of both, whichever thread runs it. Errors further: FILCH_EINVAL (no
 * stages, or more than FILCH_PIPELINE_STAGES_MAX, a function is NULL, an unknown kind, more than
 * FILCH_PIPELINE_TOKENS_MAX tokens), FILCH_ENOMEM, FILCH_EFORKED (the pool's threads stayed in the
 * parent process). */
FILCH_API int filch_pipeline_run(struct filch_pool *pool, const struct filch_stage *stages,
                                 size_t count, size_t tokens,
                                 const struct filch_pipeline_options *options);

/* ---- Kept, and run again ----------------------------------------------------------------- */

/* Any thread, does not block. Likewise, but does not run it. The pool must outlive it; the token is
 * kept. *pipeline belongs to the caller until filch_pipeline_destroy(). Errors: FILCH_EINVAL,
 * FILCH_ENOMEM. */
FILCH_API int filch_pipeline_create(struct filch_pool *pool, const struct filch_stage *stages,
                                    size_t count, size_t tokens,
                                    const struct filch_pipeline_options *options,
                                    struct filch_pipeline **pipeline);

/* Any thread. Blocks. Runs it as filch_pipeline_run() does, for the first time or again, after an
 * error too; allocates nothing. Errors: what a stage returned, FILCH_ECANCELED, FILCH_EFORKED;
 * FILCH_EBUSY: it runs (nothing is done). */
FILCH_API int filch_pipeline_rerun(struct filch_pipeline *pipeline);

/* Any thread, does not block. Frees it. pipeline: NULL is fine. Errors: FILCH_EBUSY: it runs
 * (nothing is done). */
FILCH_API int filch_pipeline_destroy(struct filch_pipeline *pipeline);

FILCH_END_DECLS

#endif
