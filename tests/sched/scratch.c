/* SPDX-License-Identifier: MIT
 *
 * Scratch memory: what is allocated, kept and freed; in tasks that fork and wait; what becomes
 * of its pages; threads that are no workers, and children of the process. What a debug build
 * reports is in tests/misuse.sh, and what happens when memory lacks in alloc.c, too. */
#include "executor.h"
#include "sched/core/scratch.h"

#include <filch/blocking.h>
#include <filch/scratch.h>
#include <filch/task.h>

#include <sys/mman.h>

#if ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

TestSuite(scratch, .init = setup);

/* A function that is run here, and on a worker. */
FILCH_TASK(int, run_there, filch_fn *, fn, void *, argument)
{
    fn(argument);
    return 0;
}

static void everywhere(filch_fn *fn, void *argument)
{
    struct filch_pool *pool = pool_of(1);

    fn(argument);
    FILCH_RUN(pool, run_there, fn, argument);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

static struct filch_pool *pool_with_scratch(int workers, size_t scratch_size)
{
    struct filch_pool_options options = {.workers = workers, .scratch_size = scratch_size};
    struct filch_pool *pool = NULL;

    cr_assert_eq(filch_pool_create(&options, &pool), 0);
    return pool;
}

/* ---- Blocks ------------------------------------------------------------------------------ */

static void *allocate_all_sizes(void *argument)
{
    enum { SIZES = 600 };
    unsigned char *blocks[SIZES];

    cr_assert_eq(filch_scratch_mark(), 0);
    for (size_t size = 0; size < SIZES; size++) {
        cr_assert(blocks[size] = filch_scratch_alloc(size));
        cr_assert_eq((uintptr_t)blocks[size] % 16, 0);
        memset(blocks[size], (int)(size % 251), size);
    }
    for (size_t size = 0; size < SIZES; size++) {
        for (size_t i = 0; i < size; i++)
            cr_assert_eq(blocks[size][i], size % 251);
    }
    filch_scratch_reset(0);
    cr_assert_eq(filch_scratch_mark(), 0);
    return argument;
}

Test(scratch, blocks_of_all_sizes_are_aligned_and_apart)
{
    everywhere(allocate_all_sizes, NULL);
}

static void *allocate_nothing(void *argument)
{
    char *first = filch_scratch_alloc(0), *second = filch_scratch_alloc(0);
    char *third = filch_scratch_alloc_aligned(0, 64);

    cr_assert(first && second && third);
    cr_assert(first != second && second != third && first != third);
    filch_scratch_reset(0);
    return argument;
}

Test(scratch, a_block_of_no_bytes_is_one_of_its_own)
{
    everywhere(allocate_nothing, NULL);
}

static void *allocate_aligned(void *argument)
{
    for (size_t alignment = 1; alignment <= 2 * MIB; alignment *= 2) {
        (void)filch_scratch_alloc(alignment % 7);
        size_t mark = filch_scratch_mark();
        unsigned char *block = filch_scratch_alloc_aligned(100, alignment);
        cr_assert(block);
        cr_assert_eq((uintptr_t)block % alignment, 0);
        cr_assert_eq((uintptr_t)block % 16, 0);
        memset(block, 1, 100);
        unsigned char *next = filch_scratch_alloc(1);
        cr_assert(next >= block + 100);
        filch_scratch_reset(mark);
        cr_assert_eq(filch_scratch_mark(), mark);
    }
    filch_scratch_reset(0);
    return argument;
}

Test(scratch, blocks_are_aligned_as_asked)
{
    everywhere(allocate_aligned, NULL);
}

static void *ask_for_bad_alignments(void *argument)
{
    static const size_t alignments[] = {0, 3, 17, 24, SIZE_MAX, SIZE_MAX / 2 + 1, MIB * MIB};

    cr_assert(filch_scratch_alloc(1));
    size_t mark = filch_scratch_mark();
    for (size_t i = 0; i < COUNT(alignments); i++) {
        cr_assert_null(filch_scratch_alloc_aligned(1, alignments[i]));
        cr_assert_eq(filch_scratch_mark(), mark);
    }
    filch_scratch_reset(0);
    return argument;
}

Test(scratch, alignments_that_are_no_power_of_two_or_cannot_be_are_refused)
{
    everywhere(ask_for_bad_alignments, NULL);
}

static void *ask_for_too_much(void *argument)
{
    static const size_t sizes[] = {SIZE_MAX,      SIZE_MAX - 1, SIZE_MAX - 14, SIZE_MAX - 15,
                                   SIZE_MAX - 16, SIZE_MAX / 2, 65 * MIB};

    for (int round = 0; round < 2; round++) { /* without an arena, and with one */
        size_t mark = filch_scratch_mark();
        for (size_t i = 0; i < COUNT(sizes); i++) {
            cr_assert_null(filch_scratch_alloc(sizes[i]));
            cr_assert_null(filch_scratch_alloc_aligned(sizes[i], 16));
            cr_assert_null(filch_scratch_alloc_aligned(sizes[i], 4096));
            cr_assert_eq(filch_scratch_mark(), mark);
        }
        cr_assert(filch_scratch_alloc(100));
    }
    filch_scratch_reset(0);
    return argument;
}

Test(scratch, sizes_that_are_too_large_are_refused)
{
    everywhere(ask_for_too_much, NULL);
}

/* Blocks of `size` bytes, each filled with its number, until there is no room. */
static void *use_up(void *argument)
{
    size_t size = *(size_t *)argument, count = 0;
    unsigned char *first = NULL, *block;

    while ((block = filch_scratch_alloc(size))) {
        first = first ? first : block;
        memset(block, (int)(count++ % 251), size);
    }
    size_t mark = filch_scratch_mark();
    cr_assert_null(filch_scratch_alloc(size));
    cr_assert_eq(filch_scratch_mark(), mark, "a refusal has changed something");
    for (size_t i = 0; i < count * size; i++)
        cr_assert(first[i] == i / size % 251);
    filch_scratch_reset(0);
    cr_assert_eq(filch_scratch_alloc(size), first, "there is room again");
    filch_scratch_reset(0);
    *(size_t *)argument = count * size;
    return argument;
}

Test(scratch, a_worker_has_as_much_as_its_pool_says_and_not_much_more)
{
    static const size_t limits[] = {1, 60 * KIB, 64 * KIB, MIB, MIB + 1, 3 * MIB};

    for (size_t i = 0; i < COUNT(limits); i++) {
        struct filch_pool *pool = pool_with_scratch(1, limits[i]);
        size_t taken = 16; /* the size of a block, then all of them */
        FILCH_RUN(pool, run_there, use_up, &taken);
        cr_assert(taken >= limits[i] && taken < limits[i] + 64 * KIB + 16, "%zu of %zu", taken,
                  limits[i]);
        cr_assert_eq(filch_pool_destroy(pool), 0);
    }
}

Test(scratch, a_thread_that_is_no_worker_has_64_mib)
{
    size_t taken = 4096;

    use_up(&taken);
    cr_assert(taken >= 64 * MIB - 4096 && taken <= 65 * MIB, "%zu", taken);
}

/* ---- Marks ------------------------------------------------------------------------------- */

/* Blocks and marks, in the order in which they were made. */
struct entry {
    unsigned char *block; /* NULL: a mark */
    size_t size, mark;
    unsigned char fill;
};

static bool is_kept(const struct entry *entry)
{
    for (size_t i = 0; i < entry->size; i++)
        if (entry->block[i] != entry->fill)
            return false;
    return true;
}

static uint32_t draw(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*random >> 33);
}

