/* SPDX-License-Identifier: MIT
 *
 * `filch bench`: chooses the benchmarks and the numbers of workers, and has them run and
 * reported. The benchmarks are in bench/micro. */
#include "args.h"
#include "command.h"
#include "output.h"

#include "bench/micro/bench.h"
#include "bench/micro/harness.h"
#include "bench/micro/peer.h"
#include "bench/micro/report.h"
#include "bench/workloads/workload.h"

#include <filch/pool.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WORKER_COUNTS_MAX = 16, DEFAULT_RUNS = 10, DEFAULT_PATIENCE_S = 5 };

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
    const struct peer_list *peers;
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

/* Is this the benchmark of that name, or one of several that begin with it, such as grain-1us of
 * grain? */
static bool is_meant(const struct bench *bench, const char *name)
{
    size_t length = strlen(name);
    return find(name) ? bench == find(name)
                      : strncmp(bench->name, name, length) == 0 && bench->name[length] == '-';
}

static void add_chosen(struct request *request, const struct bench *bench)
{
    for (size_t i = 0; i < request->chosen_count; i++)
        if (request->chosen[i] == bench)
            return;
    request->chosen[request->chosen_count++] = bench;
}

/* chosen: room for bench_count. Without names all are chosen that need not be named. */
static bool choose(struct request *request, int names, char **argv)
{
    for (size_t i = 0; names == 0 && i < bench_count; i++)
        if (!benches[i]->only_named)
            request->chosen[request->chosen_count++] = benches[i];
    for (int n = 0; n < names; n++) {
        bool found = false;
        for (size_t i = 0; i < bench_count; i++)
            if (is_meant(benches[i], argv[n])) {
                add_chosen(request, benches[i]);
                found = true;
            }
        if (!found) {
            args_complain("bench",
                          "there is no benchmark \"%s\"; `filch bench --list` names them",
                          argv[n]);
            return false;
        }
    }
    return true;
}

