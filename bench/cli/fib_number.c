/* SPDX-License-Identifier: MIT
 *
 * See fib_number.h. */
#include "fib_number.h"

#include "command.h"
#include "output.h"
#include "progress.h"

#include <filch/pool.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

/* A pool takes up to 0.5 ms to come and go, and this number on one thread about 5 ms. */
#define POOL_FROM UINT64_C(1000000)

/* *pool stays NULL where no pool is wanted. Returns an exit code. */
static int make_pool(const struct fib_jobs *number, struct filch_pool **pool)
{
    bool must = number->together == FIB_ALWAYS;
    if (!must && (number->together == FIB_NEVER || number->n < POOL_FROM))
        return COMMAND_OK;
    struct filch_pool_options options = {.workers = number->workers};
    int error = 0;
    if (!options.workers) {
        struct filch_sizing sizing;
        error = filch_sizing_read(NULL, &sizing);
        if (!error)
            options.workers = sizing.workers;
    }
    if (!error && (must || options.workers > 1))
        error = filch_pool_create(&options, pool);
    /* Where there is no room for its threads there may be room for the number. */
    if (!must && (error == FILCH_ENOMEM || error == FILCH_ETHREAD))
        error = 0;
    return error ? output_failure(number->command, error) : COMMAND_OK;
}

static int print(const struct fib_jobs *number, struct filch_pool *pool,
                 struct fib_output *output)
{
    const struct filch_fib_options options = {.algorithm = number->algorithm,
                                              .pool = pool,
                                              .memory = number->memory,
                                              .progress = progress_set};
    int error;
    errno = 0;
    if (!isatty(fileno(output->stream))) {
        error = filch_fib_print(output->stream, number->n, &options);
        if (error == FILCH_EIO)
            fib_output_failed(output);
        else if (!error)
            fib_output_line(output, "", 0);
        return error;
    }

    /* The bar is on the same terminal: it has to go before the first digit. */
    char *digits;
    size_t length;
    error = filch_fib_string(&digits, &length, number->n, &options);
    if (error)
        return error;
    progress_hide();
    progress_end();
    fib_output_line(output, digits, length);
    free(digits);
    return 0;
}

int fib_number_print(const struct fib_jobs *number, struct fib_output *output)
{
    char label[40];
    snprintf(label, sizeof label, "F(%" PRIu64 ")", number->n);
    struct filch_pool *pool = NULL;
    int code = make_pool(number, &pool);
    if (code)
        return code;
    progress_begin(label, 1, PROGRESS_BY_THREAD);
    int error = print(number, pool, output);
    bool again = error == FILCH_ENOMEM && pool && number->together != FIB_ALWAYS;
    filch_pool_destroy(pool);
    if (again) /* the threads may have been what did not fit */
        error = print(number, NULL, output);
    progress_end();
    if (output->error)
        return COMMAND_FAILED;
    return error ? fib_jobs_failure(number, FILCH_FIB_PRINT, error) : COMMAND_OK;
}
