/* SPDX-License-Identifier: MIT
 *
 * See job.h. */
#include "bignum/job.h"

#include "bignum/arena.h"
#include "bignum/reserve.h"

#include <filch/cancel.h>
#include <filch/pool.h>

#include <string.h>

int fi_job_init(struct fi_job *job, const struct filch_fib_options *options)
{
    memset(job, 0, sizeof *job);
    job->part = 1.0;
    job->share = -1.0;
    if (options)
        job->options = *options;
    if ((unsigned)job->options.algorithm > FILCH_FIB_ADD)
        return FILCH_EINVAL;
    struct filch_pool *pool = job->options.pool;
    if (pool) {
        int error = filch_pool_check(pool);
        if (error)
            return error;
        if (filch_pool_size(pool) < 2)
            job->options.pool = NULL;
    }
    job->scope = filch_scope_current();
    return fi_job_stopped(job) ? FILCH_ECANCELED : 0;
}

int fi_job_claim(struct fi_job *job, uint64_t bytes)
{
    if (job->options.memory && bytes > job->options.memory)
        return FILCH_ENOMEM;
    uint64_t threads = job->options.pool ? (uint64_t)filch_pool_size(job->options.pool) : 0;
    uint64_t more = fi_memory_of_threads(threads);
    if (bytes > UINT64_MAX - more)
        return FILCH_ENOMEM;
    int error = fi_memory_reserve(&fi_system_roots, bytes + more);
    if (error)
        return error;
    job->claimed = bytes + more;
    job->prepared = bytes;
    fi_arena_prepare(bytes);
    return 0;
}

void fi_job_release(struct fi_job *job)
{
    fi_arena_finish(job->prepared);
    fi_memory_release(job->claimed);
    job->prepared = 0;
    job->claimed = 0;
}

bool fi_job_stopped(void *context)
{
    const struct fi_job *job = context;
    return (job->options.token && filch_token_cancelled(job->options.token)) ||
           filch_scope_cancelled(job->scope);
}

void fi_job_report(void *context, double share)
{
    struct fi_job *job = context;
    share *= job->part;
    if (share <= job->share || share >= 1.0)
        return;
    job->share = share;
    if (job->options.progress)
        job->options.progress(share, job->options.context);
}

void fi_job_done(struct fi_job *job)
{
    if (job->options.progress)
        job->options.progress(1.0, job->options.context);
}
