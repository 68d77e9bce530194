/* SPDX-License-Identifier: MIT
 *
 * What sort.h makes of a type: the inner loops of sorting and merging, with the comparison inlined.
 * Nothing here is meant to be used by hand. What calls them, and decides who runs what, is compiled
 * once, in the library.
 *
 * The loops take the size of an element and the comparison as arguments, which are constants
 * wherever they are inlined. They move elements by memcpy(), so that any type goes. No branch
 * depends on a comparison: on random data half of those would be mispredicted.
 *
 * Whatever a comparison answers, even if it contradicts itself: no loop leaves its bounds, and each
 * leaves a permutation of what it found. */
#ifndef FILCH_SORT_KERNEL_H
#define FILCH_SORT_KERNEL_H

#include <filch/base.h>
#include <filch/body.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Must x stand before y? */
typedef bool filch_less_fn(const void *x, const void *y, void *context);

/* Larger elements are sorted by pointers to them, and moved once. */
#define FILCH_SORT_DIRECT 32

/* So few elements are sorted by merging, more by partitions. */
#define FILCH_SORT_SMALL 32

/* The loops for one type. All sizes in elements. */
struct filch_sort_type {
    size_t size; /* bytes of an element */
    size_t
        moved; /* bytes of what is moved: the same, or of a pointer, to which `less` then gets
                     pointers */
    filch_less_fn *less;

    /* How many of the first elements are in order or, `falling`, each less than the one before. */
    size_t (*run)(const char *from, size_t count, bool falling, void *context);

    /* Exchanges x with y, the one behind x with the one before y, and so on. */
    void (*reverse)(char *x, char *y, size_t count);

    /* Goes on with a partition of `from`, of which those up to `begin` are done: `below` of them
     * are at its beginning and belong there, the others in `buffer`. Returns the new `below`.
     * Below is what is less than the pivot or, `equal`, not greater. */
    size_t (*partition)(char *from, char *buffer, size_t begin, size_t end, size_t below,
                        const char *pivot, bool equal, void *context);

    /* Sorts up to FILCH_SORT_SMALL elements. They end up in `from`, where there is a permutation
     * of them in any case, or in `buffer`. */
    void (*small)(char *from, char *buffer, size_t count, bool into_buffer, void *context);

    /* Merges two runs, of equal elements those of the left one first. */
    void (*merge)(const char *left, size_t left_count, const char *right, size_t right_count,
                  char *to, void *context);
};

/* x or y, without a branch, which compilers like to make of a conditional expression. */
FILCH_INLINE_ const char *filch_sort_pick_(bool first, const char *x, const char *y)
{
    uintptr_t from = (uintptr_t)y, by = (uintptr_t)x - (uintptr_t)y;

    return (const char *)(from + (by & (0 - (uintptr_t)first)));
}

FILCH_INLINE_ size_t filch_sort_run_(const char *from, size_t count, bool falling, size_t size,
                                     filch_less_fn *less, void *context)
{
    size_t i = 1;

    if (falling)
        while (i < count && less(from + i * size, from + (i - 1) * size, context))
            i++;
    else
        while (i < count && !less(from + i * size, from + (i - 1) * size, context))
            i++;
    return i < count ? i : count;
}

FILCH_INLINE_ void filch_sort_reverse_(char *x, char *y, size_t count, size_t size)
{
    char spare[FILCH_SORT_DIRECT];

    for (; count > 0; count--, x += size, y -= size) {
        memcpy(spare, x, size);
        memcpy(x, y, size);
        memcpy(y, spare, size);
    }
}

/* Each element is written to both places where it may belong; the next one overwrites it where it
 * does not. */
FILCH_INLINE_ size_t filch_sort_partition_(char *from, char *buffer, size_t begin, size_t end,
                                           size_t below, const char *pivot, bool equal,
                                           size_t size, filch_less_fn *less, void *context)
{
    FILCH_ALIGNAS(64) char copy[FILCH_SORT_DIRECT]; /* stays in a register, if it fits */

    memcpy(copy, pivot, size);
    for (size_t i = begin; i < end; i++) {
        char *x = from + i * size, *above = buffer + (i - below) * size;
        bool is_below = equal ? !less(copy, x, context) : less(x, copy, context);
        memcpy(above, x, size);
        memcpy(from + below * size, above, size);
        below += is_below;
    }
    return below;
}

