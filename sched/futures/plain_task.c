/* SPDX-License-Identifier: MIT
 *
 * Plain tasks: see plain_task.h. Forty bytes, written once by whoever submits and read once by whoever
 * runs them. */
#include "sched/futures/plain_task.h"

#include "sched/core/settle.h"
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
    if (plain->group && fi_failed(value)) {
        const char *text;
        struct fi_detail detail;
        int code = fi_context_failure(&context, &text, &detail);
        fi_group_fail(plain->group, code, text, detail);
    }
    fi_context_leave(&context);
    fi_trampoline_resume(looping);
}

void fi_plain_task_run(const struct fi_plain_task *plain, struct fi_worker *worker, int refusal)
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

void fi_plain_task_take(struct fi_task *task, struct fi_worker *worker, struct filch_slot *head,
                        int refusal)
{
    struct fi_plain_task plain = *(struct fi_plain_task *)(void *)task;

    (void)head; /* a plain function runs no fork of this level's */
    fi_block_cache_free(FI_BLOCK_PLAIN_TASK, task);
    fi_executor_taken(plain.executor);
    fi_plain_task_run(&plain, worker, refusal ? refusal : fi_executor_refusal(plain.executor));
    fi_executor_ended(plain.executor);
}
