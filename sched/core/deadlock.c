/* SPDX-License-Identifier: MIT
 *
 * Sleepers, in a hash table by their threads: see deadlock.h.
 *
 * No cycle is seen where there is none. While the lock is held nobody comes or leaves, and who is
 * entered runs nothing: what a sleeper has on its stack goes on only after its wait. So each step of
 * the way is something that cannot come before its thread goes on. None is missed: the last step that
 * closes a cycle is either a sleeper that comes, and looks, or something that begins on a thread,
 * which is awake then and looks when it falls asleep.
 *
 * Some wait for all of several things, others for any one of them. So what is asked is the greatest
 * set of threads each of which is stuck if the others are: a thread that is asked about while it is
 * being asked about counts as stuck. One that is not stuck even then is not for this probe, whatever
 * else turns out; it is not asked again. */
#include "sched/core/deadlock.h"

#include "sched/core/hash.h"

#include <filch/error.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define BITS  8    /* of the table's size */
#define TEXT  320  /* bytes of a text */
#define TEXTS 16   /* that are kept, of all threads together */
#define NAMES 6    /* tasks of a cycle that are named */
#define NAME  40   /* bytes of a name */
#define MOST  4096 /* sleepers that a probe asks: where more are involved none is told */

struct fi_probe {
    const void *thread; /* that probes */
    const struct fi_running *running;
    uint64_t number; /* even */
    char names[NAMES][NAME];
    int named, steps, asked;
    struct fi_sleeper *own;     /* of the thread that probes */
    struct fi_sleeper *to_tell; /* one of the cycle that can be told, or NULL */
    struct fi_sleeper *to_ask;  /* one that can open it by a service, or NULL */
    const struct fi_service *service;
    void *served;
};

static struct {
    pthread_mutex_t lock;
    struct fi_sleeper *rows[1 << BITS];
    uint64_t probes;
    char texts[TEXTS][TEXT]; /* of the last cycles that were found */
    uint64_t told;           /* how many; the number of the last one */
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct fi_sleeper **row_of(const void *thread)
{
    return &table.rows[fi_hash(thread, BITS)];
}

/* ---- Probing -------------------------------------------------------------------------------- */

static void write_name(const struct fi_running *running, const void *thread, char *name)
{
    if (running)
        running->describe(running, name, NAME);
    else
        snprintf(name, NAME, "thread %p", thread);
}

/* The way back from the end of a cycle. */
static void add_step(struct fi_probe *probe, struct fi_sleeper *sleeper)
{
    probe->steps++;
    if (!sleeper->firm)
        probe->to_tell = sleeper;
    if (probe->named < NAMES)
        write_name(sleeper->running, sleeper->thread, probe->names[probe->named++]);
}

static bool probe_sleeper(struct fi_probe *probe, struct fi_sleeper *sleeper)
{
    if (sleeper->seen >= probe->number)
        return sleeper->seen == probe->number;
    if (sleeper->told || sleeper->service) /* it is about to wake up */
        return false;
    if (++probe->asked > MOST)
        return false;
    sleeper->seen = probe->number;
    if (!sleeper->stuck(sleeper->object, probe)) {
        sleeper->seen = probe->number + 1;
        return false;
    }
    sleeper->seen = 0; /* if that rests on a guess it is to be asked again */
    add_step(probe, sleeper);
    return true;
}

/* The sleeper of a thread, or NULL. */
static struct fi_sleeper *find(const struct fi_probe *probe, const void *thread)
{
    struct fi_sleeper *sleeper = thread == probe->thread ? probe->own : *row_of(thread);

