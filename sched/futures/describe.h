/* SPDX-License-Identifier: MIT
 *
 * A future's task in a word, for texts that speak of it. */
#ifndef FI_DESCRIBE_H
#define FI_DESCRIBE_H

#include "sched/futures/future.h"

/* Any thread. Its name in quotes, or what stands for one, as snprintf(). */
void fi_future_name_task(const struct filch_future *future, char *text, size_t size);

#endif
