/* SPDX-License-Identifier: MIT
 *
 * A tree of tasks, ten below each; a leaf returns its number, the others the sum of theirs. */
#ifndef BENCH_WORKLOADS_SKYNET_H
#define BENCH_WORKLOADS_SKYNET_H

#define SKYNET_FAN 10

struct skynet {
    long leaves; /* a power of SKYNET_FAN */
    long sum;
};

#endif
