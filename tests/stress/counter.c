/* SPDX-License-Identifier: MIT
 *
 * Counters under stress: crowds of 2 to 64 threads on one counter of each safe kind, which
 * leave and come back in the middle so that shards change hands, while another thread reads. It
 * imitates a program with many short-lived threads and a monitor.
 *
 * Fails if a count is wrong, or was once seen to go down. */
#include "stress.h"

#include <filch/counter.h>

#include <pthread.h>
#include <stdatomic.h>

enum { VISITS = SANITIZED ? 5 : 20, EACH = SANITIZED ? 100 : 1000 };

static struct filch_counter *counter;
static atomic_int inside;

static void *work(void *argument)
{
    for (int visit = 0; visit < VISITS; visit++) {
        struct filch_counter_view view;
        CHECK(!filch_counter_enter(counter, &view));
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
        CHECK(value >= *most);
        *most = value;
    }
    return NULL;
}

/* One crowd on one counter; the increments. */
static uint64_t round_of(enum filch_counter_kind kind, int threads)
{
    pthread_t ids[64], watcher;
    uint64_t most = 0, want = (uint64_t)threads * VISITS * EACH;

    CHECK((counter = filch_counter_create(kind)));
    atomic_store(&inside, threads);
    CHECK(!pthread_create(&watcher, NULL, watch, &most));
    for (int i = 0; i < threads; i++)
        CHECK(!pthread_create(&ids[i], NULL, work, NULL));
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    pthread_join(watcher, NULL);
    CHECK(filch_counter_value(counter) == want && most <= want);
    filch_counter_destroy(counter);
    return want;
}

int main(int argc, char **argv)
{
    static const int sizes[] = {2, 3, 8, 64};
    unsigned long long increments = 0, rounds = 0;

    stress_begin(argc, argv);
    do {
        for (int kind = FILCH_COUNTER_LOCKED; kind <= FILCH_COUNTER_SHARDED; kind++)
            increments += round_of((enum filch_counter_kind)kind, sizes[rounds % 4]);
    } while (++rounds < 4 || stress_goes_on());
    printf("counter: 2 to 64 threads, %llu increments, every one counted\n", increments);
    return 0;
}
