/* SPDX-License-Identifier: MIT
 *
 * What the library tells AddressSanitizer, if it is built with it. */
#ifndef FI_SANITIZE_H
#define FI_SANITIZE_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define FI_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FI_ASAN 1
#endif
#endif
#ifndef FI_ASAN
#define FI_ASAN 0
#endif

#if FI_ASAN
#include <sanitizer/asan_interface.h>
#else
#define __asan_poison_memory_region(memory, size)   ((void)(memory), (void)(size))
#define __asan_unpoison_memory_region(memory, size) ((void)(memory), (void)(size))
#endif

/* Nobody may use these bytes, from here on. */
static inline void fi_poison(const void *memory, size_t size)
{
    __asan_poison_memory_region(memory, size);
}

/* They may be used. */
static inline void fi_unpoison(const void *memory, size_t size)
{
    __asan_unpoison_memory_region(memory, size);
}

#endif
