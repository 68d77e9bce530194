// SPDX-License-Identifier: MIT
//
// The workloads of forks on oneTBB: a peer. The tasks are those of filch's version: a parallel_invoke
// where a task has two or four below it, a task_group where it has more or any number. The
// library does not count the tasks that changed their thread.
#include "onetbb.h"

#include "bench/workloads/cilksort.h"
#include "bench/workloads/fork.h"
#include "bench/workloads/knapsack.h"
#include "bench/workloads/queens.h"
#include "bench/workloads/skynet.h"
#include "bench/workloads/strassen.h"
#include "bench/workloads/uts.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_invoke.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

#include <atomic>
#include <exception>
#include <memory>
#include <sys/resource.h>

namespace
{

// A task that waits runs others on top of its stack: the deep trees need more than the few MB
// of a thread. Only what is touched takes memory.
constexpr std::size_t stack_size = std::size_t{100} << 20;

struct scheduler {
    tbb::global_control threads, stacks;
    tbb::task_arena arena;
    // Nothing is ever cancelled: with one context for all, a parallel_invoke need not make one
    // and tie it to its parent's. Not for task_groups, whose wait() writes to the context.
    tbb::task_group_context context{tbb::task_group_context::isolated};

    explicit scheduler(int workers)
        : threads(tbb::global_control::max_allowed_parallelism,
                  static_cast<std::size_t>(workers)),
          stacks(tbb::global_control::thread_stack_size, stack_size), arena(workers)
    {
        arena.initialize();
    }
};

std::unique_ptr<scheduler> current;

long fib(long n)
{
    if (n < 2)
        return n;
    long a, b;
    tbb::parallel_invoke([&] { a = fib(n - 1); }, [&] { b = fib(n - 2); }, current->context);
    return a + b;
}

void run_fork(void *input)
{
    auto &fork = *static_cast<struct fork *>(input);
    current->arena.execute([&] { fork.result = fib(fork.n); });
}

long place(int n, int row, queens_board board)
{
    if (row == n)
        return 1;
    long solutions = 0, below[QUEENS_MAX];
    int tasks = 0;
    tbb::task_group group;
    for (int column = 0; column < n; column++)
        if (queens_safe(&board, row, column)) {
            board.column[row] = static_cast<std::int8_t>(column);
            group.run(
                [n, row, board, to = &below[tasks++]] { *to = place(n, row + 1, board); });
        }
    group.wait();
    for (int i = 0; i < tasks; i++)
        solutions += below[i];
    return solutions;
}

void run_queens(void *input)
{
    auto &queens = *static_cast<struct queens *>(input);
    current->arena.execute([&] { queens.solutions = place(queens.n, 0, queens_board{}); });
}

long sum(long first, long leaves)
{
    if (leaves == 1)
        return first;
    long total = 0, share = leaves / SKYNET_FAN, sums[SKYNET_FAN];
    tbb::task_group group;
    for (int i = 0; i < SKYNET_FAN; i++)
        group.run([=, to = &sums[i]] { *to = sum(first + i * share, share); });
    group.wait();
    for (long below : sums)
        total += below;
    return total;
}

void run_skynet(void *input)
{
    auto &skynet = *static_cast<struct skynet *>(input);
    current->arena.execute([&] { skynet.sum = sum(0, skynet.leaves); });
}

void multiply(long n, long stride, double *c, double *a, double *b)
{
    if (n == MATRIX_LEAF) {
        matrix_multiply_leaf({c, stride}, {a, stride}, {b, stride});
        return;
    }
    long half = n / 2, below = half * stride;
    for (int k = 0; k < 2; k++) {
        double *left = a + k * half, *right = b + k * below;
        tbb::parallel_invoke([=] { multiply(half, stride, c, left, right); },
                             [=] { multiply(half, stride, c + half, left, right + half); },
                             [=] { multiply(half, stride, c + below, left + below, right); },
                             [=] {
                                 multiply(half, stride, c + below + half, left + below,
                                          right + half);
                             },
                             current->context);
    }
}

void run_matrix(void *input)
{
    auto &m = *static_cast<matrices *>(input);
    current->arena.execute([&] { multiply(m.n, m.stride, m.c, m.a, m.b); });
}

std::uint64_t search(const uts_tree *tree, const uts_node &node)
{
    int children = uts_children(tree, &node);
    if (children == 0)
        return 1; // a group costs something even if it stays empty
    // Not an array, as a node may have any number of children and the stack is deep.
    std::atomic<std::uint64_t> nodes{1};
    tbb::task_group group;
    for (int i = 0; i < children; i++)
        group.run([tree, &nodes, child = uts_child(&node, i)] {
            // Relaxed: read after wait().
            nodes.fetch_add(search(tree, child), std::memory_order_relaxed);
        });
    group.wait();
    return nodes.load(std::memory_order_relaxed);
}

void run_uts(void *input)
{
    auto &uts = *static_cast<struct uts *>(input);
    current->arena.execute([&] { uts.nodes = search(&uts.tree, uts_root(&uts.tree)); });
}

void merge(const cilksort_merge &m)
{
    if (m.a_count + m.b_count <= CILKSORT_MERGE_LEAF) {
        cilksort_merge_leaf(&m);
        return;
    }
    cilksort_merge halves[2];
    cilksort_merge_split(&m, halves);
    tbb::parallel_invoke([&] { merge(halves[1]); }, [&] { merge(halves[0]); },
                         current->context);
}

void sort(std::uint32_t *numbers, std::uint32_t *spare, std::size_t count)
{
    if (count <= CILKSORT_SORT_LEAF) {
        cilksort_sort_leaf(numbers, count);
        return;
    }
    std::size_t quarter = count / 4, half = 2 * quarter, rest = count - 3 * quarter;
    tbb::parallel_invoke([=] { sort(numbers, spare, quarter); },
                         [=] { sort(numbers + quarter, spare + quarter, quarter); },
                         [=] { sort(numbers + half, spare + half, quarter); },
                         [=] { sort(numbers + 3 * quarter, spare + 3 * quarter, rest); },
                         current->context);
    tbb::parallel_invoke(
        [=] {
            merge({numbers, numbers + quarter, quarter, quarter, spare});
        },
        [=] {
            merge({numbers + half, numbers + half + quarter, quarter, rest, spare + half});
        },
        current->context);
    merge({spare, spare + half, half, count - half, numbers});
}

void run_cilksort(void *input)
{
    auto &s = *static_cast<cilksort *>(input);
    current->arena.execute([&] { sort(s.numbers, s.spare, s.count); });
}

void product(const strassen_product &whole)
{
    strassen_product parts[STRASSEN_PRODUCTS];
    // Without memory for the parts: the plain product.
    if (whole.n <= STRASSEN_LEAF || !strassen_split(&whole, parts)) {
        strassen_leaf(&whole);
        return;
    }
    auto part = [&](int number) {
        strassen_factors(&whole, &parts[number], number);
        product(parts[number]);
    };
    tbb::task_group group;
    for (int i = 1; i < STRASSEN_PRODUCTS; i++)
        group.run([&part, i] { part(i); });
    part(0);
    group.wait();
    strassen_combine(&whole, parts);
}

void run_strassen(void *input)
{
    const strassen_product whole = strassen_whole(static_cast<matrices *>(input));
    current->arena.execute([&] { product(whole); });
}

void pack(knapsack *k, int next, int room, int value)
{
    if (!knapsack_hopeful(k, next, room, value))
        return;
    if (next == k->count) {
        knapsack_found(k, value);
        return;
    }
    tbb::parallel_invoke([=] { pack(k, next + 1, room, value); },
                         [=] {
                             pack(k, next + 1, room - k->items[next].weight,
                                  value + k->items[next].value);
                         },
                         current->context);
}

void run_knapsack(void *input)
{
    auto *k = static_cast<knapsack *>(input);
    current->arena.execute([=] { pack(k, 0, k->capacity, 0); });
}

constexpr workload_system make_system()
{
    workload_system system{onetbb_start, onetbb_stop, nullptr, {}};
    system.run[WORKLOAD_FORK] = run_fork;
    system.run[WORKLOAD_QUEENS] = run_queens;
    system.run[WORKLOAD_SKYNET] = run_skynet;
    system.run[WORKLOAD_MATRIX] = run_matrix;
    system.run[WORKLOAD_UTS_T1] = run_uts;
    system.run[WORKLOAD_UTS_T3] = run_uts;
    system.run[WORKLOAD_UTS_T3L] = run_uts;
    system.run[WORKLOAD_CILKSORT] = run_cilksort;
    system.run[WORKLOAD_STRASSEN] = run_strassen;
    system.run[WORKLOAD_KNAPSACK] = run_knapsack;
    return system;
}

} // namespace

const char *onetbb_start(int workers)
{
    // The caller's own stack grows up to the limit of the moment. Where it cannot be raised the
    // stack stays as it is.
    rlimit limit;
    if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < stack_size) {
        limit.rlim_cur = limit.rlim_max < stack_size ? limit.rlim_max : stack_size;
        setrlimit(RLIMIT_STACK, &limit);
    }
    try {
        current = std::make_unique<scheduler>(workers);
    } catch (const std::exception &) {
        return "oneTBB did not start";
    }
    return nullptr;
}

void onetbb_stop()
{
    current.reset();
}

tbb::task_arena &onetbb_arena()
{
    return current->arena;
}

tbb::task_group_context &onetbb_context()
{
    return current->context;
}

const workload_system peer_system = make_system();
