/* SPDX-License-Identifier: MIT
 *
 * The workloads of bench/workloads as benchmarks: serial C and filch, each in the series' own
 * process. */
#include "bench.h"

#include "bench/cli/clock.h"
#include "bench/workloads/workload.h"

#include <filch/error.h>

#include <stdlib.h>
#include <string.h>

struct state {
    const struct workload *workload;
    const struct workload_system *system;
    void (*run)(void *input);
    void *input;
    double scale; /* of seconds to the unit */
};

static const char *setup(const struct bench_job *job, void **to,
                         const struct workload_system *forks,
                         const struct workload_system *algorithms)
{
    enum workload_id id = (enum workload_id)job->program->kind;
    const struct workload_system *system = workload_system_with(id, forks, algorithms);
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        return filch_strerror(FILCH_ENOMEM);
    state->workload = &workloads[id];
    state->scale = strcmp(job->program->unit, "ns") == 0 ? 1e9 / (double)bench_size(job) : 1;
    state->system = system;
    state->run = system->run[id];
    state->input = state->workload->create((long)bench_size(job));
    if (!state->input)
        return filch_strerror(FILCH_ENOMEM);
    *to = state;
    return system->start(job->workers);
}

static const char *setup_serial(const struct bench_job *job, void **state)
{
    return setup(job, state, &serial_system, &serial_algorithms);
}

static const char *setup_filch(const struct bench_job *job, void **state)
{
    return setup(job, state, &filch_system, &filch_algorithms);
}

static const char *run(void *of, struct bench_sample *sample)
{
    struct state *state = of;
    if (state->workload->reset)
        state->workload->reset(state->input);
    uint64_t steals = state->system->steals ? state->system->steals() : 0;
    uint64_t start = clock_now();
    state->run(state->input);
    sample->value = clock_seconds(start, clock_now()) * state->scale;
    sample->result = state->workload->result(state->input);
    if (state->system->steals)
        sample->steals = (double)(state->system->steals() - steals);
    if (state->workload->rest)
        state->workload->rest(state->input);
    return NULL;
}

static void teardown(void *of)
{
    struct state *state = of;
    state->system->stop();
    state->workload->destroy(state->input);
    free(state);
}

#define SERIAL(id, name, unit)                                                        \
    {                                                                                 \
        name, BENCH_SYSTEM_SERIAL, unit, BENCH_ONE, WORKLOAD_##id, setup_serial, run, \
            teardown, NULL                                                            \
    }
#define FILCH(id, name, unit)                                                          \
    {                                                                                  \
        name, BENCH_SYSTEM_FILCH, unit, BENCH_LISTED, WORKLOAD_##id, setup_filch, run, \
            teardown, NULL                                                             \
    }

#define PROGRAMS(id, name, title, unit) \
    [WORKLOAD_##id] = {SERIAL(id, name, unit), FILCH(id, name, unit)},
#define VARIANT_PROGRAM(id, name, unit, of, filch) [WORKLOAD_##id] = {FILCH(id, name, unit)},
static const struct bench_program programs[WORKLOAD_COUNT][2] = {
    WORKLOAD_FORKS(PROGRAMS) WORKLOAD_ALGORITHMS(PROGRAMS) WORKLOAD_VARIANTS(VARIANT_PROGRAM)};

#define BENCH(id, text, heading, unit)                        \
    [WORKLOAD_##id] = {.name = text,                          \
                       .title = heading,                      \
                       .peers = true,                         \
                       .workload = &workloads[WORKLOAD_##id], \
                       .programs = programs[WORKLOAD_##id],   \
                       .program_count = 2},
#define VARIANT(id, text, unit, of, filch)                       \
    [WORKLOAD_##id] = {.name = text,                             \
                       .base = &workload_benches[WORKLOAD_##of], \
                       .peers = true,                            \
                       .workload = &workloads[WORKLOAD_##id],    \
                       .programs = programs[WORKLOAD_##id],      \
                       .program_count = filch},
const struct bench workload_benches[WORKLOAD_COUNT] = {
    WORKLOAD_FORKS(BENCH) WORKLOAD_ALGORITHMS(BENCH) WORKLOAD_VARIANTS(VARIANT)};
