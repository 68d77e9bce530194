/* SPDX-License-Identifier: MIT
 *
 * usage: loader CASE PLUGIN
 * A program that loads and unloads a library which uses filch (plugin.c), and has nothing to do with
 * filch itself. Ends with 0 if the library is gone each time, and has left nothing behind: no mapping,
 * no thread, no key, nothing that is called when a thread or the process ends, or forks. */
#include "tests/stress/stress.h"

#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 60, SETTLED = 10, TASKS = 50 };

static const char *path;

/* ---- The library ------------------------------------------------------------------------- */

struct plugin {
    void *handle;
    bool (*work)(void);
    bool (*leave)(bool detach, int tasks, _Atomic(int) *ended);
};

struct mappings {
    int all, ours; /* of the library and of libfilch */
};

static struct mappings count_mappings(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    struct mappings count = {0, 0};
    char line[PATH_MAX + 100];

    CHECK(maps);
    while (fgets(line, sizeof line, maps)) {
        count.all++;
        count.ours += strstr(line, "/libfilch.") || strstr(line, path);
    }
    fclose(maps);
    return count;
}

static struct plugin load(void)
{
    struct plugin plugin = {.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL)};

    if (!plugin.handle)
        printf("%s\n", dlerror());
    CHECK(plugin.handle);
    *(void **)&plugin.work = dlsym(plugin.handle, "plugin_work");
    *(void **)&plugin.leave = dlsym(plugin.handle, "plugin_leave");
    CHECK(plugin.work && plugin.leave && count_mappings().ours > 0);
    return plugin;
}

static void unload(const struct plugin *plugin)
{
    CHECK(dlclose(plugin->handle) == 0);
    CHECK(count_mappings().ours == 0);
}

/* ---- What it may leave behind ------------------------------------------------------------ */

static int count_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    int threads = 0;

    CHECK(tasks);
    for (struct dirent *entry; (entry = readdir(tasks));)
        threads += entry->d_name[0] != '.';
    closedir(tasks);
    return threads;
}

/* A thread that has been joined is still listed for a moment. */
static void await_threads(int threads)
{
    while (count_threads() != threads)
        sched_yield();
}

static int count_free_keys(void)
{
    static pthread_key_t keys[PTHREAD_KEYS_MAX];
    int count = 0;

    while (count < PTHREAD_KEYS_MAX && !pthread_key_create(&keys[count], NULL))
        count++;
    for (int i = 0; i < count; i++)
        pthread_key_delete(keys[i]);
    return count;
}

/* A child process, which works with the library, if it is there, and ends in the usual way. */
static void run_child(const struct plugin *plugin)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        if (plugin) {
            CHECK(plugin->work());
            unload(plugin);
        }
        exit(3);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

/* left: mappings that a round leaves behind as documented. */
static void repeat(void *round(void *), int left)
{
    int keys = count_free_keys(), threads = count_threads(), settled = 0;

    for (int i = 0; i < ROUNDS; i++) {
        (void)round(NULL);
        run_child(NULL);
        await_threads(threads);
        CHECK(count_free_keys() == keys);
        if (i == SETTLED)
            settled = count_mappings().all;
    }
    /* What the C library keeps of stacks and heaps comes and goes; one a round is too much. A
     * sanitizer keeps more. */
    CHECK(SANITIZED ||
          count_mappings().all < settled + (ROUNDS - SETTLED) * left + (ROUNDS - SETTLED) / 2);
}

/* ---- The cases: one round each ------------------------------------------------------------- */

static void *work(void *arg)
{
    struct plugin plugin = load();

    CHECK(plugin.work());
    unload(&plugin);
    return arg;
}

static void *fork_loaded(void *arg)
{
    struct plugin plugin = load();

    CHECK(plugin.work());
    run_child(&plugin);
    CHECK(plugin.work());
    unload(&plugin);
    return arg;
}

/* dlclose() waits for what runs. */
static void leave(bool detach)
{
    struct plugin plugin = load();
    _Atomic(int) ended = 0;

    CHECK(plugin.work());
    CHECK(plugin.leave(detach, TASKS, &ended));
    CHECK(ended == 0);
    unload(&plugin);
    CHECK(ended == TASKS);
}

static void *detach(void *arg)
{
    leave(true);
    return arg;
}

static void *shut_down(void *arg)
{
    leave(false);
    return arg;
}

/* A thread that ends after it has loaded and unloaded the library. */
static void run_thread(void *round(void *))
{
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, round, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void *in_thread(void *arg)
{
    run_thread(work);
    run_thread(detach);
    return arg;
}

static struct plugin shared;
static sem_t loaded, worked, unloaded;

static void *use(void *arg)
{
    sem_wait(&loaded);
    CHECK(shared.work());
    sem_post(&worked);
    sem_wait(&unloaded);
    return arg;
}

/* A thread that is there before the library, uses it, and ends after it. Its scratch memory stays
 * mapped: see sched/README.md. */
static void *outlive(void *arg)
{
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, use, NULL) == 0);
    shared = load();
    sem_post(&loaded);
    sem_wait(&worked);
    unload(&shared);
    sem_post(&unloaded);
    CHECK(pthread_join(thread, NULL) == 0);
    return arg;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void *(*round)(void *);
        int left;
    } cases[] = {
        {"work", work, 0},           {"fork", fork_loaded, 0},    {"detach", detach, 0},
        {"shut-down", shut_down, 0}, {"in-thread", in_thread, 0}, {"outlive", outlive, 1},
    };

    CHECK(argc == 3);
    path = argv[2];
    sem_init(&loaded, 0, 0);
    sem_init(&worked, 0, 0);
    sem_init(&unloaded, 0, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (strcmp(argv[1], cases[i].name) == 0) {
            repeat(cases[i].round, cases[i].left);
            return 0;
        }
    printf("no case \"%s\"\n", argv[1]);
    return 2;
}
