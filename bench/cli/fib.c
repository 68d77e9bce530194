/* SPDX-License-Identifier: MIT
 *
 * `filch fib`: one Fibonacci number, whole or its ends or a remainder, or several with times,
 * sequentially and on threads. */
#include "args.h"
#include "command.h"
#include "fib_digits.h"
#include "fib_jobs.h"
#include "fib_number.h"
#include "fib_output.h"
#include "output.h"
#include "progress.h"

#include <filch/pool.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- What is on the line -------------------------------------------------------------------- */

static const char *const algorithms[] = {"auto", "add", "doubling", "gmp", "parallel", NULL};
enum { AUTO, ADD, DOUBLING, GMP, PARALLEL };

static const char *const modes[] = {"sequential", "threads", "all", NULL};
enum { MODE_SEQUENTIAL, MODE_THREADS, MODE_ALL };

/* 0, NULL, or NONE where it is not given. */
enum { NONE = -1 };
struct line {
    int algorithm, mode;
    uint64_t jobs, workers, memory, digits;
    const char *output, *modulus;
    bool quiet;
};

/* Returns an exit code, after a message if two options contradict each other. */
static int check_together(const struct line *line)
{
    const bool algorithm = line->algorithm != NONE, mode = line->mode != NONE;
    const struct {
        const char *name, *other;
        bool both;
    } pairs[] = {
        {"--digits", "--modulus", line->digits && line->modulus},
        {"--output", "--quiet", line->output && line->quiet},
        {"--algorithm parallel", "--mode sequential",
         line->algorithm == PARALLEL && line->mode == MODE_SEQUENTIAL},
        {"--algorithm parallel", "--mode all",
         line->algorithm == PARALLEL && line->mode == MODE_ALL},
        {"--digits", "--algorithm", line->digits && algorithm},
        {"--digits", "--memory", line->digits && line->memory},
        {"--digits", "--jobs", line->digits && line->jobs},
        {"--digits", "--mode", line->digits && mode},
        {"--digits", "--workers", line->digits && line->workers},
        {"--digits", "--quiet", line->digits && line->quiet},
        {"--modulus", "--algorithm", line->modulus && algorithm},
        {"--modulus", "--memory", line->modulus && line->memory},
        {"--modulus", "--jobs", line->modulus && line->jobs},
        {"--modulus", "--mode", line->modulus && mode},
        {"--modulus", "--workers", line->modulus && line->workers},
        {"--modulus", "--quiet", line->modulus && line->quiet},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (pairs[i].both)
            return args_complain("fib", "%s and %s do not go together", pairs[i].name,
                                 pairs[i].other);
    return COMMAND_OK;
}

/* ---- Ends and remainders -------------------------------------------------------------------- */

static const struct filch_fib_options reporting = {.progress = progress_set};

static int fail(uint64_t n, int error)
{
    return output_error("fib", "F(%llu): %s", (unsigned long long)n, filch_strerror(error));
}

/* "FIRST...LAST (N digits)", or "NUMBER (N digits)". */
static int print_digits(uint64_t n, uint64_t count, struct fib_output *output)
{
    struct fib_ends ends;
    progress_begin("fib", 2, PROGRESS_BY_THREAD);
    int error = fib_digits_find(n, count, &reporting, &ends);
    progress_end();
    if (error)
        return fail(n, error);
    if (fprintf(output->stream, "%s%s%s (%s digit%s)", ends.first, ends.last ? "..." : "",
                ends.last ? ends.last : "", output_grouped(ends.length).text,
                ends.length == 1 ? "" : "s") < 0)
        fib_output_failed(output);
    fib_output_line(output, "", 0);
    fib_ends_free(&ends);
    return COMMAND_OK;
}

/* Is it a whole number above 0? */
static bool is_modulus(const char *text)
{
    size_t length = strlen(text);
    return length > 0 && strspn(text, "0123456789") == length && strspn(text, "0") < length;
}

static int print_remainder(uint64_t n, const char *modulus, struct fib_output *output)
{
    /* GMP ends the process where memory is short. A digit takes less than half a byte, and what it
     * allocates here is a few times that. Then the place of the remainder, its sign and its NUL. */
    size_t length = strlen(modulus);
    char *digits = malloc(length * 8 + 65536);
    if (!digits)
        return fail(n, FILCH_ENOMEM);
    free(digits);
    digits = malloc(length + 2);
    if (!digits)
        return fail(n, FILCH_ENOMEM);

    mpz_t remainder;
    mpz_init_set_str(remainder, modulus, 10);
    progress_begin("fib", 1, PROGRESS_BY_THREAD);
    int error = filch_fib_mod(remainder, n, remainder, &reporting);
    progress_end();
    if (!error) {
        mpz_get_str(digits, 10, remainder);
        fib_output_line(output, digits, strlen(digits));
    }
    mpz_clear(remainder);
    free(digits);
    return error ? fail(n, error) : COMMAND_OK;
}

/* ---- Whole numbers -------------------------------------------------------------------------- */

static bool print_line(void *output, const char *digits, size_t length)
{
    return fib_output_line(output, digits, length);
}

static struct fib_jobs jobs_of(const struct line *line, uint64_t n)
{
    static const struct {
        enum filch_fib_algorithm algorithm;
        enum fib_together together;
    } ways[] = {[AUTO] = {FILCH_FIB_AUTO, FIB_WHERE_FREE},
                [ADD] = {FILCH_FIB_ADD, FIB_NEVER},
                [DOUBLING] = {FILCH_FIB_DOUBLING, FIB_NEVER},
                [GMP] = {FILCH_FIB_GMP, FIB_NEVER},
                [PARALLEL] = {FILCH_FIB_DOUBLING, FIB_ALWAYS}};
    int way = line->algorithm == NONE ? AUTO : line->algorithm;
    return (struct fib_jobs){.command = "fib",
                             .n = n,
                             .jobs = line->jobs,
                             .algorithm = ways[way].algorithm,
                             .together = ways[way].together,
                             .workers = (int)line->workers,
                             .memory = line->memory};
}

static int run_modes(const struct fib_jobs *jobs, int mode)
{
    static const struct {
        enum fib_mode mode;
        int unless;
    } steps[] = {{FIB_SEQUENTIAL, MODE_THREADS}, {FIB_THREADS, MODE_SEQUENTIAL}};

    for (int i = 0; i < 2; i++) {
        if (mode == steps[i].unless)
            continue;
        double seconds;
        int code = fib_jobs_run(jobs, steps[i].mode, &seconds);
        if (code)
            return code;
        fprintf(stderr, "%s: %.6f\n", fib_mode_function(steps[i].mode), seconds);
    }
    return COMMAND_OK;
}

static int print_several(const struct line *line, uint64_t n, struct fib_output *output)
{
    struct fib_jobs jobs = jobs_of(line, n);
    if (!line->quiet) {
        jobs.print = print_line;
        jobs.context = output;
    }
    if (!jobs.jobs)
        jobs.jobs = line->workers;
    if (!jobs.jobs) {
        struct filch_sizing sizing;
        int error = filch_sizing_read(NULL, &sizing);
        if (error)
            return output_failure("fib", error);
        jobs.jobs = (uint64_t)sizing.workers;
    }
    return run_modes(&jobs, line->mode == NONE ? MODE_THREADS : line->mode);
}

static int print(const struct line *line, uint64_t n, struct fib_output *output)
{
    if (line->digits)
        return print_digits(n, line->digits, output);
    if (line->modulus)
        return print_remainder(n, line->modulus, output);
    if (line->jobs || line->mode != NONE || line->quiet)
        return print_several(line, n, output);
    struct fib_jobs number = jobs_of(line, n);
    return fib_number_print(&number, output);
}

/* ---- The command ---------------------------------------------------------------------------- */

static int run(int argc, char **argv)
{
    struct line line = {.algorithm = NONE, .mode = NONE};
    const struct args_option options[] = {
        {.name = "--algorithm",
         .kind = ARGS_CHOICE,
         .choices = algorithms,
         .takes = "auto, add, doubling, gmp or parallel",
         .to.choice = &line.algorithm},
        {.name = "--output",
         .kind = ARGS_TEXT,
         .takes = "a file name",
         .to.text = &line.output},
        {.name = "--digits",
         .kind = ARGS_NUMBER,
         .min = 1,
         .max = FIB_DIGITS_MAX,
         .to.number = &line.digits},
        {.name = "--modulus",
         .kind = ARGS_TEXT,
         .takes = "a whole number above 0",
         .to.text = &line.modulus},
        {.name = "--memory",
         .kind = ARGS_SIZE,
         .takes = "a size such as 500M or 2G",
         .to.number = &line.memory},
        {.name = "--jobs",
         .kind = ARGS_NUMBER,
         .min = 1,
         .max = FIB_JOBS_MAX,
         .to.number = &line.jobs},
        {.name = "--mode",
         .kind = ARGS_CHOICE,
         .choices = modes,
         .takes = "sequential, threads or all",
         .to.choice = &line.mode},
        {.name = "--workers",
         .kind = ARGS_NUMBER,
         .min = 1,
         .max = FILCH_WORKERS_MAX,
         .to.number = &line.workers},
        {.name = "--quiet", .kind = ARGS_FLAG, .to.flag = &line.quiet},
        {.name = NULL},
    };
    int operands = args_parse("fib", options, argc, argv);
    if (operands < 0 || !args_at_most("fib", 1, operands, argv))
        return COMMAND_USAGE;
    int code = check_together(&line);
    if (code)
        return code;
    if (line.modulus && !is_modulus(line.modulus))
        return args_complain("fib", "--modulus must be a whole number above 0, not \"%s\"",
                             line.modulus);

    uint64_t n, max = line.digits || line.modulus ? FIB_DIGITS_MAX_N : FILCH_FIB_MAX_N;
    const char *whose = line.digits ? "--digits" : line.modulus ? "--modulus" : "GMP";
    code = fib_jobs_read_n("fib", operands ? argv[0] : NULL, max, whose, &n);
    struct fib_output output;
    if (!code)
        code = fib_output_open(&output, line.output);
    if (code)
        return code;
    return fib_output_close(&output, print(&line, n, &output));
}

static const char help[] =
    "Prints the N-th Fibonacci number: F(0) = 0, F(1) = 1. With --jobs, --mode or --quiet\n"
    "it computes the number J times over, prints J lines and the time of each mode in\n"
    "seconds to stderr.\n"
    "\n"
    "  N            a whole number from 0 to 191219412671\n"
    "  --algorithm  auto (the default): the fastest, on a pool where that is faster;\n"
    "               add: a, b = b, a + b, N times; doubling: on one thread; gmp: by GMP\n"
    "               alone; parallel: doubling by all workers together\n"
    "  --output F   into the file F instead of stdout; it stays as it was if that fails\n"
    "  --digits K   only the first and last K digits, and how many there are:\n"
    "               \"19532...28125 (208,988 digits)\"; N up to 10^18, K up to 1000000\n"
    "  --modulus M  the remainder of a division by M, a whole number; N up to 10^18\n"
    "  --memory B   at most so many bytes of memory for numbers; 2G is 2 * 1024^3, also\n"
    "               K, M, T; with --jobs fewer numbers at a time\n"
    "  --jobs J     how many times, from 1 to 1000000; as many as workers by default\n"
    "  --mode M     sequential, threads (the default: futures on a pool; workers without a\n"
    "               number of their own help with others), or all: both\n"
    "  --workers W  workers of the pool, from 1 to 1024; see `filch info` for the default\n"
    "  --quiet      the times only, no numbers\n";

const struct command command_fib = {
    .name = "fib",
    .synopsis = "N [--algorithm auto|add|doubling|gmp|parallel] [--output FILE]\n"
                "                   [--digits K | --modulus M] [--memory SIZE]\n"
                "                   [--jobs J] [--mode sequential|threads|all] [--workers W]\n"
                "                   [--quiet]",
    .summary = "the N-th Fibonacci number; several of them in parallel",
    .help = help,
    .run = run,
};
