/* SPDX-License-Identifier: MIT
 *
 * Carriers, which bring the items of a pipeline through its stages. */
#ifndef FI_PIPELINE_CARRY_H
#define FI_PIPELINE_CARRY_H

#include "sched/flow/pipeline_parts.h"

/* The thread that runs it, within the pipeline's scope. Runs it on its pool, or here. */
void fi_pipeline_carry_all(struct filch_pipeline *pipeline);

#endif
