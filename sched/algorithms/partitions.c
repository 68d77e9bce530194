/* SPDX-License-Identifier: MIT
 *
 * partitions: the array is cut into as many parts as there are workers, or up to twice as many.
 * Each is sorted by partitions, stable ones with a buffer and, as in Edelkamp and Weiss's
 * BlockQuicksort (2016), without branches that depend on a comparison; up to 32 elements by
 * merging. The two sides of a partition are forks. The parts are then merged in pairs, each merge
 * in parallel. Partitions are cheaper than merges: they wait for no load. So there are no more
 * merges than it takes to have all workers at work from the start.
 *
 * The pivot is the pseudomedian of a sample of about the square root of the elements. After 2 log2
 * n partitions above each other what is left is sorted by merging. If a pivot equals the one that
 * its side is not less than, all that equal it are split off, and are done.
 *
 * At each step each part of the array has a permutation of what it had, or is about to get it, from
 * the buffer, whatever happens: so it may be stopped anywhere. */
#include "sched/algorithms/partitions.h"

#include <filch/algorithm.h>
#include <filch/task.h>

#include <limits.h>
#include <string.h>

/* Elements that are partitioned between two looks whether to stop. */
#define STRETCH 16384

/* Part of the array, and of the buffer, to be sorted. */
struct piece {
    struct fi_sort *sort;
    size_t begin, count;
    const char *least; /* an element than which none of them is less, or NULL */
    unsigned limit;    /* partitions left */
    bool into_buffer;  /* where to put them */
};

static char *at(const struct fi_sort *sort, char *base, size_t index)
{
    return base + index * sort->order.type->moved;
}

static bool is_less(const struct fi_sort *sort, const char *x, const char *y)
{
    return sort->order.type->less(x, y, sort->order.context);
}

/* ---- Partitions -------------------------------------------------------------------------- */

static const char *median_of(const struct fi_sort *sort, const char *x, const char *y,
                             const char *z)
{
    bool x_first = is_less(sort, x, y);

    if (x_first != is_less(sort, x, z))
        return x;
    return x_first == is_less(sort, y, z) ? y : z;
}

/* The median of three, each of which is that of three in its neighbourhood, and so on. */
static const char *pseudomedian(const struct fi_sort *sort, char *from, size_t count)
{
    size_t part = count / 8;
    char *middle = at(sort, from, part * 4), *end = at(sort, from, part * 7);

    if (part < 8)
        return median_of(sort, from, middle, end);
    return median_of(sort, pseudomedian(sort, from, part), pseudomedian(sort, middle, part),
                     pseudomedian(sort, end, part));
}

/* A partition, or the start of one if it is stopped. */
struct division {
    struct piece whole, low, high;
    FILCH_ALIGNAS(64) char pivot[FILCH_SORT_DIRECT];
};

static void copy_into_buffer(const struct piece *piece)
{
    struct fi_sort *sort = piece->sort;

    memcpy(at(sort, sort->buffer, piece->begin), at(sort, sort->array, piece->begin),
           piece->count * sort->order.type->moved);
}

static void divide(void *argument)
{
    struct division *division = argument;
    struct piece *whole = &division->whole;
    struct fi_sort *sort = whole->sort;
    const struct filch_sort_type *type = sort->order.type;
    char *from = at(sort, sort->array, whole->begin);
    char *buffer = at(sort, sort->buffer, whole->begin);
    size_t done = 0, below = 0;

    memcpy(division->pivot, pseudomedian(sort, from, whole->count), type->moved);
    bool equal = whole->least && !is_less(sort, whole->least, division->pivot);
    while (done < whole->count && !fi_loop_stopped(&sort->order.stop)) {
        size_t end = whole->count - done < STRETCH ? whole->count : done + STRETCH;
        below = type->partition(from, buffer, done, end, below, division->pivot, equal,
                                sort->order.context);
        done = end;
    }
    memcpy(at(sort, from, below), buffer, (done - below) * type->moved);

    division->low = division->high = *whole;
    division->low.count = below;
    division->low.limit = division->high.limit = whole->limit - 1;
    division->high.begin += below;
    division->high.count -= below;
    division->high.least = division->pivot;
    if (equal) {
        if (whole->into_buffer)
            copy_into_buffer(&division->low);
        division->low.count = 0;
        division->high.least = NULL;
    }
}

