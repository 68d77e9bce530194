/* SPDX-License-Identifier: MIT
 *
 * See futures.h. */
#include "futures.h"

#include "bench/cli/clock.h"

#include <filch/executor.h>

#include <stdlib.h>

const char *futures_setup_serial(const struct bench_job *job, void **state)
{
    struct futures *futures = calloc(1, sizeof *futures);
    if (!futures)
        return filch_strerror(FILCH_ENOMEM);
    futures->count = bench_size(job);
    futures->results = calloc(futures->count, sizeof *futures->results);
    *state = futures;
    return futures->results ? NULL : filch_strerror(FILCH_ENOMEM);
}

const char *futures_setup(const struct bench_job *job, void **state)
{
    struct futures *futures = calloc(1, sizeof *futures);
    if (!futures)
        return filch_strerror(FILCH_ENOMEM);
    futures->count = bench_size(job);
    futures->futures = calloc(futures->count, sizeof *futures->futures);
    *state = futures;
    if (!futures->futures)
        return filch_strerror(FILCH_ENOMEM);
    int error = filch_executor_create(job->workers, NULL, &futures->executor);
    return error ? filch_strerror(error) : NULL;
}

static void *identity(void *arg)
{
    return arg;
}

const char *futures_run_serial(void *state, struct bench_sample *sample)
{
    struct futures *futures = state;
    filch_fn *volatile function = identity; /* as unknown to the caller as a task */
    uint64_t start = clock_now();
    for (size_t i = 0; i < futures->count; i++)
        futures->results[i] = function((void *)i);
    for (size_t i = 0; i < futures->count; i++)
        sample->result += (uintptr_t)futures->results[i];
    sample->value = (double)(clock_now() - start) / (double)futures->count;
    return NULL;
}

void futures_teardown(void *state)
{
    struct futures *futures = state;
    filch_executor_destroy(futures->executor);
    free(futures->futures);
    free(futures->results);
    free(futures);
}

int futures_submit(struct futures *futures)
{
    int error = 0;
    for (size_t i = 0; !error && i < futures->count; i++)
        error =
            filch_executor_submit(futures->executor, identity, (void *)i, &futures->futures[i]);
    return error;
}

int futures_read(struct filch_future *future, uint64_t *sum)
{
    void *result = NULL;
    int error = filch_future_result(future, FILCH_FOREVER, &result);
    filch_future_release(future);
    *sum += (uintptr_t)result;
    return error;
}
