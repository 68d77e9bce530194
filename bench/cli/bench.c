/* SPDX-License-Identifier: MIT
 *
 * `filch bench`: chooses the benchmarks and the numbers of workers, and has them run and
 * reported. The benchmarks are in bench/micro. */
#include "args.h"
#include "command.h"
#include "output.h"

#include "bench/micro/bench.h"
#include "bench/micro/harness.h"
#include "bench/micro/report.h"

#include <filch/pool.h>

#include <stdlib.h>
#include <string.h>

enum { WORKER_COUNTS_MAX = 16, DEFAULT_RUNS = 10 };

/* Numbers of workers, in the order given, none twice. */
struct worker_list {
    int counts[WORKER_COUNTS_MAX];
    int length;
};

struct request {
    const struct bench **chosen; /* in the order given; one may stand there only once */
    size_t chosen_count;
    struct worker_list workers; /* length 0: --workers is not given */
    struct worker_list defaults;
    const char *json; /* or NULL */
    struct harness_plan plan;
};

/* Returns false if the list is full. */
static bool add_count(struct worker_list *list, int count)
{
    for (int i = 0; i < list->length; i++)
        if (list->counts[i] == count)
            return true;
    if (list->length == WORKER_COUNTS_MAX)
        return false;
    list->counts[list->length++] = count;
    return true;
}

/* "1,2,4". */
static bool read_list(const char *text, struct worker_list *list)
{
    for (const char *from = text;; from++) {
        size_t length = strcspn(from, ",");
        char digits[8] = "";
        uint64_t count = 0;
        if (length < sizeof digits)
            memcpy(digits, from, length);
        if (!args_digits(digits, &count) || count < 1 || count > FILCH_WORKERS_MAX) {
            args_complain("bench",
                          "--workers must be whole numbers from 1 to %d with commas between "
                          "them, not \"%s\"",
                          FILCH_WORKERS_MAX, text);
            return false;
        }
        if (!add_count(list, (int)count)) {
            args_complain("bench", "--workers takes at most %d different numbers",
                          WORKER_COUNTS_MAX);
            return false;
        }
        from += length;
        if (!*from)
            return true;
    }
}

static const struct bench *find(const char *name)
{
    for (size_t i = 0; i < bench_count; i++)
        if (strcmp(benches[i]->name, name) == 0)
            return benches[i];
    return NULL;
}

/* chosen: room for bench_count. Without names all are chosen. */
static bool choose(struct request *request, int names, char **argv)
{
    for (size_t i = 0; names == 0 && i < bench_count; i++)
        request->chosen[request->chosen_count++] = benches[i];
    for (int n = 0; n < names; n++) {
        const struct bench *bench = find(argv[n]);
        if (!bench) {
            args_complain("bench",
                          "there is no benchmark \"%s\"; `filch bench --list` names them",
                          argv[n]);
            return false;
        }
        bool again = false;
        for (size_t i = 0; i < request->chosen_count; i++)
            again = again || request->chosen[i] == bench;
        if (!again)
            request->chosen[request->chosen_count++] = bench;
    }
    return true;
}

static int print_list(void)
{
    for (size_t i = 0; i < bench_count; i++)
        output_printf("%-10s  %s\n", benches[i]->name, benches[i]->title);
    return COMMAND_OK;
}

/* The numbers of workers that a program runs with. */
static struct worker_list workers_of(const struct bench_program *program,
                                     const struct request *request)
{
    static const struct worker_list one = {{1}, 1}, two = {{2}, 1}, one_and_two = {{1, 2}, 2};
    bool given = request->workers.length > 0;
    switch (program->scale) {
    case BENCH_ONE:
        return one;
    case BENCH_TWO:
        return two;
    case BENCH_THREADS:
        return given ? request->workers : one_and_two;
    case BENCH_LISTED:
        break;
    }
    return given ? request->workers : request->defaults;
}

/* The series of one benchmark; room for all the caller frees. NULL without memory. */
static struct bench_series *list_series(const struct bench *bench,
                                        const struct request *request, size_t *count)
{
    struct bench_series *series =
        calloc(bench->program_count * WORKER_COUNTS_MAX, sizeof *series);
    *count = 0;
    for (size_t p = 0; series && p < bench->program_count; p++) {
        struct worker_list workers = workers_of(&bench->programs[p], request);
        for (int i = 0; i < workers.length; i++)
            series[(*count)++] = (struct bench_series){.program = &bench->programs[p],
                                                       .workers = workers.counts[i]};
    }
    return series;
}

