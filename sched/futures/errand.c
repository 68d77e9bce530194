/* SPDX-License-Identifier: MIT
 *
 * Errands: see errand.h. Forty bytes, written once by who submits and read once by who runs
 * them. */
#include "sched/futures/errand.h"

#include "sched/futures/executor.h"
#include "sched/futures/frame.h"
#include "sched/futures/future.h"

#include <filch/cancel.h>

static void run(const struct fi_errand *errand, struct filch_token *token,
                struct fi_tally *tally)
{
    struct fi_frame frame;

    bool looping = fi_follow_pause();
    fi_frame_enter(&frame, NULL, token, errand->executor);
    frame.own.tally = tally;
    void *value = errand->fn(errand->arg);
    fi_frame_leave(&frame);
    fi_follow_resume(looping);
    if (errand->group && fi_failed(value)) {
        const char *text;
        int code = fi_frame_failure(&frame, &text);
        fi_group_fail(errand->group, code, text);
    }
}

/* The worker, or NULL: here and now. */
static void work_off(const struct fi_errand *errand, struct fi_worker *worker, int refusal)
{
    struct filch_token *token = errand->group ? fi_group_token(errand->group) : NULL;
    struct fi_tally *tally = errand->group ? fi_group_tally(errand->group) : NULL;

    if (worker)
        fi_worker_settle_but(worker, tally);
    if (!refusal && token && filch_token_cancelled(token))
        refusal = FILCH_ECANCELED;
    if (!refusal)
        run(errand, token, tally);
    else if (errand->group)
        fi_group_skip(errand->group, refusal);
    if (tally && worker)
        fi_worker_tally(worker, tally);
    else if (tally)
        fi_tally_sub(tally, 1);
}

static void take(struct fi_task *task, struct fi_worker *worker, struct filch_slot *head,
                 int refusal)
{
    struct fi_errand errand = *(struct fi_errand *)(void *)task;

    (void)head; /* a plain function runs no fork of this level's */
    fi_slab_free(FI_SLAB_ERRAND, task);
    fi_executor_taken(errand.executor);
    work_off(&errand, worker, refusal ? refusal : fi_executor_refusal(errand.executor));
    fi_executor_ended(errand.executor);
}

static void run_here(const struct fi_errand *errand)
{
    fi_executor_begin_here(errand->executor);
    work_off(errand, NULL, 0);
    fi_executor_end_here(errand->executor);
}

/* Why nothing can be submitted now, or 0. */
static int check(const struct filch_executor *executor, struct filch_group *group)
{
    int error = fi_executor_check(executor);

    if (!error && group && filch_token_cancelled(fi_group_token(group)))
        error = FILCH_ECANCELED;
    return error;
}

int fi_errand_submit(struct filch_executor *executor, struct filch_group *group, filch_fn *fn,
                     void *arg)
{
    struct fi_errand errand = {{take}, fn, arg, executor, group};
    int error = fn ? check(executor, group) : FILCH_EINVAL;

    if (error)
        return error;
    int room = executor->source ? fi_executor_enter(executor) : 1;
    if (room < 0)
        return room;
    struct fi_errand *new = room ? NULL : fi_slab_alloc(FI_SLAB_ERRAND);
    if (!room && !new) {
        fi_executor_taken(executor);
        return FILCH_ENOMEM;
    }
    if (group)
        fi_tally_add(fi_group_tally(group), 1);
    if (room) {
        run_here(&errand);
        return 0;
    }
    *new = errand;
    error = fi_executor_inject(executor, FI_NORMAL, &new->task);
    if (error) {
        fi_executor_taken(executor);
        fi_slab_free(FI_SLAB_ERRAND, new);
        if (group)
            fi_tally_sub(fi_group_tally(group), 1);
    }
    return error;
}

/* ---- Many -------------------------------------------------------------------------------- */

/* How many go into the source at once. */
enum { PORTION = 64 };

/* Up to PORTION of them, where none has to wait for its place. Returns 0, or an error; *pushed as
 * for fi_executor_inject_many(). */
static int submit_portion(struct filch_executor *executor, struct filch_group *group,
                          filch_fn *fn, void *const *args, uint32_t count, uint32_t *pushed)
{
    void *errands[PORTION];
    uint32_t made = 0;

    for (; made < count; made++) {
        struct fi_errand *errand = fi_slab_alloc(FI_SLAB_ERRAND);
        if (!errand)
            break;
        *errand = (struct fi_errand){{take}, fn, args[made], executor, group};
        errands[made] = errand;
    }
    if (group)
        fi_tally_add(fi_group_tally(group), made);
    int error = fi_executor_inject_many(executor, FI_NORMAL, errands, made, pushed);
    if (group && *pushed < made)
        fi_tally_sub(fi_group_tally(group), made - *pushed);
    for (uint32_t i = *pushed; i < made; i++)
        fi_slab_free(FI_SLAB_ERRAND, errands[i]);
    return error || made == count ? error : FILCH_ENOMEM;
}

int fi_errand_submit_many(struct filch_executor *executor, struct filch_group *group,
                          filch_fn *fn, void *const *args, size_t count, size_t *submitted)
{
    bool one_by_one = !executor->source || executor->bounded;
    int error = fn && (args || count == 0) ? 0 : FILCH_EINVAL;
    size_t done = 0;

    while (!error && done < count) {
        uint32_t portion = count - done < PORTION ? (uint32_t)(count - done) : PORTION, pushed;
        if (one_by_one) {
            error = fi_errand_submit(executor, group, fn, args[done]);
            done += !error;
        } else if (!(error = check(executor, group))) {
            error = submit_portion(executor, group, fn, args + done, portion, &pushed);
            done += pushed;
        }
    }
    if (submitted)
        *submitted = done;
    return error;
}
