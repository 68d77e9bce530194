/* SPDX-License-Identifier: MIT
 *
 * The processors that the calling thread may use. Internal. */
#ifndef FI_AFFINITY_H
#define FI_AFFINITY_H

#include <sched.h>
#include <stddef.h>

/* Any thread. A set of *bytes as CPU_ALLOC() makes it, for CPU_FREE(); or NULL, when memory lacks or
 * the system does not say. */
cpu_set_t *fi_affinity_read(size_t *bytes);

#endif
