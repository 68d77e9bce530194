/* SPDX-License-Identifier: MIT
 *
 * The default number of workers: the processors that this process may run on, limited by the
 * processor time that its cgroups allow, or FILCH_WORKERS. Linux's cgroup documentation: v1
 * cpu.cfs_quota_us over cpu.cfs_period_us, v2 cpu.max; the tightest group on the way to the
 * root counts. */
#include "sched/core/affinity.h"

#include <filch/pool.h>

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int read_affinity(void)
{
    size_t bytes;
    cpu_set_t *set = fi_affinity_read(&bytes);
    int count = set ? CPU_COUNT_S(bytes, set) : 0;

    CPU_FREE(set);
    if (count)
        return count;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

/* FILCH_WORKERS: 0 where it is not set, -1 where it is no number from 1 to FILCH_WORKERS_MAX. */
static int read_environment(void)
{
    const char *text = getenv("FILCH_WORKERS");
    char *end;

    if (!text)
        return 0;
    if (*text < '0' || *text > '9')
        return -1;
    errno = 0;
    long value = strtol(text, &end, 10);
    return errno || *end || value < 1 || value > FILCH_WORKERS_MAX ? -1 : (int)value;
}

/* Reads the first line of dir/file. */
static bool read_line(const char *dir, const char *file, char *line, int size)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", dir, file) >= (int)sizeof path)
        return false;
    FILE *stream = fopen(path, "re");
    if (!stream)
        return false;
    bool read = fgets(line, size, stream) != NULL;
    fclose(stream);
    return read;
}

/* The processors' worth of time that the group in `dir` allows, INFINITY without a limit. */
static double group_quota(const char *dir)
{
    char line[128];
    double quota, period;

    if (read_line(dir, "cpu.max", line, sizeof line)) /* v2: "max 100000" or "150000 100000" */
        return sscanf(line, "%lf %lf", &quota, &period) == 2 && quota > 0 && period > 0
                   ? quota / period
                   : (double)INFINITY;
    if (!read_line(dir, "cpu.cfs_quota_us", line, sizeof line) || /* v1: -1 for none */
        sscanf(line, "%lf", &quota) != 1 || quota <= 0)
        return (double)INFINITY;
    if (!read_line(dir, "cpu.cfs_period_us", line, sizeof line) ||
        sscanf(line, "%lf", &period) != 1 || period <= 0)
        return (double)INFINITY;
    return quota / period;
}

/* The tightest quota of the groups from root/path up to root. In a container the path is often
 * not visible below root, which is then the group itself. */
static double path_quota(const char *root, const char *path)
{
    char dir[PATH_MAX];
    double tightest = group_quota(root);

    if (snprintf(dir, sizeof dir, "%s%s", root, path) >= (int)sizeof dir)
        return tightest;
    while (strlen(dir) > strlen(root)) {
        tightest = fmin(tightest, group_quota(dir));
        *strrchr(dir, '/') = '\0';
    }
    return tightest;
}

/* Is the v1 controller "cpu" in this comma-separated list? */
static bool has_cpu(char *controllers)
{
    char *rest;
    for (char *name = strtok_r(controllers, ",", &rest); name;
         name = strtok_r(NULL, ",", &rest))
        if (!strcmp(name, "cpu"))
            return true;
    return false;
}

/* What the line "id:controllers:path" of /proc/self/cgroup allows. */
static double line_quota(const char *cgroup_root, char *line)
{
    char root[PATH_MAX];
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : NULL;

    if (!path)
        return (double)INFINITY;
    *controllers++ = '\0';
    *path++ = '\0';
    path[strcspn(path, "\n")] = '\0';
    if (!*controllers) { /* v2; beside v1 it is mounted at unified */
        double quota = path_quota(cgroup_root, path);
        if (snprintf(root, sizeof root, "%s/unified", cgroup_root) < (int)sizeof root)
            quota = fmin(quota, path_quota(root, path));
        return quota;
    }
    if (!has_cpu(controllers))
        return (double)INFINITY;
    if (snprintf(root, sizeof root, "%s/cpu", cgroup_root) >= (int)sizeof root)
        return (double)INFINITY;
    double quota = path_quota(root, path);
    if (snprintf(root, sizeof root, "%s/cpu,cpuacct", cgroup_root) < (int)sizeof root)
        quota = fmin(quota, path_quota(root, path));
    return quota;
}

static double read_quota(const char *cgroup_root)
{
    char line[PATH_MAX];
    double tightest = (double)INFINITY;
    FILE *stream = fopen("/proc/self/cgroup", "re");

    if (!stream)
        return 0;
    while (fgets(line, sizeof line, stream))
        tightest = fmin(tightest, line_quota(cgroup_root, line));
    fclose(stream);
    return isinf(tightest) ? 0 : tightest;
}

int filch_sizing_read(const char *cgroup_root, struct filch_sizing *sizing)
{
    int env = read_environment();

    if (env < 0)
        return FILCH_EWORKERS;
    sizing->env = env;
    sizing->affinity = read_affinity();
    sizing->quota = read_quota(cgroup_root ? cgroup_root : "/sys/fs/cgroup");
    sizing->workers = sizing->affinity;
    if (sizing->quota > 0 && sizing->quota < sizing->affinity)
        sizing->workers = (int)ceil(sizing->quota);
    if (sizing->workers > FILCH_WORKERS_MAX)
        sizing->workers = FILCH_WORKERS_MAX;
    if (env)
        sizing->workers = env;
    return 0;
}
