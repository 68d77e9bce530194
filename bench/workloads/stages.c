/* SPDX-License-Identifier: MIT
 *
 * See stages.h. */
#include "stages.h"

#include "busy.h"
#include "fingerprint.h"

#include <stdlib.h>

/* About 500 ns. */
enum { STEPS = 360 };

uint64_t stages_first(struct stages *stages)
{
    return ++stages->next;
}

uint64_t stages_middle(uint64_t token)
{
    return busy(token, STEPS);
}

void stages_last(struct stages *stages, uint64_t token)
{
    stages->result = fingerprint_add(stages->result, token);
}

void *stages_create(long tokens)
{
    struct stages *stages = calloc(1, sizeof *stages);
    if (stages)
        stages->tokens = (size_t)tokens;
    return stages;
}

void stages_reset(void *input)
{
    struct stages *stages = input;
    stages->next = 0;
    stages->result = 0;
}

uint64_t stages_result(const void *stages)
{
    return ((const struct stages *)stages)->result;
}
