/* SPDX-License-Identifier: MIT
 *
 * `filch info`: what a bug report and a table of times need to say: the version, how many
 * workers a pool gets and why, the machine, and what the program was built from and with. */
#include "args.h"
#include "command.h"
#include "output.h"

#include <filch/pool.h>
#include <filch/version.h>
#include <gmp.h>

#include <gnu/libc-version.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#if defined(__has_feature)
#define HAS_FEATURE(name) __has_feature(name)
#else
#define HAS_FEATURE(name) 0
#endif

static void row(const char *name, const char *value)
{
    output_printf("%-16s %s\n", name, value);
}

/* Which of the three that filch_sizing_read() weighs has decided. */
static void print_workers(const struct filch_sizing *sizing)
{
    const char *why = "the affinity mask of this process";
    if (sizing->env)
        why = "FILCH_WORKERS";
    else if (sizing->workers < sizing->affinity)
        why = "the CPU quota of the cgroup";
    output_printf("%-16s %d (from %s)\n", "workers", sizing->workers, why);

    output_printf("%-16s %d of %ld online\n", "affinity", sizing->affinity,
                  sysconf(_SC_NPROCESSORS_ONLN));
    if (sizing->quota > 0)
        output_printf("%-16s %.2f processors\n", "cgroup quota", sizing->quota);
    else
        row("cgroup quota", "none");
    if (sizing->env)
        output_printf("%-16s %d\n", "FILCH_WORKERS", sizing->env);
    else
        row("FILCH_WORKERS", "not set");
}

/* "model name" of the first processor, where /proc/cpuinfo has it. */
static void print_processor(void)
{
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (!file)
        return;
    char line[256];
    while (fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, "model name", 10) != 0)
            continue;
        line[strcspn(line, "\n")] = '\0';
        row("processor", colon + 1 + strspn(colon + 1, " "));
        break;
    }
    fclose(file);
}

/* "2 NUMA nodes". */
static void print_count(const char *before, int count, const char *name)
{
    output_printf("%s%d %s%s", before, count, name, count == 1 ? "" : "s");
}

static void print_topology(void)
{
    struct filch_topology topology;
    int error = filch_topology_read(&topology);

    if (error || topology.processors == 0) {
        row("hwloc", error ? filch_strerror(error) : "not built in");
        return;
    }
    row("hwloc", "built in");
    output_printf("%-16s ", "topology");
    print_count("", topology.packages, "package");
    print_count(", ", topology.nodes, "NUMA node");
    print_count(", ", topology.caches, "L3 cache");
    print_count(", ", topology.cores, "core");
    print_count(", ", topology.processors, "processor");
    output_printf("\n");
}

static const char *sanitizers(void)
{
#if defined(__SANITIZE_THREAD__) || HAS_FEATURE(thread_sanitizer)
    return "thread";
#elif defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
    return "address";
#elif HAS_FEATURE(undefined_behavior_sanitizer)
    return "undefined";
#else
    return "none";
#endif
}

static const char *build_kind(void)
{
#if defined(FILCH_DEBUG)
    return "debug, with assertions";
#elif !defined(__OPTIMIZE__)
    return "not optimised";
#elif !defined(NDEBUG)
    return "optimised, with assertions";
#else
    return "optimised";
#endif
}

static void print_build(void)
{
#if defined(__clang__)
    row("compiler", "clang " __clang_version__);
#else
    row("compiler", "gcc " __VERSION__);
#endif
    row("build", build_kind());
    row("sanitizers", sanitizers());
}

static int run(int argc, char **argv)
{
    static const struct args_option none[] = {{.name = NULL}};
    int operands = args_parse("info", none, argc, argv);
    if (operands < 0 || !args_at_most("info", 0, operands, argv))
        return COMMAND_USAGE;

    struct filch_sizing sizing;
    int error = filch_sizing_read(NULL, &sizing);
    if (error)
        return output_failure("info", error);

    row("version", filch_version());
    print_workers(&sizing);
    print_processor();
    struct utsname system;
    if (uname(&system) == 0)
        output_printf("%-16s %s %s, %s\n", "system", system.sysname, system.release,
                      system.machine);
    print_topology();
    print_build();
    output_printf("%-16s %s\n", "C library", gnu_get_libc_version());
    output_printf("%-16s %s (header %d.%d.%d)\n", "GMP", gmp_version, __GNU_MP_VERSION,
                  __GNU_MP_VERSION_MINOR, __GNU_MP_VERSION_PATCHLEVEL);
    row("Concurrency Kit", "built in"); /* it has no version at run time or in its headers */
    return COMMAND_OK;
}

static const char help[] =
    "Prints the version, the number of workers that a pool gets by default and where it\n"
    "comes from (processors that the process may use, CPU quota of its cgroup,\n"
    "FILCH_WORKERS), the machine, its topology if hwloc is built in, the compiler and the\n"
    "libraries.\n";

const struct command command_info = {
    .name = "info",
    .synopsis = "",
    .summary = "the version, the default number of workers and why, the build",
    .help = help,
    .run = run,
};
