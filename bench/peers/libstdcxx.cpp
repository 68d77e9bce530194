// SPDX-License-Identifier: MIT
//
// The workloads of parallel algorithms in libstdc++'s parallel mode: the standard algorithms, called
// by name in their namespace, on OpenMP's threads. No graph and no pipeline: C++17 has none.
#include "peer.h"

#include "bench/workloads/grain.h"
#include "bench/workloads/heat.h"
#include "bench/workloads/keys.h"
#include "bench/workloads/loop.h"
#include "bench/workloads/vector.h"

#include <omp.h>
#include <parallel/algorithm>
#include <parallel/numeric>
#include <parallel/settings.h>

#include <numeric>
#include <vector>

namespace
{

// The numbers of the iterations of a loop: for_each goes over elements.
std::vector<std::size_t> numbers(std::size_t begin, std::size_t end)
{
    std::vector<std::size_t> all(end - begin);
    std::iota(all.begin(), all.end(), begin);
    return all;
}

void run_for_empty(void *input)
{
    const auto &loop = *static_cast<struct loop *>(input);
    const std::vector<std::size_t> all = numbers(0, LOOP_EMPTY_LENGTH);
    for (std::size_t k = 0; k < loop.loops; k++)
        std::__parallel::for_each(all.begin(), all.end(),
                                  [](std::size_t i) { loop_nothing(i); });
}

void run_for_1024(void *input)
{
    const auto &loop = *static_cast<struct loop *>(input);
    for (std::size_t k = 0; k < loop.loops; k++)
        std::__parallel::for_each(loop.marks, loop.marks + LOOP_MARK_LENGTH,
                                  [](std::uint32_t &mark) { loop_mark(&mark, 0); });
}

void run_grain(void *input)
{
    auto *grain = static_cast<struct grain *>(input);
    std::__parallel::for_each(grain->marks, grain->marks + grain->count,
                              [grain](const std::uint8_t &mark) {
                                  grain_body(grain,
                                             static_cast<std::size_t>(&mark - grain->marks));
                              });
}

void map(uneven *uneven, __gnu_parallel::_Parallelism how)
{
    std::__parallel::for_each(
        uneven->results, uneven->results + uneven->count,
        [uneven](const std::uint64_t &result) {
            uneven_map(uneven, static_cast<std::size_t>(&result - uneven->results));
        },
        how);
}

void run_uneven(void *input)
{
    map(static_cast<uneven *>(input), __gnu_parallel::parallel_balanced);
}

void run_uneven_static(void *input)
{
    map(static_cast<uneven *>(input), __gnu_parallel::parallel_unbalanced);
}

void run_reduce(void *input)
{
    auto &vector = *static_cast<struct vector *>(input);
    vector.sum = std::__parallel::accumulate(vector.in, vector.in + vector.count, 0.0);
}

void run_scan(void *input)
{
    const auto &vector = *static_cast<struct vector *>(input);
    std::__parallel::partial_sum(vector.in, vector.in + vector.count, vector.out);
}

void run_sort(void *input)
{
    const auto &keys = *static_cast<struct keys *>(input);
    std::__parallel::stable_sort(keys.at, keys.at + keys.count);
}

void run_sort_unstable(void *input)
{
    const auto &keys = *static_cast<struct keys *>(input);
    std::__parallel::sort(keys.at, keys.at + keys.count);
}

void run_heat(void *input)
{
    auto *heat = static_cast<struct heat *>(input);
    const std::vector<std::size_t> rows = numbers(1, heat->rows + 1);
    for (int step = 0; step < HEAT_STEPS; step++) {
        std::__parallel::for_each(rows.begin(), rows.end(),
                                  [heat](std::size_t row) { heat_row(heat, row); });
        heat_swap(heat);
    }
}

const char *start(int workers)
{
    omp_set_dynamic(0);
    omp_set_num_threads(workers);
    // Few elements are no reason for it to go without threads here.
    __gnu_parallel::_Settings settings = __gnu_parallel::_Settings::get();
    settings.for_each_minimal_n = 2;
    __gnu_parallel::_Settings::set(settings);
    return nullptr;
}

void stop()
{
}

constexpr workload_system make_system()
{
    workload_system system{start, stop, nullptr, {}};
    system.run[WORKLOAD_FOR_EMPTY] = run_for_empty;
    system.run[WORKLOAD_FOR_1024] = run_for_1024;
    system.run[WORKLOAD_GRAIN_1NS] = run_grain;
    system.run[WORKLOAD_GRAIN_10NS] = run_grain;
    system.run[WORKLOAD_GRAIN_100NS] = run_grain;
    system.run[WORKLOAD_GRAIN_1US] = run_grain;
    system.run[WORKLOAD_GRAIN_10US] = run_grain;
    system.run[WORKLOAD_GRAIN_100US] = run_grain;
    system.run[WORKLOAD_GRAIN_1MS] = run_grain;
    system.run[WORKLOAD_UNEVEN] = run_uneven;
    system.run[WORKLOAD_UNEVEN_STATIC] = run_uneven_static;
    system.run[WORKLOAD_REDUCE] = run_reduce;
    system.run[WORKLOAD_SCAN] = run_scan;
    system.run[WORKLOAD_SORT_RANDOM] = run_sort;
    system.run[WORKLOAD_SORT_SORTED] = run_sort;
    system.run[WORKLOAD_SORT_EQUAL] = run_sort;
    system.run[WORKLOAD_SORT_FEW] = run_sort;
    system.run[WORKLOAD_SORT_RANDOM_UNSTABLE] = run_sort_unstable;
    system.run[WORKLOAD_SORT_SORTED_UNSTABLE] = run_sort_unstable;
    system.run[WORKLOAD_SORT_EQUAL_UNSTABLE] = run_sort_unstable;
    system.run[WORKLOAD_SORT_FEW_UNSTABLE] = run_sort_unstable;
    system.run[WORKLOAD_HEAT] = run_heat;
    return system;
}

} // namespace

const workload_system peer_system = make_system();
