/* SPDX-License-Identifier: MIT
 *
 * See cilksort.h. */
#include "cilksort.h"

#include "fingerprint.h"

#include <stdlib.h>
#include <string.h>

/* Runs this short are sorted by insertion. */
#define INSERTION 20

static void insertion_sort(uint32_t *numbers, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint32_t number = numbers[i];
        size_t j = i;
        for (; j > 0 && numbers[j - 1] > number; j--)
            numbers[j] = numbers[j - 1];
        numbers[j] = number;
    }
}

static uint32_t median(uint32_t a, uint32_t b, uint32_t c)
{
    if (a < b)
        return b < c ? b : a < c ? c : a;
    return a < c ? a : b < c ? c : b;
}

/* Quicksort with Hoare's partition and the median of three as its pivot. */
void cilksort_sort_leaf(uint32_t *numbers, size_t count)
{
    while (count > INSERTION) {
        uint32_t pivot = median(numbers[0], numbers[count / 2], numbers[count - 1]);
        size_t low = 0, high = count - 1;
        for (;; low++, high--) {
            while (numbers[low] < pivot)
                low++;
            while (numbers[high] > pivot)
                high--;
            if (low >= high)
                break;
            uint32_t number = numbers[low];
            numbers[low] = numbers[high];
            numbers[high] = number;
        }
        /* [0, low) <= pivot <= [low, count). */
        cilksort_sort_leaf(numbers, low);
        numbers += low;
        count -= low;
    }
    insertion_sort(numbers, count);
}

void cilksort_merge_leaf(const struct cilksort_merge *merge)
{
    const uint32_t *a = merge->a, *a_end = a + merge->a_count;
    const uint32_t *b = merge->b, *b_end = b + merge->b_count;
    uint32_t *to = merge->to;
    while (a < a_end && b < b_end) {
        uint32_t from_a = *a, from_b = *b;
        *to++ = from_b < from_a ? from_b : from_a;
        b += from_b < from_a;
        a += from_b >= from_a;
    }
    memcpy(to, a, (size_t)(a_end - a) * sizeof *a);
    memcpy(to + (a_end - a), b, (size_t)(b_end - b) * sizeof *b);
}

/* How many of the sorted numbers are below `bound`. */
static size_t count_below(const uint32_t *numbers, size_t count, uint32_t bound)
{
    size_t low = 0;
    while (count > 0) {
        size_t half = count / 2;
        if (numbers[low + half] < bound) {
            low += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return low;
}

void cilksort_merge_split(const struct cilksort_merge *merge, struct cilksort_merge halves[2])
{
    struct cilksort_merge m = *merge;
    if (m.a_count < m.b_count)
        m = (struct cilksort_merge){merge->b, merge->a, merge->b_count, merge->a_count,
                                    merge->to};
    size_t a_low = m.a_count / 2, b_low = count_below(m.b, m.b_count, m.a[a_low]);
    halves[0] = (struct cilksort_merge){m.a, m.b, a_low, b_low, m.to};
    halves[1] = (struct cilksort_merge){m.a + a_low, m.b + b_low, m.a_count - a_low,
                                        m.b_count - b_low, m.to + a_low + b_low};
}

void *cilksort_create(long count)
{
    struct cilksort *sort = calloc(1, sizeof *sort);
    if (!sort)
        return NULL;
    sort->count = (size_t)count;
    sort->numbers = malloc(sort->count * sizeof *sort->numbers);
    sort->spare = malloc(sort->count * sizeof *sort->spare);
    if (!sort->numbers || !sort->spare) {
        cilksort_destroy(sort);
        return NULL;
    }
    return sort;
}

void cilksort_reset(void *input)
{
    struct cilksort *sort = input;
    uint64_t random = 0;
    for (size_t i = 0; i < sort->count; i++) {
        random = fingerprint_random(random);
        sort->numbers[i] = (uint32_t)(random >> 32);
    }
}

uint64_t cilksort_result(const void *input)
{
    const struct cilksort *sort = input;
    uint64_t result = 0;
    for (size_t i = 0; i < sort->count; i++)
        result = fingerprint_add(result, sort->numbers[i]);
    return result;
}

void cilksort_destroy(void *input)
{
    struct cilksort *sort = input;
    free(sort->numbers);
    free(sort->spare);
    free(sort);
}
