/* SPDX-License-Identifier: MIT
 *
 * The injection queue under a model checker (GenMC): every execution of a few small clients, in
 * the memory models RC11 and IMM. Checked is atomics/queue.c itself, with segments and a
 * directory of two, so that six items cross every join limit and lap the directory.
 *
 *   genmc --rc11 --disable-mm-detector -- -DSCENARIO=1 -I../.. -I../../atomics/include queue.c
 *
 * and the same with --imm (run.sh does them all). Every client asserts that each item arrives
 * exactly once, that the items of one thread arrive in order at each consumer, and (by a plain
 * field that the pusher writes and the popper reads) that a push happens before its pop. The
 * checker itself reports data races and accesses to freed segments.
 *
 * Scenarios: 29
 *    1  two pushers race to open the first segment, one popper
 *    2  one pusher, two poppers, over a join limit
 *    3  one pusher, one popper, three segments: close, lap, keep and open again
 *    4  parking: a pusher looks for a sleeper, a sleeper looks for items: one must see another
 *    5  the same with a push that opens a segment
 *    6  the same with a sleeper that tries to pop
 *    7  a queue that never is empty never looks so
 *    8  nor to pop
 *    9  two pushers race to open a lapped segment while a popper finishes the one before
 *   10  the directory is full: push fails and changes nothing
 *   11  as 2, with poppers that look twice before they spoil a cell
 *   12  two pushers and a popper: a push whose cell was spoilt finishes the segment
 *   13  two pushers and two poppers
 *   14  a directory of one: a pusher, a popper, and who opens the same word and memory again
 *   15  the same with two poppers that close it between them
 *   16  as 14, with a popper that looks twice before it spoils a cell
 *   17  the same: a push sleeps while its segment is opened, closed and freed by others
 *   18  a push over two borders while another thread closes the queue, and empties it for good
 *   19  two pushers at a join limit, of which one may help the other, while the queue is closed
 *   20  the same over one join limit, and the queue is opened and used again
 *   21  a queue is closed and opened again while it is popped from
 *   22  one pusher, one popper that takes two at a time, over a join limit
 *   23  one pusher, a popper that takes two at a time and another one
 *   24  two pushers and a popper that takes two at a time: one of the two cells may be spoilt
 *   25  parking, as 6, with a sleeper that tries to pop two at a time
 *   26  four items pushed together, over a join limit of segments of three, and a popper
 *   27  two pushed together into one segment, a popper, and another pusher
 *   28  the same with a popper that takes two at a time, and no other pusher
 *   29  as 26, while another thread closes the queue and empties it for good
 *
 * queue.mutants lists weakenings of queue.c, each of which one of these must catch. */
#ifndef FILCH_MODEL
#define FILCH_MODEL
#endif
#ifndef SCENARIO
#define SCENARIO 1
#endif
#define FI_QUEUE_SEGMENT   (SCENARIO >= 26 ? 3 : 2)
#define FI_QUEUE_DIRECTORY (SCENARIO >= 14 && SCENARIO <= 17 ? 1 : 2)
#define FI_QUEUE_PATIENCE  (SCENARIO == 11 || SCENARIO == 16 ? 1 : 0)

#include "atomics/queue.c"

#include <pthread.h>

#define ITEMS 8

struct item {
    int owner; /* which thread pushes it, from 1 */
    int seen;  /* plain: 1 by the pusher, 2 by the popper; a second popper would find 2 */
};

static struct fi_queue queue;
static struct item items[ITEMS];

static int give(int index, int owner)
{
    items[index].owner = owner;
    items[index].seen = 1;
    return fi_queue_push(&queue, &items[index]);
}

/* Together; returns how many were pushed. */
static int give_many(int first, int count, int owner)
{
    void *together[ITEMS];
    uint32_t pushed;
    for (int i = 0; i < count; i++) {
        items[first + i].owner = owner;
        items[first + i].seen = 1;
        together[i] = &items[first + i];
    }
    int error = fi_queue_push_many(&queue, together, (uint32_t)count, &pushed);
    assert((error == 0) == (pushed == (uint32_t)count));
    return (int)pushed;
}

