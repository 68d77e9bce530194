/* SPDX-License-Identifier: MIT
 *
 * What is read of the system's memory limits, from made-up /proc and cgroup directories, and
 * the claims that calls in flight make on it. */
#include "bignum/memory.h"
#include "bignum/reserve.h"

#include <filch/error.h>

#include <criterion/criterion.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define KIB UINT64_C(1024)
#define MIB (UINT64_C(1024) * 1024)
#define GIB (UINT64_C(1024) * 1024 * 1024)

static char root[32], cgroup_root[64], proc_root[64];
static struct fi_memory_roots roots;

/* Writes <root>/<path>, with the directories that it needs. */
static void put(const char *path, const char *format, ...)
{
    char name[512];
    snprintf(name, sizeof name, "%s/%s", root, path);
    for (char *slash = name + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(name, 0700);
        *slash = '/';
    }
    FILE *file = fopen(name, "w");
    cr_assert_not_null(file, "%s", name);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(file, format, arguments);
    va_end(arguments);
    fclose(file);
}

static void put_machine(uint64_t bytes)
{
    put("proc/meminfo", "MemTotal: 99999999 kB\nMemFree: 5 kB\nMemAvailable:  %" PRIu64 " kB\n",
        bytes / KIB);
}

static void make_roots(void)
{
    strcpy(root, "/tmp/filch-memory-XXXXXX");
    cr_assert_not_null(mkdtemp(root));
    snprintf(cgroup_root, sizeof cgroup_root, "%s/cgroup", root);
    snprintf(proc_root, sizeof proc_root, "%s/proc", root);
    roots.cgroup = cgroup_root;
    roots.proc = proc_root;
}

static void remove_roots(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", root);
    cr_assert_eq(system(command), 0);
}

TestSuite(memory, .init = make_roots, .fini = remove_roots);

static void expect_available(uint64_t bytes)
{
    uint64_t available = fi_memory_available(&roots);
    cr_expect_eq(available, bytes, "%" PRIu64 ", not %" PRIu64, available, bytes);
}

Test(memory, nothing_to_read_is_no_limit)
{
    expect_available(UINT64_MAX);
}

Test(memory, the_machine_has_what_meminfo_calls_available)
{
    put_machine(3 * GIB);
    expect_available(3 * GIB);
}

Test(memory, a_meminfo_that_makes_no_sense_is_no_limit)
{
    put("proc/meminfo", "MemAvailable: lots\n");
    expect_available(UINT64_MAX);
    put("proc/meminfo", "MemAvailable:");
    expect_available(UINT64_MAX);
    put("proc/meminfo", "NotMemAvailable: 17 kB\n");
    expect_available(UINT64_MAX);
    put("proc/meminfo", "%s", "");
    expect_available(UINT64_MAX);
}

Test(memory, numbers_beyond_64_bits_are_cut)
{
    put("proc/meminfo", "MemAvailable: 99999999999999999999999999 kB\n");
    expect_available(UINT64_MAX);
}

Test(memory, cgroup_v2_leaves_limit_less_usage)
{
    put_machine(8 * GIB);
    put("proc/self/cgroup", "0::/user/job\n");
    put("cgroup/user/job/memory.max", "%" PRIu64 "\n", 2 * GIB);
    put("cgroup/user/job/memory.current", "%" PRIu64 "\n", GIB / 2);
    expect_available(3 * GIB / 2);
}

Test(memory, inactive_file_cache_counts_as_free)
{
    put("proc/self/cgroup", "0::/job\n");
    put("cgroup/job/memory.max", "%" PRIu64 "\n", 2 * GIB);
    put("cgroup/job/memory.current", "%" PRIu64 "\n", 2 * GIB);
    put("cgroup/job/memory.stat", "anon 5\nactive_file 7\ninactive_file %" PRIu64 "\nslab 1\n",
        300 * MIB);
    expect_available(300 * MIB);
    put("cgroup/job/memory.stat", "inactive_file %" PRIu64 "\n", 9 * GIB);
    expect_available(2 * GIB); /* more cache than usage: never more than the limit */
}

Test(memory, the_tightest_cgroup_on_the_way_up_counts)
{
    put("proc/self/cgroup", "0::/a/b/c\n");
    put("cgroup/a/b/c/memory.max", "max\n");
    put("cgroup/a/b/c/memory.current", "1000\n");
    put("cgroup/a/b/memory.max", "%" PRIu64 "\n", 4 * GIB);
    put("cgroup/a/b/memory.current", "0\n");
    put("cgroup/a/memory.max", "%" PRIu64 "\n", GIB);
    put("cgroup/a/memory.current", "%" PRIu64 "\n", 100 * MIB);
    expect_available(GIB - 100 * MIB);
    put("cgroup/memory.max", "%" PRIu64 "\n", 50 * MIB);
    put("cgroup/memory.current", "0\n");
    expect_available(50 * MIB);
}

