/* SPDX-License-Identifier: MIT
 *
 * The injection queue under stress: crowds of producers and consumers, fewer and more than
 * there are cores (a producer that is preempted between drawing its ticket and storing its item
 * is what makes consumers spoil cells), in rounds that let the queue run full and empty. It
 * imitates many threads that submit to a busy pool.
 *
 * Fails unless every item arrived exactly once, intact, and at each consumer the items of each
 * producer in their order. */
#include "atomics/queue.h"
#include "stress.h"

#include <pthread.h>
#include <stdatomic.h>

enum { ITEMS = SANITIZED ? 20000 : 200000 };
enum { MOST = 32 };

/* Plain fields: the queue alone orders the producer's writes before the consumer's. */
struct item {
    int producer;
    int number; /* from 1 */
    int seen;
};

static struct fi_queue queue;
static struct item items[ITEMS];
static atomic_int popped;
static int producers, each;

static void *produce(void *argument)
{
    int me = (int)(intptr_t)argument;
    for (int i = 0; i < each; i++) {
        struct item *item = &items[me * each + i];
        *item = (struct item){.producer = me, .number = i + 1};
        CHECK(!fi_queue_push(&queue, item));
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
        CHECK(item->seen++ == 0);
        CHECK(item->number > last[item->producer]);
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
        CHECK(!pthread_create(&ids[i], NULL, i < producers ? produce : consume,
                              (void *)(intptr_t)i));
    for (int i = 0; i < producers + consumers; i++)
        pthread_join(ids[i], NULL);
    for (int i = 0; i < producers * each; i++)
        CHECK(items[i].seen == 1);
    CHECK(fi_queue_empty(&queue) && !fi_queue_pop(&queue));
}

int main(int argc, char **argv)
{
    static const int sizes[][2] = {{1, 1}, {2, 2}, {1, 4}, {4, 1}, {8, 8}, {MOST, MOST}};
    unsigned long long passed = 0, rounds = 0;

    stress_begin(argc, argv);
    CHECK(!fi_queue_init(&queue));
    do {
        producers = sizes[rounds % 6][0];
        round_of(sizes[rounds % 6][1]);
        passed += (unsigned long long)(producers * each);
    } while (++rounds < 6 || stress_goes_on());
    fi_queue_fini(&queue);
    printf("queue: 1 to %d producers, 1 to %d consumers, %llu items, every one once\n", MOST,
           MOST, passed);
    return 0;
}
