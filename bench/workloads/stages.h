/* SPDX-License-Identifier: MIT
 *
 * A pipeline of eight stages: the first hands out tokens, the last takes them in, both one at a
 * time and in order; what is between can be done for several tokens at once. */
#ifndef BENCH_WORKLOADS_STAGES_H
#define BENCH_WORKLOADS_STAGES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define STAGES_MIDDLE 6  /* stages between the first and the last */
#define STAGES_FLIGHT 16 /* tokens at a time */

struct stages {
    size_t tokens;
    size_t next; /* the first stage's: number of the next token */
    uint64_t result;
};

/* A token, for `next`, which is not yet `tokens`. */
uint64_t stages_first(struct stages *stages);

/* What one of the stages between makes of it. */
uint64_t stages_middle(uint64_t token);

/* Folds it into the result, in which order matters. */
void stages_last(struct stages *stages, uint64_t token);

void *stages_create(long tokens);
void stages_reset(void *stages);
uint64_t stages_result(const void *stages);

#ifdef __cplusplus
}
#endif

#endif
