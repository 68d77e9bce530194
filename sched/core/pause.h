/* SPDX-License-Identifier: MIT
 *
 * Between two looks of a thread that stays awake. */
#ifndef FI_PAUSE_H
#define FI_PAUSE_H

#include "atomics/event.h"

#include <ck_pr.h>
#include <sched.h>
#include <stdint.h>

/* For how long a thread that looks again and again keeps its processor to itself, ns. */
#define FI_STAY_NS 400

/* Pauses, longer each time: keeps off the others' cache lines. since: when it began to look. */
static inline void fi_pause(uint32_t *pauses, int64_t since)
{
    if (fi_now() - since > FI_STAY_NS) {
        sched_yield();
        return;
    }
    for (uint32_t i = 0; i < *pauses; i++)
        ck_pr_stall();
    if (*pauses < 32)
        *pauses *= 2;
}

#endif
