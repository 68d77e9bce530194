/* SPDX-License-Identifier: MIT
 *
 * Counters under stress: crowds of 2 to 64 threads on one counter of each safe kind, which
 * leave and come back in the middle so that shards change hands, while another thread reads. It
 * imitates a program with many short-lived threads and a monitor.
 *
 *     counter [seconds]     about 2 by default; fewer increments under a sanitizer
 *
 * Prints one line; exits with 1 if a count is wrong, or was once seen to go down. */
#include <filch/counter.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED
enum { VISITS = 5, EACH = 100 };
#else
enum { VISITS = 20, EACH = 1000 };
#endif

static struct filch_counter *counter;
static atomic_int inside;
static atomic_bool failed;

static void *work(void *argument)
{
    for (int visit = 0; visit < VISITS; visit++) {
        struct filch_counter_view view;
        if (filch_counter_enter(counter, &view) != 0) {
            atomic_store(&failed, true);
            break;
        }
        for (int i = 0; i < EACH; i++)
            filch_counter_increment(&view);
        filch_counter_leave(&view);
    }
    atomic_fetch_sub(&inside, 1);
    return argument;
}

static void *watch(void *argument)
{
    uint64_t *most = argument;
    while (atomic_load(&inside) > 0) {
        uint64_t value = filch_counter_value(counter);
        if (value < *most)
            atomic_store(&failed, true);
        *most = value;
    }
    return NULL;
}

/* One crowd on one counter: the increments that arrived, or 0 when something was wrong. */
static uint64_t round_of(enum filch_counter_kind kind, int threads)
{
    pthread_t ids[64], watcher;
    uint64_t most = 0, want = (uint64_t)threads * VISITS * EACH, value = 0;
    counter = filch_counter_create(kind);
    if (counter == NULL)
        return 0;
    atomic_store(&inside, threads);
    if (pthread_create(&watcher, NULL, watch, &most) != 0)
        exit(1);
    for (int i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, work, NULL) != 0)
            exit(1);
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    pthread_join(watcher, NULL);
    value = filch_counter_value(counter);
    if (value != want || most > want || atomic_load(&failed)) {
        fprintf(stderr, "counter: %s, %d threads: %llu instead of %llu\n",
                filch_counter_kind_name(kind), threads, (unsigned long long)value,
                (unsigned long long)want);
        value = 0;
    }
    filch_counter_destroy(counter);
    return value;
}

int main(int argc, char **argv)
{
    static const int sizes[] = {2, 3, 8, 64};
    time_t end = time(NULL) + (argc > 1 ? atol(argv[1]) : 2);
    unsigned long long increments = 0, rounds = 0;
    do {
        for (int kind = FILCH_COUNTER_LOCKED; kind <= FILCH_COUNTER_SHARDED; kind++) {
            uint64_t value = round_of((enum filch_counter_kind)kind, sizes[rounds % 4]);
            if (value == 0)
                return 1;
            increments += value;
        }
        rounds++;
    } while (rounds < 4 || time(NULL) < end);
    printf("counter: 2 to 64 threads, %llu increments, every one counted\n", increments);
    return 0;
}
