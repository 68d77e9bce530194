/* SPDX-License-Identifier: MIT
 *
 * What a pipeline consists of. An item travels on a tray, of which there are as many as tokens.
 * At any time a tray is in the hand of a carrier, or
 *
 *     idle     empty: not used so far, or put down since the source was busy
 *     ready    for anybody to carry on
 *     waiting  at a stage, for its turn: in a flag of its row, or in the list of a gate
 *
 * A stage that one item at a time may be in has a right to it, which passes from one to the
 * next: who leaves the stage looks for one that waits, and if there is one makes its tray
 * ready, and admitted. No step waits for another. */
#ifndef FI_PIPELINE_PARTS_H
#define FI_PIPELINE_PARTS_H

#include "sched/algorithms/loop_stop.h"

#include <filch/pipeline.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Written by whoever has the tray, but for `below`. */
struct fi_tray {
    _Alignas(FILCH_CACHE_LINE) void *item;
    uint64_t sequence;       /* of the item, from 0 on */
    size_t stage;            /* the next one */
    bool loaded;             /* the item has left the source, and has not come to the end */
    bool admitted;           /* it has the right to that stage */
    struct fi_tray *behind;  /* in a gate's list: which came sooner, later the next */
    _Atomic(uint32_t) below; /* in a stack: the next one's number + 1, or 0 */
};

/* A stack of trays: the top's number + 1, or 0, in the lower half; above it a count of pushes,
 * so that no word comes twice (after 2^32 of them, while one thread stands between the look and
 * the CAS of a pop, one would fit again). */
struct fi_stack {
    _Alignas(FILCH_CACHE_LINE) _Atomic(uint64_t) top;
};

/* A serial stage. The word is FREE, BUSY, or the tray that came last of those that wait, the
 * others behind it; then it is busy. */
struct fi_gate {
    _Alignas(FILCH_CACHE_LINE) _Atomic(uintptr_t) word;
    struct fi_tray *first; /* those that were taken out of the word, oldest first; who is in the
                              stage has it */
};

/* The source. */
struct fi_intake {
    _Alignas(
        FILCH_CACHE_LINE) _Atomic(bool) busy; /* somebody asks; not used if it is parallel */
    _Atomic(uint32_t) fresh;                  /* trays that have been used */
    _Atomic(uint64_t) sequence;               /* the next item's */
    struct fi_stack idle;
};

/* A stage, constant. */
struct fi_step {
    struct filch_stage stage;
    struct fi_gate *gate; /* if it is serial */
    size_t column;        /* in a row, if it is in order */
};

struct filch_pipeline {
    /* Constant. */
    void *block; /* in which all lies */
    struct filch_pool *pool;
    struct filch_pipeline_options options;
    size_t count;
    struct fi_step *steps;
    size_t gate_count;
    struct fi_gate *gates;
    uint32_t tokens;
    struct fi_tray *trays;
    size_t width;             /* in-order stages */
    size_t stride;            /* words of a row: whole cache lines */
    uint64_t mask;            /* rows - 1: a power of two, and not fewer rows than trays */
    _Atomic(uintptr_t) *rows; /* a flag for each in-order stage: see flow/pipeline_gate.h */
    unsigned *depths;         /* carriers on the stack of each of the pool's workers, its own */

    _Atomic(bool) running; /* who runs or destroys it sets it */

    /* All carriers read it, and seldom write. */
    _Alignas(FILCH_CACHE_LINE) struct fi_loop_stop stop;
    _Atomic(bool) ended;    /* the source has */
    _Atomic(bool) invited;  /* there is a fork that has not begun */
    _Atomic(bool) recalled; /* all carriers leave */

    struct fi_stack ready;
    struct fi_intake intake;
};

#endif
