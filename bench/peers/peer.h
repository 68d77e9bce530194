/* SPDX-License-Identifier: MIT
 *
 * What a peer written in C or C++ defines; main.c does the rest. */
#ifndef BENCH_PEERS_PEER_H
#define BENCH_PEERS_PEER_H

#include "bench/workloads/workload.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const struct workload_system peer_system;

#ifdef __cplusplus
}
#endif

#endif
