/* SPDX-License-Identifier: MIT
 *
 * map: items from a source, cut into chunks, each chunk a task and a future. All chunks that were
 * sent and not given out stand in one row; ordered, the next results are those of the row's head,
 * and unordered, those of whichever chunk is completed next (completions.h). */
#include <filch/map.h>

#include "sched/core/process.h"
#include "sched/futures/await.h"
#include "sched/futures/completions.h"
#include "sched/futures/context.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Items that a chunk has room for at first: nobody knows how many will come. */
#define FEW 16

/* The items of one task, worked off one after another; the results take their places. */
struct chunk {
    struct fi_completion completion; /* first: the completion's address is the chunk's */
    struct filch_map *map;
    struct chunk *next, **link; /* of the row; the map's thread alone */
    size_t count;               /* items */
    size_t given;               /* results given out */
    size_t called;              /* items that fn was called for; the task's until it has ended, */
    size_t done;                /* as is this one: those of them that have a result; and */
    void *items[];              /* these */
};

/* What filch_map_array() reads. */
struct array {
    void *const *items;
    size_t left;
};

struct filch_map {
    /* Constant. */
    struct filch_executor *executor;
    filch_fn *fn;
    void (*drop)(void *item);
    void (*drop_result)(void *result);
    filch_source_fn *source_next;
    void *source;
    size_t chunksize, buffersize; /* buffersize 0: no limit */
    int64_t deadline;
    bool unordered;
    unsigned generation; /* of the process, as for a future */

    /* The map's thread writes it, tasks read it: nobody will ask for their results. */
    _Atomic(bool) stopped;

    /* The map's thread alone. */
    struct array array;
    struct fi_completions completions;
    struct chunk *first, **last; /* the row */
    struct chunk *current;       /* has ended, and is being given out; or NULL */
    struct chunk *failed;        /* whose text was asked for last, or NULL */
    struct chunk *unsent;        /* that the executor did not take, or NULL */
    int refusal;                 /* why there is no more in the row than there is */
    size_t on_way;               /* results not yet given out */
    bool drained;                /* the source has ended */
    bool expired;                /* the time was up, or there was another reason not to wait */
    const char *text;            /* of the last error, or NULL */
};

/* ---- Chunks ------------------------------------------------------------------------------ */

static void *run_chunk(void *argument)
{
    struct chunk *chunk = argument;
    struct filch_map *map = chunk->map;

    for (size_t i = 0; i < chunk->count; i++) {
        /* Relaxed: only saves work. */
        if (atomic_load_explicit(&map->stopped, memory_order_relaxed))
            break;
        chunk->called++;
        void *result = map->fn(chunk->items[i]);
        if (fi_failed(result))
            return result;
        chunk->items[i] = result;
        chunk->done++;
    }
    return NULL;
}

/* Of a chunk that has ended, or was never sent. */
static void chunk_drop(const struct chunk *chunk)
{
    const struct filch_map *map = chunk->map;

    for (size_t i = chunk->given; map->drop_result && i < chunk->done; i++)
        map->drop_result(chunk->items[i]);
    for (size_t i = chunk->called; map->drop && i < chunk->count; i++)
        map->drop(chunk->items[i]);
}

static void chunk_free(struct chunk *chunk)
{
    if (!chunk)
        return;
    chunk_drop(chunk);
    filch_future_release(chunk->completion.future);
    free(chunk);
}

/* Returns `chunk`, or a new one for NULL, with room for so many items; or NULL. */
static struct chunk *with_room(struct chunk *chunk, size_t items)
{
    if (items > (PTRDIFF_MAX - sizeof *chunk) / sizeof *chunk->items)
        return NULL;
    return realloc(chunk, sizeof *chunk + items * sizeof *chunk->items);
}

/* Takes the next items from the source; returns NULL if there are none, or no memory. */
static struct chunk *read_chunk(struct filch_map *map)
{
    size_t room = map->chunksize < FEW ? map->chunksize : FEW, count = 0;
    struct chunk *chunk = with_room(NULL, room);

    if (!chunk)
        return NULL;
    while (count < map->chunksize) {
        if (count == room) {
            size_t more = room < map->chunksize - room ? room : map->chunksize - room;
            struct chunk *larger = with_room(chunk, room + more);
            if (!larger)
                break; /* it is sent as it is: nothing is lost */
            chunk = larger;
            room += more;
        }
        map->drained = !map->source_next(map->source, &chunk->items[count]);
        if (map->drained)
            break;
        count++;
    }
    if (count == 0) {
        free(chunk);
        return NULL;
    }
    chunk->completion.future = NULL;
    chunk->map = map;
    chunk->count = count;
    chunk->given = chunk->called = chunk->done = 0;
    return chunk;
}

/* ---- The row ----------------------------------------------------------------------------- */

static void row_append(struct filch_map *map, struct chunk *chunk)
{
    chunk->next = NULL;
    chunk->link = map->last;
    *map->last = chunk;
    map->last = &chunk->next;
}

