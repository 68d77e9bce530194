/* SPDX-License-Identifier: MIT
 *
 * filch_sort: memory for it, and elements that are sorted by pointers to them; how it is done
 * otherwise is in partitions.c. */
#include "sched/algorithms/array.h"
#include "sched/algorithms/comparison.h"
#include "sched/algorithms/partitions.h"

#include <filch/algorithm.h>
#include <filch/task.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- By pointers ------------------------------------------------------------------------- */

/* Of large elements pointers are sorted, and then the elements moved: to the buffer, and back. */
struct gathering {
    size_t size;
    char *array, *buffer;
    const char **pointers;
};

static int point(void *context, size_t begin, size_t end)
{
    struct gathering *gathering = context;

    for (size_t i = begin; i < end; i++)
        gathering->pointers[i] = gathering->array + i * gathering->size;
    return 0;
}

static int gather(void *context, size_t begin, size_t end)
{
    struct gathering *gathering = context;

    for (size_t i = begin; i < end; i++)
        memcpy(gathering->buffer + i * gathering->size, gathering->pointers[i],
               gathering->size);
    return 0;
}

/* A merge with nothing: nobody can stop it halfway. */
static void copy_back(struct fi_sort *sort, const struct gathering *gathering)
{
    struct filch_sort_type type = {.moved = gathering->size};
    struct fi_order order = {.type = &type, .grain = sort->order.grain};
    struct fi_runs runs = {.left = gathering->buffer,
                           .left_count = sort->count,
                           .to = gathering->array};

    fi_loop_stop_init(&order.stop);
    if (sort->pool)
        FILCH_RUN(sort->pool, fi_merge, &order, &runs);
    else
        fi_merge_serial(&order, runs);
}

static void sort_by_pointers(struct fi_sort *sort, char *array)
{
    struct gathering gathering = {sort->order.type->size, array, sort->buffer,
                                  (const char **)(void *)sort->array};
    struct fi_loop_stop *stop = &sort->order.stop;

    fi_loop_fail(stop, filch_for(sort->pool, 0, sort->count, point, &gathering, NULL));
    if (!fi_loop_error(stop))
        fi_sort_all(sort);
    if (!fi_loop_error(stop) && !sort->untouched)
        fi_loop_fail(stop, filch_for(sort->pool, 0, sort->count, gather, &gathering, NULL));
    if (!fi_loop_error(stop) && !sort->untouched)
        copy_back(sort, &gathering);
}

/* ------------------------------------------------------------------------------------------ */

#define HUGE_PAGE ((size_t)2 << 20)

/* As malloc(), aligned for any element; much of it in huge pages, where the system has them: most
 * of what a buffer costs is that its pages are touched for the first time. */
static void *buffer_alloc(size_t size)
{
    size_t page = size < HUGE_PAGE ? FILCH_CACHE_LINE : HUGE_PAGE;

    if (size > PTRDIFF_MAX - page)
        return NULL;
    size = (size + page - 1) / page * page;
    void *memory = aligned_alloc(page, size);
    if (memory && page == HUGE_PAGE)
        (void)madvise(memory, size, MADV_HUGEPAGE);
    return memory;
}

struct start {
    struct fi_sort *sort;
    char *array;
};

/* In the scope that the comparison is to run in. */
static void start_sort(void *argument)
{
    struct start *start = argument;
    struct fi_sort *sort = start->sort;

    fi_loop_stop_init(&sort->order.stop);
    if (fi_loop_stopped(&sort->order.stop))
        return;
    if (sort->array == start->array)
        fi_sort_all(sort);
    else
        sort_by_pointers(sort, start->array);
}

int filch_sort_as(struct filch_pool *pool, void *array, size_t count,
                  const struct filch_sort_type *type, void *context,
                  const struct filch_loop *options)
{
    struct fi_sort sort = {{.type = type, .context = context, .grain = fi_grain(options)},
                           .pool = pool,
                           .array = array,
                           .count = count};
    struct start arguments = {&sort, array};
    size_t pointer = type->moved != type->size ? sizeof(void *) : 0;
    size_t each = type->size > pointer ? type->size : pointer;
    int error = fi_array_check(array, count, type->size);

    if (!error && pool)
        error = filch_pool_check(pool);
    if (error || count == 0)
        return error;
    if (count > SIZE_MAX / (each + pointer))
        return FILCH_ENOMEM;
    char *memory = buffer_alloc(count * (each + pointer));
    if (!memory)
        return FILCH_ENOMEM;
    sort.buffer = memory + count * pointer;
    if (pointer)
        sort.array = memory;
    filch_token_call(options ? options->token : NULL, start_sort, &arguments);
    free(memory);
    return fi_loop_error(&sort.order.stop);
}

int filch_sort(struct filch_pool *pool, void *array, size_t count, size_t size,
               filch_compare *compare, void *context, const struct filch_loop *options)
{
    struct fi_comparison comparison = fi_comparison_to_sort(compare, context, size);

    if (!compare)
        return FILCH_EINVAL;
    return filch_sort_as(pool, array, count, &comparison.type, &comparison, options);
}
