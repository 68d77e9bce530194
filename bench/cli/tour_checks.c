/* SPDX-License-Identifier: MIT
 *
 * See tour_checks.h. What depends on time asks for an order, not for a number of seconds. */
#include "tour_checks.h"

#include "output.h"
#include "program.h"

#include <filch/base.h>
#include <filch/pool.h>

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Notes ------------------------------------------------------------------------------- */

static void add(struct tour_note *note, const char *fmt, ...) FILCH_PRINTF(2, 3);

static void add(struct tour_note *note, const char *fmt, ...)
{
    size_t used = strlen(note->text);
    va_list list;
    va_start(list, fmt);
    vsnprintf(note->text + used, sizeof note->text - used, fmt, list);
    va_end(list);
}

static enum tour_verdict verdict(bool good)
{
    return good ? TOUR_OK : TOUR_FAILED;
}

/* ---- Running ----------------------------------------------------------------------------- */

/* Runs this program. Returns whether it ends with `code`; if not, the note says what happened,
 * and there is nothing to free. */
static bool run(struct tour_note *note, const char *line, int code, struct program_end *end)
{
    int error = program_run_self(line, end);
    if (error) {
        add(note, "`filch %s` cannot be run: %s", line, strerror(error));
        return false;
    }
    if (end->code == code)
        return true;
    /* Times go to stderr, too. */
    const char *message = strstr(end->err, "filch ");
    if (!message)
        message = end->err;
    add(note, "`filch %s` ends with %d: %.*s", line, end->code, (int)strcspn(message, "\n"),
        message);
    program_free(end);
    return false;
}

/* The number behind "NAME: " at the beginning of a line; -1 if there is no such line. */
static double time_of(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        double seconds;
        if (strncmp(line, name, length) == 0 && sscanf(line + length, ": %lf", &seconds) == 1)
            return seconds;
    }
    return -1;
}

/* Line `number` of the text, from 0, without its end; empty if there are not so many. */
static void copy_line(const char *text, int number, char *to, size_t size)
{
    for (; text && number > 0; number--) {
        text = strchr(text, '\n');
        text += text != NULL;
    }
    snprintf(to, size, "%.*s", text ? (int)strcspn(text, "\n") : 0, text ? text : "");
}

/* ---- The modes --------------------------------------------------------------------------- */

/* What the chapter calls them; those that the program does not have are not in its output. */
static const char *const functions[] = {"get_sequential", "get_multi_thread",
                                        "get_multi_process", "get_async"};
enum { FUNCTIONS = sizeof functions / sizeof functions[0] };

enum tour_verdict tour_modes(struct tour_note *note)
{
    struct program_end end;
    int modes = 0;
    if (!run(note, "fib 300000 --jobs 2 --algorithm add --mode all", 0, &end))
        return TOUR_FAILED;
    for (int i = 0; i < FUNCTIONS; i++) {
        double seconds = time_of(end.err, functions[i]);
        if (seconds >= 0)
            add(note, "%s%s: %.3f s", modes++ ? ", " : "", functions[i], seconds);
    }
    program_free(&end);
    if (modes < 2)
        return TOUR_FAILED;
    if (modes < FUNCTIONS)
        add(note, "; %d of %d modes so far", modes, FUNCTIONS);
    return modes < FUNCTIONS ? TOUR_NOT_YET : TOUR_OK;
}

enum tour_verdict tour_elapsed(struct tour_note *note)
{
    struct program_end end;
    char line[80];
    if (!run(note, "fib 100000 --jobs 1 --algorithm add --mode sequential", 0, &end))
        return TOUR_FAILED;
    copy_line(end.err, 0, line, sizeof line);
    add(note, "%s", line);
    bool good = time_of(end.err, "get_sequential") > 0;
    program_free(&end);
    return verdict(good);
}

/* Does the text consist of `count` times `line`, a newline behind each? */
static bool repeats(const char *text, const char *line, int count)
{
    size_t length = strlen(line);
    for (; count > 0; count--) {
        if (strncmp(text, line, length) != 0 || text[length] != '\n')
            return false;
        text += length + 1;
    }
    return *text == '\0';
}

enum tour_verdict tour_sequential(struct tour_note *note)
{
    struct filch_sizing sizing;
    struct program_end end;
    if (filch_sizing_read(NULL, &sizing) != 0 ||
        !run(note, "fib 90 --mode sequential", 0, &end))
        return TOUR_FAILED;
    bool good = repeats(end.out, "2880067194370816120", sizing.workers);
    double seconds = time_of(end.err, "get_sequential");
    add(note, "F(90), %d lines for %d processors, get_sequential: %.6f", (int)(end.length / 20),
        sizing.workers, seconds);
    program_free(&end);
    return verdict(good && seconds >= 0);
}

/* The best of several rounds in one mode. */
struct timing {
    const char *line, *function;
    double seconds;
    double share; /* of a processor that a round had, at most */
};

