/* SPDX-License-Identifier: MIT
 *
 * See tour_checks.h: the steps, and the rows about futures, workers and counters. */
#include "tour_checks.h"

#include "output.h"
#include "program.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Notes ------------------------------------------------------------------------------- */

void tour_add(struct tour_note *note, const char *fmt, ...)
{
    size_t used = strlen(note->text);
    va_list list;
    va_start(list, fmt);
    vsnprintf(note->text + used, sizeof note->text - used, fmt, list);
    va_end(list);
}

enum tour_verdict tour_judge(bool good)
{
    return good ? TOUR_OK : TOUR_FAILED;
}

/* ---- Running ----------------------------------------------------------------------------- */

bool tour_run(struct tour_note *note, const char *line, int code, struct program_end *end)
{
    int error = program_run_self(line, end);
    if (error) {
        tour_add(note, "`filch %s` cannot be run: %s", line, strerror(error));
        return false;
    }
    if (end->code == code)
        return true;
    /* Times go to stderr, too. */
    const char *message = strstr(end->err, "filch ");
    if (!message)
        message = end->err;
    tour_add(note, "`filch %s` ends with %d: %.*s", line, end->code,
             (int)strcspn(message, "\n"), message);
    program_free(end);
    return false;
}

double tour_time(const char *text, const char *name)
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

void tour_line(const char *text, int number, char *to, size_t size)
{
    for (; text && number > 0; number--) {
        text = strchr(text, '\n');
        text += text != NULL;
    }
    snprintf(to, size, "%.*s", text ? (int)strcspn(text, "\n") : 0, text ? text : "");
}

/* ---- Futures ----------------------------------------------------------------------------- */

/* One of the first two lines of `filch futures`. */
static enum tour_verdict futures_line(struct tour_note *note, int number, const char *wanted)
{
    struct program_end end;
    char line[80];
    if (!tour_run(note, "futures", 0, &end))
        return TOUR_FAILED;
    tour_line(end.out, number, line, sizeof line);
    program_free(&end);
    tour_add(note, "%s", line);
    return tour_judge(strcmp(line, wanted) == 0);
}

enum tour_verdict tour_first_result(struct tour_note *note)
{
    enum tour_verdict result = futures_line(note, 0, "1");
    if (result == TOUR_OK)
        tour_add(note, ", of an executor that is gone");
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
    if (!tour_run(note, "info", 0, &end))
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
    tour_add(note, "%d here, %d on one processor, %d with FILCH_WORKERS=3", here, on_one, told);
    return tour_judge(here > 0 && on_one == 1 && told == 3);
}

/* ---- Counters ---------------------------------------------------------------------------- */

/* What the counter of a run says; 0 if the run fails. */
static unsigned long count_of(struct tour_note *note, const char *line)
{
    struct program_end end;
    unsigned long count = 0;
    if (!tour_run(note, line, 0, &end))
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
    if (!tour_run(note, "futures", 0, &end))
        return false;
    const char *line = strstr(end.out, label);
    const char *sets = line ? line + strlen(label) : "no line about it";
    bool good = strncmp(sets, wanted, strlen(wanted)) == 0;
    tour_add(note, "; wait: %.*s", (int)strcspn(sets, "\n"), sets);
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
        tour_add(note, "one processor loses next to nothing");
        return TOUR_SKIPPED;
    }
    for (int i = 0; i < RUNS; i++) {
        count = count_of(note, "counter --kind unsafe");
        if (count == 0)
            return TOUR_FAILED;
        losses += count < 2000000;
        least = count < least ? count : least;
    }
    tour_add(note, "%d of %d runs below 2,000,000, the least %s", losses, RUNS,
             output_grouped(least).text);
    return tour_judge(add_sets(note) && losses >= WANTED);
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
                tour_add(note, "`filch %s`: %lu", line, count);
            if (count != wanted)
                return TOUR_FAILED;
        }
    tour_add(note, "locked, atomic, sharded: 2,000,000 with 2 threads, exact with 8 and 64");
    return TOUR_OK;
}