static struct entry take(uint64_t *random)
{
    struct entry entry = {.size =
                              draw(random) % 8 ? draw(random) % 200 : draw(random) % 100000};

    if (draw(random) % 3) {
        entry.block = filch_scratch_alloc(entry.size);
    } else {
        size_t alignment = (size_t)1 << draw(random) % 13;
        entry.block = filch_scratch_alloc_aligned(entry.size, alignment);
        cr_assert_eq((uintptr_t)entry.block % alignment, 0);
    }
    entry.fill = (unsigned char)draw(random);
    if (entry.block)
        memset(entry.block, entry.fill, entry.size);
    return entry;
}

/* Grows by blocks and marks, and falls back to marks: to the newest, or to any. */
static void *play_random(void *seed)
{
    enum { ENTRIES = 300, STEPS = 4000 };
    struct entry entries[ENTRIES];
    uint64_t random = *(uint64_t *)seed;
    size_t count = 0;

    for (int step = 0; step < STEPS; step++) {
        uint32_t move = draw(&random) % 16;
        if (move < 11 && count < ENTRIES) {
            struct entry entry = take(&random);
            if (entry.block)
                entries[count++] = entry;
        } else if (move < 13 && count < ENTRIES) {
            entries[count++] = (struct entry){.mark = filch_scratch_mark()};
        } else if (count > 0) {
            size_t to = move < 15 ? count - 1 : draw(&random) % count;
            while (to > 0 && entries[to].block)
                to--;
            for (size_t i = to; i < count; i++)
                cr_assert(is_kept(&entries[i]), "step %d", step);
            size_t mark = entries[to].block ? 0 : entries[to].mark;
            filch_scratch_reset(mark);
            cr_assert_eq(filch_scratch_mark(), mark);
            count = to;
        }
    }
    for (size_t i = 0; i < count; i++)
        cr_assert(is_kept(&entries[i]));
    filch_scratch_reset(0);
    return seed;
}

