/* SPDX-License-Identifier: MIT
 *
 * See child.h. A socket pair that keeps message borders, rather than pipes: one descriptor a
 * child, and MSG_NOSIGNAL, since SIGPIPE keeps its default action for the sake of stdout. */
#include "child.h"

#include "bench/cli/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

long child_peak_rss(pid_t pid)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    FILE *file = fopen(path, "re");
    long kib = 0;
    char line[256];
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "VmHWM:", 6) == 0) {
            kib = strtol(line + 6, NULL, 10);
            break;
        }
    fclose(file);
    return kib;
}

static void answer_with(int socket, struct child_answer *answer, const char *error)
{
    if (error)
        snprintf(answer->error, sizeof answer->error, "%s", error);
    /* If nobody listens any more, the next receive says so. */
    (void)!send(socket, answer, sizeof *answer, MSG_NOSIGNAL);
}

/* The life of the child. */
static _Noreturn void serve(int socket, const struct bench_job *job)
{
    const struct bench_program *program = job->program;
    struct child_answer answer = {.error = ""};
    void *state = NULL;
    const char *error = program->setup(job, &state);
    answer_with(socket, &answer, error);
    if (error)
        _exit(EXIT_SUCCESS);

    char go;
    while (recv(socket, &go, sizeof go, 0) == sizeof go) {
        struct bench_sample *sample = &answer.sample;
        memset(&answer, 0, sizeof answer);
        sample->steals = sample->cpu = -1;
        sample->peak_rss = -1;
        uint64_t start = clock_cpu();
        error = program->run(state, sample);
        if (sample->cpu < 0)
            sample->cpu = clock_seconds(start, clock_cpu());
        if (sample->peak_rss < 0)
            sample->peak_rss = child_peak_rss(getpid());
        answer_with(socket, &answer, error);
    }
    program->teardown(state);
    /* Not exit(): buffers and handlers are the parent's. */
    _exit(EXIT_SUCCESS);
}

int child_start(struct child *children, size_t index, const struct bench_job *job)
{
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
        return errno;
    fflush(NULL);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        int error = errno;
        close(sockets[0]);
        close(sockets[1]);
        return error;
    }
    if (pid == 0) {
        /* The parent's ends would keep the other children from seeing that it is gone. */
        for (size_t i = 0; i < index; i++)
            close(children[i].socket);
        close(sockets[0]);
        /* A run may take long: do not outlive the parent by it. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(EXIT_FAILURE);
        serve(sockets[1], job);
    }
    close(sockets[1]);
    children[index].pid = pid;
    children[index].socket = sockets[0];
    return 0;
}

enum child_fault child_go(const struct child *child)
{
    ssize_t sent;
    do
        sent = send(child->socket, "", 1, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == 1 ? CHILD_OK : CHILD_DEAD;
}

enum child_fault child_answer(const struct child *child, struct child_answer *answer)
{
    struct pollfd wait = {.fd = child->socket, .events = POLLIN};
    int ready;
    do
        ready = poll(&wait, 1, CHILD_PATIENCE_S * 1000);
    while (ready < 0 && errno == EINTR);
    if (ready == 0)
        return CHILD_SILENT;
    ssize_t got = recv(child->socket, answer, sizeof *answer, 0);
    return got == (ssize_t)sizeof *answer ? CHILD_OK : CHILD_DEAD;
}

int child_end(struct child *child, bool kill_it)
{
    int status = 0;
    if (kill_it)
        kill(child->pid, SIGKILL);
    close(child->socket);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    child->pid = 0;
    return status;
}
