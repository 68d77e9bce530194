/* SPDX-License-Identifier: MIT
 *
 * The default number of workers, with cgroup file systems made up in a directory. The paths in
 * /proc/self/cgroup are the machine's own, so the files are written at every level of them. */
#include <filch/pool.h>

#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char root[] = "/tmp/filch-sizing-XXXXXX";

static void setup(void)
{
    unsetenv("FILCH_WORKERS");
    cr_assert_not_null(mkdtemp(root));
}

static void teardown(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", root);
    cr_assert_eq(system(command), 0);
}

TestSuite(sizing, .init = setup, .fini = teardown);

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, dir);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/%s/%s", root, dir, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

static int affinity(void)
{
    cpu_set_t set;
    cr_assert_eq(sched_getaffinity(0, sizeof set, &set), 0);
    return CPU_COUNT(&set);
}

static struct filch_sizing sizing_of(void)
{
    struct filch_sizing sizing;
    cr_assert_eq(filch_sizing_read(root, &sizing), 0);
    return sizing;
}

Test(sizing, without_cgroups_it_is_the_affinity)
{
    struct filch_sizing sizing = sizing_of();
    cr_assert_eq(sizing.affinity, affinity());
    cr_assert_eq(sizing.workers, affinity());
    cr_assert_eq(sizing.quota, 0);
    cr_assert_eq(sizing.env, 0);
}

Test(sizing, a_process_bound_to_one_processor_gets_one_worker)
{
    cpu_set_t all, one;
    size_t cpu = 0;
    cr_assert_eq(sched_getaffinity(0, sizeof all, &all), 0);
    while (!CPU_ISSET(cpu, &all))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
    cr_assert_eq(sizing_of().workers, 1);
}

Test(sizing, a_v2_quota_limits_and_is_rounded_up)
{
    write_file("unified", "cpu.max", "50000 100000\n");
    cr_assert_float_eq(sizing_of().quota, 0.5, 1e-9);
    cr_assert_eq(sizing_of().workers, 1);
    write_file("unified", "cpu.max", "150000 100000\n");
    cr_assert_float_eq(sizing_of().quota, 1.5, 1e-9);
    cr_assert_eq(sizing_of().workers, affinity() < 2 ? affinity() : 2);
}

Test(sizing, a_v2_quota_at_the_root_itself_counts)
{
    write_file(".", "cpu.max", "100000 100000\n");
    cr_assert_eq(sizing_of().workers, 1);
}

Test(sizing, a_v1_quota_limits)
{
    write_file("cpu", "cpu.cfs_quota_us", "25000\n");
    write_file("cpu", "cpu.cfs_period_us", "50000\n");
    struct filch_sizing sizing = sizing_of();
    FILE *file = fopen("/proc/self/cgroup", "r");
    char line[4096];
    bool v1 = false;
    while (file && fgets(line, sizeof line, file))
        v1 = v1 || strstr(line, ":cpu:") || strstr(line, ":cpu,");
    if (file)
        fclose(file);
    if (!v1)
        cr_skip_test("this machine has no v1 cpu controller");
    cr_assert_float_eq(sizing.quota, 0.5, 1e-9);
    cr_assert_eq(sizing.workers, 1);
}

Test(sizing, a_quota_above_the_affinity_does_not_matter)
{
    write_file("unified", "cpu.max", "99900000 100000\n");
    cr_assert_eq(sizing_of().workers, affinity());
}

Test(sizing, no_limit_and_nonsense_mean_no_limit)
{
    static const char *texts[] = {"max 100000\n", "", "-1 100000\n", "x y\n", "100000 0\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        write_file("unified", "cpu.max", texts[i]);
        cr_assert_eq(sizing_of().workers, affinity(), "%s", texts[i]);
    }
    write_file("cpu", "cpu.cfs_quota_us", "-1\n");
    cr_assert_eq(sizing_of().quota, 0);
}

Test(sizing, FILCH_WORKERS_overrides)
{
    setenv("FILCH_WORKERS", "7", 1);
    cr_assert_eq(sizing_of().workers, 7);
    cr_assert_eq(sizing_of().env, 7);
    setenv("FILCH_WORKERS", "1024", 1);
    cr_assert_eq(sizing_of().workers, 1024);
}

Test(sizing, FILCH_WORKERS_must_be_a_number_from_1_to_1024)
{
    static const char *texts[] = {"0",  "abc", "",   "-1",  "1025",
                                  "2x", " 2",  "+2", "1e2", "99999999999999999999"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct filch_sizing sizing = {.workers = -77};
        struct filch_pool *pool = NULL;
        setenv("FILCH_WORKERS", texts[i], 1);
        cr_assert_eq(filch_sizing_read(root, &sizing), FILCH_EWORKERS, "%s", texts[i]);
        cr_assert_eq(sizing.workers, -77, "untouched on failure");
        cr_assert_eq(filch_pool_create(NULL, &pool), FILCH_EWORKERS, "%s", texts[i]);
        cr_assert_null(pool);
    }
}