/* ---- Runs that are there already --------------------------------------------------------- */

/* Done if it is in order, or falls. */
static bool sort_run(const struct piece *piece)
{
    struct fi_sort *sort = piece->sort;
    const struct filch_sort_type *type = sort->order.type;
    char *from = at(sort, sort->array, piece->begin);

    if (piece->count == sort->count) /* find_natural() has had a look */
        return false;
    if (type->run(from, piece->count, false, sort->order.context) < piece->count) {
        if (type->run(from, piece->count, true, sort->order.context) < piece->count)
            return false;
        type->reverse(from, at(sort, from, piece->count - 1), piece->count / 2);
    }
    if (piece->into_buffer)
        copy_into_buffer(piece);
    return true;
}

/* Is it made of long runs? A guess, by SPANS spans of SPAN elements. */
#define SPANS 32
#define SPAN  8

static bool has_long_runs(const struct piece *piece)
{
    struct fi_sort *sort = piece->sort;
    const struct filch_sort_type *type = sort->order.type;
    size_t runs = 0, apart = piece->count / SPANS;

    if (apart < 4 * SPAN)
        return false;
    for (size_t i = 0; i < SPANS && runs + 2 > i; i++) {
        char *from = at(sort, sort->array, piece->begin + i * apart);
        runs += type->run(from, SPAN, false, sort->order.context) == SPAN ||
                type->run(from, SPAN, true, sort->order.context) == SPAN;
    }
    return runs + 2 >= SPANS;
}

/* ---- Pieces ------------------------------------------------------------------------------ */

/* Cut in the middle, the halves to be put where the piece is not. */
static void cut_piece(const struct piece *piece, struct piece *left, struct piece *right)
{
    *left = *right = *piece;
    left->count = piece->count / 2;
    right->begin += left->count;
    right->count -= left->count;
    left->into_buffer = right->into_buffer = !piece->into_buffer;
}

/* The halves, sorted, and where they go. */
static struct fi_runs sorted_halves(const struct piece *left, const struct piece *right)
{
    struct fi_sort *sort = left->sort;
    char *from = left->into_buffer ? sort->buffer : sort->array;
    char *to = left->into_buffer ? sort->array : sort->buffer;

    return (struct fi_runs){at(sort, from, left->begin), at(sort, from, right->begin),
                            left->count, right->count, at(sort, to, left->begin)};
}

static void sort_by_partitions(const struct piece *piece);

/* cuts: how often to cut it in any case. */
static void sort_by_merging(const struct piece *piece, unsigned cuts)
{
    struct fi_sort *sort = piece->sort;
    struct piece left, right;

    if (fi_loop_stopped(&sort->order.stop) || sort_run(piece))
        return;
    if (piece->count <= FILCH_SORT_SMALL || (cuts == 0 && !has_long_runs(piece))) {
        sort_by_partitions(piece);
        return;
    }
    cut_piece(piece, &left, &right);
    sort_by_merging(&left, cuts ? cuts - 1 : 0);
    sort_by_merging(&right, cuts ? cuts - 1 : 0);
    if (!fi_loop_stopped(&sort->order.stop))
        fi_merge_serial(&sort->order, sorted_halves(&left, &right));
}

static void sort_by_partitions(const struct piece *piece)
{
    struct fi_sort *sort = piece->sort;
    struct division division = {.whole = *piece};

    if (piece->count <= FILCH_SORT_SMALL) {
        sort->order.type->small(at(sort, sort->array, piece->begin),
                                at(sort, sort->buffer, piece->begin), piece->count,
                                piece->into_buffer, sort->order.context);
    } else if (piece->limit == 0) {
        sort_by_merging(piece, UINT_MAX);
    } else if (!fi_loop_stopped(&sort->order.stop)) {
        divide(&division);
        sort_by_partitions(&division.low);
        sort_by_partitions(&division.high);
    }
}

/* ---- On a pool --------------------------------------------------------------------------- */

static void sort_leaf(void *piece)
{
    sort_by_partitions(piece);
}

/* The two sides of a partition at a time. */
FILCH_VOID_TASK(partitions, struct piece *, piece)
{
    struct fi_order *order = &piece->sort->order;
    struct division division = {.whole = *piece};

    if (piece->count <= order->grain || piece->limit == 0) {
        filch_scope_call(order->stop.scope, sort_leaf, piece);
        return;
    }
    filch_scope_call(order->stop.scope, divide, &division);
    FILCH_FORK(partitions, &division.high);
    FILCH_CALL(partitions, &division.low);
    FILCH_JOIN(partitions);
}

