/* SPDX-License-Identifier: MIT
 *
 * What is left of the machine's, the process's and the cgroup's memory. Plain read(2) into
 * buffers on the stack: stdio would allocate, in the very moment that memory is short. */
#include "bignum/memory.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Fits every file read here but /proc/self/cgroup of extreme depth, whose last line is then
 * dropped. */
enum { TEXT_BYTES = 8192, PATH_BYTES = 4096 };

/* What glibc reserves of a thread's address space at its first malloc(), which may come while
 * a call is in flight: HEAP_MAX_SIZE of malloc/arena.c. For a moment it maps twice as much;
 * the share of the main thread, which has no such arena, pays for that. */
static const uint64_t arena_bytes = UINT64_C(64) << 20;

/* A pool's worker's stack by default, and its guard. */
static const uint64_t stack_bytes = (UINT64_C(16) << 20) + (UINT64_C(64) << 10);

const struct fi_memory_roots fi_system_roots = {"/sys/fs/cgroup", "/proc"};

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* The file <root><path>/<name>, as a string; false if there is none to read. */
static bool read_text(const char *root, const char *path, const char *name, char *text)
{
    char file[PATH_BYTES];
    int length = snprintf(file, sizeof file, "%s%s/%s", root, path, name);
    if (length < 0 || (size_t)length >= sizeof file)
        return false;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;

    size_t used = 0;
    ssize_t got = 1;
    while (got > 0 && used < TEXT_BYTES - 1) {
        got = read(fd, text + used, TEXT_BYTES - 1 - used);
        if (got > 0)
            used += (size_t)got;
    }
    close(fd);
    text[used] = '\0';
    if (used == TEXT_BYTES - 1) { /* perhaps cut: keep whole lines */
        char *end = strrchr(text, '\n');
        if (end)
            end[1] = '\0';
    }
    return got >= 0 && used > 0;
}

/* A whole decimal number, cut at UINT64_MAX; false for "max", "-1" and anything else. */
static bool parse_number(const char *text, uint64_t *number)
{
    uint64_t value = 0;
    while (*text == ' ' || *text == '\t')
        text++;
    if (!isdigit((unsigned char)*text))
        return false;
    for (; isdigit((unsigned char)*text); text++) {
        uint64_t digit = (uint64_t)(*text - '0');
        value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
    }
    if (*text != '\0' && !isspace((unsigned char)*text))
        return false;
    *number = value;
    return true;
}

/* The number in the line that starts with name. */
static bool find_field(const char *text, const char *name, uint64_t *number)
{
    size_t length = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        if (*line == '\n')
            line++;
        if (strncmp(line, name, length) == 0)
            return parse_number(line + length, number);
    }
    return false;
}

static uint64_t machine_room(const char *proc)
{
    char text[TEXT_BYTES];
    uint64_t kib;
    if (!read_text(proc, "", "meminfo", text))
        return UINT64_MAX;
    if (!find_field(text, "MemAvailable:", &kib))
        return UINT64_MAX;
    return kib > UINT64_MAX / 1024 ? UINT64_MAX : kib * 1024;
}

/* failed: what getrlimit() returned. */
static uint64_t soft_limit(int failed, const struct rlimit *limit)
{
    if (failed || limit->rlim_cur == RLIM_INFINITY)
        return UINT64_MAX;
    return (uint64_t)limit->rlim_cur;
}

static uint64_t process_room(const char *proc)
{
    struct rlimit limit;
    uint64_t space = soft_limit(getrlimit(RLIMIT_AS, &limit), &limit);
    uint64_t data = soft_limit(getrlimit(RLIMIT_DATA, &limit), &limit);
    if (space == UINT64_MAX && data == UINT64_MAX)
        return UINT64_MAX;
    char text[TEXT_BYTES];
    if (!read_text(proc, "/self", "status", text))
        text[0] = '\0';

    uint64_t space_kib = 0, data_kib = 0, threads = 1;
    find_field(text, "VmSize:", &space_kib);
    find_field(text, "VmData:", &data_kib);
    find_field(text, "Threads:", &threads);
    if (space != UINT64_MAX)
        space = less(space, space_kib * 1024 + less(threads, 1) * arena_bytes);
    if (data != UINT64_MAX)
        data = less(data, data_kib * 1024);
    return least(space, data);
}

/* Limits from here on mean none: v1 writes "no limit" as the largest page-aligned int64_t. */
static const uint64_t no_limit = UINT64_C(1) << 62;

/* The names under which a version of cgroup keeps the same three numbers. */
struct cgroup_files {
    const char *limit, *usage, *cache;
};

static const struct cgroup_files v1 = {"memory.limit_in_bytes", "memory.usage_in_bytes",
                                       "total_inactive_file"};
static const struct cgroup_files v2 = {"memory.max", "memory.current", "inactive_file"};

static uint64_t level_room(const char *root, const char *path, const struct cgroup_files *files)
{
    char text[TEXT_BYTES];
    uint64_t limit, usage = 0, cache = 0;
    if (!read_text(root, path, files->limit, text) || !parse_number(text, &limit))
        return UINT64_MAX;
    if (limit >= no_limit)
        return UINT64_MAX;
    if (read_text(root, path, files->usage, text))
        parse_number(text, &usage);
    if (read_text(root, path, "memory.stat", text))
        find_field(text, files->cache, &cache);
    return less(limit, less(usage, cache));
}

/* path is cut on the way up. In a container it may name a directory that is not mounted here;
 * the walk still ends at the root of what is. */
static uint64_t branch_room(const char *root, char *path, const struct cgroup_files *files)
{
    uint64_t room = UINT64_MAX;
    if (strstr(path, "/.."))
        *path = '\0'; /* outside of our cgroup namespace */
    for (;;) {
        room = least(room, level_room(root, path, files));
        char *slash = strrchr(path, '/');
        if (!slash)
            return room;
        *slash = '\0';
    }
}

/* Whether the comma-separated list has the word "memory". */
static bool names_memory(const char *list)
{
    for (const char *word = list; word; word = strchr(word, ',')) {
        if (*word == ',')
            word++;
        if (strncmp(word, "memory", 6) == 0 && (word[6] == '\0' || word[6] == ','))
            return true;
    }
    return false;
}

/* Lines of /proc/self/cgroup: "4:memory:/path" in v1, "0::/path" in v2, both on hybrids. */
static uint64_t cgroup_room(const struct fi_memory_roots *roots)
{
    char text[TEXT_BYTES], v1_root[PATH_BYTES];
    uint64_t room = UINT64_MAX;
    if (!read_text(roots->proc, "/self", "cgroup", text))
        text[0] = '\0';
    int length = snprintf(v1_root, sizeof v1_root, "%s/memory", roots->cgroup);
    if (length < 0 || (size_t)length >= sizeof v1_root)
        return room;

    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *list = strchr(line, ':');
        char *path = list ? strchr(list + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = '\0';
        if (list[1] == '\0')
            room = least(room, branch_room(roots->cgroup, path, &v2));
        else if (names_memory(list + 1))
            room = least(room, branch_room(v1_root, path, &v1));
    }
    return room;
}

uint64_t fi_memory_available(const struct fi_memory_roots *roots)
{
    return least(least(machine_room(roots->proc), process_room(roots->proc)),
                 cgroup_room(roots));
}

uint64_t fi_memory_of_threads(uint64_t threads)
{
    if (threads == 0)
        return 0;
    struct rlimit limit;
    bool limited = soft_limit(getrlimit(RLIMIT_AS, &limit), &limit) != UINT64_MAX;
    return limited ? threads * (arena_bytes + stack_bytes) : 0;
}
