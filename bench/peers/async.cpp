// SPDX-License-Identifier: MIT
//
// Tasks from outside by std::async(std::launch::async): what C++ has of its own. A thread a task,
// so that the number of workers means nothing here.
#include "peer.h"

#include <atomic>
#include <future>
#include <vector>

namespace
{

// So many at a time: each that nobody has waited for keeps a stack, even if it has ended.
constexpr std::size_t limit = 256;

// Its future cannot be thrown away: that would wait for the thread.
std::uint64_t submit(long tasks)
{
    std::atomic<std::uint64_t> count{0};
    std::vector<std::future<void>> futures(limit);
    for (std::size_t i = 0; i < static_cast<std::size_t>(tasks); i++)
        futures[i % limit] = std::async(std::launch::async, [&count] { count++; });
    futures.clear();
    return count;
}

std::future<std::uint64_t> launch(std::uint64_t value)
{
    return std::async(std::launch::async, [value] { return value; });
}

std::uint64_t submit_future(long tasks)
{
    std::uint64_t sum = 0;
    std::vector<std::future<std::uint64_t>> futures(limit);
    for (std::size_t i = 0; i < static_cast<std::size_t>(tasks); i++) {
        auto &future = futures[i % limit];
        if (future.valid())
            sum += future.get();
        future = launch(i);
    }
    for (auto &future : futures)
        if (future.valid())
            sum += future.get();
    return sum;
}

std::uint64_t trip(std::uint64_t value)
{
    return launch(value).get();
}

const char *start(int)
{
    return nullptr;
}

void stop()
{
}

} // namespace

const outside_system peer_outside = {start, stop, submit, submit_future, trip};
