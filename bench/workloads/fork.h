/* SPDX-License-Identifier: MIT
 *
 * fib(n) by its definition: nothing but calls, so nothing but forks. */
#ifndef BENCH_WORKLOADS_FORK_H
#define BENCH_WORKLOADS_FORK_H

struct fork {
    long n;
    long result;
};

#endif
