/* SPDX-License-Identifier: MIT
 *
 * Stealing forks: from anybody, by a worker that has nothing else to do; or, by one that waits for a
 * stolen fork of its own, from its thief, and only what lies above that fork on the thief's stack:
 * Wagner and Calder's leapfrogging ("Leapfrogging: a portable technique for implementing efficient
 * futures", 1993), on to the thief's thief in Faxén's transitive form. */
#ifndef FI_STEAL_H
#define FI_STEAL_H

#include "sched/core/worker.h"

/* Worker. Runs the task in `slot`, which is the worker's alone. head: the first free slot of the
 * current level, or NULL when a plain function calls. */
void fi_worker_run(struct fi_worker *worker, struct filch_slot *head, struct filch_slot *slot);

/* Worker. Steals a fork from whoever has one, and runs it: the one that gave something last, near
 * ones, the others from a random one on. Leaves requests where there is none. head: as above.
 * Returns false if it found none. */
bool fi_steal_last(struct fi_worker *worker, struct filch_slot *head);
bool fi_steal_any(struct fi_worker *worker, struct filch_slot *head);

/* Worker whose fork in `slot` was stolen, and which waits for it. Runs a fork that was made under it,
 * and is needed for its end. head: above `slot`. */
bool fi_steal_back(struct fi_worker *worker, struct filch_slot *head,
                   const struct filch_slot *slot);

#endif