static int run_all(const struct request *request)
{
    size_t count = request->chosen_count, done = 0;
    struct report_part *parts = calloc(count, sizeof *parts);
    int code = parts ? COMMAND_OK : output_failure("bench", FILCH_ENOMEM);
    if (!code && request->json)
        code = report_json_check(request->json);

    for (; !code && done < count; done++) {
        struct report_part *part = &parts[done];
        part->bench = request->chosen[done];
        struct bench_series *series = list_series(part->bench, request, &part->count);
        part->series = series;
        if (!series) {
            code = output_failure("bench", FILCH_ENOMEM);
            break;
        }
        code = harness_run(part->bench, series, part->count, &request->plan);
        if (code)
            continue;
        report_table(part->bench, series, part->count, &request->plan);
        if (!output_flush())
            code = COMMAND_FAILED;
    }
    if (!code && request->json)
        code = report_json(request->json, parts, count, &request->plan);
    for (size_t i = 0; i < done; i++)
        free((void *)parts[i].series);
    free(parts);
    return code;
}

/* 1 and the default size. */
static int read_defaults(struct worker_list *list)
{
    struct filch_sizing sizing;
    int error = filch_sizing_read(NULL, &sizing);
    if (error)
        return output_failure("bench", error);
    add_count(list, 1);
    add_count(list, sizing.workers);
    return COMMAND_OK;
}

static int run(int argc, char **argv)
{
    uint64_t runs = DEFAULT_RUNS;
    const char *workers = NULL;
    bool list = false;
    struct request request = {.json = NULL};
    const struct args_option options[] = {
        {.name = "--workers",
         .kind = ARGS_TEXT,
         .takes = "numbers of workers, such as 1,2",
         .to.text = &workers},
        {.name = "--json", .kind = ARGS_TEXT, .takes = "a file name", .to.text = &request.json},
        {.name = "--runs",
         .kind = ARGS_NUMBER,
         .min = HARNESS_RUNS_MIN,
         .max = HARNESS_RUNS_MAX,
         .to.number = &runs},
        {.name = "--quick", .kind = ARGS_FLAG, .to.flag = &request.plan.quick},
        {.name = "--list", .kind = ARGS_FLAG, .to.flag = &list},
        {.name = NULL},
    };
    int names = args_parse("bench", options, argc, argv);
    if (names < 0 || (workers && !read_list(workers, &request.workers)))
        return COMMAND_USAGE;
    request.plan.runs = (int)runs;

    const struct bench **chosen = calloc(bench_count, sizeof *chosen);
    if (!chosen)
        return output_failure("bench", FILCH_ENOMEM);
    request.chosen = chosen;
    int code = choose(&request, names, argv) ? COMMAND_OK : COMMAND_USAGE;
    if (!code && list) {
        code = print_list();
    } else if (!code) {
        if (!workers)
            code = read_defaults(&request.defaults);
        if (!code)
            code = run_all(&request);
    }
    free(chosen);
    return code;
}

static const char help[] =
    "Runs the benchmarks of these names, all of them by default, and prints a table each:\n"
    "median, minimum and maximum of the runs, CPU time a run, peak memory, and the ratio\n"
    "to the serial baseline where there is one. bench/README.md says what each measures.\n"
    "\n"
    "  --workers W,W  numbers of workers, from 1 to 1024; 1 and the default size otherwise\n"
    "  --runs R       runs that count, from 10 to 1000; 10 by default\n"
    "  --json FILE    the results also as a JSON array into FILE\n"
    "  --quick        far less work: to try the program out, not to measure\n"
    "  --list         the names, and what is measured in which unit\n";

const struct command command_bench = {
    .name = "bench",
    .synopsis = "[NAME...] [--workers W,W...] [--runs R] [--json FILE] [--quick]\n"
                "       filch bench --list",
    .summary = "microbenchmarks: tables, and JSON for programs",
    .help = help,
    .run = run,
};
