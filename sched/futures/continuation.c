/* SPDX-License-Identifier: MIT
 *
 * Callbacks, continuations and the trampoline: see continuation.h. */
#include "sched/futures/continuation.h"

#include "sched/futures/context.h"

#include <stdlib.h>

/* ---- Callbacks --------------------------------------------------------------------------- */

struct callback {
    struct fi_callback base; /* first: its address is the callback's */
    filch_done_fn *fn;
    void *arg;
};

void fi_callback_call(filch_done_fn *fn, struct filch_future *future, void *arg)
{
    struct fi_context context;

    fi_context_enter(&context, NULL, NULL, NULL);
    fn(future, arg);
    fi_context_leave(&context);
}

static void call_user(struct fi_callback *base, void *owner)
{
    struct callback *callback = (struct callback *)(void *)base;
    filch_done_fn *fn = callback->fn;
    void *arg = callback->arg;

    free(callback);
    fi_callback_call(fn, owner, arg);
}

struct fi_callback *fi_callback_create(filch_done_fn *fn, void *arg)
{
    struct callback *callback = malloc(sizeof *callback);

    if (!callback)
        return NULL;
    *callback = (struct callback){.base.call = call_user, .fn = fn, .arg = arg};
    return &callback->base;
}

/* ---- The trampoline ---------------------------------------------------------------------- */

/* Continuations that are to be called on this thread, one after another. */
static _Thread_local struct {
    struct fi_callback *first, *last;
    bool looping;
} ready;

void fi_trampoline_add(struct fi_callback *continuation)
{
    continuation->next = NULL;
    if (ready.first)
        ready.last->next = continuation;
    else
        ready.first = continuation;
    ready.last = continuation;
}

void fi_trampoline_run(void)
{
    if (ready.looping)
        return;
    ready.looping = true;
    while (ready.first) {
        struct fi_callback *continuation = ready.first;
        ready.first = continuation->next;
        continuation->call(continuation, NULL);
    }
    ready.looping = false;
}

bool fi_trampoline_pause(void)
{
    bool looping = ready.looping;
    ready.looping = false;
    return looping;
}

void fi_trampoline_resume(bool looping)
{
    ready.looping = looping;
}

void fi_trampoline_drain(void)
{
    if (!ready.first)
        return;
    bool looping = fi_trampoline_pause();
    fi_trampoline_run();
    fi_trampoline_resume(looping);
}

/* ---- Dispatch ---------------------------------------------------------------------------- */

void fi_continuations_dispatch(void *owner, struct fi_callback *callbacks)
{
    struct fi_callback *users = NULL, **last = &users;

    while (callbacks) {
        struct fi_callback *next = callbacks->next;
        if (callbacks->call == call_user) {
            *last = callbacks;
            last = &callbacks->next;
        } else {
            callbacks->call(callbacks, owner);
        }
        callbacks = next;
    }
    *last = NULL;
    while (users) {
        struct fi_callback *next = users->next;
        users->call(users, owner);
        users = next;
    }
    fi_trampoline_run();
}

void fi_continuations_abandon(struct fi_callback *callbacks)
{
    while (callbacks) {
        struct fi_callback *next = callbacks->next;
        if (callbacks->call == call_user)
            free(callbacks);
        else
            callbacks->call(callbacks, NULL);
        callbacks = next;
    }
    fi_trampoline_run();
}
