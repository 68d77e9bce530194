// SPDX-License-Identifier: MIT
//
// Tasks from outside on oneTBB. Without futures a task_group, whose submitter joins the workers in
// its wait(): the fastest that there is here, ahead of task_arena::enqueue() and an atomic count.
// With a future each, enqueue() and a std::promise, as oneTBB has no futures.
#include "peer.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

#include <chrono>
#include <exception>
#include <future>
#include <memory>
#include <vector>

namespace
{

struct scheduler {
    // The threads of the library, and the submitter.
    tbb::global_control threads;
    tbb::task_arena arena;

    explicit scheduler(int workers)
        : threads(tbb::global_control::max_allowed_parallelism,
                  static_cast<std::size_t>(workers) + 1),
          arena(workers + 1, 1)
    {
        arena.initialize();
    }
};

std::unique_ptr<scheduler> current;

// A thread's own, so that counting costs next to nothing.
struct alignas(64) tally {
    std::uint64_t count;
};

std::uint64_t submit(long tasks)
{
    std::vector<tally> tallies(static_cast<std::size_t>(current->arena.max_concurrency()));
    auto count = [at = tallies.data()] {
        at[tbb::this_task_arena::current_thread_index()].count++;
    };
    current->arena.execute([&] {
        tbb::task_group group;
        for (long i = 0; i < tasks; i++)
            group.run(count);
        group.wait();
    });
    std::uint64_t sum = 0;
    for (const tally &its : tallies)
        sum += its.count;
    return sum;
}

// enqueue() calls a constant copy.
struct promised {
    mutable std::promise<std::uint64_t> promise;
    std::uint64_t value;

    void operator()() const
    {
        promise.set_value(value);
    }
};

std::future<std::uint64_t> enqueue(std::uint64_t value)
{
    std::promise<std::uint64_t> promise;
    std::future<std::uint64_t> future = promise.get_future();
    current->arena.enqueue(promised{std::move(promise), value});
    return future;
}

std::uint64_t submit_future(long tasks)
{
    std::vector<std::future<std::uint64_t>> futures;
    futures.reserve(static_cast<std::size_t>(tasks));
    for (long i = 0; i < tasks; i++)
        futures.push_back(enqueue(static_cast<std::uint64_t>(i)));
    std::uint64_t sum = 0;
    for (auto &future : futures)
        sum += future.get();
    return sum;
}

// Looks for some microseconds before it sleeps: a std::future sleeps at once, which takes ten times
// as long as the trip.
std::uint64_t trip(std::uint64_t value)
{
    constexpr int looks = 10000;
    std::future<std::uint64_t> future = enqueue(value);
    for (int i = 0; i < looks; i++)
        if (future.wait_for(std::chrono::seconds(0)) == std::future_status::ready)
            break;
    return future.get();
}

const char *start(int workers)
{
    try {
        current = std::make_unique<scheduler>(workers);
    } catch (const std::exception &) {
        return "oneTBB did not start";
    }
    return nullptr;
}

void stop()
{
    current.reset();
}

} // namespace

const outside_system peer_outside = {start, stop, submit, submit_future, trip};