Test(memory, a_cgroup_over_its_limit_leaves_nothing)
{
    put("proc/self/cgroup", "0::/job\n");
    put("cgroup/job/memory.max", "1000\n");
    put("cgroup/job/memory.current", "2000\n");
    expect_available(0);
}

Test(memory, cgroup_v1_is_read_from_the_memory_controller)
{
    put("proc/self/cgroup", "9:name=systemd:/x\n4:cpuset,memory:/job\n3:memoryless:/y\n0::/\n");
    put("cgroup/memory/job/memory.limit_in_bytes", "%" PRIu64 "\n", GIB);
    put("cgroup/memory/job/memory.usage_in_bytes", "%" PRIu64 "\n", 600 * MIB);
    put("cgroup/memory/job/memory.stat",
        "inactive_file %" PRIu64 "\nhierarchical_memory_limit 77\ntotal_inactive_file %" PRIu64
        "\n",
        500 * MIB, 100 * MIB);
    expect_available(GIB - 500 * MIB);
}

Test(memory, an_unlimited_cgroup_v1_does_not_limit)
{
    put_machine(GIB);
    put("proc/self/cgroup", "4:memory:/\n");
    put("cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put("cgroup/memory/memory.usage_in_bytes", "1000\n");
    expect_available(GIB);
}

Test(memory, a_path_that_is_not_mounted_ends_at_the_root)
{
    put("proc/self/cgroup", "4:memory:/docker/0123456789abcdef\n");
    put("cgroup/memory/memory.limit_in_bytes", "%" PRIu64 "\n", GIB);
    put("cgroup/memory/memory.usage_in_bytes", "%" PRIu64 "\n", MIB);
    expect_available(GIB - MIB);
}

Test(memory, a_path_out_of_the_namespace_ends_at_the_root)
{
    put("proc/self/cgroup", "0::/../../other\n");
    put("other/memory.max", "1\n");
    put("cgroup/memory.max", "%" PRIu64 "\n", GIB);
    expect_available(GIB);
}

Test(memory, garbage_in_a_cgroup_is_no_limit)
{
    static const char *const garbage[] = {"max\n",   "",       "\n",  "-1\n",
                                          "12abc\n", "0x10\n", "\377"};
    put_machine(GIB);
    put("proc/self/cgroup", "0::/job\n");
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        put("cgroup/job/memory.max", "%s", garbage[i]);
        expect_available(GIB);
    }
    put("cgroup/job/memory.max", "%" PRIu64 "\n", 100 * MIB);
    put("cgroup/job/memory.current", "none\n");
    put("cgroup/job/memory.stat", "inactive_file\ninactive_file x\n");
    expect_available(100 * MIB); /* a limit with an unknown usage is still a limit */
}

Test(memory, garbage_instead_of_the_list_of_cgroups_is_no_limit)
{
    static const char *const garbage[] = {"",    "\n\n", "0",        "0:",
                                          "0::", ":::",  "4:memory", "::/"};
    put_machine(GIB);
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        put("proc/self/cgroup", "%s", garbage[i]);
        expect_available(GIB);
    }
}

Test(memory, files_that_cannot_be_read_are_no_limit)
{
    put_machine(GIB);
    put("proc/self/cgroup", "0::/job\n");
    put("cgroup/job/memory.max/a_directory", "5\n");
    expect_available(GIB);
    put("proc/self/status/a_directory", "5\n");
    expect_available(GIB);
}

Test(memory, files_longer_than_the_buffer_are_cut_at_a_line)
{
    char name[512], line[96];
    put_machine(GIB);
    put("proc/self/cgroup", "%s", "0::/job\n");
    put("cgroup/job/memory.max", "%" PRIu64 "\n", 100 * MIB);
    snprintf(name, sizeof name, "%s/proc/self/cgroup", root);
    FILE *file = fopen(name, "a");
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    for (int i = 0; i < 1000; i++)
        fprintf(file, "%d:controller:/%s\n", i, line);
    fclose(file);
    expect_available(100 * MIB);
}

