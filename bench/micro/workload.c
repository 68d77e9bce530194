/* SPDX-License-Identifier: MIT
 *
 * The workloads of bench/workloads as benchmarks: serial C and filch, each in the series' own
 * process. */
#include "bench.h"

#include "bench/cli/clock.h"
#include "bench/workloads/workload.h"

#include <filch/error.h>

#include <stdlib.h>

struct state {
    const struct workload *workload;
    const struct workload_system *system;
    void (*run)(void *input);
    void *input;
};

static const char *setup(const struct bench_job *job, void **to,
                         const struct workload_system *system)
{
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        return filch_strerror(FILCH_ENOMEM);
    state->workload = job->bench->workload;
    state->system = system;
    state->run = system->run[job->program->kind];
    state->input = state->workload->create((long)bench_size(job));
    if (!state->input)
        return filch_strerror(FILCH_ENOMEM);
    *to = state;
    return system->start(job->workers);
}

static const char *setup_serial(const struct bench_job *job, void **state)
{
    return setup(job, state, &serial_system);
}

static const char *setup_filch(const struct bench_job *job, void **state)
{
    return setup(job, state, &filch_system);
}

static const char *run(void *of, struct bench_sample *sample)
{
    struct state *state = of;
    if (state->workload->reset)
        state->workload->reset(state->input);
    uint64_t steals = state->system->steals ? state->system->steals() : 0;
    uint64_t start = clock_now();
    state->run(state->input);
    sample->value = clock_seconds(start, clock_now());
    sample->result = state->workload->result(state->input);
    if (state->system->steals)
        sample->steals = (double)(state->system->steals() - steals);
    return NULL;
}

static void teardown(void *of)
{
    struct state *state = of;
    state->system->stop();
    state->workload->destroy(state->input);
    free(state);
}

#define PROGRAMS(id, name, title)                                                             \
    {{name, BENCH_SYSTEM_SERIAL, "s", BENCH_ONE, WORKLOAD_##id, setup_serial, run, teardown,  \
      NULL},                                                                                  \
     {name, BENCH_SYSTEM_FILCH, "s", BENCH_LISTED, WORKLOAD_##id, setup_filch, run, teardown, \
      NULL}},
static const struct bench_program programs[WORKLOAD_COUNT][2] = {WORKLOAD_LIST(PROGRAMS)};

#define BENCH(id, text, work)               \
    {.name = text,                          \
     .title = work "; seconds a run",       \
     .peers = true,                         \
     .workload = &workloads[WORKLOAD_##id], \
     .programs = programs[WORKLOAD_##id],   \
     .program_count = 2},
const struct bench workload_benches[WORKLOAD_COUNT] = {WORKLOAD_LIST(BENCH)};
