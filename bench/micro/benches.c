/* SPDX-License-Identifier: MIT
 *
 * The list of benchmarks. */
#include "bench.h"

const struct bench *const benches[] = {
    &bench_fork, &bench_deque,   &bench_submit, &bench_round_trip,
    &bench_wake, &bench_counter, &bench_idle,
};
const size_t bench_count = sizeof benches / sizeof benches[0];
