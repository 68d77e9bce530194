/* SPDX-License-Identifier: MIT
 *
 * What the two files of OpenMP share. */
#ifndef BENCH_PEERS_OPENMP_H
#define BENCH_PEERS_OPENMP_H

#include "peer.h"

/* As struct workload_system has them. */
const char *openmp_start(int workers);
void openmp_stop(void);

#endif
