/* SPDX-License-Identifier: MIT
 *
 * sched/core/batch.h under a model checker, as shipped: an owner that fills its batch, thieves, and
 * both take. Each item is taken once, by somebody who sees what the item points to; and who makes a
 * batch visible and then looks at the sleepers misses none that looked at the batch before.
 *
 * Scenarios: 4
 *              1  two items, the owner and a thief take
 *              2  one item, taken by either; filled again with another; a thief may be late
 *              3  two thieves, two items, the owner fills while they look
 *              4  the last look of a worker that falls asleep */
#define FI_BATCH_MAX 2
#include "sched/core/batch.h"

#include <pthread.h>

static struct fi_batch batch;
static int data[3]; /* plain: written before the fill, read by who takes */
static _Atomic(int) taken[3];
static char source;

static void fill(int first, uint32_t count)
{
    void *items[2] = {&data[first], &data[first + (count == 2)]};
    for (uint32_t i = 0; i < count; i++)
        data[first + (int)i] = first + (int)i + 1;
    fi_batch_fill(&batch, &source, items, count);
}

static int take(void)
{
    int *item = fi_batch_take(&batch, &source);
    if (!item)
        return 0;
    int number = (int)(item - data);
    assert(*item == number + 1);
    assert(atomic_fetch_add_explicit(&taken[number], 1, memory_order_relaxed) == 0);
    return 1;
}

static void *takes_one(void *unused)
{
    (void)unused;
    take();
    return NULL;
}

static void *takes_two(void *unused)
{
    (void)unused;
    take();
    take();
    return NULL;
}

static _Atomic(int) asleep;
static int saw;

/* As park() does: announces itself, then looks. */
static void *falls_asleep(void *unused)
{
    (void)unused;
    atomic_store_explicit(&asleep, 1, memory_order_seq_cst);
    saw = !fi_batch_empty(&batch);
    return NULL;
}

int main(void)
{
    pthread_t thieves[2];
#if SCENARIO == 1
    fill(0, 2);
    pthread_create(&thieves[0], NULL, takes_two, NULL);
    takes_two(NULL);
    pthread_join(thieves[0], NULL);
    assert(fi_batch_empty(&batch));
    assert(taken[0] == 1 && taken[1] == 1);
#elif SCENARIO == 2
    fill(0, 1);
    pthread_create(&thieves[0], NULL, takes_one, NULL);
    take();
    fill(1, 1);
    take();
    pthread_join(thieves[0], NULL);
    assert(taken[0] == 1);
    assert(taken[1] == 1);
#elif SCENARIO == 3
    pthread_create(&thieves[0], NULL, takes_one, NULL);
    pthread_create(&thieves[1], NULL, takes_one, NULL);
    fill(0, 2);
    take();
    pthread_join(thieves[0], NULL);
    pthread_join(thieves[1], NULL);
    while (take())
        continue;
    assert(taken[0] == 1 && taken[1] == 1);
#elif SCENARIO == 4
    pthread_create(&thieves[0], NULL, falls_asleep, NULL);
    fill(0, 1);
    int wakes = atomic_load_explicit(&asleep, memory_order_seq_cst);
    pthread_join(thieves[0], NULL);
    assert(saw || wakes);
#endif
    return 0;
}
