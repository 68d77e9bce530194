/* SPDX-License-Identifier: MIT
 *
 * What the suites of algorithms share: pools of many sizes. */
#ifndef FILCH_TESTS_POOLS_H
#define FILCH_TESTS_POOLS_H

#include "several.h"

/* Of 0 (none), 1, 2, ... workers. */
#define POOLS 6
static const int pool_sizes[POOLS] = {0, 1, 2, 3, 8, 16};
static struct filch_pool *pools[POOLS];

FILCH_UNUSED static void pools_create(void)
{
    for (size_t i = 1; i < POOLS; i++)
        pools[i] = pool_of(pool_sizes[i]);
}

FILCH_UNUSED static void pools_destroy(void)
{
    for (size_t i = 1; i < POOLS; i++)
        cr_assert_eq(filch_pool_destroy(pools[i]), 0);
}

#endif
