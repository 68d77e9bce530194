/* SPDX-License-Identifier: MIT
 *
 * The process that one series runs in: forked by the harness, told to run over a socket,
 * answers with a sample. */
#ifndef BENCH_MICRO_CHILD_H
#define BENCH_MICRO_CHILD_H

#include "bench.h"

#include <sys/types.h>

struct child {
    pid_t pid; /* 0: there is none */
    int socket;
};

/* What a process answers, once it is set up and then after every run. */
struct child_answer {
    char error[160]; /* empty: all is well */
    struct bench_sample sample;
};

/* How asking a child can go wrong. */
enum child_fault {
    CHILD_OK,
    CHILD_DEAD,   /* it has ended; child_end() says how */
    CHILD_SILENT, /* no answer for CHILD_PATIENCE_S seconds */
};

#define CHILD_PATIENCE_S 600

/* Forks child number `index` of `children`, the earlier of which run already. It starts to set
 * up. Returns 0 or an errno. */
int child_start(struct child *children, size_t index, const struct bench_job *job);

/* Tells it to run once. */
enum child_fault child_go(const struct child *child);

/* Waits for its answer. */
enum child_fault child_answer(const struct child *child, struct child_answer *answer);

/* The high-water mark of a process's resident memory, in KiB; 0 where /proc does not say. */
long child_peak_rss(pid_t pid);

/* Ends it, by closing its socket, or by SIGKILL if `kill_it` is set, and waits for it. Returns
 * its wait status. */
int child_end(struct child *child, bool kill_it);

#endif
