/* SPDX-License-Identifier: MIT
 *
 * See peer.h. A peer's threads may go on spinning after a run, as long as they like: between its
 * runs the whole process is stopped. */
#include "peer.h"

#include "child.h"

#include "bench/cli/clock.h"
#include "bench/workloads/workload.h"

#include <filch/error.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* A peer's exit code if it has no version of a workload. */
enum { EXIT_NO_VERSION = 77 };

/* How long a run may take: the harness's own patience ends a little later. */
enum { PATIENCE_S = CHILD_PATIENCE_S - 10 };

/* ---- Which there are --------------------------------------------------------------------- */

/* The names of those in bench/peers up to the first '-', behind which their versions are. */
static const char *const built_in[] = {"async",     "flint",  "go",     "libgomp", "libomp",
                                       "libstdcxx", "onetbb", "python", "rayon"};

static int by_name(const void *left, const void *right)
{
    return strcmp(((const struct peer *)left)->system, ((const struct peer *)right)->system);
}

static bool is_executable(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

int peer_find(struct peer_list *list, const char *directory)
{
    DIR *stream = opendir(directory);
    int error = 0, first = list->count;
    if (!stream)
        return errno;
    for (struct dirent *entry; !error && (entry = readdir(stream));) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (!is_executable(path))
            continue;
        struct peer peer = {strdup(entry->d_name), realpath(path, NULL)};
        if (list->count < PEERS_MAX && peer.system && peer.path) {
            list->peers[list->count++] = peer;
            continue;
        }
        error = list->count == PEERS_MAX ? E2BIG : ENOMEM;
        free(peer.system);
        free(peer.path);
    }
    closedir(stream);
    qsort(list->peers + first, (size_t)(list->count - first), sizeof list->peers[0], by_name);
    return error;
}

void peer_forget(struct peer_list *list)
{
    while (list->count > 0) {
        struct peer *peer = &list->peers[--list->count];
        free(peer->system);
        free(peer->path);
    }
}

const char *peer_built_in_directory(void)
{
    static char directory[4096];
    ssize_t length = readlink("/proc/self/exe", directory, sizeof directory - sizeof "/peers");
    directory[length < 0 ? 0 : length] = '\0';
    char *slash = strrchr(directory, '/');
    strcpy(slash ? slash : directory, "/peers");
    return directory;
}

const char *peer_missing(const struct peer_list *list)
{
    static char text[128];
    text[0] = '\0';
    for (size_t i = 0; i < sizeof built_in / sizeof built_in[0]; i++) {
        size_t length = strlen(built_in[i]);
        bool found = false;
        for (int k = 0; k < list->count; k++)
            found = found || (strncmp(list->peers[k].system, built_in[i], length) == 0 &&
                              list->peers[k].system[length] == '-');
        if (!found) {
            strcat(text, text[0] ? ", " : "");
            strcat(text, built_in[i]);
        }
    }
    return text;
}

/* ---- One at work ------------------------------------------------------------------------- */

struct running {
    const char *path;
    char workload[32], size[24], workers[12];
    bool tails;   /* median and p99 of its trips count, not the seconds */
    double scale; /* of these to the unit of the benchmark */
    pid_t pid;    /* 0: not started, or ended */
    FILE *orders, *answers;
    double cpu; /* seconds, when its last run ended */
    char error[120];
};

/* CPU time and peak memory of the process and of those below it: some systems are made up of
 * several. */
static void add_up(pid_t pid, double *cpu, long *peak_rss)
{
    clockid_t clock;
    char pattern[64];
    glob_t found;

    if (clock_getcpuclockid(pid, &clock) == 0)
        *cpu += (double)clock_read(clock) * 1e-9;
    *peak_rss += child_peak_rss(pid);
    snprintf(pattern, sizeof pattern, "/proc/%ld/task/*/children", (long)pid);
    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        FILE *file = fopen(found.gl_pathv[i], "re");
        long child;
        while (file && fscanf(file, "%ld", &child) == 1)
            add_up((pid_t)child, cpu, peak_rss);
        if (file)
            fclose(file);
    }
    globfree(&found);
}

