/* SPDX-License-Identifier: MIT
 *
 * Frames: see frame.h; filch_fail(); and scopes, through which other threads take part in a
 * task. */
#include "sched/futures/frame.h"

#include "sched/core/scratch.h"

#include <filch/cancel.h>
#include <filch/error.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local struct fi_frame *current;
static _Thread_local struct fi_frame *lent; /* the innermost whose scope is not its own */

/* Its address means failure. */
static char failure;

void fi_frame_enter(struct fi_frame *frame, struct filch_future *future,
                    struct filch_token *token, struct filch_executor *executor)
{
    frame->scope = &frame->own;
    frame->own.future = future;
    frame->own.token = token;
    frame->own.executor = executor;
    frame->own.tally = NULL;
    frame->own.above = NULL;
    frame->code = 0;
    frame->outer = current;
    frame->mark = fi_scratch_before();
    current = frame;
}

void fi_frame_leave(struct fi_frame *frame)
{
    fi_scratch_after(frame->mark);
    current = frame->outer;
}

const struct fi_frame *fi_frame_current(void)
{
    return current;
}

bool fi_frame_is_lent(const struct filch_future *future)
{
    for (const struct fi_frame *frame = lent; frame; frame = frame->lent)
        for (const struct filch_scope *scope = frame->scope; scope; scope = scope->above)
            if (scope->future == future)
                return true;
    return false;
}

bool fi_failed(const void *value)
{
    return value == &failure;
}

int fi_frame_failure(const struct fi_frame *frame, const char **text)
{
    *text = frame->code ? frame->text : NULL;
    return frame->code ? frame->code : FILCH_EINVAL;
}

void *filch_fail(int code, const char *fmt, ...)
{
    va_list arguments;

    if (!current) /* not in a submitted task: nobody would ask */
        return &failure;
    current->code = code ? code : FILCH_EINVAL;
    va_start(arguments, fmt);
    if (vsnprintf(current->text, sizeof current->text, fmt, arguments) < 0)
        current->text[0] = '\0';
    va_end(arguments);
    return &failure;
}

/* ---- Scopes ------------------------------------------------------------------------------ */

struct filch_scope *filch_scope_current(void)
{
    return current ? current->scope : NULL;
}

void filch_scope_call(struct filch_scope *scope, void (*fn)(void *arg), void *arg)
{
    struct fi_frame frame;

    if (scope == filch_scope_current()) {
        fn(arg);
        return;
    }
    fi_frame_enter(&frame, NULL, NULL, NULL);
    frame.lent = lent;
    if (scope) { /* else its own, of no task: a worker that waits in a task may run any fork */
        frame.scope = scope;
        lent = &frame;
    }
    fn(arg);
    lent = frame.lent;
    fi_frame_leave(&frame);
}

void filch_token_call(struct filch_token *token, void (*fn)(void *arg), void *arg)
{
    struct fi_frame frame, *outer = current;

    if (!token) {
        fn(arg);
        return;
    }
    fi_frame_enter(&frame, NULL, token, NULL);
    if (outer) {
        frame.own.executor = outer->scope->executor;
        frame.own.tally = outer->scope->tally;
        frame.own.above = outer->scope;
    }
    fn(arg);
    fi_frame_leave(&frame);
    if (outer && frame.code) { /* the task may yet return it */
        outer->code = frame.code;
        memcpy(outer->text, frame.text, sizeof outer->text);
    }
}
