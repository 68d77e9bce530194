/* SPDX-License-Identifier: MIT
 *
 * Standard output that is checked: whoever prints a result to a closed descriptor, a full disk
 * or a reader that has gone must not end as if it had been delivered. Writes are buffered; the
 * first failure is kept, and output_finish() reports it. SIGPIPE keeps its default action. Not
 * for several threads. */
#ifndef BENCH_CLI_OUTPUT_H
#define BENCH_CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <filch/base.h>

/* First thing in main(). Puts something onto each standard descriptor that is closed, so that
 * no file opened later lands there; writes to a stdout that was closed go on failing. */
void output_init(void);

void output_printf(const char *fmt, ...) FILCH_PRINTF(1, 2);
void output_write(const char *data, size_t length);

/* A write to stdout by other means has failed: errno says why. */
void output_failed(void);

/* Hands the buffer on, for a reader who waits. Returns false if any write has failed so far: a
 * long run may as well stop. */
bool output_flush(void);

/* Last thing in main(). Returns `code`, or COMMAND_FAILED after a message if a write failed. */
int output_finish(int code);

/* A message on stderr, "filch COMMAND: ...". Returns COMMAND_FAILED. */
int output_error(const char *command, const char *fmt, ...) FILCH_PRINTF(2, 3);

/* The usual message for an error code of filch. Returns COMMAND_FAILED. */
int output_failure(const char *command, int code);

/* 1234567 as "1,234,567". */
struct output_number {
    char text[32];
};
struct output_number output_grouped(uint64_t number);

#endif
