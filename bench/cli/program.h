/* SPDX-License-Identifier: MIT
 *
 * Runs a program to its end and keeps what it wrote: this very one for `filch tour`, which says
 * what its commands do from outside, as a user sees it. */
#ifndef BENCH_CLI_PROGRAM_H
#define BENCH_CLI_PROGRAM_H

#include <stddef.h>

struct program_end {
    int code;        /* its exit code; 128 and its number for a signal */
    char *out, *err; /* what it wrote to stdout and stderr, and a zero */
    size_t length;   /* of out */
};

/* Runs argv[0], found by PATH unless it has a slash, with `input` on its stdin. Returns 0, and
 * *end is to be given to program_free(); or an errno: ENOENT if there is no such program. */
int program_run(char *const argv[], const char *input, size_t length, struct program_end *end);

/* The same for this program with the words of `line`, which are separated by single spaces. */
int program_run_self(const char *line, struct program_end *end);

void program_free(struct program_end *end);

#endif
