// SPDX-License-Identifier: MIT
//
// The workloads of parallel algorithms on oneTBB, with its default partitioner.
#include "onetbb.h"

#include "bench/workloads/grain.h"
#include "bench/workloads/heat.h"
#include "bench/workloads/keys.h"
#include "bench/workloads/loop.h"
#include "bench/workloads/stages.h"
#include "bench/workloads/vector.h"
#include "bench/workloads/wavefront.h"

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/parallel_pipeline.h>
#include <oneapi/tbb/parallel_reduce.h>
#include <oneapi/tbb/parallel_scan.h>
#include <oneapi/tbb/parallel_sort.h>

#include <deque>
#include <functional>
#include <memory>

namespace
{

using range = tbb::blocked_range<std::size_t>;

// In the arena.
template <typename Body> void loop_over(std::size_t begin, std::size_t end, const Body &body)
{
    auto part = [&body](const range &its) {
        for (std::size_t i = its.begin(); i < its.end(); i++)
            body(i);
    };
    tbb::parallel_for(range(begin, end), part, tbb::auto_partitioner(), onetbb_context());
}

void run_for_empty(void *input)
{
    const auto &loop = *static_cast<struct loop *>(input);
    onetbb_arena().execute([&loop] {
        for (std::size_t k = 0; k < loop.loops; k++)
            loop_over(0, LOOP_EMPTY_LENGTH, [](std::size_t i) { loop_nothing(i); });
    });
}

void run_for_1024(void *input)
{
    const auto &loop = *static_cast<struct loop *>(input);
    onetbb_arena().execute([&loop] {
        for (std::size_t k = 0; k < loop.loops; k++)
            loop_over(0, LOOP_MARK_LENGTH,
                      [marks = loop.marks](std::size_t i) { loop_mark(marks, i); });
    });
}

void run_grain(void *input)
{
    auto *grain = static_cast<struct grain *>(input);
    onetbb_arena().execute([grain] {
        loop_over(0, grain->count, [grain](std::size_t i) { grain_body(grain, i); });
    });
}

void run_uneven(void *input)
{
    auto *uneven = static_cast<struct uneven *>(input);
    onetbb_arena().execute([uneven] {
        loop_over(0, uneven->count, [uneven](std::size_t i) { uneven_map(uneven, i); });
    });
}

void run_reduce(void *input)
{
    auto &vector = *static_cast<struct vector *>(input);
    onetbb_arena().execute([&vector] {
        auto add = [in = vector.in](const range &its, double sum) {
            for (std::size_t i = its.begin(); i < its.end(); i++)
                sum += in[i];
            return sum;
        };
        vector.sum = tbb::parallel_reduce(range(0, vector.count), 0.0, add, std::plus<double>(),
                                          onetbb_context());
    });
}

void run_scan(void *input)
{
    const auto &vector = *static_cast<struct vector *>(input);
    onetbb_arena().execute([&vector] {
        auto add = [in = vector.in, out = vector.out](const range &its, double sum, bool last) {
            for (std::size_t i = its.begin(); i < its.end(); i++) {
                sum += in[i];
                if (last)
                    out[i] = sum;
            }
            return sum;
        };
        tbb::parallel_scan(range(0, vector.count), 0.0, add, std::plus<double>());
    });
}

void run_sort(void *input)
{
    const auto &keys = *static_cast<struct keys *>(input);
    onetbb_arena().execute([&keys] { tbb::parallel_sort(keys.at, keys.at + keys.count); });
}

void run_heat(void *input)
{
    auto *heat = static_cast<struct heat *>(input);
    onetbb_arena().execute([heat] {
        for (int step = 0; step < HEAT_STEPS; step++) {
            loop_over(1, heat->rows + 1, [heat](std::size_t row) { heat_row(heat, row); });
            heat_swap(heat);
        }
    });
}

// A flow graph with a node a cell.
struct cells {
    using node = tbb::flow::continue_node<tbb::flow::continue_msg>;

    tbb::flow::graph graph;
    std::deque<node> nodes;

    explicit cells(wavefront *wavefront)
    {
        std::size_t n = wavefront->n;
        for (std::size_t cell = 0; cell < n * n; cell++) {
            nodes.emplace_back(graph, [wavefront, cell](const tbb::flow::continue_msg &) {
                wavefront_cell(wavefront, cell);
            });
            if (cell >= n)
                tbb::flow::make_edge(nodes[cell - n], nodes[cell]);
            if (cell % n > 0)
                tbb::flow::make_edge(nodes[cell - 1], nodes[cell]);
        }
    }
};

// Built by the first run, which does not count. Its threads are those of the arena.
std::unique_ptr<cells> graph;

void run_graph(void *input)
{
    onetbb_arena().execute([input] {
        if (!graph)
            graph = std::make_unique<cells>(static_cast<wavefront *>(input));
        graph->nodes[0].try_put(tbb::flow::continue_msg());
        graph->graph.wait_for_all();
    });
}

void stop()
{
    graph.reset();
    onetbb_stop();
}

void run_pipeline(void *input)
{
    auto *stages = static_cast<struct stages *>(input);
    auto first = [stages](tbb::flow_control &control) {
        if (stages->next < stages->tokens)
            return stages_first(stages);
        control.stop();
        return std::uint64_t{0};
    };
    auto one = [](std::uint64_t token) { return stages_middle(token); };
    auto middle =
        tbb::make_filter<std::uint64_t, std::uint64_t>(tbb::filter_mode::parallel, one);
    auto last = [stages](std::uint64_t token) { stages_last(stages, token); };
    static_assert(STAGES_MIDDLE == 6, "as many as below");
    auto all = tbb::make_filter<void, std::uint64_t>(tbb::filter_mode::serial_in_order, first) &
               middle & middle & middle & middle & middle & middle &
               tbb::make_filter<std::uint64_t, void>(tbb::filter_mode::serial_in_order, last);
    onetbb_arena().execute(
        [&all] { tbb::parallel_pipeline(STAGES_FLIGHT, all, onetbb_context()); });
}

constexpr workload_system make_system()
{
    workload_system system{onetbb_start, stop, nullptr, {}};
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
    system.run[WORKLOAD_REDUCE] = run_reduce;
    system.run[WORKLOAD_SCAN] = run_scan;
    system.run[WORKLOAD_SORT_RANDOM] = run_sort;
    system.run[WORKLOAD_SORT_SORTED] = run_sort;
    system.run[WORKLOAD_SORT_EQUAL] = run_sort;
    system.run[WORKLOAD_SORT_FEW] = run_sort;
    system.run[WORKLOAD_HEAT] = run_heat;
    system.run[WORKLOAD_GRAPH] = run_graph;
    system.run[WORKLOAD_PIPELINE] = run_pipeline;
    return system;
}

} // namespace

const workload_system peer_algorithms = make_system();
