/* SPDX-License-Identifier: MIT
 *
 * See memory.h. */
#include "memory.h"

#include <stdint.h>
#include <sys/mman.h>

void *memory_create(size_t count, size_t size)
{
    if (count > SIZE_MAX / size)
        return NULL;
    void *memory = mmap(NULL, count * size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    /* A kernel without large pages refuses, and that is all. */
    madvise(memory, count * size, MADV_HUGEPAGE);
    return memory;
}

void memory_rest(void *memory, size_t count, size_t size)
{
    madvise(memory, count * size, MADV_DONTNEED);
}

void memory_destroy(void *memory, size_t count, size_t size)
{
    if (memory)
        munmap(memory, count * size);
}
