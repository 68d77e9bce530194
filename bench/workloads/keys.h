/* SPDX-License-Identifier: MIT
 *
 * Numbers of 64 bits to be sorted, in four kinds of disorder. */
#ifndef BENCH_WORKLOADS_KEYS_H
#define BENCH_WORKLOADS_KEYS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum keys_order { KEYS_RANDOM, KEYS_SORTED, KEYS_EQUAL, KEYS_FEW };

#define KEYS_FEW_VALUES 16

struct keys {
    size_t count;
    enum keys_order order;
    int64_t *at;
};

/* As qsort() has it. */
static inline int keys_compare(const void *left, const void *right)
{
    const int64_t *a = (const int64_t *)left, *b = (const int64_t *)right;
    return (*a > *b) - (*a < *b);
}

void *keys_create_random(long count);
void *keys_create_sorted(long count);
void *keys_create_equal(long count);
void *keys_create_few(long count);
void keys_reset(void *keys); /* in disorder again, always the same */
uint64_t keys_result(const void *keys);
void keys_destroy(void *keys);

#ifdef __cplusplus
}
#endif

#endif
