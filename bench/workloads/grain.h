/* SPDX-License-Identifier: MIT
 *
 * A parallel loop whose bodies all take the same time, from about 1 ns to about 1 ms: at which
 * grain does it pay? And one whose bodies take the longer the later they come. */
#ifndef BENCH_WORKLOADS_GRAIN_H
#define BENCH_WORKLOADS_GRAIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct grain {
    size_t count;   /* bodies */
    long steps;     /* of busy.h, each */
    uint8_t *marks; /* what each has left */
};

/* One body. */
void grain_body(struct grain *grain, size_t i);

/* Bodies of about as long as the name says. */
void *grain_create_1ns(long count);
void *grain_create_10ns(long count);
void *grain_create_100ns(long count);
void *grain_create_1us(long count);
void *grain_create_10us(long count);
void *grain_create_100us(long count);
void *grain_create_1ms(long count);
void grain_reset(void *grain);
uint64_t grain_result(const void *grain);
void grain_destroy(void *grain);

struct uneven {
    size_t count;
    uint64_t *results;
};

/* Maps item i to what i steps make of it. */
void uneven_map(struct uneven *uneven, size_t i);

void *uneven_create(long count);
void uneven_reset(void *uneven);
uint64_t uneven_result(const void *uneven);
void uneven_destroy(void *uneven);

#ifdef __cplusplus
}
#endif

#endif
