/* SPDX-License-Identifier: MIT
 *
 * See fib_output.h. */
#include "fib_output.h"

#include "command.h"
#include "output.h"

#include <errno.h>
#include <string.h>

static int complain(const struct fib_output *output, int error)
{
    return output_error("fib", "--output %s: %s", output->path, strerror(error));
}

int fib_output_open(struct fib_output *output, const char *path)
{
    *output = (struct fib_output){.stream = stdout, .path = path};
    if (!path)
        return COMMAND_OK;
    int error = file_open(&output->file, path);
    output->stream = output->file.stream;
    return error ? complain(output, error) : COMMAND_OK;
}

bool fib_output_failed(struct fib_output *output)
{
    if (!output->error)
        output->error = errno ? errno : EIO;
    if (!output->path)
        output_failed();
    return false;
}

bool fib_output_line(struct fib_output *output, const char *digits, size_t length)
{
    errno = 0;
    if (fwrite(digits, 1, length, output->stream) != length ||
        putc('\n', output->stream) == EOF || fflush(output->stream) != 0)
        return fib_output_failed(output);
    return output->error == 0;
}

int fib_output_close(struct fib_output *output, int code)
{
    if (!output->path)
        return output->error ? COMMAND_FAILED : code;
    int error = output->error;
    if (code && !error)
        error = ECANCELED; /* there is a message already */
    error = file_close(&output->file, error);
    if (code && !output->error)
        return code;
    return error ? complain(output, error) : COMMAND_OK;
}
