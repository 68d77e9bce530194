/* SPDX-License-Identifier: MIT
 *
 * One whole number of `filch fib`, written as it is made: no second copy of a long text is held. */
#ifndef BENCH_CLI_FIB_NUMBER_H
#define BENCH_CLI_FIB_NUMBER_H

#include "fib_jobs.h"
#include "fib_output.h"

/* Writes the number and a newline. number: one job; its print is not used. Returns an exit code,
 * after a message if it is not 0, but for failures of the output, which it keeps. */
int fib_number_print(const struct fib_jobs *number, struct fib_output *output);

#endif
