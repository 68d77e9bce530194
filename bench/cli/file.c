/* SPDX-License-Identifier: MIT
 *
 * See file.h. A draft that replaces a file gets its permissions, and its owner where that is
 * allowed. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Signals -------------------------------------------------------------------------------- */

static const int deadly[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGXCPU, SIGXFSZ};
enum { DEADLY = sizeof deadly / sizeof deadly[0] };

/* Written while no handler is set. */
static const char *draft_at_risk;

static void remove_draft(int signal)
{
    unlink(draft_at_risk);
    raise(signal); /* the default action, as the handler is reset */
}

/* What is ignored stays ignored, as under nohup. */
static void guard(const char *draft)
{
    struct sigaction action = {.sa_handler = remove_draft, .sa_flags = (int)SA_RESETHAND};
    sigfillset(&action.sa_mask);
    draft_at_risk = draft;
    for (int i = 0; i < DEADLY; i++) {
        struct sigaction before;
        if (sigaction(deadly[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            sigaction(deadly[i], &action, NULL);
    }
}

static void unguard(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < DEADLY; i++) {
        struct sigaction now;
        if (sigaction(deadly[i], NULL, &now) == 0 && now.sa_handler == remove_draft)
            sigaction(deadly[i], &action, NULL);
    }
}

/* ---- Opening -------------------------------------------------------------------------------- */

/* To open it once more would cut it, and know nothing of where stdout stands. */
static bool is_stdout(const struct stat *status)
{
    struct stat out;
    int flags = fcntl(STDOUT_FILENO, F_GETFL);
    return flags != -1 && (flags & O_ACCMODE) != O_RDONLY && fstat(STDOUT_FILENO, &out) == 0 &&
           out.st_dev == status->st_dev && out.st_ino == status->st_ino;
}

static int open_stdout(struct file *file)
{
    if (fflush(stdout) != 0)
        return errno;
    int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    if (fd == -1)
        return errno;
    file->stream = fdopen(fd, "w");
    int error = file->stream ? 0 : errno;
    if (error)
        close(fd);
    return error;
}

static int open_directly(struct file *file, const char *path)
{
    file->stream = fopen(path, "we");
    return file->stream ? 0 : errno;
}

/* Makes the draft's permissions those of the file that it replaces, NULL for those of a new one. */
static void permit(int fd, const struct stat *old)
{
    mode_t mask = umask(0);
    umask(mask);
    /* Where it may not be given away it stays the caller's, and where its permissions cannot be
     * changed they are those of mkstemp(), the caller's alone: both no reason to fail. */
    if (old && fchown(fd, old->st_uid, old->st_gid) != 0)
        errno = 0;
    if (fchmod(fd, old ? old->st_mode & 0777 : 0666 & ~mask) != 0)
        errno = 0;
}

static int open_draft(struct file *file, const char *path, const struct stat *old)
{
    static const char name[] = ".filch-XXXXXX";
    file->target = old ? realpath(path, NULL) : strdup(path);
    if (!file->target)
        return errno;
    if (old && access(file->target, W_OK) != 0)
        return errno;
    const char *slash = strrchr(file->target, '/');
    size_t directory = slash ? (size_t)(slash - file->target) + 1 : 0;
    char *draft = malloc(directory + sizeof name);
    if (!draft)
        return errno;
    memcpy(draft, file->target, directory);
    memcpy(draft + directory, name, sizeof name);
    int fd = mkstemp(draft);
    int error = errno;
    if (fd != -1) {
        permit(fd, old);
        file->stream = fdopen(fd, "w");
        if (file->stream) {
            file->draft = draft;
            guard(draft);
            return 0;
        }
        error = errno;
        close(fd);
        unlink(draft);
    }
    free(draft);
    return error;
}

int file_open(struct file *file, const char *path)
{
    struct stat status, link;
    memset(file, 0, sizeof *file);
    bool there = stat(path, &status) == 0;
    int error;
    if (!there && (errno != ENOENT || *path == '\0'))
        return errno;
    if (there && is_stdout(&status))
        error = open_stdout(file);
    else if (there ? !S_ISREG(status.st_mode) : lstat(path, &link) == 0)
        error = open_directly(file, path); /* a device; a link to a file to be */
    else
        error = open_draft(file, path, there ? &status : NULL);
    if (error)
        free(file->target);
    return error;
}

int file_close(struct file *file, int error)
{
    /* Of a write before this call errno still tells, as far as anything does. */
    if ((ferror(file->stream) || fflush(file->stream) != 0) && !error)
        error = errno ? errno : EIO;
    if (fclose(file->stream) != 0 && !error)
        error = errno;
    if (file->draft) {
        if (!error && rename(file->draft, file->target) != 0)
            error = errno;
        if (error)
            unlink(file->draft);
        unguard();
    }
    free(file->draft);
    free(file->target);
    return error;
}
