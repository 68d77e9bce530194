/* SPDX-License-Identifier: MIT
 *
 * Where `filch fib` writes its numbers: stdout, or the file of --output. The first write that fails
 * is kept, and the end says which. Not for several threads. */
#ifndef BENCH_CLI_FIB_OUTPUT_H
#define BENCH_CLI_FIB_OUTPUT_H

#include "file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct fib_output {
    FILE *stream;
    const char *path; /* NULL: stdout */
    struct file file;
    int error; /* errno of the first write that failed, or 0 */
};

/* Returns an exit code, after a message if it is not 0. path: NULL is stdout. */
int fib_output_open(struct fib_output *output, const char *path);

/* A write to output->stream by other means has failed: errno says why. Returns false. */
bool fib_output_failed(struct fib_output *output);

/* The digits and a newline, for a reader who waits. Returns false if any write has failed. */
bool fib_output_line(struct fib_output *output, const char *digits, size_t length);

/* Returns `code`, or COMMAND_FAILED after a message if a write failed. A file stays as it was
 * unless the code is 0. Failures of stdout are for output_finish() to report. */
int fib_output_close(struct fib_output *output, int code);

#endif
