/* SPDX-License-Identifier: MIT
 *
 * The list of benchmarks. */
#include "bench.h"

#include "bench/workloads/workload.h"

const struct bench *const benches[] = {
    &workload_benches[WORKLOAD_FORK],
    &workload_benches[WORKLOAD_QUEENS],
    &workload_benches[WORKLOAD_SKYNET],
    &workload_benches[WORKLOAD_MATRIX],
    &workload_benches[WORKLOAD_UTS_T1],
    &workload_benches[WORKLOAD_UTS_T3],
    &workload_benches[WORKLOAD_UTS_T3L],
    &workload_benches[WORKLOAD_CILKSORT],
    &workload_benches[WORKLOAD_STRASSEN],
    &workload_benches[WORKLOAD_KNAPSACK],
    &workload_benches[WORKLOAD_FOR_EMPTY],
    &workload_benches[WORKLOAD_FOR_1024],
    &workload_benches[WORKLOAD_GRAIN_1NS],
    &workload_benches[WORKLOAD_GRAIN_10NS],
    &workload_benches[WORKLOAD_GRAIN_100NS],
    &workload_benches[WORKLOAD_GRAIN_1US],
    &workload_benches[WORKLOAD_GRAIN_10US],
    &workload_benches[WORKLOAD_GRAIN_100US],
    &workload_benches[WORKLOAD_GRAIN_1MS],
    &workload_benches[WORKLOAD_UNEVEN],
    &workload_benches[WORKLOAD_REDUCE],
    &workload_benches[WORKLOAD_SCAN],
    &workload_benches[WORKLOAD_SORT_RANDOM],
    &workload_benches[WORKLOAD_SORT_SORTED],
    &workload_benches[WORKLOAD_SORT_EQUAL],
    &workload_benches[WORKLOAD_SORT_FEW],
    &workload_benches[WORKLOAD_HEAT],
    &workload_benches[WORKLOAD_GRAPH],
    &workload_benches[WORKLOAD_PIPELINE],
    &fibonacci_benches[0],
    &fibonacci_benches[1],
    &fibonacci_benches[2],
    &fibonacci_benches[3],
    &fibonacci_benches[4],
    &fibonacci_benches[5],
    &fibonacci_benches[6],
    &fibonacci_benches[7],
    &fibonacci_benches[8],
    &fibonacci_benches[9],
    &bench_leaves,
    &bench_repeat,
    &bench_deque,
    &bench_submit,
    &bench_submit_future,
    &bench_as_completed,
    &bench_chain,
    &bench_round_trip,
    &bench_wake,
    &bench_starve,
    &bench_counter,
    &bench_idle,
};
const size_t bench_count = sizeof benches / sizeof benches[0];

size_t bench_size(const struct bench_job *job)
{
    const struct workload *workload = job->bench->workload;
    return (size_t)(job->quick ? workload->quick_size : workload->size);
}
