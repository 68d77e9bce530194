/* SPDX-License-Identifier: MIT
 *
 * What a future keeps of an error beside its code: a text, and an object that stands for the error,
 * such as a language's exception. Futures that end as another did share one record. It is written
 * once, before others know it. */
#ifndef FI_FAILURE_H
#define FI_FAILURE_H

#include "sched/futures/context.h"

#include <stdatomic.h>
#include <stdint.h>

struct fi_failure {
    _Atomic(uint32_t) references;
    struct fi_detail detail;
    const char *text; /* `words`, or NULL: the code's own */
    char words[];
};

/* Any thread. Keeps a copy of `text` (NULL: none), cut to FI_TEXT_SIZE, and the detail, which is this
 * function's from now on. Returns NULL where there is neither, or no memory: then the detail is gone. */
struct fi_failure *fi_failure_create(const char *text, struct fi_detail detail);

/* Any thread that has a reference. NULL is fine. */
struct fi_failure *fi_failure_retain(struct fi_failure *failure);
void fi_failure_release(struct fi_failure *failure);

#endif
