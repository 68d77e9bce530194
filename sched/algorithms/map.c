/* SPDX-License-Identifier: MIT
 *
 * map: one array's elements, each from one of another's. */
#include "sched/algorithms/array.h"

#include <filch/algorithm.h>

struct mapping {
    const void *in;
    void *out;
    size_t in_size, out_size;
    filch_map_fn *fn;
    void *context;
};

static int map_some(void *context, size_t begin, size_t end)
{
    const struct mapping *mapping = context;
    int error = 0;

    for (size_t i = begin; i < end && !error; i++)
        error = mapping->fn(mapping->context, fi_array_at(mapping->in, mapping->in_size, i),
                            fi_array_at(mapping->out, mapping->out_size, i));
    return error;
}

int filch_map(struct filch_pool *pool, const void *in, size_t in_size, void *out,
              size_t out_size, size_t count, filch_map_fn *fn, void *context,
              const struct filch_loop *options)
{
    struct mapping mapping = {in, out, in_size, out_size, fn, context};
    int error = fn ? fi_array_check(in, count, in_size) : FILCH_EINVAL;

    if (!error)
        error = fi_array_check(out, count, out_size);
    return error ? error : filch_for(pool, 0, count, map_some, &mapping, options);
}