/* Returns 0 or an errno. */
static int spawn(struct running *running)
{
    char *argv[] = {(char *)running->path, running->workload, running->size, running->workers,
                    NULL};
    int orders[2] = {-1, -1}, answers[2] = {-1, -1}, error = 0;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;

    if (pipe2(orders, O_CLOEXEC) != 0 || pipe2(answers, O_CLOEXEC) != 0)
        return errno;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, orders[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, answers[1], STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    error = posix_spawn(&running->pid, running->path, &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(orders[0]);
    close(answers[1]);
    running->orders = fdopen(orders[1], "w");
    running->answers = fdopen(answers[0], "r");
    return error ? error : running->orders && running->answers ? 0 : ENOMEM;
}

/* Starts nothing yet: its threads might spin while other series have their first run. */
static const char *setup(const struct bench_job *job, void **state)
{
    struct running *running = calloc(1, sizeof *running);

    if (!running)
        return filch_strerror(FILCH_ENOMEM);
    running->path = job->program->peer;
    snprintf(running->workload, sizeof running->workload, "%s", job->program->name);
    snprintf(running->size, sizeof running->size, "%zu", bench_size(job));
    snprintf(running->workers, sizeof running->workers, "%d", job->workers);
    bool shared = strcmp(job->program->unit, "ns") == 0 && !job->bench->tails;
    running->scale = shared ? 1e9 / (double)bench_size(job) : 1;
    running->tails = job->bench->tails;
    *state = running;
    return NULL;
}

/* The value of a member of the JSON object in `line`, or NULL. */
static const char *member(const char *line, const char *name)
{
    char key[32];
    snprintf(key, sizeof key, "\"%s\"", name);
    const char *at = strstr(line, key);
    if (!at)
        return NULL;
    at += strlen(key);
    return at + strspn(at, " \t:\"");
}

/* It has not answered: what became of it? */
static const char *obituary(struct running *running)
{
    int status = 0;
    while (waitpid(running->pid, &status, 0) < 0 && errno == EINTR)
        ;
    running->pid = 0;
    if (WIFSIGNALED(status))
        snprintf(running->error, sizeof running->error, "died of signal %d (%s)",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) == EXIT_NO_VERSION)
        snprintf(running->error, sizeof running->error, "%s", PEER_NO_VERSION);
    else
        snprintf(running->error, sizeof running->error, "ended with exit code %d",
                 WEXITSTATUS(status));
    return running->error;
}

/* Returns false, with running->error, if something is missing. */
static bool read_answer(struct running *running, const char *line, struct bench_sample *sample)
{
    bool tails = running->tails;
    const char *value = member(line, tails ? "median_ns" : "seconds"),
               *p99 = member(line, "p99_ns"), *result = member(line, "result"),
               *steals = member(line, "steals");
    if (!value || !result || (tails && !p99)) {
        snprintf(running->error, sizeof running->error,
                 "answered without %s or \"result\": %.60s",
                 tails ? "\"median_ns\", \"p99_ns\"" : "\"seconds\"", line);
        return false;
    }
    sample->value = strtod(value, NULL) * running->scale;
    sample->result = strtoull(result, NULL, 10);
    if (p99)
        sample->p99 = strtod(p99, NULL);
    if (steals)
        sample->steals = strtod(steals, NULL);
    return true;
}

static const char *run(void *state, struct bench_sample *sample)
{
    struct running *running = state;
    char line[512];

    if (!running->orders) {
        /* One that has gone is found out by its answer, not by a signal. */
        signal(SIGPIPE, SIG_IGN);
        int error = spawn(running);
        if (error)
            return strerror(error);
    }
    kill(-running->pid, SIGCONT);
    fputs("run\n", running->orders);
    fflush(running->orders);
    struct pollfd wait = {.fd = fileno(running->answers), .events = POLLIN};
    if (poll(&wait, 1, PATIENCE_S * 1000) == 0) {
        kill(-running->pid, SIGKILL);
        snprintf(running->error, sizeof running->error, "no answer for %d s", PATIENCE_S);
        return running->error;
    }
    if (!fgets(line, sizeof line, running->answers))
        return obituary(running);
    kill(-running->pid, SIGSTOP);

    if (!read_answer(running, line, sample))
        return running->error;
    double cpu = 0;
    sample->peak_rss = 0;
    add_up(running->pid, &cpu, &sample->peak_rss);
    sample->cpu = cpu - running->cpu;
    running->cpu = cpu;
    return NULL;
}

static void teardown(void *state)
{
    struct running *running = state;
    if (running->orders)
        fclose(running->orders);
    if (running->pid) {
        /* At the end of its input it leaves by itself. */
        kill(-running->pid, SIGCONT);
        while (waitpid(running->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (running->answers)
        fclose(running->answers);
    free(running);
}

struct bench_program peer_program(const struct peer *peer, const struct bench *bench)
{
    return (struct bench_program){
        .name = bench->name,
        .system = peer->system,
        .unit = bench->base ? bench->base->programs[0].unit : bench->programs[0].unit,
        .scale = BENCH_LISTED,
        .setup = setup,
        .run = run,
        .teardown = teardown,
        .peer = peer->path,
    };
}
