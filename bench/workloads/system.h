/* SPDX-License-Identifier: MIT
 *
 * What the two files of a system share: its start and end, and what lies in between. */
#ifndef BENCH_WORKLOADS_SYSTEM_H
#define BENCH_WORKLOADS_SYSTEM_H

#include "workload.h"

/* As struct workload_system has them. */
const char *serial_system_start(int workers);
void serial_system_stop(void);

extern struct filch_pool *filch_system_pool; /* from start to stop */
const char *filch_system_start(int workers);
void filch_system_stop(void);
uint64_t filch_system_steals(void);

#endif
