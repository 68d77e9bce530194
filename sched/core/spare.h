/* SPDX-License-Identifier: MIT
 *
 * Spares: workers beyond the pool's size, who take the place of those that sleep in a task: the pool
 * keeps its size at work. A spare is a worker like any other, but for one thing: it takes part
 * (`member`) only while somebody sleeps.
 *
 *     cold: no thread --cover: gets one------------+
 *        ^                                         v
 *        | not needed for 5 s                    member: asleep, searching, at work
 *        |                                         |  ^
 *     warm: asleep <---uncover finds it asleep,----+  | cover: counts as asleep
 *        |             or it meets a surplus at       |
 *        |             its top level                  |
 *        +--------------------------------------------+
 *
 * When a worker begins to sleep a spare is admitted, which means that it counts as asleep: it is
 * woken like any sleeper, once there is work for it. One that has no thread yet gets it before, for
 * a worker may only sleep on the strength of a spare that can run. When the worker comes back a
 * spare that still sleeps is sent away; if all are at work there is one member too many
 * (`surplus`), and the next spare that has finished its task retires. */
#ifndef FI_SPARE_H
#define FI_SPARE_H

#include "sched/core/worker.h"

enum fi_cover {
    FI_COVERED,   /* a spare has the place */
    FI_EXCLUSIVE, /* the pool has one worker and no spares: its tasks never overlap */
    FI_LACKING,   /* no more threads are to be had */
};

/* Worker. Has a spare admitted. */
enum fi_cover fi_spare_cover(struct fi_worker *worker);

/* Worker, after FI_COVERED. Sends a spare away, now or when it has time. */
void fi_spare_uncover(struct fi_worker *worker);

/* A worker at its top level. Is it a spare, and one too many? */
bool fi_spare_unwanted(const struct fi_worker *worker);

/* The worker, awake after it counted as asleep (fi_idle_announce()). It counts as searching again;
 * or it is a spare that was sent away meanwhile: false, and it must fi_spare_retire(). */
bool fi_spare_return(struct fi_worker *worker);

/* A spare at its top level that is unwanted, or was sent away, as fi_spare_return() has said: it may
 * have been admitted again since, and count as asleep. Sleeps until it is wanted, or the pool has
 * ended: true. Or it was not needed for long: false, and its thread must fi_spare_end(), as the last it
 * does. */
bool fi_spare_retire(struct fi_worker *spare, bool sent_away);
void fi_spare_end(struct fi_worker *spare);

#endif
