/* SPDX-License-Identifier: MIT
 *
 * Frames: see frame.h; and filch_fail(). */
#include "sched/futures/frame.h"

#include <filch/error.h>

#include <stdarg.h>
#include <stdio.h>

static _Thread_local struct fi_frame *current;

/* Its address means failure. */
static char failure;

void fi_frame_enter(struct fi_frame *frame, struct filch_future *future,
                    struct filch_token *token, struct filch_executor *executor)
{
    frame->future = future;
    frame->token = token;
    frame->executor = executor;
    frame->tally = NULL;
    frame->code = 0;
    frame->outer = current;
    current = frame;
}

void fi_frame_leave(struct fi_frame *frame)
{
    current = frame->outer;
}

const struct fi_frame *fi_frame_current(void)
{
    return current;
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
