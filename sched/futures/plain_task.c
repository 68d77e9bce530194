/* SPDX-License-Identifier: MIT
 *
 * Plain tasks: see plain_task.h. Forty bytes, written once by who submits and read once by who runs
 * them. */
#include "sched/futures/plain_task.h"

#include "sched/futures/backend.h"
#include "sched/futures/context.h"
#include "sched/futures/continuation.h"
#include "sched/futures/group.h"
#include "sched/futures/token.h"

static void call_plain(const struct fi_plain_task *plain, struct filch_token *token,
                       struct fi_count_latch *count_latch)
{
    struct fi_context context;

    bool looping = fi_trampoline_pause();
    fi_context_enter(&context, NULL, token, plain->executor);
    context.own.count_latch = count_latch;
    void *value = plain->fn(plain->arg);
    fi_context_leave(&context);
    fi_trampoline_resume(looping);
    if (plain->group && fi_failed(value)) {
        const char *text;
        int code = fi_context_failure(&context, &text);
        fi_group_fail(plain->group, code, text);
    }
}

/* The worker, or NULL: here and now. */
static void work_off(const struct fi_plain_task *plain, struct fi_worker *worker, int refusal)
{
    struct filch_token *token = plain->group ? plain->group->token : NULL;
    struct fi_count_latch *count_latch = plain->group ? &plain->group->count_latch : NULL;

    if (worker)
        fi_worker_settle_but(worker, count_latch);
    if (!refusal && fi_token_is_cancelled(token))
        refusal = FILCH_ECANCELED;
    if (!refusal)
        call_plain(plain, token, count_latch);
    else if (plain->group)
        fi_group_skip(plain->group, refusal);
    if (count_latch && worker)
        fi_worker_count_later(worker, count_latch);
    else if (count_latch)
        fi_count_latch_sub(count_latch, 1);
}

static void take_plain(struct fi_task *task, struct fi_worker *worker, struct filch_slot *head,
                       int refusal)
{
    struct fi_plain_task plain = *(struct fi_plain_task *)(void *)task;

    (void)head; /* a plain function runs no fork of this level's */
    fi_block_cache_free(FI_BLOCK_PLAIN_TASK, task);
    fi_executor_taken(plain.executor);
    work_off(&plain, worker, refusal ? refusal : fi_executor_refusal(plain.executor));
    fi_executor_ended(plain.executor);
}

static void run_plain_here(const struct fi_plain_task *plain)
{
    fi_executor_begin_here(plain->executor);
    work_off(plain, NULL, 0);
    fi_executor_end_here(plain->executor);
}

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
    struct fi_plain_task plain = {{take_plain}, fn, arg, executor, group};
    int error = fn ? check_both(executor, group) : FILCH_EINVAL;

    if (error)
        return error;
    int admission = fi_executor_admit(executor);
    if (admission < 0)
        return admission;
    bool here = admission == FI_CALLER_RUNS;
    struct fi_plain_task *new = here ? NULL : fi_block_cache_alloc(FI_BLOCK_PLAIN_TASK);
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
    *new = plain;
    error = fi_executor_inject(executor, FI_NORMAL, &new->task);
    if (error) {
        fi_executor_taken(executor);
        fi_block_cache_free(FI_BLOCK_PLAIN_TASK, new);
        if (group)
            fi_count_latch_sub(&group->count_latch, 1);
    }
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
        struct fi_plain_task *plain = fi_block_cache_alloc(FI_BLOCK_PLAIN_TASK);
        if (!plain)
            break;
        *plain = (struct fi_plain_task){{take_plain}, fn, args[made], executor, group};
        tasks[made] = plain;
    }
    if (group)
        fi_count_latch_add(&group->count_latch, made);
    int error = fi_executor_inject_many(executor, FI_NORMAL, tasks, made, pushed);
    if (group && *pushed < made)
        fi_count_latch_sub(&group->count_latch, made - *pushed);
    for (uint32_t i = *pushed; i < made; i++)
        fi_block_cache_free(FI_BLOCK_PLAIN_TASK, tasks[i]);
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
