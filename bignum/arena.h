/* SPDX-License-Identifier: MIT
 *
 * Memory for large blocks, GMP's and this library's own, that is used again without going back to
 * the kernel in between; bignum.h has what users see of it. Internal. Without
 * filch_gmp_arena_install() blocks are malloc()'s. */
#ifndef FILCH_BIGNUM_ARENA_H
#define FILCH_BIGNUM_ARENA_H

#include <stddef.h>
#include <stdint.h>

/* From here on a block is large. malloc() gives smaller ones, of a heap that then stays small. */
enum { FI_ARENA_LARGE = 64 << 10 };

/* Any thread. From the arena if the block is large and the arena has it, else from malloc(). NULL:
 * not enough memory. The caller owes fi_block_free(). */
void *fi_block_allocate(size_t bytes);

/* Any thread. block: from fi_block_allocate(), or NULL. */
void fi_block_free(void *block);

/* Any thread. A call will hold so many bytes, which it has claimed (reserve.h). An arena maps what
 * it lacks of them at once, in one piece, so that blocks of all sizes can be cut out of it; until
 * the caller says fi_arena_finish(bytes) it keeps them. */
void fi_arena_prepare(uint64_t bytes);
void fi_arena_finish(uint64_t bytes);

#endif
