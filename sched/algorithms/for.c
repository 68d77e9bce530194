/* SPDX-License-Identifier: MIT
 *
 * for: a piece of the range is halved until it is no larger than the grain; the far halves are
 * forks, the near one is a call of the body. How large the grain is the calls tell that have been
 * made: it grows until one takes about GRAIN_NS. Forks cost next to nothing unless somebody asks
 * for them, so whether a half goes to another worker is decided when it is taken: what Lazy Binary
 * Splitting (Tzannes, Caragea, Barua, Vishkin, 2010) does by a look at the deque, the deque
 * does. */
#include "sched/algorithms/loop_stop.h"
#include "sched/algorithms/pace.h"
#include "sched/algorithms/size.h"

#include <filch/algorithm.h>
#include <filch/task.h>

#include <stdbool.h>
#include <stdint.h>

/* A call should take so long: some hundred times what it costs to fork, join and look at the
 * clock. */
#define GRAIN_NS 10000

/* Nothing is shared before so much has been done that the clock can tell. */
#define TOLD_NS 500

/* What the first calls say about the others may be wrong. So a worker's share of the range is cut
 * into PIECES at least, unless they would be smaller than FEW indices, or are thought to take less
 * than LEAST_NS; then into FEW_PIECES at least. Before anything is shared one index is run, and
 * more if that does not tell; where a worker's share is less than SHARE it all is shared at
 * once. */
#define PIECES     32
#define FEW_PIECES 8
#define LEAST_NS   2000
#define SHARE      64
#define FEW        64

/* With so many indices a worker, or fewer, there is nothing to learn. */
#define ONE_BY_ONE 4

/* A rectangle; a range is one with a single column. */
struct fi_piece {
    struct filch_range rows, columns;
};

struct fi_loop {
    struct fi_loop_stop stop;

    /* Constant. */
    filch_for_fn *body; /* or NULL: the other one */
    filch_for_2d_fn *body_2d;
    void *context;
    size_t workers;
    size_t most; /* the grain's bound; constant from the first fork on */
    bool fixed;  /* the grain is that from the start */

    _Atomic(size_t) grain; /* whoever has timed a call writes it */
};

/* ---- Pieces ------------------------------------------------------------------------------ */

static size_t length(struct filch_range range)
{
    return range.end > range.begin ? range.end - range.begin : 0;
}

static size_t count(struct fi_piece piece)
{
    return length(piece.rows) * length(piece.columns);
}

/* The first `taken` of a range; the others stay. */
static struct filch_range cut_range(struct filch_range *range, size_t taken)
{
    struct filch_range first = {range->begin, range->begin + taken};

    range->begin = first.end;
    return first;
}

/* Leaves the near half of a piece of two indices or more; returns the far one. */
static struct fi_piece halve(struct fi_piece *piece)
{
    struct fi_piece near = *piece, far = *piece;

    if (length(piece->rows) >= length(piece->columns))
        near.rows = cut_range(&far.rows, length(far.rows) / 2);
    else
        near.columns = cut_range(&far.columns, length(far.columns) / 2);
    *piece = near;
    return far;
}

/* ---- Calls ------------------------------------------------------------------------------- */

/* The grain is a hint: relaxed. */
static size_t get_grain(struct fi_loop *loop)
{
    return atomic_load_explicit(&loop->grain, memory_order_relaxed);
}

static void set_grain(struct fi_loop *loop, size_t grain)
{
    atomic_store_explicit(&loop->grain, fi_smaller(fi_larger(grain, 1), loop->most),
                          memory_order_relaxed);
}

struct call {
    struct fi_loop *loop;
    struct fi_piece piece;
};

static void call(void *argument)
{
    struct call *call = argument;
    struct fi_loop *loop = call->loop;
    struct fi_piece piece = call->piece;
    int error = loop->body ? loop->body(loop->context, piece.rows.begin, piece.rows.end)
                           : loop->body_2d(loop->context, piece.rows, piece.columns);

    fi_loop_fail(&loop->stop, error);
}

static void run_piece(struct fi_loop *loop, struct fi_piece piece)
{
    struct call next = {loop, piece};

    if (!fi_loop_stopped(&loop->stop))
        filch_scope_call(loop->stop.scope, call, &next);
}

/* Likewise, and learns from it as long as there is something to learn. */
static void run_leaf(struct fi_loop *loop, struct fi_piece piece)
{
    size_t grain = get_grain(loop);

    if (grain == loop->most) {
        run_piece(loop, piece);
        return;
    }
    int64_t begun = fi_pace_now();
    run_piece(loop, piece);
    int64_t elapsed = fi_pace_now() - begun;
    if (elapsed > GRAIN_NS * 2)
        set_grain(loop, grain / 2);
    else if (elapsed < GRAIN_NS / 4 && count(piece) > grain / 2)
        set_grain(loop, grain > SIZE_MAX / 4 ? SIZE_MAX : grain * 4);
}

/* ---- On a pool --------------------------------------------------------------------------- */

FILCH_VOID_TASK(pieces, struct fi_loop *, loop, struct fi_piece, piece)
{
    int forks = 0;

    for (; count(piece) > get_grain(loop); forks++) {
        struct fi_piece far = halve(&piece);
        FILCH_FORK(pieces, loop, far);
    }
    if (forks > 0 && (loop->fixed || get_grain(loop) < loop->most))
        FILCH_SHARE(); /* now, rather than after what may be a long call */
    run_leaf(loop, piece);
    while (forks-- > 0)
        FILCH_JOIN(pieces);
}

