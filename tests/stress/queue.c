/* SPDX-License-Identifier: MIT
 *
 * The injection queue under stress: crowds of producers and consumers, fewer and more than
 * there are cores (a producer that is preempted between drawing its ticket and storing its item
 * is what makes consumers spoil cells), in rounds that let the queue run full and empty. It
 * imitates many threads that submit to a busy pool.
 *
 *     queue [seconds]       about 2 by default; smaller rounds under a sanitizer
 *
 * Prints one line; exits with 1 unless every item arrived exactly once, intact, and at each
 * consumer the items of each producer in their order. */
#include "atomics/queue.h"

#include <pthread.h>
#include <stdatomic.h>
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
enum { ITEMS = 20000 };
#else
enum { ITEMS = 200000 };
#endif
enum { MOST = 32 };

/* Plain fields: the queue alone orders the producer's writes before the consumer's. */
struct item {
    int producer;
    int number; /* from 1 */
    int seen;
};

static struct fi_queue queue;
static struct item items[ITEMS];
static atomic_int popped, wrong;
static int producers, each;

static void *produce(void *argument)
{
    int me = (int)(intptr_t)argument;
    for (int i = 0; i < each; i++) {
        struct item *item = &items[me * each + i];
        *item = (struct item){.producer = me, .number = i + 1};
        if (fi_queue_push(&queue, item) != 0) {
            atomic_fetch_add(&wrong, 1);
            atomic_fetch_add(&popped, 1); /* or the consumers would wait for it for ever */
        }
    }
    return NULL;
}

static void *consume(void *argument)
{
    int last[MOST] = {0};
    int idle = 0;
    while (atomic_load_explicit(&popped, memory_order_relaxed) < producers * each) {
        struct item *item = fi_queue_pop(&queue);
        if (item == NULL) {
            if (++idle % 64 == 0)
                fi_queue_empty(&queue);
            continue;
        }
        if (item->seen++ != 0 || item->number <= last[item->producer])
            atomic_fetch_add(&wrong, 1);
        last[item->producer] = item->number;
        atomic_fetch_add_explicit(&popped, 1, memory_order_relaxed);
    }
    return argument;
}

static void round_of(int consumers)
{
    pthread_t ids[2 * MOST];
    each = ITEMS / producers;
    atomic_store(&popped, 0);
    for (int i = 0; i < producers + consumers; i++)
        if (pthread_create(&ids[i], NULL, i < producers ? produce : consume,
                           (void *)(intptr_t)i) != 0)
            exit(1);
    for (int i = 0; i < producers + consumers; i++)
        pthread_join(ids[i], NULL);
    for (int i = 0; i < producers * each; i++)
        if (items[i].seen != 1)
            atomic_fetch_add(&wrong, 1);
    if (!fi_queue_empty(&queue) || fi_queue_pop(&queue) != NULL)
        atomic_fetch_add(&wrong, 1);
}

int main(int argc, char **argv)
{
    static const int sizes[][2] = {{1, 1}, {2, 2}, {1, 4}, {4, 1}, {8, 8}, {MOST, MOST}};
    time_t end = time(NULL) + (argc > 1 ? atol(argv[1]) : 2);
    unsigned long long passed = 0, rounds = 0;
    if (fi_queue_init(&queue) != 0)
        return 1;
    do {
        producers = sizes[rounds % 6][0];
        round_of(sizes[rounds % 6][1]);
        passed += (unsigned long long)(producers * each);
        rounds++;
    } while (rounds < 6 || time(NULL) < end);
    fi_queue_fini(&queue);
    if (atomic_load(&wrong) != 0) {
        fprintf(stderr, "queue: %d items lost, doubled, damaged or out of order\n",
                atomic_load(&wrong));
        return 1;
    }
    printf("queue: 1 to %d producers, 1 to %d consumers, %llu items, every one once\n", MOST,
           MOST, passed);
    return 0;
}
