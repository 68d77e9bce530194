/* SPDX-License-Identifier: MIT
 *
 * The claims in flight. What a running call has allocated already counts twice, as its claim
 * and as less memory available. That errs towards refusing, and counting it once would need
 * to know how far GMP has come.
 *
 * A mutex, because measuring and claiming must be one step: a call that ended between the two
 * leaves its result behind, which the measurement has not seen. It is held for the reading of
 * a few files of the kernel (about 0.2 ms), and large numbers alone take it. */
#include "bignum/reserve.h"

#include <filch/bignum.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Up to here a claim is as good as malloc() itself, and F(n) takes less time than system calls.
 * GMP's use of the stack is then below the 128 KiB that a process starts with. */
static const uint64_t small_bytes = UINT64_C(64) << 10;

/* Up to here F(n) takes less time than a look into /proc. Instead the kernel is to map much more
 * than the bytes asked for, which leaves room for others of that size in other threads. */
static const uint64_t medium_bytes = UINT64_C(1) << 20;
static const uint64_t medium_room = UINT64_C(32) << 20;

/* Beside the bytes asked for: the stack's growth, which fails with a signal, and the heap's
 * rounding; an eighth for free pieces that fit no request. README.md has the measurement. */
static const uint64_t fixed_margin = UINT64_C(1) << 20;
static const uint64_t margin_divisor = 8;

static struct {
    pthread_mutex_t lock;
    uint64_t claimed; /* bytes, margins included; under the lock */
} in_flight = {PTHREAD_MUTEX_INITIALIZER, 0};

static uint64_t with_margin(uint64_t bytes)
{
    uint64_t margin = bytes / margin_divisor + fixed_margin;
    return bytes > UINT64_MAX - margin ? UINT64_MAX : bytes + margin;
}

/* volatile: compilers remove a malloc() whose block nobody uses. */
static bool heap_gives(uint64_t bytes)
{
    void *volatile block = malloc((size_t)bytes);
    bool given = block != NULL;
    free(block);
    return given;
}

/* Asks the kernel itself: it alone knows overcommit rules and other people's limits. The pages
 * are never touched, so this costs no memory. */
static bool kernel_maps(uint64_t bytes)
{
    if (bytes > SIZE_MAX)
        return false;
    void *area =
        mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED)
        return false;
    munmap(area, (size_t)bytes);
    return true;
}

/* Under the lock. Mapping is tried last: it must stay within what the arithmetic has shown to
 * be nobody's, or it would take a running call's memory for a moment. */
static bool fits(const struct fi_memory_roots *roots, uint64_t bytes)
{
    uint64_t available = fi_memory_available(roots);
    if (in_flight.claimed > available || bytes > available - in_flight.claimed)
        return false;
    return kernel_maps(bytes);
}

static bool return_idle(void)
{
    bool returned = filch_gmp_arena_trim() > 0;
#ifdef __GLIBC__
    returned |= malloc_trim(0) != 0;
#endif
    return returned;
}

int fi_memory_reserve(const struct fi_memory_roots *roots, uint64_t bytes)
{
    if (bytes <= small_bytes)
        return heap_gives(bytes) ? 0 : FILCH_ENOMEM;

    /* A thread's first malloc() may reserve address space for its heap: that must have
     * happened before the measurement. */
    if (!heap_gives(1))
        return FILCH_ENOMEM;
    uint64_t total = with_margin(bytes);
    pthread_mutex_lock(&in_flight.lock);
    bool fit = (bytes <= medium_bytes && kernel_maps(medium_room)) || fits(roots, total);
    /* Free memory that the arena and malloc() keep counts as used: have it returned, and look
     * again. */
    if (!fit && return_idle())
        fit = fits(roots, total);
    if (fit)
        in_flight.claimed += total;
    pthread_mutex_unlock(&in_flight.lock);
    return fit ? 0 : FILCH_ENOMEM;
}

void fi_memory_release(uint64_t bytes)
{
    if (bytes <= small_bytes)
        return;
    pthread_mutex_lock(&in_flight.lock);
    in_flight.claimed -= with_margin(bytes);
    pthread_mutex_unlock(&in_flight.lock);
}
