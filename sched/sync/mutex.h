/* SPDX-License-Identifier: MIT
 *
 * Mutexes, for conditions. */
#ifndef FI_MUTEX_H
#define FI_MUTEX_H

#include <filch/sync.h>

/* A thread that does not hold it. Locks it, whatever comes. */
void fi_mutex_lock_again(struct filch_mutex *mutex);

#endif
