/* SPDX-License-Identifier: MIT
 *
 * What is kept of an error: see failure.h. */
#include "sched/futures/failure.h"

#include <stdlib.h>
#include <string.h>

struct fi_failure *fi_failure_create(const char *text, struct fi_detail detail)
{
    size_t length = text ? strnlen(text, FI_TEXT_SIZE - 1) : 0;

    if (!text && !detail.object && !detail.destroy)
        return NULL;
    struct fi_failure *failure = malloc(sizeof *failure + length + 1);
    if (!failure) {
        fi_detail_destroy(detail);
        return NULL;
    }
    atomic_init(&failure->references, 1);
    failure->detail = detail;
    failure->text = text ? failure->words : NULL;
    if (text)
        memcpy(failure->words, text, length);
    failure->words[length] = '\0';
    return failure;
}

struct fi_failure *fi_failure_retain(struct fi_failure *failure)
{
    /* F1, as for futures. */
    if (failure)
        atomic_fetch_add_explicit(&failure->references, 1, memory_order_relaxed);
    return failure;
}

void fi_failure_release(struct fi_failure *failure)
{
    /* F2, as for futures. */
    if (!failure ||
        atomic_fetch_sub_explicit(&failure->references, 1, memory_order_acq_rel) != 1)
        return;
    struct fi_detail detail = failure->detail;
    free(failure);
    fi_detail_destroy(detail);
}
