/* SPDX-License-Identifier: MIT
 *
 * What a benchmark is. A benchmark (`fork`) is a set of programs: the same work on one system
 * each (serial C, filch, ...). A program with a number of workers is a series; harness.h runs
 * the series of one benchmark side by side, each in a process of its own. A benchmark lies in
 * the file of its name, or is one of bench/workloads (workload.c); benches.c lists them all. */
#ifndef BENCH_MICRO_BENCH_H
#define BENCH_MICRO_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which numbers of workers a program runs with. */
enum bench_scale {
    BENCH_LISTED,  /* those of --workers */
    BENCH_THREADS, /* those of --workers; 1 and 2 where it is not given */
    BENCH_ONE,
    BENCH_TWO,
};

struct bench;
struct bench_program;
struct workload;

/* What setup() gets. */
struct bench_job {
    const struct bench *bench;
    const struct bench_program *program;
    int workers;
    bool quick; /* shrink the work: for tests, where the figures do not matter */
};

/* One run. The harness sets what run() leaves as it was. */
struct bench_sample {
    double value;    /* in the program's unit */
    double p99;      /* the same of the slowest hundredth, where the program has tails */
    uint64_t result; /* what came out: the same for all programs of a benchmark */
    double steals;   /* tasks that changed their worker; negative: unknown */
    double cpu;    /* seconds of CPU time, all threads together; negative: the process's own */
    long peak_rss; /* KiB, since the process began; negative: likewise */
};

/* The three functions run in the series' own process. They return NULL, or the text of an
 * error, which ends the whole run; it must outlive the call. That of FILCH_ENOMEM ends the series
 * alone, and is said in its row. */
struct bench_program {
    const char *name;   /* "fork", or "counter-atomic" where a benchmark has several kinds */
    const char *system; /* "serial", "filch", "futex", "arena", "add", or a peer's name */
    const char *unit;   /* "s", "ns", "share" */
    enum bench_scale scale;
    int kind; /* the program's own */
    const char *(*setup)(const struct bench_job *job, void **state);
    const char *(*run)(void *state, struct bench_sample *sample);
    void (*teardown)(void *state);
    const char *peer; /* peer.h: the executable that does the work; NULL: it is done here */
};

struct bench {
    const char *name;
    const char *title;    /* the work and the unit, for the heading of its table */
    const char *baseline; /* the system that the others are compared with; NULL: serial */
    bool tails;           /* p99 is measured */
    bool together;        /* series run at the same time: they do nothing, at length */
    bool only_named;      /* takes minutes or gigabytes: not run unless it is named */
    bool peers;           /* can be asked for the workload */
    /* Name and sizes of the work, as peers are told; the rest may be empty. NULL: it has none. */
    const struct workload *workload;
    /* A variant: another way to do what this benchmark does, without a table and a baseline of its
     * own; its series stand in the other's table, under their own name. NULL: it is none. */
    const struct bench *base;
    const struct bench_program *programs; /* the baseline first */
    size_t program_count;
};

/* The size of the job's workload. */
size_t bench_size(const struct bench_job *job);

extern const struct bench bench_as_completed, bench_chain, bench_counter, bench_deque,
    bench_idle, bench_leaves, bench_repeat, bench_round_trip, bench_starve, bench_submit,
    bench_submit_future, bench_wake;
extern const struct bench workload_benches[]; /* by enum workload_id, variants included */

/* Five n, binary and printed. */
enum { FIBONACCI_BENCHES = 10 };
extern const struct bench fibonacci_benches[FIBONACCI_BENCHES];

/* All of them, in the order in which they run. */
extern const struct bench *const benches[];
extern const size_t bench_count;

#define BENCH_SYSTEM_SERIAL "serial"
#define BENCH_SYSTEM_FILCH  "filch"

#endif
