/* SPDX-License-Identifier: MIT
 *
 * Peers: other systems that do the work of bench/workloads and that of some benchmarks of this
 * folder, each an executable of its own, run by the contract in bench/peers/README.md. A directory
 * of such executables is all that it takes; a file's name is the system's. */
#ifndef BENCH_MICRO_PEER_H
#define BENCH_MICRO_PEER_H

#include "bench.h"

#define PEERS_MAX 32

/* What is said of a peer that has left with the exit code for it. */
#define PEER_NO_VERSION "has no version of it"

struct peer_list {
    struct peer {
        char *system;
        char *path;
    } peers[PEERS_MAX];
    int count;
};

/* Adds the executables in `directory`, by name. Returns 0 or an errno: E2BIG if there are more
 * than fit. */
int peer_find(struct peer_list *list, const char *directory);

/* Empties the list. */
void peer_forget(struct peer_list *list);

/* The directory where the build puts those of bench/peers: beside this very program. */
const char *peer_built_in_directory(void);

/* Those of bench/peers that are not in the list, as words; "" if all are. */
const char *peer_missing(const struct peer_list *list);

/* A peer's program of one benchmark, or of a variant. */
struct bench_program peer_program(const struct peer *peer, const struct bench *bench);

#endif