static void row_remove(struct filch_map *map, struct chunk *chunk)
{
    *chunk->link = chunk->next;
    if (chunk->next)
        chunk->next->link = chunk->link;
    else
        map->last = chunk->link;
}

/* Returns 0 or why the executor did not take it. */
static int send(struct filch_map *map, struct chunk *chunk)
{
    int error =
        filch_executor_submit(map->executor, run_chunk, chunk, &chunk->completion.future);

    if (error)
        return error;
    row_append(map, chunk);
    map->on_way += chunk->count;
    if (map->unordered)
        fi_completions_expect(&map->completions, &chunk->completion, chunk->completion.future);
    return 0;
}

/* Sends what there is room for. What the executor does not take now it is offered again later:
 * there may be room in its queue by then. */
static void fill(struct filch_map *map)
{
    map->refusal = 0;
    while (!map->buffersize || map->buffersize - map->on_way >= map->chunksize) {
        if (!map->unsent && !map->drained) {
            map->unsent = read_chunk(map);
            if (!map->unsent && !map->drained)
                map->refusal = FILCH_ENOMEM;
        }
        if (!map->unsent)
            return;
        map->refusal = send(map, map->unsent);
        if (map->refusal)
            return;
        map->unsent = NULL;
    }
}

/* Has nobody work any longer for results that are not wanted. */
static void stop(struct filch_map *map)
{
    /* Relaxed: see run_chunk(). */
    atomic_store_explicit(&map->stopped, true, memory_order_relaxed);
    for (struct chunk *chunk = map->first; chunk; chunk = chunk->next)
        (void)filch_future_cancel(chunk->completion.future);
}

/* ---- While it waits ----------------------------------------------------------------------- */

static struct filch_map *map_of(struct fi_completions *completions)
{
    return (struct filch_map *)(void *)((char *)completions -
                                        offsetof(struct filch_map, completions));
}

/* A worker of the executor runs a chunk that has not started. */
static bool map_help(struct fi_completions *completions)
{
    for (struct chunk *chunk = map_of(completions)->first; chunk; chunk = chunk->next)
        if (fi_future_run_awaited(chunk->completion.future))
            return true;
    return false;
}

/* Any one will do. */
static bool map_stuck(struct fi_completions *completions, struct fi_probe *probe)
{
    for (struct chunk *chunk = map_of(completions)->first; chunk; chunk = chunk->next) {
        struct filch_future *future = chunk->completion.future;
        if (fi_latch_ended(&future->latch) || !fi_future_stuck(future, probe))
            return false;
    }
    return true;
}

/* ---- Making and ending ------------------------------------------------------------------- */

static int check_arguments(filch_fn *fn, const struct filch_map_options *options)
{
    if (!fn || isnan(options->timeout) || options->buffersize > PTRDIFF_MAX)
        return FILCH_EINVAL;
    return options->chunksize == 0 || options->chunksize > PTRDIFF_MAX ? FILCH_ECHUNKSIZE : 0;
}

/* A map without a source, nothing sent. */
static struct filch_map *map_alloc(struct filch_executor *executor, filch_fn *fn,
                                   const struct filch_map_options *options)
{
    struct filch_map *map = calloc(1, sizeof *map);

    if (!map)
        return NULL;
    map->executor = executor;
    map->fn = fn;
    map->drop = options->drop;
    map->drop_result = options->drop_result;
    map->chunksize = options->chunksize;
    map->buffersize = options->buffersize;
    if (map->buffersize && map->buffersize < map->chunksize)
        map->chunksize = map->buffersize; /* a chunk's results are on their way together */
    map->deadline = fi_deadline(options->timeout);
    map->unordered = options->unordered;
    map->generation = fi_process_generation();
    atomic_init(&map->stopped, false);
    map->completions.help = map_help;
    map->completions.stuck = map_stuck;
    fi_completions_init(&map->completions);
    map->last = &map->first;
    return map;
}

static bool array_next(void *source, void **item)
{
    struct array *array = source;

    if (array->left == 0)
        return false;
    array->left--;
    *item = *array->items++;
    return true;
}

/* As filch_map_create(), but for `next`, which has been checked. array: for array_next(). */
static int create(struct filch_executor *executor, filch_fn *fn, filch_source_fn *next,
                  void *source, struct array array, const struct filch_map_options *options,
                  struct filch_map **map)
{
    static const struct filch_map_options defaults = FILCH_MAP_OPTIONS;
    const struct filch_map_options *used = options ? options : &defaults;
    int error = check_arguments(fn, used);

    if (error)
        return error;
    struct filch_map *new = map_alloc(executor, fn, used);
    if (!new)
        return FILCH_ENOMEM;
    new->array = array;
    new->source_next = next;
    new->source = next == array_next ? &new->array : source;
    fill(new);
    error = new->refusal;
    /* Where there is a limit some will do: the others are sent later. */
    if (error && (!new->buffersize || !new->first)) {
        filch_map_destroy(new);
        return error;
    }
    *map = new;
    return 0;
}