/* How many indices can be run in `time`, if `done` took `elapsed`; at most `most`. */
static size_t fit(double time, size_t done, double elapsed, size_t most)
{
    double fits = time * (double)done / elapsed;

    return fits < (double)most ? (size_t)fits : most;
}

/* Runs some of the piece, if it is a range, to see what it takes: as long as the rest is not worth
 * sharing. */
static void begin_loop(struct fi_loop *loop, struct fi_piece *piece)
{
    size_t all = count(*piece), rows = 1;
    int64_t begun = fi_pace_now();

    if (length(piece->columns) > 1 || all / SHARE < loop->workers)
        return;
    for (;;) {
        struct fi_piece near = *piece;
        near.rows = cut_range(&piece->rows, fi_smaller(rows, length(piece->rows)));
        run_piece(loop, near);
        size_t left = count(*piece), done = all - left;
        if (left == 0)
            return;
        double elapsed = (double)(fi_pace_now() - begun) + 1;
        if (elapsed >= TOLD_NS && fit(FI_SHARED_NS, done, elapsed, left) < left) {
            size_t few = all / (FEW_PIECES * loop->workers);
            loop->most = fi_larger(loop->most, fit(LEAST_NS, done, elapsed, few));
            set_grain(loop, fit(GRAIN_NS, done, elapsed, loop->most));
            return;
        }
        /* As many as will tell, by what the clock, which takes some time itself, has told. */
        rows = fi_larger(rows, fit(TOLD_NS * 4, done, elapsed, left));
    }
}

FILCH_VOID_TASK(whole_loop, struct fi_loop *, loop, struct fi_piece, piece)
{
    if (get_grain(loop) < loop->most)
        begin_loop(loop, &piece);
    if (count(piece) > 0)
        FILCH_CALL(pieces, loop, piece);
}

/* ---- Without one ------------------------------------------------------------------------- */

static void loop_serially(struct fi_loop *loop, struct fi_piece piece)
{
    while (count(piece) > get_grain(loop)) {
        struct fi_piece far = halve(&piece);
        loop_serially(loop, piece);
        piece = far;
    }
    run_leaf(loop, piece);
}

/* ------------------------------------------------------------------------------------------ */

struct start {
    struct filch_pool *pool;
    struct fi_loop *loop;
    struct fi_piece piece;
    size_t grain;
};

/* In the scope that the calls are to run in. */
static void start_loop(void *argument)
{
    struct start *start = argument;
    struct fi_loop *loop = start->loop;
    size_t all = count(start->piece), chosen = start->grain;

    fi_loop_stop_init(&loop->stop);
    loop->workers = start->pool ? (size_t)filch_pool_size(start->pool) : 1;
    if (!chosen && !start->pool && !loop->stop.scope)
        chosen = all; /* nobody can stop it */
    if (!chosen && all <= loop->workers * ONE_BY_ONE)
        chosen = 1;
    loop->fixed = chosen > 0;
    loop->most = chosen ? chosen : fi_larger(all / (PIECES * loop->workers), FEW);
    atomic_init(&loop->grain, chosen ? chosen : 1);
    if (start->pool)
        FILCH_RUN(start->pool, whole_loop, loop, start->piece);
    else
        loop_serially(loop, start->piece);
}

static int run(struct filch_pool *pool, struct fi_loop *loop, struct fi_piece piece,
               const struct filch_loop *options)
{
    static const struct filch_loop defaults;
    const struct filch_loop *used = options ? options : &defaults;
    struct start arguments = {pool, loop, piece, used->grain};
    int error = pool ? filch_pool_check(pool) : 0;

    if (error || count(piece) == 0)
        return error;
    filch_token_call(used->token, start_loop, &arguments);
    return fi_loop_error(&loop->stop);
}

int filch_for(struct filch_pool *pool, size_t begin, size_t end, filch_for_fn *body,
              void *context, const struct filch_loop *options)
{
    struct fi_loop loop = {.body = body, .context = context};

    if (!body)
        return FILCH_EINVAL;
    return run(pool, &loop, (struct fi_piece){{begin, end}, {0, 1}}, options);
}

int filch_for_2d(struct filch_pool *pool, struct filch_range rows, struct filch_range columns,
                 filch_for_2d_fn *body, void *context, const struct filch_loop *options)
{
    struct fi_loop loop = {.body_2d = body, .context = context};

    if (!body || (length(columns) && length(rows) > SIZE_MAX / length(columns)))
        return FILCH_EINVAL;
    return run(pool, &loop, (struct fi_piece){rows, columns}, options);
}

/* ---- With a stride ----------------------------------------------------------------------- */

struct strided {
    filch_for_strided_fn *body;
    void *context;
    size_t begin, stride; /* as ptrdiff_t: all is counted modulo SIZE_MAX + 1 */
};

static int call_strided(void *argument, size_t begin, size_t end)
{
    struct strided *strided = argument;

    return strided->body(strided->context,
                         (ptrdiff_t)(strided->begin + begin * strided->stride), end - begin);
}

int filch_for_strided(struct filch_pool *pool, ptrdiff_t begin, ptrdiff_t end, ptrdiff_t stride,
                      filch_for_strided_fn *body, void *context,
                      const struct filch_loop *options)
{
    struct strided strided = {body, context, (size_t)begin, (size_t)stride};
    size_t distance = stride > 0 ? (size_t)end - (size_t)begin : (size_t)begin - (size_t)end;
    size_t step = stride > 0 ? (size_t)stride : 0 - (size_t)stride;

    if (!body || stride == 0)
        return FILCH_EINVAL;
    if (stride > 0 ? begin >= end : begin <= end)
        distance = 0;
    return filch_for(pool, 0, distance / step + (distance % step != 0), call_strided, &strided,
                     options);
}
