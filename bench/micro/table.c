/* SPDX-License-Identifier: MIT
 *
 * See report.h: the table. */
#include "report.h"

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

/* The serial series that this one compares with, or NULL. */
static const struct bench_series *baseline(const struct bench_series *of,
                                           const struct bench_series *series, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(series[i].program->system, BENCH_SYSTEM_SERIAL) == 0 &&
            strcmp(series[i].program->name, of->program->name) == 0)
            return &series[i];
    return NULL;
}

static void print_row(const struct bench *bench, const struct bench_series *row,
                      const struct bench_series *serial, int width)
{
    const struct bench_result *result = &row->result;
    output_printf("  %-*s  %-7s %7d  %10s %10s %10s", width, row->program->name,
                  row->program->system, row->workers, number(result->median).text,
                  number(result->min).text, number(result->max).text);
    if (bench->tails)
        output_printf(" %10s", number(result->p99).text);
    output_printf("  %-5s  %8s  %8ld", row->program->unit, number(result->cpu).text,
                  result->peak_rss);
    if (serial)
        output_printf("  %9.3f\n", result->median / serial->result.median);
    else
        output_printf("  %9s\n", "-");
}

void report_table(const struct bench *bench, const struct bench_series *series, size_t count,
                  const struct harness_plan *plan)
{
    int width = (int)strlen("series");
    for (size_t i = 0; i < count; i++) {
        int length = (int)strlen(series[i].program->name);
        if (length > width)
            width = length;
    }
    output_printf("%s: %s (%d runs%s)\n", bench->name, bench->title, plan->runs,
                  plan->quick ? "; quick: far less work, no measurement" : "");
    output_printf("  %-*s  %-7s %7s  %10s %10s %10s", width, "series", "system", "workers",
                  "median", "min", "max");
    if (bench->tails)
        output_printf(" %10s", "p99");
    output_printf("  %-5s  %8s  %8s  %9s\n", "unit", "CPU s", "RSS KiB", "to serial");
    for (size_t i = 0; i < count; i++)
        print_row(bench, &series[i], baseline(&series[i], series, count), width);
    output_printf("\n");
}
