/* SPDX-License-Identifier: MIT
 *
 * A program in C that uses filch as it is installed: a pool, a typed task, a future,
 * a big number. */
#include <filch/bignum.h>
#include <filch/filch.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FILCH_TASK(long, fib, long, n)
{
    if (n < 2)
        return n;
    FILCH_FORK(fib, n - 1);
    long b = FILCH_CALL(fib, n - 2);
    return FILCH_JOIN(fib) + b;
}

static void *same(void *arg)
{
    return arg;
}

int main(void)
{
    char version[64];
    snprintf(version, sizeof version, "%d.%d.%d", FILCH_VERSION_MAJOR, FILCH_VERSION_MINOR,
             FILCH_VERSION_PATCH);
    if (strcmp(filch_version(), version) != 0)
        return 1;

    struct filch_pool_options options = {0};
    options.workers = 2;
    struct filch_pool *pool = NULL;
    if (filch_pool_create(&options, &pool) != 0)
        return 1;
    long answer = FILCH_RUN(pool, fib, 30);

    struct filch_future *future = NULL;
    void *result = NULL;
    if (filch_pool_submit(pool, same, &answer, &future) != 0 ||
        filch_future_result(future, FILCH_FOREVER, &result) != 0 || result != &answer)
        return 1;
    filch_future_release(future);
    if (filch_pool_destroy(pool) != 0)
        return 1;

    char *text = NULL;
    size_t length = 0;
    if (filch_fib_string(&text, &length, 30, NULL) != 0 || length != 6 || atol(text) != answer)
        return 1;
    printf("F(30) = %s\n", text);
    free(text);
    return 0;
}
