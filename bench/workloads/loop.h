/* SPDX-License-Identifier: MIT
 *
 * Short parallel loops, one after another: what it takes to begin and to end one. */
#ifndef BENCH_WORKLOADS_LOOP_H
#define BENCH_WORKLOADS_LOOP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LOOP_EMPTY_LENGTH 2
#define LOOP_MARK_LENGTH  1024

struct loop {
    size_t loops;    /* to be run */
    uint32_t *marks; /* one an iteration */
};

/* The body of an empty loop: the number of the iteration is all that is needed. */
static inline void loop_nothing(size_t i)
{
    __asm__ volatile("" : : "r"(i));
}

/* The body of one that is nearly so. Volatile: a mark at a time, with any compiler. */
static inline void loop_mark(uint32_t *marks, size_t i)
{
    volatile uint32_t *mark = &marks[i];
    *mark = *mark + 1;
}

void *loop_create(long loops);
void loop_reset(void *loop);
uint64_t loop_result_empty(const void *loop); /* the number of loops: nothing else is left */
uint64_t loop_result(const void *loop); /* of marks; 0 if an iteration has more than others */
void loop_destroy(void *loop);

#ifdef __cplusplus
}
#endif

#endif
