/* SPDX-License-Identifier: MIT
 *
 * What reduce and scan share: the blocks that a range is cut into, which its length and the grain
 * alone decide, and memory for accumulators. */
#ifndef FI_BLOCKS_H
#define FI_BLOCKS_H

#include <filch/algorithm.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* So many blocks let 64 workers share a short range of expensive indices; not much more, as each
 * costs something. But a block of more indices than BLOCK_MOST would leave the workers waiting for
 * the last one, and the nearer caches: 128 KiB of doubles. */
#define FI_BLOCKS     256
#define FI_BLOCK_MOST 16384

struct fi_blocks {
    size_t begin, end;
    size_t size;  /* indices of each but the last one, which may be shorter */
    size_t count; /* 0 of an empty range */
};

static inline struct fi_blocks fi_blocks_of(size_t begin, size_t end, size_t grain)
{
    size_t length = end > begin ? end - begin : 0;
    size_t size = grain ? grain : length / FI_BLOCKS + (length % FI_BLOCKS != 0);

    if (!grain && size > FI_BLOCK_MOST)
        size = FI_BLOCK_MOST;
    return (struct fi_blocks){begin, end, size,
                              length ? length / size + (length % size != 0) : 0};
}

static inline struct filch_range fi_blocks_range(const struct fi_blocks *blocks, size_t number)
{
    size_t begin = blocks->begin + number * blocks->size;
    size_t left = blocks->end - begin;

    return (struct filch_range){begin, begin + (left < blocks->size ? left : blocks->size)};
}

/* ---- Accumulators ------------------------------------------------------------------------ */

static inline void fi_accumulator_reset(const struct filch_reduction *reduction, void *to)
{
    if (reduction->identity)
        memcpy(to, reduction->identity, reduction->size);
    else
        memset(to, 0, reduction->size);
}

/* Bytes from one to the next, so that no two share a cache line; 0: too many to count. */
static inline size_t fi_accumulator_stride(const struct filch_reduction *reduction)
{
    size_t line = FILCH_CACHE_LINE;

    return (reduction->size - 1) / line < SIZE_MAX / line
               ? (reduction->size - 1) / line * line + line
               : 0;
}

/* Several, one stride apart, for free(); or NULL. */
static inline void *fi_accumulators_alloc(const struct filch_reduction *reduction, size_t count)
{
    size_t stride = fi_accumulator_stride(reduction);

    return stride && count <= SIZE_MAX / stride
               ? aligned_alloc(FILCH_CACHE_LINE, count * stride)
               : NULL;
}

#endif