Test(scratch, what_lies_below_a_mark_is_kept_in_random_order_of_calls)
{
    for (uint64_t seed = 1; seed <= 10; seed++)
        everywhere(play_random, &seed);
}

Test(scratch, what_was_freed_is_allocated_again)
{
    char *kept = filch_scratch_alloc(100);
    size_t mark = filch_scratch_mark();
    char *first = filch_scratch_alloc(1000);

    (void)filch_scratch_alloc(10);
    filch_scratch_reset(mark);
    cr_assert_eq(filch_scratch_alloc(1000), first);
    cr_assert(kept < first);
    filch_scratch_reset(0);
    cr_assert_eq(filch_scratch_alloc(100), kept);
}

Test(scratch, a_reset_to_where_it_is_does_nothing)
{
    filch_scratch_reset(0); /* without an arena */
    char *block = filch_scratch_alloc(1);
    *block = 1;
    filch_scratch_reset(filch_scratch_mark());
    cr_assert_eq(*block, 1);
    cr_assert_neq(filch_scratch_alloc(1), block);
}

Test(scratch, a_reset_to_a_mark_that_is_gone_does_nothing)
{
#ifdef FILCH_DEBUG
    cr_skip_test("it is asserted: tests/misuse.sh");
#endif
    filch_scratch_reset(1000);
    cr_assert_eq(filch_scratch_mark(), 0);
    cr_assert(filch_scratch_alloc(100));
    size_t mark = filch_scratch_mark();
    filch_scratch_reset(SIZE_MAX);
    cr_assert_eq(filch_scratch_mark(), mark);
    filch_scratch_reset(mark + 16);
    cr_assert_eq(filch_scratch_mark(), mark);
}

/* ---- AddressSanitizer -------------------------------------------------------------------- */

#if ADDRESS_SANITIZER
static void *look_at_poison(void *argument)
{
    size_t mark = filch_scratch_mark();
    char *block = filch_scratch_alloc(100), *second = filch_scratch_alloc_aligned(8, 256);

    cr_assert_null(__asan_region_is_poisoned(block, 100));
    cr_assert(__asan_address_is_poisoned(block + 100), "beyond its end");
    cr_assert(__asan_address_is_poisoned(second - 1), "between two blocks");
    filch_scratch_reset(mark);
    cr_assert(__asan_address_is_poisoned(block) && __asan_address_is_poisoned(block + 99));
    cr_assert(__asan_address_is_poisoned(second));
    cr_assert_eq(filch_scratch_alloc(1), block);
    cr_assert_null(__asan_region_is_poisoned(block, 1));
    cr_assert(__asan_address_is_poisoned(block + 1));
    filch_scratch_reset(mark);
    *(char **)argument = block;
    return argument;
}

Test(scratch, address_sanitizer_finds_uses_after_a_reset_and_beyond_the_end)
{
    char *block;

    everywhere(look_at_poison, &block);
    /* The worker's arena is gone: others may have the addresses. */
    cr_assert_null(__asan_region_is_poisoned(block, 4 * KIB));
}
#endif

/* ---- Fork-join --------------------------------------------------------------------------- */

