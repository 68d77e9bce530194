// SPDX-License-Identifier: MIT
//
// What the files of oneTBB share.
#ifndef BENCH_PEERS_ONETBB_H
#define BENCH_PEERS_ONETBB_H

#include "peer.h"

#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

// As struct workload_system has them.
const char *onetbb_start(int workers);
void onetbb_stop();

// Where the work is done, from start to stop. The caller is one of its workers.
tbb::task_arena &onetbb_arena();

// One for all, as nothing is ever cancelled.
tbb::task_group_context &onetbb_context();

#endif
