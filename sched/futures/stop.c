/* SPDX-License-Identifier: MIT
 *
 * Is a task to stop? Three things say so: filch_future_stop() on its future, its token, and what
 * is above its scope. */
#include "sched/futures/context.h"
#include "sched/futures/future.h"
#include "sched/futures/token.h"

bool filch_scope_cancelled(const struct filch_scope *scope)
{
    for (; scope; scope = scope->above) {
        /* C2, acquire, pairs with C1 in filch_future_stop(): what came before it. */
        if (scope->future &&
            atomic_load_explicit(&scope->future->flags, memory_order_acquire) & FI_STOPPED)
            return true;
        if (fi_token_is_cancelled(scope->token))
            return true;
    }
    return false;
}

bool filch_cancelled(void)
{
    return filch_scope_cancelled(filch_scope_current());
}
