/* SPDX-License-Identifier: MIT
 *
 * Two threads that run pipelines of random shape on one pool, some from within a stage of
 * another: what a server that transcodes streams does. Some fail, or are cancelled by a third.
 * Items and what serial stages count are plain memory, for ThreadSanitizer. An item that is
 * lost, or comes twice, shows in the sums; one that is left behind, as a hang. */
#include "stress.h"

#include <filch/cancel.h>
#include <filch/pipeline.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define DRIVERS    2
#define STAGES_MAX 8
#define ITEMS_MAX  (SANITIZED ? 300 : 2000)

static struct filch_pool *pool;
static _Atomic(uint64_t) runs, items, failures, cancels;

struct item {
    uint64_t number, passed; /* stages */
};

struct stage {
    struct job *job;
    uint64_t index, count; /* items that came, if it is not parallel */
};

struct job {
    uint64_t key, count, length;
    uint64_t bad; /* item, at which the last stage fails, or UINT64_MAX */
    _Atomic(uint64_t) next, done;
    uint64_t discarded;
    bool is_parallel; /* the source */
    struct stage stages[STAGES_MAX];
    struct filch_stage steps[STAGES_MAX];
    struct item items[ITEMS_MAX];
    struct filch_token *token; /* or NULL */
    const struct job *outer;   /* in a stage of which it runs, or NULL */
    int levels;                /* of pipelines within */
};

static void run_job(uint64_t key, int levels, const struct job *outer);

/* Takes no time, or some, or has others run. */
static void linger(uint64_t key)
{
    if (stress_mix(key) % 64 == 0)
        sched_yield();
    for (volatile uint64_t i = 0; i < stress_mix(key + 1) % 256; i++)
        ;
}

static int give(void *context, void **item)
{
    struct job *job = ((struct stage *)context)->job;
    uint64_t number = atomic_fetch_add(&job->next, 1);

    if (number >= job->count)
        return FILCH_EEND;
    if (!job->is_parallel)
        CHECK(job->stages[0].count++ == number);
    job->items[number] = (struct item){number, 1};
    *item = &job->items[number];
    return 0;
}

static int take(void *context, void **item)
{
    struct stage *stage = context;
    struct job *job = stage->job;
    struct item *here = *item;
    enum filch_stage_kind kind = job->steps[stage->index].kind;

    CHECK(here->passed++ == stage->index);
    if (kind == FILCH_STAGE_IN_ORDER && !job->is_parallel)
        CHECK(here->number == stage->count);
    if (kind != FILCH_STAGE_PARALLEL)
        stage->count++;
    linger(job->key + here->number * STAGES_MAX + stage->index);
    if (job->levels > 0 && here->number % 100 == stage->index)
        run_job(job->key + here->number, job->levels - 1, job);
    if (stage->index < job->length - 1)
        return 0;
    if (here->number == job->bad) {
        if (!job->token)
            return 42;
        filch_token_cancel(job->token);
    }
    atomic_fetch_add(&job->done, 1);
    return 0;
}

static void discard(void *context, void *item)
{
    struct job *job = context;
    struct item *left = item;

    CHECK(left->passed > 0);
    left->passed = 0; /* not again */
    job->discarded++;
}

static void check_job(const struct job *job, int error)
{
    uint64_t done = atomic_load(&job->done);

    if (error) {
        bool fails = job->bad < job->count;
        bool may_be_cancelled = (fails && job->token) || (job->outer && job->outer->token);
        CHECK(error == FILCH_ECANCELED ? may_be_cancelled : error == 42 && fails);
        CHECK(done + job->discarded <= job->count);
        atomic_fetch_add(error == 42 ? &failures : &cancels, 1);
    } else {
        CHECK(done == job->count && job->discarded == 0);
        for (uint64_t i = 0; i < job->count; i++)
            CHECK(job->items[i].passed == job->length);
        for (uint64_t s = 1; s < job->length; s++)
            CHECK(job->stages[s].count ==
                  (job->steps[s].kind == FILCH_STAGE_PARALLEL ? 0 : job->count));
    }
    if (!job->is_parallel)
        CHECK(done + job->discarded == job->stages[0].count);
    atomic_fetch_add(&items, done);
    atomic_fetch_add(&runs, 1);
}

static void run_job(uint64_t key, int levels, const struct job *outer)
{
    struct job *job = calloc(1, sizeof *job);
    uint64_t shape = stress_mix(key);

    CHECK(job);
    job->key = key;
    job->levels = levels;
    job->outer = outer;
    job->length = 2 + shape % (STAGES_MAX - 1);
    job->count = stress_mix(shape) % (levels > 0 ? ITEMS_MAX : ITEMS_MAX / 10);
    job->bad = shape / 8 % 4 == 0 ? stress_mix(shape + 1) % ITEMS_MAX : UINT64_MAX;
    if (shape / 32 % 2)
        CHECK(!filch_token_create(NULL, &job->token));
    for (uint64_t s = 0; s < job->length; s++) {
        job->stages[s].job = job;
        job->stages[s].index = s;
        job->steps[s].kind = (enum filch_stage_kind)(stress_mix(shape + s) % 3);
        job->steps[s].run = s == 0 ? give : take;
        job->steps[s].context = &job->stages[s];
    }
    job->is_parallel = job->steps[0].kind == FILCH_STAGE_PARALLEL;
    struct filch_pipeline_options options = {job->token, discard, job};
    check_job(job,
              filch_pipeline_run(pool, job->steps, job->length, 1 + shape / 64 % 40, &options));
    filch_token_release(job->token);
    free(job);
}

static void *drive(void *argument)
{
    uint64_t key = (uintptr_t)argument << 32;

    while (stress_goes_on())
        run_job(key += ITEMS_MAX, 1, NULL);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t drivers[DRIVERS];

    stress_begin(argc, argv);
    CHECK(!filch_pool_create(&(struct filch_pool_options){.workers = 3}, &pool));
    for (uintptr_t i = 0; i < DRIVERS; i++)
        CHECK(!pthread_create(&drivers[i], NULL, drive, (void *)i));
    for (int i = 0; i < DRIVERS; i++)
        pthread_join(drivers[i], NULL);
    CHECK(!filch_pool_destroy(pool));
    printf("pipeline: %llu pipelines, %llu items, %llu failed, %llu cancelled\n",
           (unsigned long long)atomic_load(&runs), (unsigned long long)atomic_load(&items),
           (unsigned long long)atomic_load(&failures),
           (unsigned long long)atomic_load(&cancels));
    return atomic_load(&failures) && atomic_load(&cancels) ? 0 : 1;
}
