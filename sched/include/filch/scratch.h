/* SPDX-License-Identifier: MIT
 *
 * Scratch memory: what a task needs while it runs, of a size that is known only then, too much
 * for the stack and too short-lived for malloc(): a row, a board, a buffer to merge into. Each
 * thread has an arena, and takes memory from its front by moving a pointer; a mark remembers
 * where that stood, and a reset moves it back. Each takes a few nanoseconds.
 *
 *     FILCH_TASK(long, count, const struct board *, board)
 *     {
 *         size_t mark = filch_scratch_mark();
 *         struct board *next = filch_scratch_alloc(MOVES * sizeof *next);
 *         ...                             // fork count(&next[i]) for each move, and join them all
 *         filch_scratch_reset(mark);      // frees all that was allocated here since the mark
 *         return sum;
 *     }
 *
 * Rules: last in, first out, on one thread. A task, which runs on one thread from its beginning
 * to its end, leaves the arena as it finds it: it resets to its own mark before it returns. So
 * when a task that waited goes on, what its worker has run on top of it has given all back.
 * Memory may be handed to forks, and to any other thread, that have done with it before the
 * reset: a fork is joined first.
 *
 * No task is reset by itself. It would cost each one two calls, whether it uses scratch memory or
 * not; and done for stolen and submitted ones alone it would hide what goes wrong in all others.
 * In place of that a task that leaves memory behind is reported: where FILCH_DEBUG is defined
 * before task.h is included an assertion names the task of fork-join; a debug build of the
 * library asserts it of submitted functions, and of marks that are reset to when they are gone.
 * Where the library is built with AddressSanitizer, it finds who uses memory after its reset, or
 * beyond its end.
 *
 * Threads that are no workers have an arena, too, so that what uses scratch memory can be called
 * from anywhere, and tried out serially. An arena is address space, made at the thread's first
 * allocation: a worker's has scratch_size (pool.h) bytes and goes with its pool, any other has 64
 * MiB and goes with its thread. Memory is used as it is touched. A worker that falls asleep with
 * no task on its stack gives what is above 256 KiB back to the system. The child of a fork()
 * keeps the arena of the thread that forked. */
#ifndef FILCH_SCRATCH_H
#define FILCH_SCRATCH_H

#include <filch/base.h>

#include <stddef.h>

FILCH_BEGIN_DECLS

/* Any thread, does not block. So many bytes of its arena, aligned to 16, of any content; 0 counts
 * as 1. Valid until a reset to a mark that was taken before. Returns NULL, and changes nothing,
 * when the arena has less left, or cannot be made. */
FILCH_API void *filch_scratch_alloc(size_t size);

/* Likewise, aligned to `alignment`, and to 16. NULL also when that is no power of two. */
FILCH_API void *filch_scratch_alloc_aligned(size_t size, size_t alignment);

/* Any thread, does not block. How many bytes of its arena are in use: what filch_scratch_reset()
 * takes to come back here. */
FILCH_API size_t filch_scratch_mark(void);

/* Any thread, does not block. Frees what it has allocated since it took the mark. Does nothing if
 * no more than that is in use. */
FILCH_API void filch_scratch_reset(size_t mark);

/* Any thread, does not block. Gives memory that is not in use, above 256 KiB, back to the system,
 * as workers do by themselves: for a thread that is none, and has used much. */
FILCH_API void filch_scratch_trim(void);

FILCH_END_DECLS

#endif
