/* SPDX-License-Identifier: MIT
 *
 * See output.h. */
#include "output.h"

#include "command.h"

#include <filch/error.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* errno of the first write that failed, or 0. */
static int output_errno;

void output_failed(void)
{
    if (!output_errno)
        output_errno = errno ? errno : EIO;
}

void output_init(void)
{
    /* open() takes the lowest free descriptor, so in this order each lands where it should.
     * Read only on 1: a write there fails with EBADF, as it did before. */
    static const int mode[3] = {O_RDONLY, O_RDONLY, O_WRONLY};
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF && open("/dev/null", mode[fd]) != fd)
            _exit(COMMAND_FAILED);
}

void output_printf(const char *fmt, ...)
{
    va_list list;
    va_start(list, fmt);
    errno = 0;
    if (vprintf(fmt, list) < 0)
        output_failed();
    va_end(list);
}

void output_write(const char *data, size_t length)
{
    errno = 0;
    if (fwrite(data, 1, length, stdout) != length)
        output_failed();
}

bool output_flush(void)
{
    errno = 0;
    if (fflush(stdout) != 0)
        output_failed();
    return output_errno == 0;
}

int output_finish(int code)
{
    output_flush();
    /* A file system may keep its bad news until the file is closed. */
    errno = 0;
    if (fclose(stdout) != 0)
        output_failed();
    if (!output_errno)
        return code;
    fprintf(stderr, "filch: cannot write to standard output: %s\n", strerror(output_errno));
    return code == COMMAND_OK ? COMMAND_FAILED : code;
}

int output_error(const char *command, const char *fmt, ...)
{
    va_list list;
    fprintf(stderr, "filch %s: ", command);
    va_start(list, fmt);
    vfprintf(stderr, fmt, list);
    va_end(list);
    fputc('\n', stderr);
    return COMMAND_FAILED;
}

int output_failure(const char *command, int code)
{
    return output_error(command, "%s", filch_strerror(code));
}

struct output_number output_grouped(uint64_t number)
{
    struct output_number grouped;
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    char *to = grouped.text;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return grouped;
}