/* Has been popped. last[owner] is the newest index from that owner. */
static int check(struct item *item, int *last)
{
    int index = (int)(item - items);
    assert(item->seen == 1);
    item->seen = 2;
    assert(index > last[item->owner]);
    last[item->owner] = index;
    return index;
}

/* Pops once; returns the item's index, or -1. */
static int take(int *last)
{
    struct item *item = fi_queue_pop(&queue);
    return item == NULL ? -1 : check(item, last);
}

/* Pops two at most; returns how many. */
static int take_two(int *last)
{
    void *two[2];
    uint32_t count = fi_queue_pop_many(&queue, two, 2);
    assert(count <= 2);
    if (count > 0)
        check(two[0], last);
    if (count > 1)
        check(two[1], last);
    return (int)count;
}

/* After the others are joined: pops the rest, `left` items, and not one more. */
static void drain(int left)
{
    int last[4] = {-1, -1, -1, -1};
    for (int i = 0; i < left; i++) {
        assert(!fi_queue_empty(&queue));
        int index = take(last);
        assert(index >= 0);
    }
    assert(fi_queue_empty(&queue));
    assert(fi_queue_pop(&queue) == NULL);
}

static void start(void)
{
    int failed = fi_queue_init(&queue);
    assert(!failed);
}

#if SCENARIO == 1 || SCENARIO == 9
/* Thread p pushes item p. */
static void *pusher(void *argument)
{
    int p = *(int *)argument;
    int failed = give(p + 2, p);
    assert(!failed);
    return NULL;
}

int main(void)
{
    int one = 1, two = 2, pending = 2;
    int last[4] = {-1, -1, -1, -1};
    pthread_t a, b;
    start();
#if SCENARIO == 9
    /* Tickets 0 to 3 are drawn, 2 and 3 still hold items: the next push opens segment 2, where
     * segment 0 was, from the spare. */
    for (int i = 0; i < 4; i++) {
        int failed = give(i < 2 ? i : i + 4, 3);
        assert(!failed);
    }
    assert(take(last) == 0 && take(last) == 1);
    pending = 4;
#endif
    pthread_create(&a, NULL, pusher, &one);
    pthread_create(&b, NULL, pusher, &two);
    for (int i = 0; i < 2; i++)
        pending -= take(last) >= 0;
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    drain(pending);
    fi_queue_fini(&queue);
    return 0;
}

#elif SCENARIO == 2 || SCENARIO == 11
static int counts[2];

static void *popper(void *argument)
{
    int p = *(int *)argument;
    int last[4] = {-1, -1, -1, -1};
    counts[p] = take(last) >= 0;
    return NULL;
}

int main(void)
{
    int zero = 0, one = 1;
    pthread_t a, b;
    start();
    pthread_create(&a, NULL, popper, &zero);
    pthread_create(&b, NULL, popper, &one);
    for (int i = 0; i < 3; i++) {
        int failed = give(i, 1);
        assert(!failed);
    }
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    drain(3 - counts[0] - counts[1]);
    fi_queue_fini(&queue);
    return 0;
}

#elif SCENARIO == 3
static int popped;

static void *popper(void *argument)
{
    int last[4] = {-1, -1, -1, -1};
    for (int i = 0; i < 4; i++)
        popped += take(last) >= 0;
    return argument;
}

int main(void)
{
    int pushed = 0;
    pthread_t a;
    start();
    pthread_create(&a, NULL, popper, NULL);
    for (int i = 0; i < 5; i++)
        pushed += give(i, 1) == 0; /* the fifth may find the directory full */
    pthread_join(a, NULL);
    assert(pushed >= 4);
    drain(pushed - popped);
    fi_queue_fini(&queue);
    return 0;
}

#elif (SCENARIO >= 4 && SCENARIO <= 6) || SCENARIO == 25
static _Atomic(int) asleep;
static int woken;

static void *pusher(void *argument)
{
    int failed = give(1, 1);
    assert(!failed);
    woken = atomic_load_explicit(&asleep, memory_order_seq_cst);
    return argument;
}

