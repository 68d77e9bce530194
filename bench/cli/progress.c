/* SPDX-License-Identifier: MIT
 *
 * See progress.h. What is done is one sum that every thread adds to; what a thread has already
 * added for the part that it is at lies in a variable of its own, so parts need no index. */
#include "progress.h"

#include "clock.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define QUIET_NS  (UINT64_C(500) * 1000000) /* no bar before that */
#define REDRAW_NS (UINT64_C(100) * 1000000)

enum { BAR_WIDTH = 40, UNIT = 1 << 20 };

static struct {
    const char *label;
    size_t parts;
    uint64_t start;
    _Atomic(uint64_t) done; /* in UNITs a part; any thread adds, the drawer reads */
    atomic_bool stop;
    bool on, by_thread;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what stands on the terminal: drawn and shown */
    uint64_t drawn;
    bool shown;
    double share;      /* when it was last seen to change, */
    uint64_t share_at; /* and when that was */
} bar = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local uint64_t part_done;

/* The time left, in seconds, by the time that the share took until it last changed: what reports
 * nothing for a while must not make the end recede. Negative: unknown, or over already. */
static double left_at(uint64_t now, double share)
{
    if (share > bar.share) {
        bar.share = share;
        bar.share_at = now;
    }
    if (bar.share <= 0)
        return -1;
    return clock_seconds(bar.start, bar.share_at) / bar.share - clock_seconds(bar.start, now);
}

static void draw_locked(void)
{
    uint64_t now = clock_now();
    if (now - bar.start < QUIET_NS || now - bar.drawn < REDRAW_NS)
        return;
    bar.drawn = now;
    bar.shown = true;

    /* Relaxed: a number to look at. */
    double done = (double)atomic_load_explicit(&bar.done, memory_order_relaxed);
    double share = done / ((double)bar.parts * UNIT);
    if (share > 1)
        share = 1;
    int full = (int)(share * BAR_WIDTH);
    char cells[BAR_WIDTH + 1];
    for (int i = 0; i < BAR_WIDTH; i++)
        cells[i] = i < full ? '#' : '.';
    cells[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r%s [%s] %3.0f %% %.1f s", bar.label, cells, share * 100,
            clock_seconds(bar.start, now));
    double left = left_at(now, share);
    if (left >= 0)
        fprintf(stderr, ", %.*f s left", left < 100 ? 1 : 0, left);
    fputs("\033[K", stderr);
}

static void *draw_on(void *unused)
{
    (void)unused;
    /* Relaxed: nothing is read on the strength of it. */
    while (!atomic_load_explicit(&bar.stop, memory_order_relaxed)) {
        pthread_mutex_lock(&bar.lock);
        draw_locked();
        pthread_mutex_unlock(&bar.lock);
        clock_sleep(REDRAW_NS / 4);
    }
    return NULL;
}

void progress_begin(const char *label, size_t parts, enum progress_drawer drawer)
{
    if (!isatty(STDERR_FILENO))
        return;
    bar.label = label;
    bar.parts = parts;
    bar.start = clock_now();
    bar.drawn = 0;
    bar.share = 0;
    atomic_store(&bar.done, 0);
    atomic_store(&bar.stop, false);
    part_done = 0;
    bar.on = true;
    bar.by_thread = false;
    if (drawer == PROGRESS_BY_CALLER)
        return;

    /* Signals are for the main thread. Without the thread there is no bar, which is no error.
     */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bar.by_thread = pthread_create(&bar.thread, NULL, draw_on, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void add(uint64_t units)
{
    atomic_fetch_add_explicit(&bar.done, units, memory_order_relaxed);
}

void progress_set(double share, void *unused)
{
    (void)unused;
    if (!bar.on)
        return;
    uint64_t units = (uint64_t)(share * UNIT);
    if (units > part_done)
        add(units - part_done);
    part_done = units >= UNIT ? 0 : units;
}

void progress_step(void)
{
    if (bar.on)
        add(UNIT);
}

void progress_draw(void)
{
    if (!bar.on || bar.by_thread)
        return;
    pthread_mutex_lock(&bar.lock);
    draw_locked();
    pthread_mutex_unlock(&bar.lock);
}

void progress_hide(void)
{
    if (!bar.on)
        return;
    pthread_mutex_lock(&bar.lock);
    if (bar.shown)
        fputs("\r\033[K", stderr);
    bar.shown = false;
    bar.drawn = clock_now();
    pthread_mutex_unlock(&bar.lock);
}

void progress_end(void)
{
    if (!bar.on)
        return;
    if (bar.by_thread) {
        atomic_store_explicit(&bar.stop, true, memory_order_relaxed);
        pthread_join(bar.thread, NULL);
    }
    progress_hide();
    bar.on = false;
}