/* One to four elements, to another place. */
FILCH_INLINE_ void filch_sort_few_(const char *from, size_t count, char *to, size_t size,
                                   filch_less_fn *less, void *context)
{
    const char *first = from, *second = from + size, *third = from + 2 * size;
    bool swapped, other, low, high;

    if (count < 2) {
        memcpy(to, from, count * size);
        return;
    }
    swapped = less(second, first, context);
    first = from + swapped * size;
    second = from + !swapped * size;
    if (count == 2) {
        memcpy(to, first, size);
        memcpy(to + size, second, size);
    } else if (count == 3) {
        low = less(third, first, context);
        high = low | less(third, second, context);
        memcpy(to, filch_sort_pick_(low, third, first), size);
        memcpy(to + size, filch_sort_pick_(low, first, filch_sort_pick_(high, third, second)),
               size);
        memcpy(to + 2 * size, filch_sort_pick_(high, second, third), size);
    } else {
        /* Two pairs: the lesser of their firsts, the greater of their seconds; two are left. */
        const char *fourth, *left, *right;
        other = less(third + size, third, context);
        fourth = third + !other * size;
        third += other * size;
        low = less(third, first, context);
        high = less(fourth, second, context);
        left = filch_sort_pick_(low, first, filch_sort_pick_(high, third, second));
        right = filch_sort_pick_(high, fourth, filch_sort_pick_(low, second, third));
        memcpy(to, filch_sort_pick_(low, third, first), size);
        memcpy(to + 3 * size, filch_sort_pick_(high, second, fourth), size);
        swapped = less(right, left, context);
        memcpy(to + size, filch_sort_pick_(swapped, right, left), size);
        memcpy(to + 2 * size, filch_sort_pick_(swapped, left, right), size);
    }
}

/* `steps` elements each from the beginnings of two runs and from their ends: two chains of loads
 * that do not wait for each other. The pointers move. */
struct filch_sort_ends_ {
    const char *left, *left_end, *right, *right_end;
    char *to, *to_end;
};

FILCH_INLINE_ void filch_sort_zip_(struct filch_sort_ends_ *ends, size_t steps, size_t size,
                                   filch_less_fn *less, void *context)
{
    struct filch_sort_ends_ e = *ends;

    for (; steps > 0; steps--) {
        bool from_right = less(e.right, e.left, context);
        memcpy(e.to, filch_sort_pick_(from_right, e.right, e.left), size);
        e.right += from_right * size;
        e.left += !from_right * size;
        e.to += size;
        bool from_left = less(e.right_end - size, e.left_end - size, context);
        e.to_end -= size;
        memcpy(e.to_end, filch_sort_pick_(from_left, e.left_end, e.right_end) - size, size);
        e.left_end -= from_left * size;
        e.right_end -= !from_left * size;
    }
    *ends = e;
}

/* As long as both runs have some left, half as many steps as the shorter one has elements cannot
 * make the ends meet, whatever is answered. */
FILCH_INLINE_ void filch_sort_merge_(const char *left, size_t left_count, const char *right,
                                     size_t right_count, char *to, size_t size,
                                     filch_less_fn *less, void *context)
{
    struct filch_sort_ends_ ends = {left,  left + left_count * size,
                                    right, right + right_count * size,
                                    to,    to + (left_count + right_count) * size};

    for (;;) {
        size_t left_bytes = (size_t)(ends.left_end - ends.left);
        size_t right_bytes = (size_t)(ends.right_end - ends.right);
        size_t steps = (left_bytes < right_bytes ? left_bytes : right_bytes) / size / 2;
        if (steps < 4)
            break;
        filch_sort_zip_(&ends, steps, size, less, context);
    }
    while (ends.left < ends.left_end && ends.right < ends.right_end) {
        bool from_right = less(ends.right, ends.left, context);
        memcpy(ends.to, filch_sort_pick_(from_right, ends.right, ends.left), size);
        ends.right += from_right * size;
        ends.left += !from_right * size;
        ends.to += size;
    }
    memcpy(ends.to, ends.left, (size_t)(ends.left_end - ends.left));
    ends.to += ends.left_end - ends.left;
    memcpy(ends.to, ends.right, (size_t)(ends.right_end - ends.right));
}

/* Two runs that differ in length by 1 at most: the ends meet, but where a comparison contradicts
 * itself, and then they are merged again with care. */
