/* SPDX-License-Identifier: MIT
 *
 * Arenas of scratch memory: see filch/scratch.h. Internal: what workers do with theirs. */
#ifndef FI_SCRATCH_H
#define FI_SCRATCH_H

#include <filch/base.h>
#include <filch/scratch.h>

#ifdef FILCH_DEBUG
#include <assert.h>
#endif

/* Bytes that an arena has by default. */
#define FI_SCRATCH_SIZE ((size_t)64 << 20)

/* Bytes that an idle worker keeps. */
#define FI_SCRATCH_KEEP ((size_t)256 << 10)

/* Lies at the start of its own mapping; its thread's alone.
 *
 *     arena      base          next            limit                     end
 *       | header | in use ...... | free ........ | never touched, or given back |
 */
struct fi_scratch {
    char *next, *limit;
    char *base, *end; /* constant */
};

/* Any thread, without the arena's: none of its memory is used any more. NULL is fine. */
void fi_scratch_destroy(struct fi_scratch *scratch);

/* The arena's thread. See fi_scratch_trim(). */
FILCH_COLD void fi_scratch_give_back(struct fi_scratch *scratch);

/* The arena's thread. Keeps what is in use, and FI_SCRATCH_KEEP at least. NULL is fine. */
static inline void fi_scratch_trim(struct fi_scratch *scratch)
{
    if (scratch && (size_t)(scratch->limit - (char *)scratch) > FI_SCRATCH_KEEP)
        fi_scratch_give_back(scratch);
}

/* Before and after a submitted function: it leaves the arena as it found it. */
#ifdef FILCH_DEBUG
static inline size_t fi_scratch_before(void)
{
    return filch_scratch_mark();
}

static inline void fi_scratch_after(size_t mark)
{
    assert(filch_scratch_mark() == mark && "a submitted task leaves scratch memory behind");
}
#else
static inline size_t fi_scratch_before(void)
{
    return 0;
}

static inline void fi_scratch_after(size_t mark)
{
    (void)mark;
}
#endif

#endif
