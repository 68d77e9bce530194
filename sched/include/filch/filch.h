/* SPDX-License-Identifier: MIT
 *
 * All of filch that needs no library but Concurrency Kit and pthreads. */
#ifndef FILCH_FILCH_H
#define FILCH_FILCH_H

#include <filch/algorithm.h>
#include <filch/blocking.h>
#include <filch/cancel.h>
#include <filch/counter.h>
#include <filch/error.h>
#include <filch/executor.h>
#include <filch/future.h>
#include <filch/graph.h>
#include <filch/group.h>
#include <filch/interrupt.h>
#include <filch/map.h>
#include <filch/pipeline.h>
#include <filch/pool.h>
#include <filch/scratch.h>
#include <filch/sort.h>
#include <filch/stats.h>
#include <filch/sync.h>
#include <filch/task.h>
#include <filch/version.h>
#include <filch/wait.h>

#endif
