/* SPDX-License-Identifier: MIT
 *
 * Submitting tasks without a future: see submit_plain.h. */
#include "sched/futures/submit_plain.h"

#include "sched/core/self.h"
#include "sched/futures/backend.h"
#include "sched/futures/group.h"
#include "sched/futures/group_task.h"
#include "sched/futures/plain_task.h"

static void run_plain_here(const struct fi_plain_task *plain)
{
    fi_executor_begin_here(plain->executor);
    fi_plain_task_run(plain, NULL, 0);
    fi_executor_end_here(plain->executor);
}

/* ---- Which kind ------------------------------------------------------------------------------ */

/* A task of a group that a worker submits is most likely one that a task waits for. */
static bool is_listed(const struct fi_plain_task *plain)
{
    return plain->task.run != fi_plain_task_take;
}

/* A block with that task in it, or NULL. */
static struct fi_plain_task *make_task(const struct fi_plain_task *plain)
{
    if (plain->group && fi_worker_self())
        return fi_group_task_make(plain);
    struct fi_plain_task *new = fi_block_cache_alloc(FI_BLOCK_PLAIN_TASK);
    if (new)
        *new = *plain;
    return new;
}

/* It was not submitted after all. */
static void drop_task(struct fi_plain_task *plain)
{
    fi_block_cache_free(is_listed(plain) ? FI_BLOCK_GROUP_TASK : FI_BLOCK_PLAIN_TASK, plain);
}

/* ---- One by one ------------------------------------------------------------------------------ */

/* Why nothing can be submitted now, be it the executor or the group; or 0. */
static int check_both(const struct filch_executor *executor, struct filch_group *group)
{
    int error = fi_executor_check(executor);

    if (!error && group && filch_token_cancelled(group->token))
        error = FILCH_ECANCELED;
    return error;
}

int fi_plain_task_submit(struct filch_executor *executor, struct filch_group *group,
                         filch_fn *fn, void *arg)
{
    struct fi_plain_task plain = {{fi_plain_task_take}, fn, arg, executor, group};
    int error = fn ? check_both(executor, group) : FILCH_EINVAL;

    if (error)
        return error;
    int admission = fi_executor_admit(executor);
    if (admission < 0)
        return admission;
    bool here = admission == FI_CALLER_RUNS;
    struct fi_plain_task *new = here ? NULL : make_task(&plain);
    if (!here && !new) {
        fi_executor_taken(executor);
        return FILCH_ENOMEM;
    }
    if (group)
        fi_count_latch_add(&group->count_latch, 1);
    if (here) {
        run_plain_here(&plain);
        return 0;
    }
    bool listed = is_listed(new); /* once it is injected it may be gone */
    error = fi_executor_inject(executor, FI_NORMAL, &new->task);
    if (!error) {
        if (listed)
            fi_group_task_list(new);
        return 0;
    }
    fi_executor_taken(executor);
    drop_task(new);
    if (group)
        fi_count_latch_sub(&group->count_latch, 1);
    return error;
}

/* ---- Many -------------------------------------------------------------------------------- */

/* How many go into the submit queue at once. */
enum { BATCH = 64 };

/* Up to BATCH of them, where none has to wait for its place. Returns 0, or an error; *pushed as
 * for fi_executor_inject_many(). */
static int submit_batch(struct filch_executor *executor, struct filch_group *group,
                        filch_fn *fn, void *const *args, uint32_t count, uint32_t *pushed)
{
    void *tasks[BATCH];
    uint32_t made = 0;

    for (; made < count; made++) {
        struct fi_plain_task plain = {{fi_plain_task_take}, fn, args[made], executor, group};
        if (!(tasks[made] = make_task(&plain)))
            break;
    }
    if (group)
        fi_count_latch_add(&group->count_latch, made);
    bool listed = made > 0 && is_listed(tasks[0]); /* once injected they may be gone */
    int error = fi_executor_inject_many(executor, FI_NORMAL, tasks, made, pushed);
    for (uint32_t i = 0; listed && i < *pushed; i++)
        fi_group_task_list(tasks[i]);
    if (group && *pushed < made)
        fi_count_latch_sub(&group->count_latch, made - *pushed);
    for (uint32_t i = *pushed; i < made; i++)
        drop_task(tasks[i]);
    return error || made == count ? error : FILCH_ENOMEM;
}

int fi_plain_task_submit_many(struct filch_executor *executor, struct filch_group *group,
                              filch_fn *fn, void *const *args, size_t count, size_t *submitted)
{
    int error = fn && (args || count == 0) ? 0 : FILCH_EINVAL;
    size_t done = 0;

    while (!error && done < count) {
        uint32_t batch = count - done < BATCH ? (uint32_t)(count - done) : BATCH, pushed;
        if (!executor->admits_all) { /* one by one */
            error = fi_plain_task_submit(executor, group, fn, args[done]);
            done += !error;
        } else if (!(error = check_both(executor, group))) {
            error = submit_batch(executor, group, fn, args + done, batch, &pushed);
            done += pushed;
        }
    }
    if (submitted)
        *submitted = done;
    return error;
}
