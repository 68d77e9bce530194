/* SPDX-License-Identifier: MIT
 *
 * See knapsack.h. Hard instances are those whose values are close to their weights (Pisinger,
 * "Where are the hard knapsack problems?", 2005): here value = weight + a constant, and a bit. */
#include "knapsack.h"

#include "fingerprint.h"

#include <stdlib.h>

enum { WEIGHTS = 1000, BONUS = 100, NOISE = 8 };

static int by_density(const void *left, const void *right)
{
    const int *a = left, *b = right; /* weight, value */
    long difference = (long)b[1] * a[0] - (long)a[1] * b[0];
    return difference < 0 ? -1 : difference > 0;
}

void *knapsack_create(long count)
{
    struct knapsack *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    uint64_t random = 0;
    int all = 0;
    k->count = (int)count;
    for (int i = 0; i < k->count; i++) {
        random = fingerprint_random(random);
        k->items[i].weight = 1 + (int)((random >> 33) % WEIGHTS);
        random = fingerprint_random(random);
        k->items[i].value = k->items[i].weight + BONUS + (int)((random >> 33) % NOISE);
        all += k->items[i].weight;
    }
    k->capacity = all / 2;
    qsort(k->items, (size_t)k->count, sizeof k->items[0], by_density);
    return k;
}

void knapsack_reset(void *knapsack)
{
    ((struct knapsack *)knapsack)->best = -1;
}

uint64_t knapsack_result(const void *knapsack)
{
    return (uint64_t)((const struct knapsack *)knapsack)->best;
}
