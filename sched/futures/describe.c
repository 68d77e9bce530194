/* SPDX-License-Identifier: MIT
 *
 * A future in words, after CPython's repr(). */
#include "sched/futures/describe.h"

#include <stdio.h>

static const char *state_name(enum filch_future_state state)
{
    switch (state) {
    case FILCH_PENDING:
        return "pending";
    case FILCH_RUNNING:
        return "running";
    case FILCH_FINISHED:
        return "finished";
    default:
        return "cancelled";
    }
}

/* What came out, or nothing yet: " returned 0x1". */
static void describe_outcome(const struct filch_future *future, char *text, size_t size)
{
    int code = (int)(intptr_t)future->value;
    const char *name = filch_error_name(code);
    char number[16];

    if (!(fi_future_flags(future) & FI_FAILED)) {
        snprintf(text, size, " returned %p", future->value);
        return;
    }
    snprintf(number, sizeof number, "%d", code);
    snprintf(text, size, " raised %s: %s", name ? name : number,
             fi_future_text(future) ? fi_future_text(future) : filch_strerror(code));
}

void fi_future_name_task(const struct filch_future *future, char *text, size_t size)
{
    if (fi_future_name(future))
        snprintf(text, size, "'%s'", fi_future_name(future));
    else
        snprintf(text, size, "task %p", (const void *)future);
}

size_t filch_future_describe(const struct filch_future *future, char *buffer, size_t size)
{
    enum filch_future_state state = filch_future_state(future);
    const char *name = fi_future_name(future), *quote = name ? " '" : "";
    char outcome[320] = "";

    if (state == FILCH_FINISHED)
        describe_outcome(future, outcome, sizeof outcome);
    int length =
        snprintf(buffer, size, "<Future%s%s%s at %p state=%s%s>", quote, name ? name : "",
                 name ? "'" : "", (const void *)future, state_name(state), outcome);
    return length < 0 ? 0 : (size_t)length;
}
