/* SPDX-License-Identifier: MIT
 *
 * Contexts: see context.h; filch_fail(); and scopes, through which other threads take part in a
 * task. */
#include "sched/futures/context.h"

#include "sched/core/scratch.h"

#include <filch/cancel.h>
#include <filch/error.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local struct fi_context *lent; /* the innermost whose scope is not its own */

/* Its address means failure. */
static char failure;

/* The thread. The context that it is in, or NULL. */
static struct fi_context *innermost(void)
{
    return (struct fi_context *)(void *)fi_running_self();
}

static void describe_address(const struct fi_running *running, char *text, size_t size)
{
    snprintf(text, size, "task %p", (const void *)running);
}

void fi_context_enter(struct fi_context *context, struct filch_future *future,
                      struct filch_token *token, struct filch_executor *executor)
{
    context->scope = &context->own;
    context->own.future = future;
    context->own.token = token;
    context->own.executor = executor;
    context->own.count_latch = NULL;
    context->own.above = NULL;
    context->code = 0;
    context->running.outer = fi_running_self();
    context->running.describe = describe_address;
    context->mark = fi_scratch_before();
    fi_running_set_self(&context->running);
}

void fi_context_leave(struct fi_context *context)
{
    fi_scratch_after(context->mark);
    fi_running_set_self(context->running.outer);
    fi_context_forget_failure(context);
}

const struct fi_context *fi_context_current(void)
{
    return innermost();
}

bool fi_context_in_executor(const struct filch_executor *executor)
{
    for (const struct fi_context *context = innermost(); context;
         context = fi_context_outer(context))
        if (context->scope->executor == executor)
            return true;
    return false;
}

bool fi_context_in_group(const struct fi_count_latch *count_latch)
{
    for (const struct fi_context *context = innermost(); context;
         context = fi_context_outer(context))
        if (context->scope->count_latch == count_latch)
            return true;
    return false;
}

bool fi_context_is_lent(const struct filch_future *future)
{
    for (const struct fi_context *context = lent; context; context = context->lent)
        for (const struct filch_scope *scope = context->scope; scope; scope = scope->above)
            if (scope->future == future)
                return true;
    return false;
}

bool fi_failed(const void *value)
{
    return value == &failure;
}

/* ---- Failing ----------------------------------------------------------------------------- */

FILCH_COLD void fi_detail_destroy(struct fi_detail detail)
{
    struct fi_context context;

    if (!detail.destroy)
        return;
    fi_context_enter(&context, NULL, NULL, NULL);
    detail.destroy(detail.object);
    fi_context_leave(&context);
}

FILCH_COLD void fi_context_forget_slowly(struct fi_context *context)
{
    context->code = 0;
    fi_detail_destroy(context->detail);
}

int fi_context_failure(struct fi_context *context, const char **text, struct fi_detail *detail)
{
    int code = context->code;

    *text = code && context->has_text ? context->text : NULL;
    *detail = code ? context->detail : (struct fi_detail){NULL, NULL};
    context->code = 0;
    return code ? code : FILCH_EINVAL;
}

/* The thread, in `current`. The task fails so, with a text that has been written, and no longer as it
 * said before. */
static void set_failure(struct fi_context *current, int code, bool has_text,
                        struct fi_detail detail)
{
    struct fi_detail before = {NULL, NULL};

    if (current->code)
        before = current->detail;
    current->code = code ? code : FILCH_EINVAL;
    current->has_text = has_text;
    current->detail = detail;
    fi_detail_destroy(before);
}

void *filch_fail(int code, const char *fmt, ...)
{
    va_list arguments;

    struct fi_context *current = innermost();
    if (!current) /* not in a submitted task: nobody would ask */
        return &failure;
    va_start(arguments, fmt);
    if (vsnprintf(current->text, sizeof current->text, fmt, arguments) < 0)
        current->text[0] = '\0';
    va_end(arguments);
    set_failure(current, code, true, (struct fi_detail){NULL, NULL});
    return &failure;
}

void *filch_fail_detail(int code, const char *text, void *detail, void (*destroy)(void *detail))
{
    struct fi_context *current = innermost();

    if (!current) {
        fi_detail_destroy((struct fi_detail){detail, destroy});
        return &failure;
    }
    if (text) {
        size_t length = strnlen(text, sizeof current->text - 1);
        memmove(current->text, text, length); /* it may be this very text */
        current->text[length] = '\0';
    }
    set_failure(current, code, text, (struct fi_detail){detail, destroy});
    return &failure;
}

void *filch_fail_text(int code, const char *text)
{
    return filch_fail_detail(code, text, NULL, NULL);
}

/* ---- Scopes ------------------------------------------------------------------------------ */

struct filch_scope *filch_scope_current(void)
{
    struct fi_context *current = innermost();
    return current ? current->scope : NULL;
}

void filch_scope_call(struct filch_scope *scope, void (*fn)(void *arg), void *arg)
{
    struct fi_context context;

    if (scope == filch_scope_current()) {
        fn(arg);
        return;
    }
    fi_context_enter(&context, NULL, NULL, NULL);
    context.lent = lent;
    if (scope) { /* else its own, of no task: a worker that waits in a task may run any fork */
        context.scope = scope;
        lent = &context;
    }
    fn(arg);
    lent = context.lent;
    fi_context_leave(&context);
}

void filch_token_call(struct filch_token *token, void (*fn)(void *arg), void *arg)
{
    struct fi_context context, *outer = innermost();

    if (!token) {
        fn(arg);
        return;
    }
    fi_context_enter(&context, NULL, token, NULL);
    if (outer) {
        context.own.executor = outer->scope->executor;
        context.own.count_latch = outer->scope->count_latch;
        context.own.above = outer->scope;
    }
    fn(arg);
    if (outer && context.code) { /* the task may yet return it */
        memcpy(outer->text, context.text, sizeof outer->text);
        set_failure(outer, context.code, context.has_text, context.detail);
        context.code = 0;
    }
    fi_context_leave(&context);
}