int main(void)
{
    int last[4] = {-1, -1, -1, -1};
    pthread_t a;
    start();
    if (SCENARIO != 5) { /* so that the push draws the second ticket of an open segment */
        int failed = give(0, 1);
        assert(!failed && take(last) == 0);
    }
    pthread_create(&a, NULL, pusher, NULL);
    atomic_store_explicit(&asleep, 1, memory_order_seq_cst);
#if SCENARIO == 6
    int saw = take(last) >= 0;
    int got = saw;
#elif SCENARIO == 25
    int saw = take_two(last) == 1;
    int got = saw;
#else
    int saw = !fi_queue_empty(&queue);
    int got = 0;
#endif
    pthread_join(a, NULL);
    assert(saw || woken);
    drain(1 - got);
    fi_queue_fini(&queue);
    return 0;
}

#elif SCENARIO == 7 || SCENARIO == 8
/* One item is there from the start, and between them the threads never take more than are left:
 * main leaves one for the looker, whenever the looker comes. */
static void *looker(void *argument)
{
#if SCENARIO == 8
    int last[4] = {-1, -1, -1, -1};
    int index = take(last);
    assert(index >= 0);
#else
    assert(!fi_queue_empty(&queue));
#endif
    return argument;
}

int main(void)
{
    int last[4] = {-1, -1, -1, -1};
    pthread_t a;
    start();
    int failed = give(0, 1);
    assert(!failed);
    pthread_create(&a, NULL, looker, NULL);
    for (int i = 1; i < 3; i++) {
        failed = give(i, 1);
        assert(!failed);
    }
    int first = take(last);
    int second = take(last);
    assert(first >= 0 && second >= 0);
    pthread_join(a, NULL);
#if SCENARIO == 8
    drain(0);
#else
    drain(1);
#endif
    fi_queue_fini(&queue);
    return 0;
}

#elif SCENARIO == 10
static void *popper(void *argument)
{
    int *popped = argument;
    int last[4] = {-1, -1, -1, -1};
    *popped = (take(last) >= 0) + (take(last) >= 0);
    return NULL;
}

int main(void)
{
    int popped = 0;
    pthread_t a;
    start();
    for (int i = 0; i < 4; i++) {
        int failed = give(i, 1);
        assert(!failed);
    }
    assert(give(4, 1) == -1);
    assert(give(4, 1) == -1);
    pthread_create(&a, NULL, popper, &popped);
    int pushed = 4 + (give(4, 1) == 0);
    pthread_join(a, NULL);
    assert(popped == 2);
    if (pushed == 4) {
        int failed = give(4, 1); /* the first segment is finished now */
        assert(!failed);
        pushed++;
    }
    drain(pushed - popped);
    fi_queue_fini(&queue);
    return 0;
}

#elif SCENARIO == 12
static int popped;

static void *popper(void *argument)
{
    int last[4] = {-1, -1, -1, -1};
    for (int i = 0; i < 3; i++)
        popped += take(last) >= 0;
    return argument;
}

static void *pusher(void *argument)
{
    int failed = give(3, 2);
    assert(!failed);
    return argument;
}

int main(void)
{
    pthread_t a, b;
    start();
    int failed = give(0, 1);
    assert(!failed);
    pthread_create(&a, NULL, popper, NULL);
    pthread_create(&b, NULL, pusher, NULL);
    failed = give(1, 1);
    assert(!failed);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    drain(3 - popped);
    fi_queue_fini(&queue);
    return 0;
}

#elif SCENARIO == 14 || SCENARIO == 16
static int popped;

static void *popper(void *argument)
{
    int last[4] = {-1, -1, -1, -1};
    for (int i = 0; i < 2; i++)
        popped += take(last) >= 0;
    return argument;
}

static int pushed;

static void *pusher(void *argument)
{
    pushed = give(3, 2) == 0;
    return argument;
}

int main(void)
{
    pthread_t a, b;
    start();
    int failed = give(0, 1);
    assert(!failed);
    pthread_create(&a, NULL, popper, NULL);
    pthread_create(&b, NULL, pusher, NULL);
    int more = give(1, 1) == 0;
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    assert(pushed || more);
    drain(1 + more + pushed - popped);
    fi_queue_fini(&queue);
    return 0;
}

