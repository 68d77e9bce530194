/* SPDX-License-Identifier: MIT
 *
 * Waiting for many futures at once. Who waits lists a record with each of them, and sleeps on a
 * latch of its own; each completion counts down, and the one that makes up the number ends that
 * latch. So a completion costs one subtraction, and a wait one sleep. */
#include <filch/wait.h>

#include "sched/core/self.h"
#include "sched/core/wait.h"
#include "sched/futures/await.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

/* On the stack of who waits. Stays until all its seats have left the futures' latches, so whoever
 * completes may use it under LOCKED. */
struct gathering {
    struct fi_wait wait;     /* first: its address is the whole's */
    struct fi_latch over;    /* its end: the wait is */
    _Atomic(size_t) missing; /* completions, if none decides it alone */
    enum filch_when when;    /* constant, as are the others */
    struct filch_future *const *futures;
    size_t count;
};

/* One that waits for one future. 48 bytes. */
struct seat {
    struct fi_waiter waiter; /* first: the waiter's address is the seat's */
    struct gathering *gathering;
    struct filch_future *future;
};

/* Has it finished with an error? It has ended. */
static bool has_failed(const struct filch_future *future)
{
    return fi_future_flags(future) & FI_FAILED;
}

/* The future has ended: who ended it says so, or who finds that it had ended before. */
static void hear(struct fi_waiter *waiter)
{
    struct seat *seat = (struct seat *)(void *)waiter;
    struct gathering *gathering = seat->gathering;
    bool decides = gathering->when == FILCH_FIRST_ERROR && has_failed(seat->future);

    /* Relaxed: only counts, and means nothing below 0. Who waits sees each end for itself when
     * its seat leaves that latch (L3). */
    if (decides || atomic_fetch_sub_explicit(&gathering->missing, 1, memory_order_relaxed) == 1)
        (void)fi_latch_end(&gathering->over, FI_PENDING, FI_FINISHED, NULL);
}

/* How things stand before the wait. */
struct look {
    size_t ended, failed;
    size_t hopeless; /* that will not end while the caller waits */
    struct filch_future *last; /* of these */
    int error;                 /* and why it will not */
};

static void look_at(struct filch_future *const *futures, size_t count, struct look *look)
{
    *look = (struct look){0};
    for (size_t i = 0; i < count; i++) {
        int error;
        if (filch_future_done(futures[i])) {
            look->ended++;
            look->failed += has_failed(futures[i]);
        } else if ((error = fi_future_check_wait(futures[i]))) {
            look->hopeless++;
            look->last = futures[i];
            look->error = error;
        }
    }
}

static bool is_over(const struct look *look, size_t count, enum filch_when when)
{
    return look->ended == count || (when == FILCH_FIRST_COMPLETED && look->ended) ||
           (when == FILCH_FIRST_ERROR && look->failed);
}

/* A worker runs one of them that has not started. */
static bool gather_help(struct fi_wait *wait)
{
    struct gathering *gathering = (struct gathering *)(void *)wait;

    for (size_t i = 0; i < gathering->count; i++)
        if (fi_future_run_awaited(gathering->futures[i]))
            return true;
    return false;
}

/* Where all have to end, one that does not is enough; else none of them may. */
static bool gather_stuck(void *object, struct fi_probe *probe)
{
    const struct gathering *gathering = object;
    bool all = gathering->when == FILCH_ALL_COMPLETED, some = false;

    if (fi_latch_ended(&gathering->over))
        return false;
    for (size_t i = 0; i < gathering->count; i++) {
        if (fi_latch_ended(&gathering->futures[i]->latch))
            continue;
        bool stuck = fi_future_stuck(gathering->futures[i], probe);
        if (stuck == all)
            return all;
        some = some || stuck;
    }
    return some;
}

/* Waits, but not for the hopeless ones: so many. Returns 0, also when the time is up; or FILCH_ENOMEM,
 * FILCH_EDEADLK or FILCH_EINTR. */
static int gather(struct filch_future *const *futures, size_t count, enum filch_when when,
                  size_t hopeless, int64_t deadline)
{
    struct gathering gathering = {.when = when, .futures = futures, .count = count};
    struct seat *seats = NULL;
    size_t seated = 0;

    if (count <= PTRDIFF_MAX / sizeof *seats)
        seats = malloc(count * sizeof *seats);
    if (!seats)
        return FILCH_ENOMEM;
    fi_latch_init(&gathering.over);
    atomic_init(&gathering.missing, when == FILCH_FIRST_COMPLETED ? 1 : count - hopeless);
    while (seated < count && !fi_latch_ended(&gathering.over)) {
        struct seat *seat = &seats[seated];
        seat->waiter.notify = hear;
        seat->gathering = &gathering;
        seat->future = futures[seated++];
        if (!fi_latch_enlist(&seat->future->latch, &seat->waiter))
            hear(&seat->waiter);
    }
    gathering.wait = fi_latch_waiting(&gathering.over, deadline);
    gathering.wait.help = gather_help;
    gathering.wait.stuck = gather_stuck;
    int error = fi_wait_for(&gathering.wait);
    /* Those that were not listed, as they had ended, have ended: nothing is done for them. */
    while (seated > 0) {
        struct seat *seat = &seats[--seated];
        fi_latch_delist(&seat->future->latch, &seat->waiter);
    }
    free(seats);
    return error;
}

/* One that is hopeless spoils it for all; but where a single one may do, any other is a hope. */
static bool is_hopeless(const struct look *look, size_t count, enum filch_when when)
{
    if (when == FILCH_ALL_COMPLETED)
        return look->hopeless > 0;
    return look->hopeless == count - look->ended;
}

int filch_wait(struct filch_future *const *futures, size_t count, enum filch_when when,
               double timeout, bool *done, size_t *done_count)
{
    struct look look;
    size_t ended = 0;
    int error;

    if (isnan(timeout) || (unsigned)when > FILCH_FIRST_ERROR || (!futures && count > 0))
        return FILCH_EINVAL;
    for (size_t i = 0; i < count; i++)
        if (!futures[i])
            return FILCH_EINVAL;
    int64_t deadline = fi_deadline(timeout);
    do {
        look_at(futures, count, &look);
        if (is_over(&look, count, when))
            break;
        if (!(timeout > 0)) {
            fi_wait_not_at_all();
            break;
        }
        if (is_hopeless(&look, count, when))
            return fi_future_refuse_wait(look.last, look.error);
        if ((error = gather(futures, count, when, look.hopeless, deadline)))
            return error;
        /* None of the others may have failed: then it takes those that are hopeless. */
    } while (look.hopeless && !fi_is_late(deadline));
    for (size_t i = 0; i < count; i++) {
        bool is_done = filch_future_done(futures[i]);
        ended += is_done;
        if (done)
            done[i] = is_done;
    }
    if (done_count)
        *done_count = ended;
    return 0;
}