static int print_list(void)
{
    for (size_t i = 0; i < bench_count; i++)
        output_printf("%-21s  %s%s\n", benches[i]->name, benches[i]->title,
                      benches[i]->only_named ? " (run only when named)" : "");
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

/* What one benchmark is made up of. */
struct lineup {
    struct bench_series *series;
    size_t count;
    struct bench_program *peers; /* their programs */
    size_t peer_count;
};

static void add_program(struct lineup *lineup, const struct bench_program *program,
                        const struct request *request)
{
    struct worker_list workers = workers_of(program, request);
    for (int i = 0; i < workers.length; i++)
        lineup->series[lineup->count++] =
            (struct bench_series){.program = program, .workers = workers.counts[i]};
}

static void disband(struct lineup *lineup)
{
    free(lineup->series);
    free(lineup->peers);
}

/* The programs of a benchmark, or of a variant of it: filch's, then the peers'. */
static void add_bench(struct lineup *lineup, const struct bench *bench,
                      const struct request *request)
{
    for (size_t i = 0; i < bench->program_count; i++)
        add_program(lineup, &bench->programs[i], request);
    for (int i = 0; bench->peers && i < request->peers->count; i++) {
        struct bench_program *peer = &lineup->peers[lineup->peer_count++];
        *peer = peer_program(&request->peers->peers[i], bench);
        add_program(lineup, peer, request);
    }
}

/* Returns false without memory. */
static bool line_up(struct lineup *lineup, const struct bench *bench,
                    const struct request *request)
{
    size_t programs = bench->program_count, benches_here = 1;
    for (int id = WORKLOAD_TABLES; id < WORKLOAD_COUNT; id++)
        if (workload_benches[id].base == bench) {
            programs += workload_benches[id].program_count;
            benches_here++;
        }
    size_t peers = benches_here * (size_t)request->peers->count;
    *lineup = (struct lineup){
        .series = calloc((programs + peers) * WORKER_COUNTS_MAX, sizeof *lineup->series),
        .peers = calloc(peers + 1, sizeof *lineup->peers),
    };
    if (!lineup->series || !lineup->peers) {
        disband(lineup);
        return false;
    }
    add_bench(lineup, bench, request);
    for (int id = WORKLOAD_TABLES; id < WORKLOAD_COUNT; id++)
        if (workload_benches[id].base == bench)
            add_bench(lineup, &workload_benches[id], request);
    return true;
}

static int run_all(const struct request *request)
{
    size_t count = request->chosen_count, done = 0;
    struct report_part *parts = calloc(count, sizeof *parts);
    struct lineup *lineups = calloc(count, sizeof *lineups);
    int code = parts && lineups ? COMMAND_OK : output_failure("bench", FILCH_ENOMEM);
    if (!code && request->json)
        code = report_json_check(request->json);

    for (; !code && done < count; done++) {
        const struct bench *bench = request->chosen[done];
        struct lineup *lineup = &lineups[done];
        if (!line_up(lineup, bench, request)) {
            code = output_failure("bench", FILCH_ENOMEM);
            break;
        }
        parts[done] = (struct report_part){bench, lineup->series, lineup->count};
        code = harness_run(bench, lineup->series, lineup->count, &request->plan);
        if (code)
            continue;
        report_table(&parts[done], &request->plan);
        if (!output_flush())
            code = COMMAND_FAILED;
    }
    if (!code && request->json)
        code = report_json(request->json, parts, count, &request->plan);
    for (size_t i = 0; i < done; i++)
        disband(&lineups[i]);
    free(lineups);
    free(parts);
    return code;
}

/* The peers that were asked for. What is not there is said, on top of the tables. */
static int find_peers(struct peer_list *list, bool built_in, const char *adapters)
{
    int error = built_in ? peer_find(list, peer_built_in_directory()) : 0;
    if (error && error != ENOENT)
        return output_error("bench", "--peers %s: %s", peer_built_in_directory(),
                            strerror(error));
    if (built_in && *peer_missing(list))
        output_printf("peers not found: %s (bench/peers/README.md says how to build them)\n\n",
                      peer_missing(list));
    error = adapters ? peer_find(list, adapters) : 0;
    return error ? output_error("bench", "--adapters %s: %s", adapters, strerror(error))
                 : COMMAND_OK;
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
    uint64_t runs = DEFAULT_RUNS, patience = DEFAULT_PATIENCE_S;
    const char *workers = NULL, *adapters = NULL;
    bool list = false, built_in = false;
    struct peer_list peers = {.count = 0};
    struct request request = {.peers = &peers};
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
        {.name = "--patience",
         .kind = ARGS_NUMBER,
         .min = 1,
         .max = 600,
         .to.number = &patience},
        {.name = "--peers", .kind = ARGS_FLAG, .to.flag = &built_in},
        {.name = "--adapters", .kind = ARGS_TEXT, .takes = "a directory", .to.text = &adapters},
        {.name = "--quick", .kind = ARGS_FLAG, .to.flag = &request.plan.quick},
        {.name = "--list", .kind = ARGS_FLAG, .to.flag = &list},
        {.name = NULL},
    };
    int names = args_parse("bench", options, argc, argv);
    if (names < 0 || (workers && !read_list(workers, &request.workers)))
        return COMMAND_USAGE;
    request.plan.runs = (int)runs;
    request.plan.patience = (double)patience;

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
            code = find_peers(&peers, built_in, adapters);
        if (!code)
            code = run_all(&request);
    }
    peer_forget(&peers);
    free(chosen);
    return code;
}

static const char help[] =
    "Runs the benchmarks of these names, by default all but those of minutes, and prints a\n"
    "table each (`grain` stands for grain-1ns, grain-10ns and so on, as none is called so):\n"
    "median, minimum and maximum of the runs, CPU time a run, peak memory, and the ratio\n"
    "to the baseline where there is one. bench/README.md says what each measures.\n"
    "\n"
    "  --workers W,W  numbers of workers, from 1 to 1024; 1 and the default size otherwise\n"
    "  --runs R       runs that count, from 10 to 1000; 10 by default\n"
    "  --json FILE    the results also as a JSON array into FILE\n"
    "  --patience S   a series whose first run takes more than S seconds is not run again;\n"
    "                 5 by default, 600 at most\n"
    "  --peers        the same work also on other systems, where they were built\n"
    "  --adapters DIR and on those whose programs are in DIR: see bench/peers/README.md\n"
    "  --quick        far less work: to try the program out, not to measure\n"
    "  --list         the names, and what is measured in which unit\n";

const struct command command_bench = {
    .name = "bench",
    .synopsis = "[NAME...] [--workers W,W...] [--runs R] [--patience S] [--peers]\n"
                "                   [--adapters DIR] [--json FILE] [--quick]\n"
                "       filch bench --list",
    .summary = "microbenchmarks: tables, and JSON for programs",
    .help = help,
    .run = run,
};
