/* SPDX-License-Identifier: MIT
 *
 * filter and partition: the predicate is asked once for each element, and its answers kept; counted
 * in blocks, they tell each block where its elements go. */
#include "sched/algorithms/array.h"

#include <filch/algorithm.h>

#include <stdlib.h>
#include <string.h>

/* Elements of a block. */
#define BLOCK 2048

struct filter {
    struct filch_pool *pool;
    const char *in;
    size_t count, size;
    filch_predicate *predicate;
    void *context;
    struct filch_loop loop; /* over blocks */
    size_t blocks;
    char *kept, *dropped; /* where they go; NULL: nowhere */
    size_t
        *places; /* of each block: how many of its elements are kept; then, of all before it */
    bool *answers;
};

static int ask_each(void *context, size_t begin, size_t end)
{
    struct filter *filter = context;

    for (size_t i = begin; i < end; i++)
        filter->answers[i] = filter->predicate(filter->context, filter->in + i * filter->size);
    return 0;
}

static size_t end_of(const struct filter *filter, size_t block)
{
    return block + 1 < filter->blocks ? (block + 1) * BLOCK : filter->count;
}

static int count_kept(void *context, size_t begin, size_t end)
{
    struct filter *filter = context;

    for (size_t block = begin; block < end; block++) {
        size_t kept = 0;
        for (size_t i = block * BLOCK; i < end_of(filter, block); i++)
            kept += filter->answers[i];
        filter->places[block] = kept;
    }
    return 0;
}

static size_t sum_up(struct filter *filter)
{
    size_t sum = 0;

    for (size_t block = 0; block < filter->blocks; block++) {
        size_t kept = filter->places[block];
        filter->places[block] = sum;
        sum += kept;
    }
    return sum;
}

static int copy(void *context, size_t begin, size_t end)
{
    const struct filter *filter = context;
    size_t size = filter->size;

    for (size_t block = begin; block < end; block++) {
        size_t first = block * BLOCK, last = end_of(filter, block), run;
        char *kept = filter->kept + filter->places[block] * size;
        char *dropped =
            filter->dropped ? filter->dropped + (first - filter->places[block]) * size : NULL;
        for (size_t i = first; i < last; i += run) {
            bool answer = filter->answers[i];
            char **to = answer ? &kept : &dropped;
            for (run = 1; i + run < last && filter->answers[i + run] == answer;)
                run++;
            if (!*to)
                continue;
            memcpy(*to, filter->in + i * size, run * size);
            *to += run * size;
        }
    }
    return 0;
}

/* Asks, and counts. *memory: to be freed if there is no error; its first `more` bytes are free.
 * *boundary: how many are kept. */
static int prepare(struct filter *filter, const struct filch_loop *options, size_t more,
                   char **memory, size_t *boundary)
{
    size_t places;

    filter->blocks = filter->count / BLOCK + (filter->count % BLOCK != 0);
    filter->loop.token = options ? options->token : NULL;
    places = filter->blocks * sizeof(size_t);
    if (more > SIZE_MAX / 2 || filter->count > SIZE_MAX / 4)
        return FILCH_ENOMEM;
    more = (more + sizeof(size_t) - 1) / sizeof(size_t) * sizeof(size_t);
    *memory = malloc(more + places + filter->count + 1); /* 0 may be NULL */
    if (!*memory)
        return FILCH_ENOMEM;
    filter->places = (size_t *)(void *)(*memory + more);
    filter->answers = (bool *)(*memory + more + places);
    int error = filch_for(filter->pool, 0, filter->count, ask_each, filter, options);
    if (!error)
        error = filch_for(filter->pool, 0, filter->blocks, count_kept, filter, &filter->loop);
    if (error)
        free(*memory);
    else
        *boundary = sum_up(filter);
    return error;
}

int filch_filter(struct filch_pool *pool, const void *in, size_t count, size_t size, void *out,
                 size_t *kept, filch_predicate *predicate, void *context,
                 const struct filch_loop *options)
{
    struct filter filter = {.pool = pool,
                            .in = in,
                            .count = count,
                            .size = size,
                            .predicate = predicate,
                            .context = context,
                            .kept = out};
    int error = predicate ? fi_array_check(in, count, size) : FILCH_EINVAL;
    size_t boundary = 0;
    char *memory;

    if (!error)
        error = fi_array_check(out, count, size);
    if (!error)
        error = prepare(&filter, options, 0, &memory, &boundary);
    if (error)
        return error;
    error = filch_for(pool, 0, filter.blocks, copy, &filter, &filter.loop);
    free(memory);
    if (!error)
        *kept = boundary;
    return error;
}

/* ---- Partition --------------------------------------------------------------------------- */

struct move {
    char *to;
    const char *from;
};

static int move_back(void *context, size_t begin, size_t end)
{
    const struct move *move = context;

    memcpy(move->to + begin, move->from + begin, end - begin);
    return 0;
}

int filch_partition(struct filch_pool *pool, void *base, size_t count, size_t size,
                    filch_predicate *predicate, void *context, size_t *boundary,
                    const struct filch_loop *options)
{
    struct filter filter = {.pool = pool,
                            .in = base,
                            .count = count,
                            .size = size,
                            .predicate = predicate,
                            .context = context};
    int error = predicate ? fi_array_check(base, count, size) : FILCH_EINVAL;
    size_t number = 0;
    char *memory;

    if (!error)
        error = prepare(&filter, options, count * size, &memory, &number);
    if (error)
        return error;
    filter.kept = memory;
    filter.dropped = memory + number * size;
    error = filch_for(pool, 0, filter.blocks, copy, &filter, &filter.loop);
    if (!error) {
        struct move move = {base, memory};
        /* From here on there is no way back: what a cancel leaves is moved all the same. */
        if (filch_for(pool, 0, count * size, move_back, &move, NULL))
            (void)move_back(&move, 0, count * size);
        *boundary = number;
    }
    free(memory);
    return error;
}
