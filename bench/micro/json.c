/* SPDX-License-Identifier: MIT
 *
 * See report.h: the JSON file. A series without figures is not in it. Every string is one of this
 * program's own and needs no escaping, but the names of peers, which are names of files. */
#include "report.h"

#include "bench/cli/command.h"
#include "bench/cli/file.h"
#include "bench/cli/output.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int complain(const char *path, int error)
{
    return output_error("bench", "--json %s: %s", path, strerror(error));
}

/* Is there something that must not be replaced, such as a device or a pipe? */
static bool is_special(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

int report_json_check(const char *path)
{
    if (is_special(path)) {
        struct stat status;
        if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
            return complain(path, EISDIR);
        return access(path, W_OK) == 0 ? COMMAND_OK : complain(path, errno);
    }
    char *copy = strdup(path);
    if (!copy)
        return complain(path, ENOMEM);
    int error = *path == '\0' ? ENOENT : access(dirname(copy), W_OK | X_OK) == 0 ? 0 : errno;
    free(copy);
    return error ? complain(path, error) : COMMAND_OK;
}

static void write_series(FILE *file, const struct bench *bench, const struct bench_series *row,
                         bool quick)
{
    const struct bench_result *result = &row->result;
    fprintf(file, "{\"benchmark\": \"%s\", \"system\": \"", row->program->name);
    for (const char *at = row->program->system; *at; at++)
        fprintf(file, (unsigned char)*at < ' ' || *at == '"' || *at == '\\' ? "\\u%04x" : "%c",
                (unsigned char)*at);
    fprintf(file,
            "\", \"workers\": %d, \"unit\": \"%s\", \"median\": %.9g, \"min\": %.9g, "
            "\"max\": %.9g, ",
            row->workers, row->program->unit, result->median, result->min, result->max);
    if (bench->tails)
        fprintf(file, "\"p99\": %.9g, ", result->p99);
    if (result->steals >= 0)
        fprintf(file, "\"steals\": %.0f, ", result->steals);
    fprintf(file, "\"runs\": %d, \"peak_rss_kib\": %ld", result->runs, result->peak_rss);
    fprintf(file, "%s}", quick ? ", \"quick\": true" : "");
}

static void write_all(FILE *file, const struct report_part *parts, size_t count, bool quick)
{
    const char *between = "\n  ";
    errno = 0;
    fputs("[", file);
    for (size_t p = 0; p < count; p++)
        for (size_t i = 0; i < parts[p].count; i++) {
            if (parts[p].series[i].result.note[0])
                continue;
            fputs(between, file);
            write_series(file, parts[p].bench, &parts[p].series[i], quick);
            between = ",\n  ";
        }
    fputs("\n]\n", file);
}

int report_json(const char *path, const struct report_part *parts, size_t count,
                const struct harness_plan *plan)
{
    struct file file;
    int error = file_open(&file, path);
    if (!error) {
        write_all(file.stream, parts, count, plan->quick);
        error = file_close(&file, 0);
    }
    return error ? complain(path, error) : COMMAND_OK;
}