/* What is to be done about a piece. */
struct plan {
    struct piece *piece;
    bool done, has_long_runs;
};

static void make_plan(void *argument)
{
    struct plan *plan = argument;

    plan->done = fi_loop_stopped(&plan->piece->sort->order.stop) || sort_run(plan->piece);
    plan->has_long_runs = !plan->done && has_long_runs(plan->piece);
}

/* As sort_by_merging(). */
FILCH_VOID_TASK(merges, struct piece *, piece, unsigned, cuts)
{
    struct fi_order *order = &piece->sort->order;
    struct plan plan = {.piece = piece};
    struct piece left, right;

    filch_scope_call(order->stop.scope, make_plan, &plan);
    if (plan.done)
        return;
    if (piece->count <= order->grain || (cuts == 0 && !plan.has_long_runs)) {
        FILCH_CALL(partitions, piece);
        return;
    }
    cut_piece(piece, &left, &right);
    FILCH_FORK(merges, &right, cuts ? cuts - 1 : 0);
    FILCH_CALL(merges, &left, cuts ? cuts - 1 : 0);
    FILCH_JOIN(merges);
    if (!fi_loop_stopped(&order->stop)) {
        struct fi_runs runs = sorted_halves(&left, &right);
        FILCH_CALL(fi_merge, order, &runs);
    }
}

/* ---- Arrays that are in order, or fall ------------------------------------------------------ */

struct natural {
    struct fi_sort *sort;
    bool falling;
    bool found; /* it was so, and is in order now, but for an error */
};

/* For filch_for(). Positive: these indices, and the one behind, are not a run. */
static int check(void *context, size_t begin, size_t end)
{
    struct natural *natural = context;
    struct fi_sort *sort = natural->sort;
    size_t count = end - begin + 1;

    return sort->order.type->run(at(sort, sort->array, begin), count, natural->falling,
                                 sort->order.context) < count;
}

static int exchange(void *context, size_t begin, size_t end)
{
    struct fi_sort *sort = context;

    sort->order.type->reverse(at(sort, sort->array, begin),
                              at(sort, sort->array, sort->count - 1 - begin), end - begin);
    return 0;
}

static void find_natural(void *argument)
{
    struct natural *natural = argument;
    struct fi_sort *sort = natural->sort;

    natural->falling = sort->count > 1 && is_less(sort, at(sort, sort->array, 1), sort->array);
    int error = filch_for(sort->pool, 0, sort->count - 1, check, natural, NULL);
    if (error > 0)
        return;
    if (!error && natural->falling)
        error = filch_for(sort->pool, 0, sort->count / 2, exchange, sort, NULL);
    fi_loop_fail(&sort->order.stop, error);
    natural->found = true;
    sort->untouched = !natural->falling;
}

/* ---- All of it --------------------------------------------------------------------------- */

/* So that all workers have a piece. */
static unsigned first_cuts(const struct fi_sort *sort)
{
    size_t workers = (size_t)filch_pool_size(sort->pool);
    unsigned bits = 0;

    while ((size_t)1 << bits < workers && sort->count >> (bits + 1) >= sort->order.grain)
        bits++;
    return bits;
}

static struct piece all_of(struct fi_sort *sort)
{
    struct piece piece = {.sort = sort, .count = sort->count};

    while (sort->count >> piece.limit > 1)
        piece.limit++;
    piece.limit *= 2;
    return piece;
}

FILCH_VOID_TASK(whole_sort, struct fi_sort *, sort)
{
    struct piece piece = all_of(sort);
    struct natural natural = {.sort = sort};

    filch_scope_call(sort->order.stop.scope, find_natural, &natural);
    if (!natural.found)
        FILCH_CALL(merges, &piece, first_cuts(sort));
}

static void sort_serially(struct fi_sort *sort)
{
    struct piece piece = all_of(sort);
    struct natural natural = {.sort = sort};

    find_natural(&natural);
    if (!natural.found)
        sort_by_merging(&piece, 0);
}

void fi_sort_all(struct fi_sort *sort)
{
    if (sort->pool)
        FILCH_RUN(sort->pool, whole_sort, sort);
    else
        sort_serially(sort);
}
