/* SPDX-License-Identifier: MIT
 *
 * See report.h: the table. */
#include "report.h"

#include "peer.h"

#include "bench/cli/output.h"

#include <stdio.h>
#include <string.h>

struct cell {
    char text[32];
};

/* Four digits that count, but no more than a nanosecond's worth; no exponents. */
static struct cell number(double value)
{
    struct cell cell;
    int decimals = value >= 1000 ? 0 : value >= 100 ? 1 : value >= 10 ? 2 : value >= 1 ? 3 : 4;
    if (value < 0.01)
        decimals = 6;
    snprintf(cell.text, sizeof cell.text, "%.*f", decimals, value);
    return cell;
}

static const char *baseline(const struct bench *bench)
{
    return bench->baseline ? bench->baseline : BENCH_SYSTEM_SERIAL;
}

static const struct bench_series *find_name(const struct report_part *part, const char *system,
                                            const char *name, int workers)
{
    for (size_t i = 0; i < part->count; i++) {
        const struct bench_series *series = &part->series[i];
        if (strcmp(series->program->system, system) == 0 &&
            strcmp(series->program->name, name) == 0 &&
            (!workers || series->workers == workers))
            return series;
    }
    return NULL;
}

/* The series of the same work on another system: with as many workers, if that matters. For a
 * variant that this system lacks, it is that of the benchmark. */
static const struct bench_series *find(const struct report_part *part, const char *system,
                                       const char *name, int workers)
{
    const struct bench_series *series = find_name(part, system, name, workers);
    return series ? series : find_name(part, system, part->bench->name, workers);
}

static void print_ratio(const struct bench_series *row, const struct bench_series *to)
{
    if (to && !to->result.note[0])
        output_printf("  %9.3f", row->result.median / to->result.median);
    else
        output_printf("  %9s", "-");
}

static void print_row(const struct report_part *part, const struct bench_series *row, int name,
                      int system)
{
    const struct bench_result *result = &row->result;
    output_printf("  %-*s  %-*s %7d  ", name, row->program->name, system, row->program->system,
                  row->workers);
    if (result->note[0]) {
        output_printf("%s\n", result->note);
        return;
    }
    output_printf("%4d %10s %10s %10s", result->runs, number(result->median).text,
                  number(result->min).text, number(result->max).text);
    if (part->bench->tails)
        output_printf(" %10s", number(result->p99).text);
    output_printf("  %-5s  %8s  %8ld", row->program->unit, number(result->cpu).text,
                  result->peak_rss);
    if (result->steals < 0)
        output_printf("  %8s", "-");
    else
        output_printf("  %8.0f", result->steals);
    print_ratio(row, find(part, baseline(part->bench), row->program->name, 0));
    print_ratio(row, find(part, BENCH_SYSTEM_FILCH, row->program->name, row->workers));
    output_printf("\n");
}

/* A variant that a peer lacks is not worth a row. */
static bool is_left_out(const struct report_part *part, const struct bench_series *row)
{
    return row->program->peer && strcmp(row->program->name, part->bench->name) != 0 &&
           strcmp(row->result.note, PEER_NO_VERSION) == 0;
}

/* At least as wide as its heading. */
static int widen(int width, const char *text)
{
    int length = (int)strlen(text);
    return length > width ? length : width;
}

void report_table(const struct report_part *part, const struct harness_plan *plan)
{
    int name = widen(0, "series"), system = widen(0, "system");
    char to_baseline[16];
    snprintf(to_baseline, sizeof to_baseline, "to %s", baseline(part->bench));
    for (size_t i = 0; i < part->count; i++) {
        if (is_left_out(part, &part->series[i]))
            continue;
        name = widen(name, part->series[i].program->name);
        system = widen(system, part->series[i].program->system);
    }
    output_printf("%s: %s%s\n", part->bench->name, part->bench->title,
                  plan->quick ? " (quick: far less work, no measurement)" : "");
    output_printf("  %-*s  %-*s %7s  %4s %10s %10s %10s", name, "series", system, "system",
                  "workers", "runs", "median", "min", "max");
    if (part->bench->tails)
        output_printf(" %10s", "p99");
    output_printf("  %-5s  %8s  %8s  %8s  %9s  %9s\n", "unit", "CPU s", "RSS KiB", "steals",
                  to_baseline, "to filch");
    for (size_t i = 0; i < part->count; i++)
        if (!is_left_out(part, &part->series[i]))
            print_row(part, &part->series[i], name, system);
    output_printf("\n");
}