/* Runs the mode once more. */
static bool improve(struct tour_note *note, struct timing *best)
{
    struct program_end end;
    if (!run(note, best->line, 0, &end))
        return false;
    double seconds = time_of(end.err, best->function), share = end.cpu / end.seconds;
    if (best->seconds < 0 || seconds < best->seconds)
        best->seconds = seconds;
    if (share > best->share)
        best->share = share;
    program_free(&end);
    return seconds >= 0;
}

enum tour_verdict tour_threads(struct tour_note *note)
{
    /* At most so many rounds, until threads take the share of the time that they should. */
    enum { ROUNDS = 4 };
    static const double wanted = 0.7;
    /* Less of a processor for one thread than this, and the machine has nothing to spare. */
    static const double free_share = 0.8;
    struct timing one = {"fib 200000 --jobs 2 --algorithm add --mode sequential --quiet",
                         "get_sequential", -1, 0};
    struct timing all = {"fib 200000 --jobs 2 --algorithm add --mode threads --quiet",
                         "get_multi_thread", -1, 0};
    struct filch_sizing sizing;
    if (filch_sizing_read(NULL, &sizing) != 0 || sizing.workers < 2) {
        add(note, "one processor has nothing to gain");
        return TOUR_SKIPPED;
    }
    for (int i = 0; i < ROUNDS && (i == 0 || all.seconds > wanted * one.seconds); i++)
        if (!improve(note, &one) || !improve(note, &all))
            return TOUR_FAILED;
    add(note,
        "2 times F(200,000): get_sequential: %.3f s, get_multi_thread: %.3f s, %.2f of it",
        one.seconds, all.seconds, all.seconds / one.seconds);
    if (all.seconds < one.seconds)
        return TOUR_OK;
    if (one.share >= free_share)
        return TOUR_FAILED;
    add(note, "; others are at work, one thread had %.0f %% of a processor", one.share * 100);
    return TOUR_SKIPPED;
}

/* ---- Futures ----------------------------------------------------------------------------- */

/* One of the first two lines of `filch futures`. */
static enum tour_verdict futures_line(struct tour_note *note, int number, const char *wanted)
{
    struct program_end end;
    char line[80];
    if (!run(note, "futures", 0, &end))
        return TOUR_FAILED;
    copy_line(end.out, number, line, sizeof line);
    program_free(&end);
    add(note, "%s", line);
    return verdict(strcmp(line, wanted) == 0);
}

enum tour_verdict tour_first_result(struct tour_note *note)
{
    enum tour_verdict result = futures_line(note, 0, "1");
    if (result == TOUR_OK)
        add(note, ", of an executor that is gone");
    return result;
}

enum tour_verdict tour_first_states(struct tour_note *note)
{
    return futures_line(note, 1, "True False False");
}

/* ---- Workers ----------------------------------------------------------------------------- */

/* The number of workers that `filch info` prints; 0 if it does not. */
static int workers_of(struct tour_note *note)
{
    struct program_end end;
    int workers = 0;
    if (!run(note, "info", 0, &end))
        return 0;
    const char *row = strstr(end.out, "\nworkers ");
    if (!row || sscanf(row, "\nworkers %d", &workers) != 1)
        workers = 0;
    program_free(&end);
    return workers;
}

/* The same for a child that may use one processor: it has the mask of its parent. */
static int workers_on_one(struct tour_note *note)
{
    cpu_set_t before, one;
    if (sched_getaffinity(0, sizeof before, &before) != 0)
        return 0;
    size_t cpu = 0;
    while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, &before))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0)
        return 0;
    int workers = workers_of(note);
    sched_setaffinity(0, sizeof before, &before);
    return workers;
}

enum tour_verdict tour_default_workers(struct tour_note *note)
{
    int here = workers_of(note), on_one = workers_on_one(note);
    setenv("FILCH_WORKERS", "3", 1);
    int told = workers_of(note);
    unsetenv("FILCH_WORKERS");
    add(note, "%d here, %d on one processor, %d with FILCH_WORKERS=3", here, on_one, told);
    return verdict(here > 0 && on_one == 1 && told == 3);
}

/* ---- Counters ---------------------------------------------------------------------------- */

/* What the counter of a run says; 0 if the run fails. */
static unsigned long count_of(struct tour_note *note, const char *line)
{
    struct program_end end;
    unsigned long count = 0;
    if (!run(note, line, 0, &end))
        return 0;
    const char *digit = strstr(end.out, "counter.count=");
    for (digit = digit ? digit + strlen("counter.count=") : ""; *digit && *digit != '\n';
         digit++)
        if (*digit != ',')
            count = count * 10 + (unsigned long)(*digit - '0');
    program_free(&end);
    return count;
}