#elif SCENARIO == 15
static void *popper(void *argument)
{
    int last[4] = {-1, -1, -1, -1};
    int index = take(last);
    assert(index >= 0);
    return argument;
}

int main(void)
{
    pthread_t a, b;
    start();
    int failed = give(0, 1);
    assert(!failed);
    failed = give(1, 1);
    assert(!failed);
    pthread_create(&a, NULL, popper, NULL);
    pthread_create(&b, NULL, popper, NULL);
    int more = give(2, 1) == 0;
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    drain(more);
    fi_queue_fini(&queue);
    return 0;
}

#elif SCENARIO == 13
static int counts[2];

static void *popper(void *argument)
{
    int p = *(int *)argument;
    int last[4] = {-1, -1, -1, -1};
    counts[p] = take(last) >= 0;
    return NULL;
}

static void *pusher(void *argument)
{
    int p = *(int *)argument;
    int failed = give(p, p);
    assert(!failed);
    return NULL;
}

int main(void)
{
    int zero = 0, one = 1, two = 2;
    pthread_t a, b, c, d;
    start();
    pthread_create(&a, NULL, popper, &zero);
    pthread_create(&b, NULL, popper, &one);
    pthread_create(&c, NULL, pusher, &one);
    pthread_create(&d, NULL, pusher, &two);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    pthread_join(c, NULL);
    pthread_join(d, NULL);
    drain(2 - counts[0] - counts[1]);
    fi_queue_fini(&queue);
    return 0;
}

#elif SCENARIO == 17
static int pushed;

static void *pusher(void *argument)
{
    pushed = give(3, 2) == 0;
    return argument;
}

int main(void)
{
    int last[4] = {-1, -1, -1, -1};
    pthread_t a;
    start();
    pthread_create(&a, NULL, pusher, NULL);
    int here = (give(0, 1) == 0) + (give(1, 1) == 0);
    int popped = (take(last) >= 0) + (take(last) >= 0);
    pthread_join(a, NULL);
    assert(here > 0);
    drain(here + pushed - popped);
    fi_queue_fini(&queue);
    return 0;
}

#elif SCENARIO == 18 || SCENARIO == 20
static int popped, pushed;

static void *closer(void *argument)
{
    int last[4] = {-1, -1, -1, -1};
    fi_queue_close(&queue);
    while (take(last) >= 0)
        popped++;
    return argument;
}

int main(void)
{
    pthread_t a;
    start();
    pthread_create(&a, NULL, closer, NULL);
    for (int i = 0; i < (SCENARIO == 18 ? 3 : 2); i++) {
        int closed = give(i, 1);
        assert(closed == 0 || closed == FI_QUEUE_CLOSED);
        pushed += !closed;
    }
    pthread_join(a, NULL);
    assert(give(7, 1) == FI_QUEUE_CLOSED);
    assert(popped == pushed);
#if SCENARIO == 20
    fi_queue_reopen(&queue);
    for (int i = 2; i < 5; i++) {
        int failed = give(i, 1);
        assert(!failed);
        drain(1);
    }
#endif
    fi_queue_fini(&queue);
    return 0;
}

#elif SCENARIO == 19
static int pushed;

static void *pusher(void *argument)
{
    pushed = give(1, 1) == 0;
    return argument;
}

static void *closer(void *argument)
{
    fi_queue_close(&queue);
    return argument;
}

int main(void)
{
    pthread_t a, b;
    start();
    pthread_create(&a, NULL, pusher, NULL);
    pthread_create(&b, NULL, closer, NULL);
    int here = give(2, 2) == 0;
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    assert(give(7, 3) == FI_QUEUE_CLOSED);
    drain(here + pushed);
    fi_queue_fini(&queue);
    return 0;
}

#elif SCENARIO == 21
static int popped;

static void *popper(void *argument)
{
    int last[4] = {-1, -1, -1, -1};
    popped = (take(last) >= 0) + (take(last) >= 0);
    return argument;
}

