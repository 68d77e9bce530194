/* SPDX-License-Identifier: MIT
 *
 * See keys.h. */
#include "keys.h"

#include "fingerprint.h"
#include "memory.h"

#include <stdlib.h>

static void *create(long count, enum keys_order order)
{
    struct keys *keys = calloc(1, sizeof *keys);
    if (!keys)
        return NULL;
    keys->count = (size_t)count;
    keys->order = order;
    keys->at = memory_create(keys->count, sizeof *keys->at);
    if (!keys->at) {
        free(keys);
        return NULL;
    }
    return keys;
}

void *keys_create_random(long count)
{
    return create(count, KEYS_RANDOM);
}

void *keys_create_sorted(long count)
{
    return create(count, KEYS_SORTED);
}

void *keys_create_equal(long count)
{
    return create(count, KEYS_EQUAL);
}

void *keys_create_few(long count)
{
    return create(count, KEYS_FEW);
}

static int64_t key(enum keys_order order, size_t i, uint64_t random)
{
    switch (order) {
    case KEYS_RANDOM:
        return (int64_t)(random ^ random >> 32); /* the lower bits are poor */
    case KEYS_SORTED:
        return (int64_t)i;
    case KEYS_EQUAL:
        return 1;
    case KEYS_FEW:
        break;
    }
    return (int64_t)((random >> 32) % KEYS_FEW_VALUES);
}

void keys_reset(void *input)
{
    struct keys *keys = input;
    uint64_t random = 0;
    for (size_t i = 0; i < keys->count; i++) {
        random = fingerprint_random(random);
        keys->at[i] = key(keys->order, i, random);
    }
}

uint64_t keys_result(const void *input)
{
    const struct keys *keys = input;
    uint64_t result = 0;
    for (size_t i = 0; i < keys->count; i++)
        result = fingerprint_add(result, (uint64_t)keys->at[i]);
    return result;
}

void keys_destroy(void *input)
{
    struct keys *keys = input;
    memory_destroy(keys->at, keys->count, sizeof *keys->at);
    free(keys);
}