FILCH_INLINE_ void filch_sort_merge_even_(const char *left, size_t left_count,
                                          size_t right_count, char *to, size_t size,
                                          filch_less_fn *less, void *context)
{
    const char *right = left + left_count * size;
    size_t steps = left_count < right_count ? left_count : right_count;
    struct filch_sort_ends_ ends = {left,  right,
                                    right, right + right_count * size,
                                    to,    to + (left_count + right_count) * size};

    filch_sort_zip_(&ends, steps, size, less, context);
    if (FILCH_UNLIKELY(ends.left > ends.left_end || ends.right > ends.right_end))
        filch_sort_merge_(left, left_count, right, right_count, to, size, less, context);
    else if (left_count != right_count)
        memcpy(ends.to, filch_sort_pick_(ends.left < ends.left_end, ends.left, ends.right),
               size);
}

/* The first runs have one to four elements; there are 2, 4 or 8 of them, as even as can be. Each
 * round moves all elements to the other place. */
FILCH_INLINE_ void filch_sort_small_(char *from, char *buffer, size_t count, bool into_buffer,
                                     size_t size, filch_less_fn *less, void *context)
{
    unsigned bits = count <= 4 ? 0 : count <= 8 ? 1 : count <= 16 ? 2 : 3;
    char *here = buffer, *there = from;

    for (size_t i = 0, begin = 0, end; i < (size_t)1 << bits; i++, begin = end) {
        end = (i + 1) * count >> bits;
        filch_sort_few_(from + begin * size, end - begin, buffer + begin * size, size, less,
                        context);
    }
    while (bits-- > 0) {
        for (size_t i = 0, begin = 0, middle, end; i < (size_t)1 << bits; i++, begin = end) {
            middle = (2 * i + 1) * count >> (bits + 1);
            end = (i + 1) * count >> bits;
            filch_sort_merge_even_(here + begin * size, middle - begin, end - middle,
                                   there + begin * size, size, less, context);
        }
        char *swap = here;
        here = there;
        there = swap;
    }
    if (here != (into_buffer ? buffer : from))
        memcpy(there, here, count * size);
}

/* Defines name##_filch_run and so on, and name##_filch_sort: the struct filch_sort_type of elements
 * of `bytes` bytes, of which MOVED are moved, compared by name##_filch_less. */
#define FILCH_SORT_KERNELS_(name, bytes, MOVED)                                               \
    static size_t name##_filch_run(const char *from, size_t count, bool falling,              \
                                   void *context)                                             \
    {                                                                                         \
        return filch_sort_run_(from, count, falling, MOVED, name##_filch_less, context);      \
    }                                                                                         \
    static void name##_filch_reverse(char *x, char *y, size_t count)                          \
    {                                                                                         \
        filch_sort_reverse_(x, y, count, MOVED);                                              \
    }                                                                                         \
    static size_t name##_filch_partition(char *from, char *buffer, size_t begin, size_t end,  \
                                         size_t below, const char *pivot, bool equal,         \
                                         void *context)                                       \
    {                                                                                         \
        if (equal)                                                                            \
            return filch_sort_partition_(from, buffer, begin, end, below, pivot, true, MOVED, \
                                         name##_filch_less, context);                         \
        return filch_sort_partition_(from, buffer, begin, end, below, pivot, false, MOVED,    \
                                     name##_filch_less, context);                             \
    }                                                                                         \
    static void name##_filch_small(char *from, char *buffer, size_t count, bool into_buffer,  \
                                   void *context)                                             \
    {                                                                                         \
        filch_sort_small_(from, buffer, count, into_buffer, MOVED, name##_filch_less,         \
                          context);                                                           \
    }                                                                                         \
    static void name##_filch_merge(const char *left, size_t left_count, const char *right,    \
                                   size_t right_count, char *to, void *context)               \
    {                                                                                         \
        filch_sort_merge_(left, left_count, right, right_count, to, MOVED, name##_filch_less, \
                          context);                                                           \
    }                                                                                         \
    static const struct filch_sort_type name##_filch_sort = {bytes,                           \
                                                             MOVED,                           \
                                                             name##_filch_less,               \
                                                             name##_filch_run,                \
                                                             name##_filch_reverse,            \
                                                             name##_filch_partition,          \
                                                             name##_filch_small,              \
                                                             name##_filch_merge}

#endif