static void *pusher(void *argument)
{
    int failed = give(0, 1);
    assert(!failed);
    return argument;
}

int main(void)
{
    pthread_t a, b;
    start();
    pthread_create(&a, NULL, popper, NULL);
    pthread_create(&b, NULL, pusher, NULL);
    pthread_join(b, NULL);
    fi_queue_close(&queue);
    assert(give(1, 2) == FI_QUEUE_CLOSED);
    fi_queue_reopen(&queue);
    int failed = give(1, 2);
    assert(!failed);
    pthread_join(a, NULL);
    drain(2 - popped);
    fi_queue_fini(&queue);
    return 0;
}

#elif SCENARIO == 22 || SCENARIO == 23
static int popped[2];

static void *takes_two(void *argument)
{
    int last[4] = {-1, -1, -1, -1};
    popped[0] = take_two(last);
#if SCENARIO == 22
    popped[0] += take_two(last);
#endif
    return argument;
}

static void *takes_one(void *argument)
{
    int last[4] = {-1, -1, -1, -1};
    popped[1] = take(last) >= 0;
    return argument;
}

int main(void)
{
    pthread_t a, b;
    start();
    pthread_create(&a, NULL, takes_two, NULL);
#if SCENARIO == 23
    pthread_create(&b, NULL, takes_one, NULL);
#endif
    int pushed = 0;
    for (int i = 0; i < 3; i++)
        pushed += give(i, 1) == 0; /* the third may find the directory full */
    assert(pushed >= 2);
    pthread_join(a, NULL);
#if SCENARIO == 23
    pthread_join(b, NULL);
#endif
    drain(pushed - popped[0] - popped[1]);
    fi_queue_fini(&queue);
    return 0;
}

#elif SCENARIO == 24
static int popped;

static void *popper(void *argument)
{
    int last[4] = {-1, -1, -1, -1};
    popped = take_two(last);
    return argument;
}

static void *pusher(void *argument)
{
    int failed = give(3, 2);
    assert(!failed);
    return argument;
}

int main(void)
{
    pthread_t a, b;
    start();
    pthread_create(&a, NULL, popper, NULL);
    pthread_create(&b, NULL, pusher, NULL);
    int failed = give(0, 1);
    assert(!failed);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    drain(2 - popped);
    fi_queue_fini(&queue);
    return 0;
}

#elif SCENARIO >= 26 && SCENARIO <= 28
static int popped;

static void *popper(void *argument)
{
    int last[4] = {-1, -1, -1, -1};
    if (SCENARIO == 28)
        popped = take_two(last);
    for (int i = SCENARIO == 26 ? 0 : 1; SCENARIO != 28 && i < 2; i++)
        popped += take(last) >= 0;
    return argument;
}

static void *pusher(void *argument)
{
    int failed = give(7, 2);
    assert(!failed);
    return argument;
}

int main(void)
{
    int count = SCENARIO == 26 ? 4 : 2, others = 0;
    pthread_t a, b;
    start();
    if (SCENARIO != 26) { /* so that both are drawn in one step */
        int failed = give(0, 3);
        assert(!failed);
        others++;
    }
    pthread_create(&a, NULL, popper, NULL);
    if (SCENARIO == 27) {
        pthread_create(&b, NULL, pusher, NULL);
        others++;
    }
    int pushed = give_many(1, count, 1);
    assert(pushed == count);
    pthread_join(a, NULL);
    if (SCENARIO == 27)
        pthread_join(b, NULL);
    drain(count + others - popped);
    fi_queue_fini(&queue);
    return 0;
}

#elif SCENARIO == 29
static int popped;

static void *closer(void *argument)
{
    int last[4] = {-1, -1, -1, -1};
    fi_queue_close(&queue);
    while (take(last) >= 0)
        popped++;
    return argument;
}

int main(void)
{
    pthread_t a;
    start();
    pthread_create(&a, NULL, closer, NULL);
    int pushed = give_many(0, 4, 1);
    pthread_join(a, NULL);
    assert(give(7, 1) == FI_QUEUE_CLOSED);
    assert(popped == pushed);
    fi_queue_fini(&queue);
    return 0;
}
#endif