/* The two sets of wait(), as `filch futures` shows them. */
static bool add_sets(struct tour_note *note)
{
    struct program_end end;
    static const char label[] = "wait, FIRST_COMPLETED: ", wanted[] = "1 done, 3 not done";
    if (!run(note, "futures", 0, &end))
        return false;
    const char *line = strstr(end.out, label);
    const char *sets = line ? line + strlen(label) : "no line about it";
    bool good = strncmp(sets, wanted, strlen(wanted)) == 0;
    add(note, "; wait: %.*s", (int)strcspn(sets, "\n"), sets);
    program_free(&end);
    return good;
}

enum tour_verdict tour_unsafe_counter(struct tour_note *note)
{
    enum { RUNS = 10, WANTED = 9 };
    unsigned long least = 2000000, count;
    int losses = 0;
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) < 2) {
        add(note, "one processor loses next to nothing");
        return TOUR_SKIPPED;
    }
    for (int i = 0; i < RUNS; i++) {
        count = count_of(note, "counter --kind unsafe");
        if (count == 0)
            return TOUR_FAILED;
        losses += count < 2000000;
        least = count < least ? count : least;
    }
    add(note, "%d of %d runs below 2,000,000, the least %s", losses, RUNS,
        output_grouped(least).text);
    return verdict(add_sets(note) && losses >= WANTED);
}

enum tour_verdict tour_exact_counters(struct tour_note *note)
{
    static const char *const kinds[] = {"locked", "atomic", "sharded"};
    static const struct {
        unsigned long threads, increments;
    } runs[] = {{2, 1000000}, {8, 100000}, {64, 10000}};
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            unsigned long wanted = runs[k].threads * runs[k].increments;
            char line[100];
            snprintf(line, sizeof line, "counter --kind %s --threads %lu --increments %lu",
                     kinds[i], runs[k].threads, runs[k].increments);
            unsigned long count = count_of(note, line);
            if (count > 0 && count != wanted)
                add(note, "`filch %s`: %lu", line, count);
            if (count != wanted)
                return TOUR_FAILED;
        }
    add(note, "locked, atomic, sharded: 2,000,000 with 2 threads, exact with 8 and 64");
    return TOUR_OK;
}

/* ---- Fibonacci numbers ------------------------------------------------------------------- */

/* How a number is checked: by its SHA-256 if there is a program for it, or by addition. */
enum proof { PROOF_WRONG, PROOF_DIGEST, PROOF_ADDITION };

static enum proof prove_by_addition(struct tour_note *note, const char *n,
                                    const struct program_end *number)
{
    struct program_end sum;
    char line[80];
    snprintf(line, sizeof line, "fib %s --algorithm add", n);
    if (!run(note, line, 0, &sum))
        return PROOF_WRONG;
    bool same = strcmp(sum.out, number->out) == 0;
    program_free(&sum);
    return same ? PROOF_ADDITION : PROOF_WRONG;
}

static enum proof prove(struct tour_note *note, const char *n, const char *digest,
                        const struct program_end *number)
{
    char *argv[] = {(char[]){"sha256sum"}, NULL};
    struct program_end end;
    if (program_run(argv, number->out, number->length, &end) != 0)
        return prove_by_addition(note, n, number);
    bool good = end.code == 0 && strncmp(end.out, digest, strlen(digest)) == 0;
    program_free(&end);
    return good ? PROOF_DIGEST : PROOF_WRONG;
}

/* A word that is no N ends in a usage error. */
static bool is_refused(struct tour_note *note, const char *line)
{
    struct program_end end;
    if (!run(note, line, 2, &end))
        return false;
    bool silent = end.length == 0;
    program_free(&end);
    return silent;
}

enum tour_verdict tour_fibonacci(struct tour_note *note)
{
    static const struct {
        const char *n, *digest;
    } numbers[] = {{"0", "9a271f2a"},      {"1", "4355a46b"},
                   {"93", "1b5882b1"},     {"94", "b5d28fa6"},
                   {"1000", "a7c08fc8"},   {"10000", "fa5492a1"},
                   {"100000", "b7480e1f"}, {"1000000", "4910cacc5301426acb02007430c3fc38"}};
    enum { NUMBERS = sizeof numbers / sizeof numbers[0] };
    enum proof proof = PROOF_WRONG;
    size_t digits = 0;
    for (int i = 0; i < NUMBERS; i++) {
        struct program_end number;
        char line[40];
        snprintf(line, sizeof line, "fib %s", numbers[i].n);
        if (!run(note, line, 0, &number))
            return TOUR_FAILED;
        proof = prove(note, numbers[i].n, numbers[i].digest, &number);
        digits = number.length - 1;
        program_free(&number);
        if (proof == PROOF_WRONG) {
            add(note, "F(%s) is wrong", numbers[i].n);
            return TOUR_FAILED;
        }
    }
    add(note, "%d numbers as %s says, F(1,000,000): %s digits", NUMBERS,
        proof == PROOF_DIGEST ? "sha256sum" : "addition", output_grouped(digits).text);
    if (!is_refused(note, "fib -1") || !is_refused(note, "fib abc"))
        return TOUR_FAILED;
    add(note, "; -1 and abc end with 2");
    return verdict(digits == 208988);
}