/* Queens that can be added to a board of n, whose first `row` rows have one each. Each child gets a
 * board of its own, which its parent has allocated, and writes into it. */
FILCH_TASK(long, queens, unsigned char *, board, int, n, int, row)
{
    if (row == n)
        return 1;
    size_t mark = filch_scratch_mark();
    unsigned char *boards = filch_scratch_alloc((size_t)(n * n));
    int forks = 0;
    long count = 0;

    for (int column = 0; column < n; column++) {
        bool fits = true;
        for (int i = 0; i < row; i++)
            fits = fits && board[i] != column && abs(board[i] - column) != row - i;
        if (!fits)
            continue;
        unsigned char *next = boards + forks++ * n;
        memcpy(next, board, (size_t)n);
        next[row] = (unsigned char)column;
        FILCH_FORK(queens, next, n, row + 1);
    }
    for (int i = 0; i < forks; i++)
        count += FILCH_JOIN(queens);
    for (int i = 0; i < forks; i++) /* nobody has written over them */
        cr_assert_eq(memcmp(boards + i * n, board, (size_t)row), 0);
    filch_scratch_reset(mark);
    return count;
}

Test(scratch, boards_of_queens_lie_in_it)
{
    unsigned char empty[9] = {0};

    for (int workers = 1; workers <= 8; workers *= 2) {
        struct filch_pool *pool = pool_of(workers);
        cr_assert_eq(FILCH_RUN(pool, queens, empty, 6, 0), 4);
        cr_assert_eq(FILCH_RUN(pool, queens, empty, 9, 0), 352);
        cr_assert_eq(filch_pool_destroy(pool), 0);
    }
}

/* Both halves are sorted into a buffer of their parent's, and merged from there. */
FILCH_VOID_TASK(sort_into, const uint32_t *, from, uint32_t *, to, size_t, n)
{
    if (n < 2) {
        memcpy(to, from, n * sizeof *to);
        return;
    }
    size_t mark = filch_scratch_mark(), half = n / 2, left = 0, right = half;
    uint32_t *halves = filch_scratch_alloc(n * sizeof *halves);

    FILCH_FORK(sort_into, from, halves, half);
    FILCH_CALL(sort_into, from + half, halves + half, n - half);
    FILCH_JOIN(sort_into);
    for (size_t i = 0; i < n; i++)
        to[i] = right == n || (left < half && halves[left] <= halves[right]) ? halves[left++]
                                                                             : halves[right++];
    filch_scratch_reset(mark);
}

Test(scratch, thieves_write_into_buffers_of_their_victims)
{
    enum { N = 30000 };
    static uint32_t from[N], to[N];
    uint64_t random = 1, sum = 0;

    for (int i = 0; i < N; i++)
        sum += from[i] = draw(&random);
    for (int workers = 1; workers <= 8; workers++) {
        struct filch_pool *pool = pool_of(workers);
        uint64_t sorted = 0;
        memset(to, 0, sizeof to);
        FILCH_RUN(pool, sort_into, from, to, N);
        for (int i = 0; i < N; i++) {
            cr_assert(i == 0 || to[i - 1] <= to[i]);
            sorted += to[i];
        }
        cr_assert_eq(sorted, sum);
        cr_assert_eq(filch_pool_destroy(pool), 0);
    }
}

static void *fill_and_check(void *argument)
{
    size_t mark = filch_scratch_mark();
    struct entry entry = {.block = filch_scratch_alloc(10000), .size = 10000, .fill = 7};

    cr_assert(mark > 0, "it runs on top of the one that waits");
    memset(entry.block, entry.fill, entry.size);
    cr_assert(is_kept(&entry));
    filch_scratch_reset(mark);
    return argument;
}

static void *wait_for_another(void *pool)
{
    struct entry entry = {.block = filch_scratch_alloc(10000), .size = 10000, .fill = 9};
    size_t mark = filch_scratch_mark();

    memset(entry.block, entry.fill, entry.size);
    cr_assert_eq(result_of(submit(pool, fill_and_check, pool)), pool);
    cr_assert_eq(filch_scratch_mark(), mark);
    cr_assert(is_kept(&entry));
    filch_scratch_reset(0);
    return pool;
}

