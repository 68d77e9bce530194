/* SPDX-License-Identifier: MIT
 *
 * What concerns the process as a whole. After fork() the child has all of filch's memory and none
 * of its threads: generations tell what is whose. And the process does not end before what was
 * detached has. */
#ifndef FI_PROCESS_H
#define FI_PROCESS_H

#include <stdbool.h>

/* Any thread, before it makes something that fork() would orphan. Returns 0 or FILCH_ENOMEM. */
int fi_process_init(void);

/* Any thread. How many forks led to this process since it was loaded. */
unsigned fi_process_generation(void);

/* Something that exit() ends first, such as an executor whose tasks are to run. */
struct fi_process_member {
    struct fi_process_member *next, **link;           /* of all members */
    void (*finish)(struct fi_process_member *member); /* blocks; it is no member any more */
    const void *pool;                                 /* on which it depends */
};

/* Any thread, after fi_process_init(). `finish` and `pool` are set. */
void fi_process_enter(struct fi_process_member *member);

/* Any thread. It may have gone by itself, at exit(). Returns false if exit() is about to finish it,
 * and still uses it; wait: until that is over, for who does not keep it from finishing. */
bool fi_process_leave(struct fi_process_member *member, bool wait);

/* Any thread. The pool goes: nothing that depends on it can be finished any more. */
void fi_process_drop(const void *pool);

/* Any thread. exit() waits from now on, until fi_process_release(). Returns 0 or FILCH_ENOMEM. */
int fi_process_hold(void);

/* Any thread, as the last it does with filch if `leaves`: it is then joined before the process
 * ends, or the library is unloaded. */
void fi_process_release(bool leaves);

#endif
