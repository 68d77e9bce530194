/* SPDX-License-Identifier: MIT
 *
 * The injection queue of queue.h, which draws the picture; here is the argument. C11 atomics
 * only, so that ThreadSanitizer and the model checker follow it: what tests/model/queue.c
 * checks is this file, with FILCH_MODEL defined and with segments and a directory of two.
 *
 * Let t be a ticket, g = t / N its segment, and w the directory word of g, read before the CAS
 * that draws t and used only if that CAS succeeds.
 *
 * w is not too old. Tickets are drawn in order, so g's first ticket, g * N, was drawn before t,
 * by a thread that knew w = occupied(g): it opened g itself, or found it open. A thread
 * that read w after `tail` (Q1, Q9) had read that CAS (Q3) or a later one, and sees no older w.
 *
 * w is not too new. The word leaves occupied(g) only in fi_queue_drop(), after all N pairs of
 * tickets of g were finished, and ours, drawn later, was not among them; or before there was a
 * ticket of g, when a close overtakes who opened it. So the read of w happens before the word
 * changes.
 *
 * So nothing has to be announced before a segment is entered: the ticket keeps it. Each cell is
 * touched by one push and one pop, in two atomic steps, and the thread whose step is second
 * (a pop that found the item, a push that found poison) counts the cell as finished. The one
 * that counts to N is the last that can hold a pointer to the segment.
 *
 * The first ticket of a segment is not drawn by its pusher but comes with the segment: whoever
 * opens g does so with its item in cell 0, and then it, or any thread that finds g open and
 * tail still at g * N, moves tail on. This is why drawing can be a CAS that never waits for
 * memory, and it makes push lock-free in the strict sense: a push and a pop that spoil each
 * other's cells for ever would cross a border every N tickets, and there a push succeeds.
 *
 * The lap in the directory word makes the word change like a counter: a thread that slept
 * before opening g fails its CAS even if g was since opened, closed and freed, and open can
 * tell g from the segment D before it, which shares its word, by one bit and without following
 * a pointer that may be stale. Only who was overtaken by a close takes the word back a step, to
 * vacant(g): tail then stands still, so whoever opens g once more finds itself overtaken, too.
 *
 * fi_queue_close() is exact since every ticket of a push is drawn by a CAS from a tail that is not
 * CLOSED. README.md has that argument, and the one for several tickets at once. */
#include "queue.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#ifndef FILCH_MODEL
#include <string.h>
#include <sys/mman.h>
#endif

#define N ((uint64_t)FI_QUEUE_SEGMENT)
#define D ((uint64_t)FI_QUEUE_DIRECTORY)

/* In tail: nothing more is pushed. Tickets stay below it. */
#define CLOSED ((uint64_t)1 << 63)

/* How often a pop looks for an item whose push has drawn the ticket but not yet stored: about a
 * microsecond. A running push needs a few nanoseconds; a preempted one is not waited for. */
#ifndef FI_QUEUE_PATIENCE
#define FI_QUEUE_PATIENCE 128
#endif

struct fi_queue_segment {
    /* The second thread at each cell adds 1; at N the segment is freed. */
    _Alignas(FILCH_CACHE_LINE) _Atomic(uint32_t) finished;
    /* NULL -> item by the push, or NULL -> poison by the pop, of its ticket. Written once. */
    _Alignas(FILCH_CACHE_LINE) _Atomic(void *) cells[FI_QUEUE_SEGMENT];
};
_Static_assert(_Alignof(struct fi_queue_segment) >= 4, "two low bits of its address are free");
_Static_assert(FI_QUEUE_SEGMENT > 1, "a segment of one cell has no second ticket");

/* A cell spoilt by a pop that gave up. An address of our own: no item can be equal to it. */
static char fi_queue_poison;
#define POISON ((void *)&fi_queue_poison)

/* ---- What differs in a model checker ---------------------------------------------------- */

#ifdef FILCH_MODEL
/* The model checker follows neither mmap nor memset. optnone (clang's, as the checker is) keeps
 * the compiler from making a memset of a loop. */
