/* SPDX-License-Identifier: MIT
 *
 * See harness.h. The processes are in child.c, the arithmetic in quantile.c. */
#include "harness.h"

#include "child.h"
#include "quantile.h"

#include "bench/cli/clock.h"
#include "bench/cli/command.h"
#include "bench/cli/output.h"
#include "bench/cli/progress.h"

#include <filch/error.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { WARM_UP_RUNS = 1 };

/* Workers spin for a moment after their last task before they sleep; the next series should not
 * pay for that. */
#define SETTLE_NS (UINT64_C(5) * 1000000)

struct harness {
    const struct bench *bench;
    const struct harness_plan *plan;
    struct bench_series *series;
    size_t count;
    struct child *children;
    struct child_answer *answers; /* [run][series]; a series' runs are the first ones */
};

static int complain(struct bench_series *series, const char *text)
{
    if (series->program->peer || strcmp(text, filch_strerror(FILCH_ENOMEM)) == 0) {
        snprintf(series->result.note, sizeof series->result.note, "%s", text);
        return COMMAND_OK;
    }
    progress_hide();
    return output_error("bench", "series %s, %s, %d worker%s: %s", series->program->name,
                        series->program->system, series->workers,
                        series->workers == 1 ? "" : "s", text);
}

static int complain_status(struct bench_series *series, int status)
{
    char text[80];
    if (WIFSIGNALED(status))
        snprintf(text, sizeof text, "died of signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(text, sizeof text, "ended early with exit code %d", WEXITSTATUS(status));
    return complain(series, text);
}

/* A child that answers nothing is of no more use: ends it and says what became of it. */
static int complain_fault(struct harness *harness, size_t index, enum child_fault fault)
{
    int status = child_end(&harness->children[index], fault == CHILD_SILENT);
    if (fault != CHILD_SILENT)
        return complain_status(&harness->series[index], status);
    char text[80];
    snprintf(text, sizeof text, "no answer for %d s", CHILD_PATIENCE_S);
    return complain(&harness->series[index], text);
}

/* What a series must compute: what the first has that computes anything. In the first round they
 * run in order, so it has answered by then. */
static uint64_t expected(const struct harness *harness)
{
    for (size_t i = 0; i < harness->count; i++)
        if (!harness->series[i].result.note[0])
            return harness->answers[i].sample.result;
    return 0;
}

static int receive(struct harness *harness, size_t index, struct child_answer *answer)
{
    enum child_fault fault = child_answer(&harness->children[index], answer);
    if (fault)
        return complain_fault(harness, index, fault);
    if (answer->error[0])
        return complain(&harness->series[index], answer->error);
    uint64_t right = expected(harness);
    if (answer->sample.result != right) {
        char text[80];
        snprintf(text, sizeof text, "a wrong result, %" PRIu64 " instead of %" PRIu64,
                 answer->sample.result, right);
        return complain(&harness->series[index], text);
    }
    return COMMAND_OK;
}

static int start(struct harness *harness)
{
    for (size_t i = 0; i < harness->count; i++) {
        struct bench_job job = {.bench = harness->bench,
                                .program = harness->series[i].program,
                                .workers = harness->series[i].workers,
                                .quick = harness->plan->quick};
        struct child_answer answer;
        int error = child_start(harness->children, i, &job);
        if (error)
            return complain(&harness->series[i], strerror(error));
        int code = receive(harness, i, &answer);
        if (code)
            return code;
    }
    return COMMAND_OK;
}

static int go(struct harness *harness, size_t index)
{
    enum child_fault fault = child_go(&harness->children[index]);
    return fault ? complain_fault(harness, index, fault) : COMMAND_OK;
}

/* Ends a child that has done its work. */
static int dismiss(struct harness *harness, size_t index)
{
    int status = child_end(&harness->children[index], false);
    return status ? complain_status(&harness->series[index], status) : COMMAND_OK;
}

/* Is this series to run once more? */
static bool is_due(const struct bench_result *result)
{
    return !result->once && !result->note[0];
}

/* One round: each series runs once. Who comes first changes from round to round; in the first it
 * is the first series, the baseline, whose result the others are held against. */
static int run_in_turn(struct harness *harness, size_t round, struct child_answer *answers)
{
    for (size_t i = 0; i < harness->count; i++) {
        size_t index = (round + i) % harness->count;
        struct bench_result *result = &harness->series[index].result;
        if (!is_due(result))
            continue;
        clock_sleep(SETTLE_NS);
        uint64_t start = clock_now();
        int code = go(harness, index);
        if (!code && is_due(result))
            code = receive(harness, index, &answers[index]);
        if (code)
            return code;
        if (round < WARM_UP_RUNS &&
            clock_seconds(start, clock_now()) > harness->plan->patience) {
            result->once = true; /* and others may want its memory */
            code = dismiss(harness, index);
            if (code)
                return code;
        }
    }
    return COMMAND_OK;
}

static int run_together(struct harness *harness, struct child_answer *answers)
{
    for (size_t i = 0; i < harness->count; i++) {
        int code = is_due(&harness->series[i].result) ? go(harness, i) : COMMAND_OK;
        if (code)
            return code;
    }
    for (size_t i = 0; i < harness->count; i++) {
        int code =
            is_due(&harness->series[i].result) ? receive(harness, i, &answers[i]) : COMMAND_OK;
        if (code)
            return code;
    }
    return COMMAND_OK;
}

static int run_rounds(struct harness *harness)
{
    size_t runs = (size_t)harness->plan->runs;
    for (size_t round = 0; round < WARM_UP_RUNS + runs; round++) {
        /* A warm-up's answers are overwritten by the first run that counts. */
        size_t counted = round < WARM_UP_RUNS ? 0 : round - WARM_UP_RUNS;
        struct child_answer *answers = &harness->answers[counted * harness->count];
        progress_draw();
        int code = harness->bench->together ? run_together(harness, answers)
                                            : run_in_turn(harness, round, answers);
        if (code)
            return code;
        progress_step();
    }
    return COMMAND_OK;
}

/* scratch: room for a number a run. */
static void summarise(const struct harness *harness, size_t index, double *scratch)
{
    struct bench_result *result = &harness->series[index].result;
    size_t runs = result->once ? 1 : (size_t)harness->plan->runs;
    const struct child_answer *answers = harness->answers + index;
    size_t step = harness->count;

    for (size_t i = 0; i < runs; i++)
        scratch[i] = answers[i * step].sample.cpu;
    result->cpu = quantile_median(scratch, runs);
    for (size_t i = 0; i < runs; i++)
        scratch[i] = answers[i * step].sample.steals;
    result->steals = quantile_median(scratch, runs);
    for (size_t i = 0; i < runs; i++)
        scratch[i] = answers[i * step].sample.p99;
    result->p99 = quantile_median(scratch, runs);
    for (size_t i = 0; i < runs; i++)
        scratch[i] = answers[i * step].sample.value;
    result->median = quantile_median(scratch, runs);
    result->min = scratch[0]; /* sorted by now */
    result->max = scratch[runs - 1];
    result->runs = (int)runs;
    result->peak_rss = answers[(runs - 1) * step].sample.peak_rss;
}

/* Ends what runs. Returns `code`, or COMMAND_FAILED if all went well until a child's end did
 * not. */
static int end(struct harness *harness, int code)
{
    for (size_t i = 0; i < harness->count; i++) {
        if (!harness->children[i].pid)
            continue;
        if (code)
            child_end(&harness->children[i], true);
        else
            code = dismiss(harness, i);
    }
    return code;
}

int harness_run(const struct bench *bench, struct bench_series *series, size_t count,
                const struct harness_plan *plan)
{
    size_t runs = (size_t)plan->runs;
    struct harness harness = {.bench = bench, .plan = plan, .series = series, .count = count};
    harness.children = calloc(count, sizeof *harness.children);
    harness.answers = calloc(count * runs, sizeof *harness.answers);
    double *scratch = calloc(runs, sizeof *scratch);
    int code;
    if (harness.children && harness.answers && scratch) {
        progress_begin(bench->name, WARM_UP_RUNS + runs, PROGRESS_BY_CALLER);
        code = start(&harness);
        if (!code)
            code = run_rounds(&harness);
        progress_end();
        code = end(&harness, code);
    } else {
        code = output_failure("bench", FILCH_ENOMEM);
    }
    for (size_t i = 0; code == COMMAND_OK && i < count; i++)
        summarise(&harness, i, scratch);
    free(harness.children);
    free(harness.answers);
    free(scratch);
    return code;
}
