/* SPDX-License-Identifier: MIT
 *
 * The deque with one owner and 1 to 3 thieves: every slot is taken exactly once, its arguments
 * arrive and its result comes back. Imitates a worker that forks and joins in random bursts,
 * shares more or less of its tail, and falls back after thefts; more threads than cores, so
 * that thieves are preempted between any two steps. */
#include "atomics/deque.h"
#include "stress.h"

#include <pthread.h>
#include <sched.h>

#define CAPACITY 64
#define THIEVES  3

static struct filch_slot slots[CAPACITY + 1];
static struct fi_deque deque;
static _Atomic(bool) stop;

/* A task adds 1 to what it finds, in plain memory: two takers are a race for ThreadSanitizer
 * and a wrong sum for anybody. */
struct task {
    uint64_t number, *runs;
};

static void run(struct filch_slot *slot)
{
    struct task *task = (struct task *)(void *)slot->payload;
    ++*task->runs;
    task->number = ~task->number;
}

static void *thief(void *argument)
{
    uint64_t *stolen = argument;
    struct filch_slot *slot;

    while (!atomic_load(&stop)) {
        if (fi_deque_steal(&deque, &slot) != FI_STOLEN) {
            fi_deque_ask(&deque);
            sched_yield();
            continue;
        }
        fi_slot_begin(slot, fi_theft(0, 0, 0));
        run(slot);
        (void)fi_slot_finish(slot);
        ++*stolen;
    }
    return NULL;
}

static uint64_t next_random(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint64_t forks, lost;

/* Joins all forks above `base`, newest first. Now and then works on above a slot that is lost. */
static void burst(struct filch_slot *base, int depth)
{
    uint64_t runs[CAPACITY] = {0}, numbers[CAPACITY];
    struct filch_slot *head = base;
    int count = 1 + (int)(next_random() % (uint64_t)(CAPACITY - (base - slots)) % 12);

    for (int i = 0; i < count; i++, forks++) {
        numbers[i] = forks;
        *(struct task *)(void *)head->payload =
            (struct task){.number = forks, .runs = &runs[i]};
        head++;
        if (next_random() % 3 == 0 || fi_deque_asked(&deque)) {
            fi_deque_share(&deque, head);
            fi_deque_watch(&deque, 4, false);
        }
    }
    for (int i = count; i-- > 0;) {
        struct filch_slot *slot = --head;
        if (slot >= fi_deque_split(&deque) || fi_deque_take(&deque, slot) == FI_TAKEN) {
            run(slot);
        } else {
            lost++;
            if (depth < 3 && slot + 1 < slots + CAPACITY && next_random() % 2)
                burst(slot + 1, depth + 1);
            while (!fi_slot_done(slot))
                sched_yield();
            fi_deque_fall_back(&deque, slot);
        }
        struct task *task = (struct task *)(void *)slot->payload;
        CHECK(task->number == ~numbers[i]);
        CHECK(runs[i] == 1);
    }
}

int main(int argc, char **argv)
{
    pthread_t threads[THIEVES];
    uint64_t stolen[THIEVES * 8] = {0}, sum = 0;

    stress_begin(argc, argv);
    double begin = stress_now(), share = (stress_until - begin) / THIEVES;
    for (int thieves = 1; thieves <= THIEVES; thieves++) {
        fi_deque_init(&deque, slots, CAPACITY);
        atomic_store(&stop, false);
        for (int i = 0; i < thieves; i++)
            CHECK(!pthread_create(&threads[i], NULL, thief, &stolen[8 * i]));
        while (stress_now() < begin + thieves * share)
            burst(slots, 0);
        atomic_store(&stop, true);
        for (int i = 0; i < thieves; i++)
            pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < THIEVES; i++)
        sum += stolen[8 * i];
    CHECK(sum == lost);
    CHECK(lost > 0);
    printf("deque: 1 to %d thieves, %llu forks, %llu stolen, every one run once\n", THIEVES,
           (unsigned long long)forks, (unsigned long long)lost);
    return 0;
}