    while (sleeper && sleeper->thread != thread)
        sleeper = sleeper->next;
    return sleeper;
}

bool fi_probe_thread(struct fi_probe *probe, const void *thread)
{
    struct fi_sleeper *sleeper = thread ? find(probe, thread) : NULL;

    return sleeper && (sleeper == probe->own || probe_sleeper(probe, sleeper));
}

bool fi_probe_behind(struct fi_probe *probe, const void *thread,
                     const struct fi_service *service, void *object)
{
    if (!fi_probe_thread(probe, thread))
        return false;
    probe->to_ask = find(probe, thread);
    probe->service = service;
    probe->served = object;
    return true;
}

static bool has_task(const struct fi_running *running,
                     bool (*match)(const struct fi_running *running, const void *object),
                     const void *object)
{
    while (running && !match(running, object))
        running = running->outer;
    return running;
}

bool fi_probe_tasks(struct fi_probe *probe,
                    bool (*match)(const struct fi_running *running, const void *object),
                    const void *object)
{
    if (has_task(probe->running, match, object))
        return true;
    for (int row = 0; row < 1 << BITS; row++)
        for (struct fi_sleeper *sleeper = table.rows[row]; sleeper; sleeper = sleeper->next)
            if (has_task(sleeper->running, match, object) && probe_sleeper(probe, sleeper))
                return true;
    return false;
}

/* ---- In words -------------------------------------------------------------------------------- */

/* "a waits for b, which waits for a". */
static void write_text(const struct fi_probe *probe, char *text)
{
    char own[NAME];
    size_t length;

    write_name(probe->running, probe->thread, own);
    length = (size_t)snprintf(text, TEXT, "%s waits", own);
    for (int i = probe->named; i-- > 0 && length < TEXT;)
        length += (size_t)snprintf(text + length, TEXT - length, " for %s, which waits",
                                   probe->names[i]);
    if (probe->steps > probe->named && length < TEXT)
        length += (size_t)snprintf(text + length, TEXT - length, " for %d more, which wait",
                                   probe->steps - probe->named);
    if (length < TEXT)
        snprintf(text + length, TEXT - length, " for %s", probe->steps ? own : "itself");
}

/* Returns its number. */
static uint64_t keep_text(const struct fi_probe *probe)
{
    write_text(probe, table.texts[++table.told % TEXTS]);
    return table.told;
}

void fi_deadlock_note_told(const struct fi_sleeper *sleeper)
{
    fi_deadlock_set_self(sleeper->told);
}

void fi_deadlock_note_refusal(const struct fi_running *task,
                              void (*between)(const void *object, char *text, size_t size),
                              const void *object)
{
    struct fi_probe probe = {.thread = fi_thread_id(), .running = fi_running_self()};

    /* From the end of the cycle back to its begin: each task is there as the one under it waits. */
    for (const struct fi_running *each = probe.running; task && each != task; probe.steps++) {
        each = each->outer;
        if (probe.named < NAMES)
            write_name(each, probe.thread, probe.names[probe.named++]);
    }
    if (between) {
        probe.steps++;
        probe.named -= probe.named == NAMES;
        between(object, probe.names[probe.named++], NAME);
    }
    fi_deadlock_lock();
    uint64_t number = keep_text(&probe);
    fi_deadlock_unlock();
    fi_deadlock_set_self(number);
}

size_t filch_deadlock_describe(char *text, size_t size)
{
    uint64_t number = fi_deadlock_self();
    int length = 0;

    if (size > 0)
        *text = '\0';
    fi_deadlock_lock();
    if (number > 0 && table.told - number < TEXTS)
        length = snprintf(text, size, "%s", table.texts[number % TEXTS]);
    fi_deadlock_unlock();
    return (size_t)length;
}

/* ---- Coming and leaving ------------------------------------------------------------------------ */

/* With somebody in the cycle that was found. One that has been asked already has not woken up since,
 * and will look again. */
static void open_up(struct fi_probe *probe)
{
    struct fi_sleeper *sleeper = probe->to_ask;

    if (!sleeper)
        sleeper = probe->own->firm ? probe->to_tell : probe->own;
    if (!sleeper || sleeper->told || sleeper->service)
        return;
    if (probe->to_ask) {
        probe->service->hold(probe->served);
        sleeper->service = probe->service;
        sleeper->served = probe->served;
    } else {
        sleeper->told = keep_text(probe);
    }
    fi_event_notify(sleeper->event);
}

void fi_deadlock_enter(struct fi_sleeper *sleeper)
{
    struct fi_probe probe = {.thread = fi_thread_id(),
                             .running = fi_running_self(),
                             .own = sleeper};

    sleeper->thread = probe.thread;
    sleeper->running = probe.running;
    sleeper->seen = 0;
    sleeper->told = 0;
    sleeper->service = NULL;
    sleeper->next = NULL;
    fi_deadlock_lock();
    probe.number = table.probes += 2;
    if (sleeper->stuck(sleeper->object, &probe))
        open_up(&probe);
    sleeper->link = row_of(sleeper->thread);
    sleeper->next = *sleeper->link;
    if (sleeper->next)
        sleeper->next->link = &sleeper->next;
    *sleeper->link = sleeper;
    fi_deadlock_unlock();
}

void fi_deadlock_leave(struct fi_sleeper *sleeper)
{
    fi_deadlock_lock();
    *sleeper->link = sleeper->next;
    if (sleeper->next)
        sleeper->next->link = sleeper->link;
    fi_deadlock_unlock();
}

void fi_deadlock_lock(void)
{
    pthread_mutex_lock(&table.lock);
}

void fi_deadlock_unlock(void)
{
    pthread_mutex_unlock(&table.lock);
}

void fi_deadlock_forget(void)
{
    memset(table.rows, 0, sizeof table.rows);
}
