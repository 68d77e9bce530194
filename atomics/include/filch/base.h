/* SPDX-License-Identifier: MIT
 *
 * What every public header needs: linkage, visibility, and one spelling of an atomic
 * object for C11 and for C++. Declares no function and no type. */
#ifndef FILCH_BASE_H
#define FILCH_BASE_H

#if defined(__cplusplus)
#include <atomic>
#define FILCH_BEGIN_DECLS extern "C" {
#define FILCH_END_DECLS   }
/* std::atomic<T> and _Atomic(T) have one layout in every C++ library that filch is built
 * with; slot.h and counter.h assert the sizes that they rely on. */
#define FILCH_ATOMIC(T)                std::atomic<T>
#define FILCH_LOAD_RELAXED(object)     ((object).load(std::memory_order_relaxed))
#define FILCH_STORE_RELAXED(object, v) ((object).store((v), std::memory_order_relaxed))
#define FILCH_ADD_RELAXED(object, v)   ((object).fetch_add((v), std::memory_order_relaxed))
#define FILCH_STATIC_ASSERT            static_assert
#define FILCH_ALIGNAS                  alignas
#else
#include <stdatomic.h>
#define FILCH_BEGIN_DECLS
#define FILCH_END_DECLS
#define FILCH_ATOMIC(T)            _Atomic(T)
#define FILCH_LOAD_RELAXED(object) atomic_load_explicit(&(object), memory_order_relaxed)
#define FILCH_STORE_RELAXED(object, v) \
    atomic_store_explicit(&(object), (v), memory_order_relaxed)
#define FILCH_ADD_RELAXED(object, v) \
    atomic_fetch_add_explicit(&(object), (v), memory_order_relaxed)
#define FILCH_STATIC_ASSERT _Static_assert
#define FILCH_ALIGNAS       _Alignas
#endif

#if defined(__GNUC__)
#define FILCH_API              __attribute__((visibility("default")))
#define FILCH_COLD             __attribute__((cold, noinline))
#define FILCH_UNUSED           __attribute__((unused))
#define FILCH_UNLIKELY(x)      __builtin_expect(!!(x), 0)
#define FILCH_PRINTF(fmt, arg) __attribute__((format(printf, fmt, arg)))
#else
#define FILCH_API
#define FILCH_COLD
#define FILCH_UNUSED
#define FILCH_UNLIKELY(x) (x)
#define FILCH_PRINTF(fmt, arg)
#endif

/* Bytes between two objects that must not share a cache line. */
#define FILCH_CACHE_LINE 64

#endif
