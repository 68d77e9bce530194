/* SPDX-License-Identifier: MIT
 *
 * Loops, reductions and scans, one after another and in each other, from two threads at once on one
 * pool: each writes what the next one reads, so that ThreadSanitizer sees whether one is over
 * before the next begins. Some are cancelled by the other thread, some end in an error. */
#include "stress.h"

#include <filch/algorithm.h>
#include <filch/cancel.h>

#include <pthread.h>
#include <stdatomic.h>

#define MOST    (SANITIZED ? 5000 : 50000)
#define THREADS 2

static struct filch_pool *pool;
static struct filch_token
    *_Atomic(cancelled)[THREADS]; /* the other thread may cancel it, once */
static _Atomic(uint64_t) stopped;

struct job {
    size_t count, fails_at; /* count: nowhere */
    uint64_t *values;
    struct filch_loop loop;
    bool nests;
};

static int square(void *context, size_t begin, size_t end)
{
    struct job *job = context;
    for (size_t i = begin; i < end; i++)
        job->values[i] = (uint64_t)i * i;
    return begin <= job->fails_at && job->fails_at < end ? 42 : 0;
}

static int add(void *context, size_t begin, size_t end, void *accumulator)
{
    struct job *job = context;
    for (size_t i = begin; i < end; i++)
        *(uint64_t *)accumulator += job->values[i];
    return begin <= job->fails_at && job->fails_at < end ? 42 : 0;
}

static int combine(void *context, void *left, const void *right)
{
    (void)context;
    *(uint64_t *)left += *(const uint64_t *)right;
    return 0;
}

static const struct filch_reduction sum = {sizeof(uint64_t), NULL, add, combine};

/* The same, by a reduction of its own. */
static int add_nested(void *context, size_t begin, size_t end, void *accumulator)
{
    struct job *job = context;
    uint64_t part = 0;
    int error = filch_reduce(pool, begin, end, &sum, job, &part, NULL);
    *(uint64_t *)accumulator += part;
    return error;
}

static const struct filch_reduction nested_sum = {sizeof(uint64_t), NULL, add_nested, combine};

static int write_sums(void *context, size_t begin, size_t end, void *accumulator)
{
    struct job *job = context;
    for (size_t i = begin; i < end; i++) {
        *(uint64_t *)accumulator += job->values[i];
        job->values[i] = *(uint64_t *)accumulator;
    }
    return begin <= job->fails_at && job->fails_at < end ? 42 : 0;
}

static uint64_t squares_below(uint64_t n)
{
    return n < 2 ? 0 : (n - 1) * n * (2 * n - 1) / 6;
}

/* 0, or why it was stopped. */
static int run(struct job *job)
{
    const struct filch_reduction *reduction = job->nests ? &nested_sum : &sum;
    uint64_t result = 1, total = 1;
    int error = filch_for(pool, 0, job->count, square, job, &job->loop);

    if (error)
        return error;
    error = filch_reduce(pool, 0, job->count, reduction, job, &result, &job->loop);
    CHECK(result == (error ? 1 : squares_below(job->count)));
    if (error)
        return error;
    error = filch_scan(pool, 0, job->count, reduction, write_sums, job, &total, &job->loop);
    CHECK(total == (error ? 1 : squares_below(job->count)));
    for (size_t i = 0; !error && i < job->count; i++)
        CHECK(job->values[i] == squares_below(i + 1));
    return error;
}

static void *rounds(void *argument)
{
    uint64_t number = *(uint64_t *)argument, key = number << 32;
    uint64_t *values = malloc(MOST * sizeof *values), count = 0;

    CHECK(values);
    for (; stress_goes_on(); count++) {
        uint64_t random = stress_mix(++key * 0x9e3779b97f4a7c15u);
        struct filch_token *token, *other;
        struct job job = {.count = random % MOST >> random / MOST % 12, .values = values};
        job.fails_at = random % 7 == 0 ? job.count / 2 : job.count;
        job.nests = random % 3 == 0;
        job.loop.grain = random % 5 == 0 ? 1 + job.count / 50 : 0;
        CHECK(!filch_token_create(NULL, &token));
        job.loop.token = token;
        atomic_store(&cancelled[number], filch_token_retain(token));
        int error = run(&job);
        CHECK(error == 0 || (error == 42 && job.fails_at < job.count) ||
              (error == FILCH_ECANCELED && filch_token_cancelled(token)));
        stopped += error != 0;
        for (size_t i = 0; i < THREADS; i++)
            if ((i == number || random % 11 == 0) &&
                (other = atomic_exchange(&cancelled[i], NULL))) {
                filch_token_cancel(other);
                filch_token_release(other);
            }
        filch_token_release(token);
    }
    free(values);
    *(uint64_t *)argument = count;
    return NULL;
}

int main(int argc, char **argv)
{
    uint64_t numbers[THREADS], all = 0;
    pthread_t threads[THREADS];

    stress_begin(argc, argv);
    CHECK(!filch_pool_create(&(struct filch_pool_options){.workers = 4}, &pool));
    for (size_t i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK(!pthread_create(&threads[i], NULL, rounds, &numbers[i]));
    }
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(!pthread_join(threads[i], NULL));
        all += numbers[i];
    }
    CHECK(!filch_pool_destroy(pool));
    printf("reduce: %llu rounds of loop, reduction and scan, %llu were stopped\n",
           (unsigned long long)all, (unsigned long long)atomic_load(&stopped));
    return 0;
}
