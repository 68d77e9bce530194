/* SPDX-License-Identifier: MIT
 *
 * See program.h. What a program writes goes to files in memory, not through pipes: nobody has
 * to read two of them while it runs. */
#include "program.h"

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* The standard descriptors of a program, as files in memory; -1: there is none yet. */
struct streams {
    int fd[3];
};

static int streams_open(struct streams *streams, const char *input, size_t length)
{
    for (int i = 0; i < 3; i++)
        streams->fd[i] = -1;
    for (int i = 0; i < 3; i++) {
        streams->fd[i] = memfd_create("filch", MFD_CLOEXEC);
        if (streams->fd[i] < 0)
            return errno;
    }
    while (length > 0) {
        ssize_t written = write(streams->fd[0], input, length);
        if (written < 0)
            return errno;
        input += written;
        length -= (size_t)written;
    }
    return lseek(streams->fd[0], 0, SEEK_SET) < 0 ? errno : 0;
}

static void streams_close(struct streams *streams)
{
    for (int i = 0; i < 3; i++)
        if (streams->fd[i] >= 0)
            close(streams->fd[i]);
}

/* All that is in the file, and a zero; NULL with errno set. */
static char *read_all(int fd, size_t *length)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return NULL;
    size_t size = (size_t)status.st_size, got = 0;
    char *text = malloc(size + 1);
    while (text && got < size) {
        ssize_t part = pread(fd, text + got, size - got, (off_t)got);
        if (part <= 0)
            break;
        got += (size_t)part;
    }
    if (text)
        text[got] = '\0';
    *length = got;
    return text;
}

static int start(char *const argv[], const struct streams *streams, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return error;
    for (int i = 0; !error && i < 3; i++)
        error = posix_spawn_file_actions_adddup2(&actions, streams->fd[i], i);
    if (!error)
        error = posix_spawnp(pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int program_run(char *const argv[], const char *input, size_t length, struct program_end *end)
{
    struct streams streams;
    pid_t pid;
    int error = streams_open(&streams, input, length);
    if (!error)
        error = start(argv, &streams, &pid);
    if (!error) {
        size_t unused;
        end->code = wait_for(pid);
        end->out = read_all(streams.fd[1], &end->length);
        end->err = read_all(streams.fd[2], &unused);
        if (!end->out || !end->err) {
            error = ENOMEM;
            program_free(end);
        }
    }
    streams_close(&streams);
    return error;
}

int program_run_self(const char *line, struct program_end *end)
{
    enum { WORDS = 16 };
    char path[PATH_MAX], copy[256], *argv[WORDS + 2] = {path};
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length < 0)
        return errno;
    path[length] = '\0';

    int count = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *save, *word = strtok_r(copy, " ", &save); word && count <= WORDS;
         word = strtok_r(NULL, " ", &save))
        argv[count++] = word;
    return program_run(argv, "", 0, end);
}

void program_free(struct program_end *end)
{
    free(end->out);
    free(end->err);
}
