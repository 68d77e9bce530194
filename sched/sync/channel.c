/* SPDX-License-Identifier: MIT
 *
 * The channel: a ring of pointers with a queue on either side. The word guards it; its value are
 * two bits that say, to who looks for a moment before it sleeps, what is possible. An item is for
 * whoever comes first, as a permit of a semaphore. */
#include "sched/sync/queue.h"

#include "sched/core/self.h"
#include "sched/core/wait.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum side { SENDING, RECEIVING };

struct filch_channel {
    _Atomic(uint64_t) word;             /* POSSIBLE(side) */
    struct filch_sync_queue_ queues[2]; /* of a side */
    size_t capacity;                    /* constant */
    size_t first, count;                /* the oldest item; items */
    bool closed;
    void *items[];
};

#define POSSIBLE(side) (FI_WORD_LISTED << 1 << (side))

int filch_channel_create(size_t capacity, struct filch_channel **out)
{
    struct filch_channel *channel;

    if (capacity == 0)
        return FILCH_EINVAL;
    if (capacity > (SIZE_MAX - sizeof *channel) / sizeof channel->items[0])
        return FILCH_ENOMEM;
    channel = malloc(sizeof *channel + capacity * sizeof channel->items[0]);
    if (!channel)
        return FILCH_ENOMEM;
    atomic_init(&channel->word, POSSIBLE(SENDING));
    fi_sync_queue_init(&channel->queues[SENDING]);
    fi_sync_queue_init(&channel->queues[RECEIVING]);
    channel->capacity = capacity;
    channel->first = 0;
    channel->count = 0;
    channel->closed = false;
    *out = channel;
    return 0;
}

void filch_channel_destroy(struct filch_channel *channel)
{
    if (!channel)
        return;
    assert(!channel->queues[SENDING].first && "somebody waits to send");
    assert(!channel->queues[RECEIVING].first && "somebody waits to receive");
    free(channel);
}

/* Who set LOCKED. The channel may be gone after it. */
static void unlock(struct filch_channel *channel)
{
    struct filch_sync_waiter_ *chosen[2];
    size_t ready[2] = {
        [SENDING] = channel->closed ? SIZE_MAX : channel->capacity - channel->count,
        [RECEIVING] = channel->closed ? SIZE_MAX : channel->count,
    };
    uint64_t word = 0;

    for (int side = 0; side < 2; side++) {
        chosen[side] = fi_sync_queue_choose(&channel->queues[side], ready[side]);
        if (ready[side])
            word |= POSSIBLE(side);
    }
    fi_word_unlock(&channel->word, word);
    fi_sync_queue_tell(chosen[SENDING]);
    fi_sync_queue_tell(chosen[RECEIVING]);
}

/* Who set LOCKED. Returns 0, FILCH_ECLOSED, or FILCH_EAGAIN: the channel is full, or empty. */
static int transfer(struct filch_channel *channel, enum side side, void **item)
{
    if (side == SENDING) {
        if (channel->closed)
            return FILCH_ECLOSED;
        if (channel->count == channel->capacity)
            return FILCH_EAGAIN;
        size_t to_end = channel->capacity - channel->first;
        channel->items[channel->count < to_end ? channel->first + channel->count
                                               : channel->count - to_end] = *item;
        channel->count++;
    } else {
        if (channel->count == 0)
            return channel->closed ? FILCH_ECLOSED : FILCH_EAGAIN;
        *item = channel->items[channel->first];
        channel->first = channel->first + 1 == channel->capacity ? 0 : channel->first + 1;
        channel->count--;
    }
    return 0;
}

static int transfer_or_wait(struct filch_channel *channel, enum side side, void **item,
                            double timeout)
{
    struct filch_sync_queue_ *queue = &channel->queues[side];
    struct filch_sync_waiter_ waiter;
    int64_t deadline = 0; /* until it is needed */
    bool late = !(timeout > 0);

    if (isnan(timeout))
        return FILCH_EINVAL;
    if (!late)
        fi_sync_queue_spin(queue, &channel->word, POSSIBLE(side));
    for (bool again = false;; again = true) {
        (void)fi_word_lock(&channel->word);
        if (again)
            fi_sync_queue_leave(queue, &waiter);
        int error = transfer(channel, side, item);
        if (error == FILCH_EAGAIN && late)
            error = FILCH_ETIMEDOUT;
        if (error == FILCH_EAGAIN)
            fi_sync_queue_join(queue, &waiter, again);
        unlock(channel);
        if (error != FILCH_EAGAIN) {
            if (again)
                fi_sync_waiter_settle(&waiter);
            return error;
        }
        if (!again)
            deadline = fi_deadline(timeout);
        late = !fi_sync_waiter_wait(&waiter, deadline, false);
    }
}

int filch_channel_send(struct filch_channel *channel, void *item, double timeout)
{
    return transfer_or_wait(channel, SENDING, &item, timeout);
}

int filch_channel_receive(struct filch_channel *channel, void **item, double timeout)
{
    return transfer_or_wait(channel, RECEIVING, item, timeout);
}

void filch_channel_close(struct filch_channel *channel)
{
    (void)fi_word_lock(&channel->word);
    channel->closed = true;
    unlock(channel);
}
