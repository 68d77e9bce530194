/* SPDX-License-Identifier: MIT
 *
 * See heat.h. */
#include "heat.h"

#include "fingerprint.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

/* More than a border: rows a power of 2 apart would share the same few lines of the cache. */
enum { PADDING = 8, HOT = 100 };

void heat_row(const struct heat *heat, size_t row)
{
    const double *middle = heat->from + row * heat->stride;
    const double *above = middle - heat->stride, *below = middle + heat->stride;
    double *restrict to = heat->to + row * heat->stride;
    for (size_t i = 1; i <= heat->rows; i++)
        to[i] = 0.25 * (above[i] + below[i] + middle[i - 1] + middle[i + 1]);
}

void heat_swap(struct heat *heat)
{
    double *to = heat->to;
    heat->to = heat->from;
    heat->from = to;
}

static size_t points(const struct heat *heat)
{
    return (heat->rows + 2) * heat->stride;
}

void *heat_create(long rows)
{
    struct heat *heat = calloc(1, sizeof *heat);
    if (!heat)
        return NULL;
    heat->rows = (size_t)rows;
    heat->stride = heat->rows + PADDING;
    heat->from = memory_create(points(heat), sizeof *heat->from);
    heat->to = memory_create(points(heat), sizeof *heat->to);
    if (!heat->from || !heat->to) {
        heat_destroy(heat);
        return NULL;
    }
    return heat;
}

/* Both plates: neither's border is ever written. */
void heat_reset(void *input)
{
    struct heat *heat = input;
    memset(heat->from, 0, points(heat) * sizeof *heat->from);
    for (size_t i = 0; i < heat->rows + 2; i++) {
        heat->from[i] = HOT;
        heat->from[i * heat->stride] = HOT;
    }
    memcpy(heat->to, heat->from, points(heat) * sizeof *heat->to);
}

uint64_t heat_result(const void *input)
{
    const struct heat *heat = input;
    uint64_t result = 0;
    for (size_t i = 0; i < points(heat); i++) {
        uint64_t bits;
        memcpy(&bits, &heat->from[i], sizeof bits);
        result = fingerprint_add(result, bits);
    }
    return result;
}

void heat_destroy(void *input)
{
    struct heat *heat = input;
    memory_destroy(heat->from, points(heat), sizeof *heat->from);
    memory_destroy(heat->to, points(heat), sizeof *heat->to);
    free(heat);
}