int filch_map_create(struct filch_executor *executor, filch_fn *fn, filch_source_fn *next,
                     void *source, const struct filch_map_options *options,
                     struct filch_map **map)
{
    if (!next)
        return FILCH_EINVAL;
    return create(executor, fn, next, source, (struct array){0}, options, map);
}

int filch_map_array(struct filch_executor *executor, filch_fn *fn, void *const *items,
                    size_t count, const struct filch_map_options *options,
                    struct filch_map **map)
{
    if (!items && count > 0)
        return FILCH_EINVAL;
    return create(executor, fn, array_next, NULL, (struct array){items, count}, options, map);
}

void filch_map_destroy(struct filch_map *map)
{
    if (!map)
        return;
    stop(map);
    while (map->first) {
        struct chunk *chunk = map->first;
        if (map->generation == fi_process_generation()) /* or nobody runs it in this process */
            fi_latch_wait(&chunk->completion.future->latch, FI_NEVER);
        if (map->unordered)
            fi_completions_withdraw(&chunk->completion);
        row_remove(map, chunk);
        chunk_free(chunk);
    }
    chunk_free(map->current);
    chunk_free(map->failed);
    chunk_free(map->unsent);
    free(map);
}

/* ---- Results ----------------------------------------------------------------------------- */

static double seconds_left(const struct filch_map *map)
{
    return map->deadline == FI_NEVER ? FILCH_FOREVER
                                     : (double)(map->deadline - fi_now()) * 1e-9;
}

/* Will any chunk of the row end while the caller waits? Returns 0, or why not. Looks at one, and
 * at those that run on the caller's own stack. */
static int check_row(const struct filch_map *map)
{
    struct filch_future *future = NULL;
    int error = 0;

    for (const struct chunk *chunk = map->first; chunk; chunk = chunk->next) {
        future = chunk->completion.future;
        if (fi_latch_ended(&future->latch) || !(error = fi_future_check_wait(future)))
            return 0;
    }
    return error ? fi_future_refuse_wait(future, error) : 0;
}

/* The next chunk to be completed. Returns 0, FILCH_ETIMEDOUT, FILCH_EDEADLK, FILCH_EINTR or
 * FILCH_EFORKED. */
static int await_any(struct filch_map *map, struct chunk **chunk)
{
    struct fi_completion *completion;

    if (!fi_completions_any(&map->completions)) {
        if (map->generation != fi_process_generation())
            return FILCH_EFORKED;
        int error = fi_is_late(map->deadline) ? 0 : check_row(map);
        if (error)
            return error;
    }
    int error = fi_completions_take(&map->completions, map->deadline, &completion);
    if (!error)
        *chunk = (struct chunk *)(void *)completion;
    return error;
}

/* The head of the row. Returns 0 once it has ended, or why it has not. */
static int await_first(struct filch_map *map, struct chunk **chunk)
{
    struct filch_future *future = map->first->completion.future;

    *chunk = map->first;
    return fi_future_await(future, seconds_left(map));
}

/* Makes the next chunk the current one. Returns 0, or what to tell. */
static int advance(struct filch_map *map)
{
    struct chunk *chunk;
    int error;

    if (map->expired)
        return FILCH_EEND;
    if (!map->first)
        fill(map);
    if (!map->first) {
        error = map->refusal ? map->refusal : FILCH_EEND;
        chunk_free(map->unsent); /* told: the next call goes on behind it */
        map->unsent = NULL;
        return error;
    }
    error = map->unordered ? await_any(map, &chunk) : await_first(map, &chunk);
    if (error == FILCH_EINTR)
        return error;
    if (error) {
        map->expired = true;
        stop(map);
        return error;
    }
    row_remove(map, chunk);
    map->text = filch_future_error(chunk->completion.future, 0, &error);
    if (!error) {
        map->current = chunk;
        return 0;
    }
    map->failed = chunk; /* its future holds the text */
    map->on_way -= chunk->count;
    fill(map);
    return error;
}

int filch_map_next(struct filch_map *map, void **result)
{
    chunk_free(map->failed);
    map->failed = NULL;
    map->text = NULL;
    if (!map->current) {
        int error = advance(map);
        if (error) {
            if (!map->text)
                map->text = filch_strerror(error);
            return error;
        }
    }
    struct chunk *chunk = map->current;
    *result = chunk->items[chunk->given++];
    map->on_way--;
    if (chunk->given == chunk->count) {
        chunk_free(chunk);
        map->current = NULL;
    }
    fill(map);
    return 0;
}

const char *filch_map_error(const struct filch_map *map)
{
    return map->text;
}

void *filch_map_error_detail(const struct filch_map *map)
{
    return map->failed ? filch_future_error_detail(map->failed->completion.future) : NULL;
}