Test(scratch, what_runs_while_a_task_waits_allocates_above_it)
{
    struct filch_pool *pool = pool_of(1);

    cr_assert_eq(result_of(submit(pool, wait_for_another, pool)), pool);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

/* ---- Pages ------------------------------------------------------------------------------- */

/* How many bytes of these are in memory. */
static size_t resident(const void *block, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), count = 0;
    uintptr_t start = (uintptr_t)block / page * page;
    size_t pages = ((uintptr_t)block + size - start + page - 1) / page;
    unsigned char *there = malloc(pages);

    if (mincore((void *)start, pages * page, there)) { /* not even mapped */
        cr_assert_eq(errno, ENOMEM);
        memset(there, 0, pages);
    }
    for (size_t i = 0; i < pages; i++)
        count += (there[i] & 1) * page;
    free(there);
    return count;
}

struct use {
    unsigned char *block;
    size_t size;
    size_t resident; /* while it was in use */
};

static void *touch(void *argument)
{
    struct use *use = argument;
    size_t mark = filch_scratch_mark();

    cr_assert(use->block = filch_scratch_alloc(use->size));
    memset(use->block, 1, use->size);
    use->resident = resident(use->block, use->size);
    filch_scratch_reset(mark);
    return argument;
}

/* Until so little of it is in memory, for a minute at most. */
static void await_pages_gone(const struct use *use, size_t most)
{
    int64_t until = fi_deadline(60);

    while (resident(use->block, use->size) > most) {
        cr_assert_not(fi_is_late(until), "%zu bytes are still there",
                      resident(use->block, use->size));
        sched_yield();
    }
}