Test(memory, limits_of_the_process_count_less_its_size)
{
    /* Limits that even a sanitizer's address space fits into; so the machine must be larger. */
    put_machine(90000 * GIB);
    put("proc/self/status", "Name:\tx\nVmSize:\t 1048576 kB\nVmData:\t 2048 kB\nThreads:\t1\n");
    struct rlimit space = {60000 * GIB, RLIM_INFINITY}, data = {50000 * GIB, RLIM_INFINITY};
    if (setrlimit(RLIMIT_AS, &space) != 0)
        cr_skip_test("RLIMIT_AS cannot be set here");
    expect_available(59999 * GIB);
    put("proc/self/status", "VmSize:\t 1048576 kB\nThreads:\t3\n");
    expect_available(59999 * GIB - 128 * MIB); /* room for the heaps of two other threads */
    if (setrlimit(RLIMIT_DATA, &data) != 0)
        cr_skip_test("RLIMIT_DATA cannot be set here");
    put("proc/self/status", "VmSize:\t 1048576 kB\nVmData:\t 2048 kB\nThreads:\t1\n");
    expect_available(50000 * GIB - 2 * MIB);
}

Test(memory, this_machine_says_something)
{
    uint64_t available = fi_memory_available(&fi_system_roots);
    cr_expect_gt(available, 0);
    cr_expect_lt(available, UINT64_MAX);
}

Test(memory, a_claim_that_fits_is_granted)
{
    put_machine(100 * MIB);
    cr_assert_eq(fi_memory_reserve(&roots, 80 * MIB), 0);
    fi_memory_release(80 * MIB);
}

Test(memory, a_claim_that_does_not_fit_is_refused)
{
    put_machine(100 * MIB);
    cr_expect_eq(fi_memory_reserve(&roots, 100 * MIB), FILCH_ENOMEM, "no room for the margin");
    cr_expect_eq(fi_memory_reserve(&roots, UINT64_MAX), FILCH_ENOMEM);
}

Test(memory, two_claims_in_flight_do_not_share_the_same_bytes)
{
    put_machine(100 * MIB);
    cr_assert_eq(fi_memory_reserve(&roots, 60 * MIB), 0);
    cr_expect_eq(fi_memory_reserve(&roots, 60 * MIB), FILCH_ENOMEM);
    cr_expect_eq(fi_memory_reserve(&roots, 20 * MIB), 0);
    fi_memory_release(20 * MIB);
    fi_memory_release(60 * MIB);
    cr_expect_eq(fi_memory_reserve(&roots, 60 * MIB), 0);
    fi_memory_release(60 * MIB);
}

Test(memory, a_refused_claim_leaves_nothing_claimed)
{
    put_machine(100 * MIB);
    for (int i = 0; i < 10; i++)
        cr_expect_eq(fi_memory_reserve(&roots, 900 * MIB), FILCH_ENOMEM);
    cr_expect_eq(fi_memory_reserve(&roots, 80 * MIB), 0);
    fi_memory_release(80 * MIB);
}

Test(memory, claims_shrink_when_the_system_has_less)
{
    put_machine(100 * MIB);
    cr_assert_eq(fi_memory_reserve(&roots, 30 * MIB), 0);
    put_machine(50 * MIB);
    cr_expect_eq(fi_memory_reserve(&roots, 30 * MIB), FILCH_ENOMEM);
    fi_memory_release(30 * MIB);
    cr_expect_eq(fi_memory_reserve(&roots, 30 * MIB), 0);
    fi_memory_release(30 * MIB);
}

Test(memory, small_claims_do_not_look_at_the_system)
{
    put_machine(0);
    cr_expect_eq(fi_memory_reserve(&roots, 64 * KIB), 0);
    fi_memory_release(64 * KIB);
    cr_expect_eq(fi_memory_reserve(&roots, MIB), 0);
    fi_memory_release(MIB);
    cr_expect_eq(fi_memory_reserve(&roots, MIB + 1), FILCH_ENOMEM);
}

static _Atomic int holders, most_holders, grants;

static void *claim_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < 200; i++) {
        if (fi_memory_reserve(&roots, 40 * MIB) != 0)
            continue;
        int now = ++holders;
        int seen = most_holders;
        while (now > seen && !atomic_compare_exchange_weak(&most_holders, &seen, now))
            continue;
        grants++;
        holders--;
        fi_memory_release(40 * MIB);
    }
    return NULL;
}

Test(memory, threads_never_hold_more_than_there_is)
{
    pthread_t threads[4];
    put_machine(100 * MIB); /* two claims of 40 MiB and their margins, not three */
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, claim_often, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    cr_expect_leq(most_holders, 2);
    cr_expect_gt(grants, 0);
    cr_expect_eq(holders, 0);
}
