/* SPDX-License-Identifier: MIT
 *
 * A file that is written in full or not at all: under another name in the same directory, and
 * then renamed. One that must not be replaced, such as a device or a pipe, is written to directly,
 * and so is the file that stdout is. A symbolic link stays one: what it leads to is replaced. Not
 * for several threads. */
#ifndef BENCH_CLI_FILE_H
#define BENCH_CLI_FILE_H

#include <stdio.h>

struct file {
    FILE *stream;
    char *target, *draft; /* NULL: written to directly */
};

/* Returns 0, then the caller owes file_close(), or an errno. While a draft is open, signals that
 * end the process remove it first: only one at a time. */
int file_open(struct file *file, const char *path);

/* Puts the file into its place, or drops it where `error`, an errno, is not 0. Returns that, or 0,
 * or the errno of the first write that failed. */
int file_close(struct file *file, int error);

#endif