Test(scratch, an_idle_worker_gives_its_pages_back)
{
    struct filch_pool *pool = pool_of(1);

    for (int round = 0; round < 3; round++) {
        struct use use = {.size = 8 * MIB};
        cr_assert_eq(result_of(submit(pool, touch, &use)), &use);
        cr_assert(use.resident >= use.size);
        await_pages_gone(&use, FI_SCRATCH_KEEP);
    }
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

static void *block(void *argument)
{
    filch_blocking_begin();
    hold(argument);
    filch_blocking_end();
    return argument;
}

static sem_t leave_too;

static void *touch_and_hold(void *argument)
{
    touch(argument);
    sem_post(&entered);
    await_signal(&leave_too);
    return argument;
}

/* A spare that retires sleeps in a place of its own. */
Test(scratch, a_spare_that_is_one_too_many_gives_its_pages_back)
{
    struct filch_pool *pool = pool_of(1);
    struct use use = {.size = 8 * MIB};

    sem_init(&leave_too, 0, 0);
    struct filch_future *blocked = submit(pool, block, pool);
    await_signal(&entered);
    struct filch_future *held = submit(pool, touch_and_hold, &use);
    await_signal(&entered);
    sem_post(&leave); /* while the spare is at work: it retires after that */
    cr_assert_eq(result_of(blocked), pool);
    sem_post(&leave_too);
    cr_assert_eq(result_of(held), &use);
    await_pages_gone(&use, FI_SCRATCH_KEEP);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

struct sleeper {
    struct filch_future *event;
    struct entry kept;
    struct use freed;
};

/* Sleeps midway, with memory in use and above it some that was used. */
static void *use_and_sleep(void *argument)
{
    struct sleeper *sleeper = argument;
    struct entry *kept = &sleeper->kept;

    *kept = (struct entry){.block = filch_scratch_alloc(MIB), .size = MIB, .fill = 3};
    memset(kept->block, kept->fill, kept->size);
    touch(&sleeper->freed);
    cr_assert_eq(filch_future_result(sleeper->event, FILCH_FOREVER, NULL), 0);
    cr_assert(is_kept(kept));
    filch_scratch_reset(0);
    return argument;
}

Test(scratch, a_worker_that_sleeps_in_a_task_keeps_what_the_task_uses)
{
    struct filch_pool *pool = pool_of(1);
    struct sleeper sleeper = {.event = manual(), .freed.size = MIB};
    struct filch_future *future = submit(pool, use_and_sleep, &sleeper);

    await_sleepers(pool, 1);
    cr_assert_eq(filch_future_set_result(sleeper.event, NULL), 0);
    cr_assert_eq(result_of(future), &sleeper);
    await_pages_gone(&sleeper.freed, FI_SCRATCH_KEEP);
    filch_future_release(sleeper.event);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

Test(scratch, a_thread_gives_back_pages_that_are_not_in_use_when_it_says_so)
{
    struct use use = {.size = 8 * MIB};

    filch_scratch_trim(); /* without an arena */
    touch(&use);
    cr_assert(resident(use.block, use.size) >= use.size);
    filch_scratch_trim();
    cr_assert(resident(use.block, use.size) <= FI_SCRATCH_KEEP);

    struct entry kept = {.block = filch_scratch_alloc(MIB), .size = MIB, .fill = 5};
    memset(kept.block, kept.fill, kept.size);
    touch(&use);
    filch_scratch_trim();
    cr_assert(is_kept(&kept));
    cr_assert(resident(use.block, use.size) <= 64 * KIB);
    touch(&use); /* and it can be used again */
    cr_assert(is_kept(&kept));
}

Test(scratch, the_most_that_was_used_is_known)
{
    struct filch_pool *pool = pool_of(1);
    struct use use = {.size = 100 * KIB}, larger = {.size = 2 * MIB},
               other = {.size = 300 * KIB}; /* more than is kept: it grows once more */
    struct filch_stats stats;

    filch_stats_read(pool, &stats);
    cr_assert_eq(stats.scratch, 0);
    result_of(submit(pool, touch, &use));
    filch_stats_read(pool, &stats);
    cr_assert_eq(stats.scratch, 128 * KIB);
    result_of(submit(pool, touch, &larger));
    await_pages_gone(&larger, FI_SCRATCH_KEEP);
    result_of(submit(pool, touch, &other));
    filch_stats_read(pool, &stats);
    cr_assert_eq(stats.scratch, 2 * MIB + 64 * KIB);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

/* ---- Address space ----------------------------------------------------------------------- */

/* Of this process, bytes. */
static size_t address_space(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    cr_assert_eq(fscanf(file, "%lu", &pages), 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

Test(scratch, a_pool_that_does_not_use_it_has_no_mapping_for_it)
{
    size_t large = (size_t)16 << 30, before = address_space();
    struct filch_pool *pool = pool_with_scratch(2, large);
    struct use use = {.size = 1};

    cr_assert_eq(result_of(submit(pool, same, pool)), pool);
    cr_assert(address_space() < before + large);
    result_of(submit(pool, touch, &use));
    cr_assert(address_space() >= before + large, "the first use has made one");
    cr_assert(address_space() < before + 2 * large, "and only of the worker that uses it");
    cr_assert_eq(filch_pool_destroy(pool), 0);
    cr_assert(address_space() < before + large, "it went with the pool");
}

static void *find_none(void *argument)
{
    for (int i = 0; i < 3; i++) {
        cr_assert_null(filch_scratch_alloc(1));
        cr_assert_null(filch_scratch_alloc_aligned(1, 64));
        cr_assert_eq(filch_scratch_mark(), 0);
        filch_scratch_reset(0);
        filch_scratch_trim();
    }
    return argument;
}

Test(scratch, without_address_space_it_is_null_and_the_worker_goes_on)
{
    struct filch_pool *pool = pool_with_scratch(2, (size_t)1 << 60);
    unsigned char empty[1] = {0};

    for (int i = 0; i < 10; i++)
        cr_assert_eq(result_of(submit(pool, find_none, pool)), pool);
    cr_assert_eq(FILCH_RUN(pool, queens, empty, 0, 0), 1);
    cr_assert_eq(filch_pool_destroy(pool), 0);
}

Test(scratch, a_size_out_of_range_is_an_error)
{
    struct filch_pool_options options = {.workers = 1, .scratch_size = SIZE_MAX / 4 + 1};
    struct filch_pool *pool = NULL;

    cr_assert_eq(filch_pool_create(&options, &pool), FILCH_EINVAL);
    options.scratch_size = SIZE_MAX;
    cr_assert_eq(filch_pool_create(&options, &pool), FILCH_EINVAL);
    cr_assert_null(pool);
}

/* ---- Threads and processes --------------------------------------------------------------- */

static void *allocate_and_leave(void *block)
{
    cr_assert(*(char **)block = filch_scratch_alloc(100));
    memset(*(char **)block, 1, 100);
    return block;
}

/* Is nothing mapped there? */
static bool is_unmapped(const void *block)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    unsigned char there;

    return mincore((void *)((uintptr_t)block / page * page), 1, &there) && errno == ENOMEM;
}

Test(scratch, an_arena_goes_with_its_thread)
{
    char *mine = filch_scratch_alloc(100), *others = NULL;
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, allocate_and_leave, &others), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert(others && others != mine);
    cr_assert(is_unmapped(others));
    cr_assert_not(is_unmapped(mine));
}

/* The key's destructors of a thread run in any order, and may use what is gone by then. */
static pthread_key_t late_key;
static bool was_late;

static void allocate_late(void *block)
{
    char *again = filch_scratch_alloc(100);

    cr_assert(again);
    memset(again, 1, 100);
    filch_scratch_reset(0);
    was_late = true;
    (void)block;
}

static void *allocate_late_too(void *argument)
{
    char *block;

    allocate_and_leave(&block);
    pthread_setspecific(late_key, block);
    filch_scratch_reset(0);
    return argument;
}

Test(scratch, a_thread_that_ends_may_allocate)
{
    size_t before = address_space();
    pthread_t thread;

    (void)filch_scratch_alloc(1); /* its key comes first: its destructor, too */
    cr_assert_eq(pthread_key_create(&late_key, allocate_late), 0);
    for (int i = 0; i < 10; i++) {
        was_late = false;
        cr_assert_eq(pthread_create(&thread, NULL, allocate_late_too, NULL), 0);
        cr_assert_eq(pthread_join(thread, NULL), 0);
        cr_assert(was_late);
    }
    cr_assert(address_space() < before + 5 * 64 * MIB);
}

static int go_on_in_child(void *argument)
{
    struct entry *entry = argument;
    size_t mark = filch_scratch_mark();

    HOLDS(is_kept(entry));
    HOLDS(filch_scratch_alloc(1000));
    filch_scratch_reset(mark);
    HOLDS(is_kept(entry));
    filch_scratch_reset(0);
    HOLDS((unsigned char *)filch_scratch_alloc(1) == entry->block);
    filch_scratch_reset(0);
    return 3;
}

Test(scratch, the_child_of_a_fork_goes_on_with_the_arena)
{
    struct entry entry = {.block = filch_scratch_alloc(10000), .size = 10000, .fill = 4};

    memset(entry.block, entry.fill, entry.size);
    cr_assert_eq(in_child(go_on_in_child, &entry), 3);
    cr_assert(is_kept(&entry));
    filch_scratch_reset(0);
}

static struct filch_pool *forked_pool;

/* The child of a task: its arena goes with the pool, which the parent has made. */
static int destroy_in_child(void *argument)
{
    struct entry *entry = argument;

    HOLDS(is_kept(entry));
    HOLDS(filch_pool_destroy(forked_pool) == 0);
    HOLDS(is_unmapped(entry->block));
    HOLDS(filch_scratch_mark() == 0);
    char *block = filch_scratch_alloc(100);
    HOLDS(block);
    memset(block, 1, 100);
    filch_scratch_reset(0);
    leaks = true; /* what the task's thread held */
    return 3;
}

static void *fork_in_task(void *argument)
{
    struct entry entry = {.block = filch_scratch_alloc(10000), .size = 10000, .fill = 4};

    memset(entry.block, entry.fill, entry.size);
    cr_assert_eq(in_child(destroy_in_child, &entry), 3);
    cr_assert(is_kept(&entry));
    filch_scratch_reset(0);
    return argument;
}

Test(scratch, the_child_of_a_task_may_destroy_the_pool_that_the_arena_belongs_to)
{
    forked_pool = pool_of(2);
    cr_assert_eq(result_of(submit(forked_pool, fork_in_task, forked_pool)), forked_pool);
    cr_assert_eq(filch_pool_destroy(forked_pool), 0);
}

Test(scratch, an_arena_goes_with_a_detached_executor)
{
    int before = threads_now();
    struct filch_executor *executor = executor_of(1);
    struct use use = {.size = MIB};
    struct filch_future *future = submit_to(executor, touch, &use);

    filch_executor_detach(executor);
    cr_assert_eq(result_of(future), &use);
    await_threads(before);
    cr_assert(is_unmapped(use.block));
}
