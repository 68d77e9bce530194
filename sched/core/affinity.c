/* SPDX-License-Identifier: MIT
 *
 * The affinity mask, however large. */
#include "sched/core/affinity.h"

#include <errno.h>

cpu_set_t *fi_affinity_read(size_t *bytes)
{
    /* The kernel says EINVAL for a set smaller than its own. */
    for (int size = CPU_SETSIZE; size <= 1 << 20; size *= 2) {
        cpu_set_t *set = CPU_ALLOC((size_t)size);
        if (!set)
            return NULL;
        *bytes = CPU_ALLOC_SIZE((size_t)size);
        if (!sched_getaffinity(0, *bytes, set))
            return set;
        int error = errno;
        CPU_FREE(set);
        if (error != EINVAL)
            return NULL;
    }
    return NULL;
}