__attribute__((optnone, noinline)) static void *fi_queue_zeroed(size_t words)
{
    _Atomic(uintptr_t) *memory = malloc(words * sizeof *memory);
    for (size_t i = 0; memory != NULL && i < words; i++)
        atomic_init(&memory[i], 0);
    return memory;
}

static void fi_queue_unmap(void *memory, size_t words)
{
    (void)words;
    free(memory);
}

__attribute__((optnone, noinline)) static void fi_queue_wipe(struct fi_queue_segment *segment)
{
    atomic_init(&segment->finished, 0);
    for (uint64_t i = 0; i < N; i++)
        atomic_init(&segment->cells[i], NULL);
}

static void fi_queue_stall(void)
{
}
#else
/* mmap, because malloc may hand out memory that it has to clear, touching all of it. */
static void *fi_queue_zeroed(size_t words)
{
    void *memory = mmap(NULL, words * sizeof(uintptr_t), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void fi_queue_unmap(void *memory, size_t words)
{
    munmap(memory, words * sizeof(uintptr_t));
}

/* All zero bits are 0 and NULL on every system that has mmap. */
static void fi_queue_wipe(struct fi_queue_segment *segment)
{
    memset(segment, 0, sizeof *segment);
}

static void fi_queue_stall(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory"); /* longer than `yield`, which does nothing on most */
#endif
}
#endif

/* ---- Directory words -------------------------------------------------------------------- */

static uintptr_t fi_queue_vacant(uint64_t number)
{
    return (uintptr_t)(number / D) << 1;
}

/* The two low bits of the word of segment `number` while it is open. */
static uintptr_t fi_queue_tag(uint64_t number)
{
    return (uintptr_t)(number / D & 1) << 1 | 1;
}

static struct fi_queue_segment *fi_queue_follow(uintptr_t word)
{
    return (struct fi_queue_segment *)(word & ~(uintptr_t)3);
}

static _Atomic(uintptr_t) *fi_queue_word(struct fi_queue *q, uint64_t number)
{
    return &q->directory[number % D];
}

/* ---- Segments: made, kept, opened, closed ----------------------------------------------- */

/* Returns a segment of zeros that only the caller knows, or NULL when memory lacks. */
static struct fi_queue_segment *fi_queue_take(struct fi_queue *q)
{
    /* Q8 pairs with Q7: what others did in the segment is over before it is wiped. */
    struct fi_queue_segment *segment =
        atomic_exchange_explicit(&q->spare, NULL, memory_order_acquire /* Q8 */);
    if (segment == NULL)
        segment = aligned_alloc(_Alignof(struct fi_queue_segment), sizeof *segment);
    if (segment != NULL)
        fi_queue_wipe(segment);
    return segment;
}

/* Keeps one segment for the next open, so that a queue that hovers about a border, or has one
 * item at a time, calls malloc no more. A second one is freed. */
static void fi_queue_give(struct fi_queue *q, struct fi_queue_segment *segment)
{
    struct fi_queue_segment *none = NULL;
    /* Q7 pairs with Q8. Relaxed when it fails: the segment that is there is not looked at. */
    if (!atomic_compare_exchange_strong_explicit(&q->spare, &none, segment,
                                                 memory_order_release, /* Q7 */
                                                 memory_order_relaxed))
        free(segment);
}

/* The thread that counted the last cell. Nobody else has a pointer to the segment. */
FILCH_COLD static void fi_queue_drop(struct fi_queue *q, uint64_t number,
                                     struct fi_queue_segment *segment)
{
    /* Relaxed: the word carries no data to who opens the next segment here, and the order of
     * values of this one word is all that the argument above needs. */
    atomic_store_explicit(fi_queue_word(q, number), fi_queue_vacant(number + D),
                          memory_order_relaxed);
    fi_queue_give(q, segment);
}

/* The thread whose step was the second at `count` cells of the segment of `ticket`. */
static void fi_queue_finish(struct fi_queue *q, uint64_t ticket,
                            struct fi_queue_segment *segment, uint32_t count)
{
    /* Q6 pairs with itself: all that any thread did in the segment happens before its end. */
    uint32_t before =
        atomic_fetch_add_explicit(&segment->finished, count, memory_order_acq_rel /* Q6 */);
    if (FILCH_UNLIKELY(before + count == N))
        fi_queue_drop(q, ticket / N, segment);
}

/* Moves tail past the first ticket of an open segment, unless another thread has. Returns false if
 * the queue was closed before anybody did. */
static bool fi_queue_advance(struct fi_queue *q, uint64_t first)
{
    uint64_t ticket = first;

    /* Q3 is Q2 for the first ticket of a segment. Relaxed when it fails: nothing is read. */
    return atomic_compare_exchange_strong_explicit(&q->tail, &ticket, ticket + 1,
                                                   memory_order_seq_cst, /* Q3 */
                                                   memory_order_relaxed) ||
           ticket != (first | CLOSED);
}

/* A push that found tail at a border, at `first`. Opens the segment with `item` in its first
 * cell and returns 0; or returns what push does; or returns 1 when tail may have moved. */
FILCH_COLD static int fi_queue_open(struct fi_queue *q, uint64_t first, void *item)
{
    uint64_t number = first / N;
    _Atomic(uintptr_t) *place = fi_queue_word(q, number);
    /* Q4 pairs with Q5: who finds the segment open and moves tail passes its zeros on. */
    uintptr_t word = atomic_load_explicit(place, memory_order_acquire /* Q4 */);

    if (word == fi_queue_vacant(number)) {
        struct fi_queue_segment *segment = fi_queue_take(q);
        if (segment == NULL)
            return FI_QUEUE_FULL;
        /* Relaxed: Q5 publishes it together with the other cells. */
        atomic_store_explicit(&segment->cells[0], item, memory_order_relaxed);
        /* Q5 pairs with Q4 and, through tail, with the pops: the cells are zero, or the item.
         * Success also proves that tail is still at `first`, but for CLOSED: it can't pass a
         * vacant word.
         * Relaxed when it fails: the word is looked at again. */
        if (atomic_compare_exchange_strong_explicit(place, &word,
                                                    (uintptr_t)segment | fi_queue_tag(number),
                                                    memory_order_release, /* Q5 */
                                                    memory_order_relaxed)) {
            if (FILCH_UNLIKELY(!fi_queue_advance(q, first))) {
                /* Nobody has a ticket of this segment, or will have one: tail stands still until
                 * the queue is reopened, which waits for us, and thereby orders this store before
                 * all that look at the word then. Relaxed, as in fi_queue_drop(). */
                atomic_store_explicit(place, fi_queue_vacant(number), memory_order_relaxed);
                fi_queue_give(q, segment);
                return FI_QUEUE_CLOSED;
            }
            return 0;
        }
        fi_queue_give(q, segment);
        return 1;
    }
    if ((word & 3) == fi_queue_tag(number)) {
        (void)fi_queue_advance(q, first);
        return 1;
    }
    /* Neither to be opened nor open. If tail has not moved, the word is still that of the
     * segment D before this one, which is not finished: the directory is full. Relaxed: Q4
     * keeps it after the load of the word. */
    return atomic_load_explicit(&q->tail, memory_order_relaxed) == first ? FI_QUEUE_FULL : 1;
}

/* ---- The queue -------------------------------------------------------------------------- */

int fi_queue_init(struct fi_queue *q)
{
    _Atomic(uintptr_t) *directory = fi_queue_zeroed(D); /* zero is vacant, lap 0 */
    if (directory == NULL)
        return -1;
    q->directory = directory;
    atomic_init(&q->tail, 0);
    atomic_init(&q->head, 0);
    atomic_init(&q->spare, NULL);
    return 0;
}

void fi_queue_fini(struct fi_queue *q)
{
    /* Relaxed, all of it: the caller has joined the other threads, one way or another. */
    uint64_t first = atomic_load_explicit(&q->head, memory_order_relaxed) / N;
    uint64_t last = (atomic_load_explicit(&q->tail, memory_order_relaxed) & ~CLOSED) / N;
    for (uint64_t number = first; number <= last; number++) {
        uintptr_t word = atomic_load_explicit(fi_queue_word(q, number), memory_order_relaxed);
        /* The last one is vacant when tail stands at its border. */
        if (word & 1)
            free(fi_queue_follow(word));
    }
    free(atomic_load_explicit(&q->spare, memory_order_relaxed));
    fi_queue_unmap(q->directory, D);
    q->directory = NULL;
}

/* Writes items into the cells of `due` tickets from `ticket` on, which the caller has drawn, but
 * for those that are spoilt. Returns how many: the first ones. */
static inline uint32_t fi_queue_write(struct fi_queue *q, uint64_t ticket, uint32_t due,
                                      struct fi_queue_segment *segment, void *const *items)
{
    uint32_t written = 0;

    for (uint32_t i = 0; i < due; i++) {
        void *found = NULL;
        assert(items[written] != NULL);
        /* Q10 pairs with Q11 and Q12: this step in the segment is over before it is freed.
         * (What the caller did before the push has travelled with tail. The acquire half is
         * there since C11 wants it no weaker than Q13.)
         * Q13 pairs with Q12: so is the pop's step, now that this thread counts the cell. */
        if (atomic_compare_exchange_strong_explicit(&segment->cells[(ticket + i) % N], &found,
                                                    items[written],
                                                    memory_order_acq_rel,  /* Q10 */
                                                    memory_order_acquire)) /* Q13 */
            written++;
        else
            assert(found == POISON);
    }
    /* If all are written then the segment may be gone. */
    if (FILCH_UNLIKELY(written < due))
        fi_queue_finish(q, ticket, segment, due - written);
    return written;
}

/* What both pushes do; `count` is a constant in one of them. */
static inline int fi_queue_append(struct fi_queue *q, void *const *items, uint32_t count,
                                  uint32_t *pushed)
{
    uint32_t done = 0;
    int error = 0;

    while (done < count) {
        /* Q1 pairs with Q2 and Q3: the segment of the ticket is open, and zeroed. */
        uint64_t ticket = atomic_load_explicit(&q->tail, memory_order_acquire /* Q1 */);
        if (FILCH_UNLIKELY(ticket & CLOSED)) {
            error = FI_QUEUE_CLOSED;
            break;
        }
        if (FILCH_UNLIKELY(ticket % N == 0)) {
            int opened = fi_queue_open(q, ticket, items[done]);
            if (opened < 0) {
                error = opened;
                break;
            }
            done += opened == 0;
            continue;
        }
        /* Relaxed: reading tail has brought the word and what it points to. */
        uintptr_t word =
            atomic_load_explicit(fi_queue_word(q, ticket / N), memory_order_relaxed);
        uint64_t left = N - ticket % N, drawn = ticket;
        uint32_t due = count - done < left ? count - done : (uint32_t)left;
        /* Q2 pairs with Q9 and Q17. seq_cst separates this store of tail and the caller's load
         * of the sleepers from the sleeper's store and its load of tail. Relaxed when it fails:
         * tail is read again. */
        if (atomic_compare_exchange_weak_explicit(&q->tail, &drawn, ticket + due,
                                                  memory_order_seq_cst, /* Q2 */
                                                  memory_order_relaxed))
            done += fi_queue_write(q, ticket, due, fi_queue_follow(word), items + done);
    }
    *pushed = done;
    return error;
}

int fi_queue_push(struct fi_queue *q, void *item)
{
    uint32_t pushed;
    return fi_queue_append(q, &item, 1, &pushed);
}

int fi_queue_push_many(struct fi_queue *q, void *const *items, uint32_t count, uint32_t *pushed)
{
    if (count != 1)
        return fi_queue_append(q, items, count, pushed);
    int error = fi_queue_push(q, items[0]);
    *pushed = !error;
    return error;
}

/* The item of a cell whose pop ticket the caller holds; or NULL, and the cell is spoilt. */
static void *fi_queue_collect(_Atomic(void *) *cell)
{
    void *item = NULL;
    for (int i = 0; item == NULL && i < FI_QUEUE_PATIENCE; i++) {
        if (i > 0)
            fi_queue_stall();
        /* Q11 pairs with Q10. */
        item = atomic_load_explicit(cell, memory_order_acquire /* Q11 */);
    }
    if (item != NULL)
        return item;
    /* Q12 pairs with Q10 when it finds an item, and with Q13 when it does not. */
    return atomic_exchange_explicit(cell, POISON, memory_order_acq_rel /* Q12 */);
}

/* How many tickets to draw from `ticket` on: what is there, within its segment. */
static uint32_t fi_queue_due(uint64_t ticket, uint64_t tail, uint32_t max)
{
    uint64_t there = tail - ticket, left = N - ticket % N;
    uint64_t due = there < left ? there : left;
    return due < max ? (uint32_t)due : max;
}

uint32_t fi_queue_pop_many(struct fi_queue *q, void **items, uint32_t max)
{
    for (;;) {
        /* Q14 pairs with Q15, so that head is read before tail and tail is not behind head:
         * equal means empty now, not that head is newer than tail. */
        uint64_t ticket = atomic_load_explicit(&q->head, memory_order_acquire /* Q14 */);
        /* Q9 pairs with Q2 and Q3: the segment of every ticket below tail is open. seq_cst as
         * in fi_queue_empty(): a last pop may take its place before sleeping. */
        uint64_t tail = atomic_load_explicit(&q->tail, memory_order_seq_cst /* Q9 */) & ~CLOSED;
        if (ticket >= tail)
            return 0;
        /* Relaxed: reading tail has brought the word and what it points to. */
        uintptr_t word =
            atomic_load_explicit(fi_queue_word(q, ticket / N), memory_order_relaxed);
        /* Q15 pairs with Q14 and Q16. Relaxed when it fails: head is read again. */
        uint64_t drawn = ticket;
        uint32_t due = fi_queue_due(ticket, tail, max), found = 0;
        if (!atomic_compare_exchange_weak_explicit(&q->head, &drawn, ticket + due,
                                                   memory_order_release, /* Q15 */
                                                   memory_order_relaxed))
            continue;

        struct fi_queue_segment *segment = fi_queue_follow(word);
        for (uint32_t i = 0; i < due; i++) {
            void *item = fi_queue_collect(&segment->cells[(ticket + i) % N]);
            if (item != NULL)
                items[found++] = item; /* else the push, now second, counts the cell */
        }
        if (FILCH_UNLIKELY(found == 0))
            continue;
        fi_queue_finish(q, ticket, segment, found);
        return found;
    }
}

void *fi_queue_pop(struct fi_queue *q)
{
    void *item;
    return fi_queue_pop_many(q, &item, 1) ? item : NULL;
}

bool fi_queue_empty(const struct fi_queue *q)
{
    /* head before tail, for the reason given at Q14. */
    uint64_t head = atomic_load_explicit(&q->head, memory_order_acquire /* Q16 */);
    /* Q17 pairs with Q2 and Q3. seq_cst separates the caller's store "I sleep" and this load
     * from a push's store of tail and its caller's load of the sleepers. */
    return head >= (atomic_load_explicit(&q->tail, memory_order_seq_cst /* Q17 */) & ~CLOSED);
}

#ifndef FILCH_MODEL /* which knows no saturating subtraction */
uint64_t fi_queue_count(const struct fi_queue *q)
{
    /* Relaxed: a snapshot. */
    uint64_t head = atomic_load_explicit(&q->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed) & ~CLOSED;
    return tail > head ? tail - head : 0;
}
#endif

void fi_queue_close(struct fi_queue *q)
{
    /* Q18, release, pairs with Q1: whoever cannot push sees what the closer wrote before, such as
     * why. Which pushes come before is decided by tail's own order. Whoever wants to see what they
     * appended pops it, by Q9: a read-modify-write passes Q2 and Q3 on. */
    (void)atomic_fetch_or_explicit(&q->tail, CLOSED, memory_order_release /* Q18 */);
}

void fi_queue_reopen(struct fi_queue *q)
{
    /* Q19, relaxed: it tells nobody anything. The caller knows that no push is under way, and
     * thereby has seen what they did (fi_queue_open()). */
    (void)atomic_fetch_and_explicit(&q->tail, ~CLOSED, memory_order_relaxed);
}
