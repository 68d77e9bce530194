/* SPDX-License-Identifier: MIT
 *
 * The arena for large blocks: whose a block is, that memory is used again and bounded, and that
 * nothing depends on when it was installed, on the thread, or on what the kernel gives. */
#include <filch/bignum.h>
#include <filch/pool.h>

#include "bignum/arena.h"
#include "counting.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LARGE = FI_ARENA_LARGE, MIB = 1 << 20 };

static struct filch_gmp_arena_stats stats(void)
{
    struct filch_gmp_arena_stats now;
    filch_gmp_arena_stats_read(&now);
    return now;
}

/* GMP's functions, as they are set. */
static void *allocate(size_t bytes)
{
    void *(*function)(size_t);
    mp_get_memory_functions(&function, NULL, NULL);
    return function(bytes);
}

static void *reallocate(void *block, size_t old_bytes, size_t bytes)
{
    void *(*function)(void *, size_t, size_t);
    mp_get_memory_functions(NULL, &function, NULL);
    return function(block, old_bytes, bytes);
}

static void release(void *block, size_t bytes)
{
    void (*function)(void *, size_t);
    mp_get_memory_functions(NULL, NULL, &function);
    function(block, bytes);
}

/* The address space of this process. */
static size_t mapped_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    cr_assert(file && fscanf(file, "%lu", &pages) == 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void install(void)
{
    cr_assert_eq(filch_gmp_arena_install(UINT64_MAX), 0);
}

/* All that a test took is back: else the arena could not go. */
static void uninstall(void)
{
    cr_expect_eq(filch_gmp_arena_uninstall(), 0);
    cr_expect_eq(stats().used, 0);
    cr_expect_eq(stats().kept, 0);
}

/* Blocks and walls of LARGE bytes in turn, side by side, so that freed blocks do not meet. */
static void allocate_apart(size_t count, size_t bytes, void *blocks[], void *walls[])
{
    release(allocate(count * (bytes + LARGE)), count * (bytes + LARGE));
    for (size_t i = 0; i < count; i++) {
        blocks[i] = allocate(bytes);
        walls[i] = allocate(LARGE);
    }
    cr_assert_eq(stats().kept, 0);
}

TestSuite(arena, .init = install, .fini = uninstall);

/* ---- Whose a block is ------------------------------------------------------------------------ */

Test(arena, blocks_of_64_kib_are_its_own)
{
    void *small = allocate(LARGE - 1), *large = allocate(LARGE);
    cr_expect_eq(stats().used, LARGE);
    release(small, LARGE - 1);
    cr_expect_eq(stats().used, LARGE);
    release(large, LARGE);
    cr_expect_eq(stats().used, 0);
    cr_expect_eq(stats().kept, LARGE);
}

Test(arena, a_block_has_whole_pages)
{
    char *block = allocate(LARGE + 1);
    memset(block, 1, LARGE + 1);
    cr_expect_eq(stats().used % (uint64_t)sysconf(_SC_PAGESIZE), 0);
    cr_expect_gt(stats().used, LARGE);
    release(block, LARGE + 1);
}

Test(arena, units_of_decimal_numbers_are_its_own)
{
    void *block = fi_block_allocate(MIB);
    cr_expect_eq(stats().used, MIB);
    fi_block_free(block);
    cr_expect_eq(stats().used, 0);
    fi_block_free(NULL);
}

Test(arena, numbers_made_before_it_was_installed_stay_good)
{
    cr_assert_eq(filch_gmp_arena_uninstall(), 0);
    counting_begin();
    mpz_t small, large, grown, wanted;
    mpz_init_set_ui(small, 7);
    mpz_init2(large, 8 * MIB);
    mpz_init2(grown, 8 * MIB);
    mpz_fib_ui(grown, 1000000);
    void *block = fi_block_allocate(MIB);
    install();

    mpz_realloc2(grown, 16 * MIB); /* by the arena from here on */
    cr_expect_eq(stats().used, 2 * MIB);
    mpz_init(wanted);
    mpz_fib_ui(wanted, 1000000);
    cr_expect_eq(mpz_cmp(grown, wanted), 0);
    fi_block_free(block);
    mpz_clears(small, large, grown, wanted, NULL);
    cr_expect_eq(live, 0);
}

Test(arena, the_functions_of_before_have_the_small_blocks)
{
    cr_assert_eq(filch_gmp_arena_uninstall(), 0);
    counting_begin();
    install();
    void *block = allocate(100);
    cr_expect_eq(live, 100);
    block = reallocate(block, 100, 200);
    cr_expect_eq(live, 200);
    block = reallocate(block, 200, LARGE);
    cr_expect_eq(live, 0);
    block = reallocate(block, LARGE, 300);
    cr_expect_eq(live, 300);
    release(block, 300);
    cr_expect_eq(live, 0);
}

static void *free_one(void *block)
{
    release(block, MIB);
    return NULL;
}

static void *allocate_one(void *unused)
{
    (void)unused;
    void *block = allocate(MIB);
    memset(block, 1, MIB);
    return block;
}

Test(arena, any_thread_frees_a_block_and_one_that_ends_leaves_nothing)
{
    pthread_t thread;
    void *block = allocate(MIB), *blocks[8];
    cr_assert_eq(pthread_create(&thread, NULL, free_one, block), 0);
    pthread_join(thread, NULL);
    cr_expect_eq(stats().used, 0);
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(pthread_create(&thread, NULL, allocate_one, NULL), 0);
        pthread_join(thread, &blocks[i]);
    }
    cr_expect_eq(stats().used, 8 * MIB);
    for (int i = 0; i < 8; i++)
        release(blocks[i], MIB);
    cr_expect_eq(stats().used, 0);
    cr_expect_eq(stats().kept, 8 * MIB, "what threads have freed is there for all");
}

/* ---- Used again ------------------------------------------------------------------------------ */

Test(arena, memory_is_used_again_without_the_kernel)
{
    for (int i = 0; i < 10; i++) {
        void *block = allocate(MIB);
        memset(block, i, MIB);
        release(block, MIB);
    }
    cr_expect_eq(stats().mapped, 1);
    cr_expect_eq(stats().reused, 9);
}

Test(arena, pages_that_were_touched_are_not_touched_for_the_first_time_again)
{
    struct rusage begin, end;
    enum { BYTES = 64 * MIB, ROUNDS = 10 };
    for (int i = 0; i <= ROUNDS; i++) {
        if (i == 1)
            getrusage(RUSAGE_SELF, &begin);
        char *block = allocate(BYTES);
        for (size_t at = 0; at < BYTES; at += 4096)
            block[at] = 1;
        release(block, BYTES);
    }
    getrusage(RUSAGE_SELF, &end);
    cr_expect_lt(end.ru_minflt - begin.ru_minflt, BYTES / 4096, "less than one round takes");
}

Test(arena, the_pieces_of_a_block_grow_together_again)
{
    static const int orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {0, 3, 1, 2}};
    void *whole = allocate(MIB), *pieces[4];
    release(whole, MIB);
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++)
            memset(pieces[j] = allocate(MIB / 4), j, MIB / 4);
        cr_expect_eq(stats().kept, 0);
        for (int j = 0; j < 4; j++)
            release(pieces[orders[i][j]], MIB / 4);
        cr_expect_eq(whole = allocate(MIB), pieces[0]);
        release(whole, MIB);
    }
    cr_expect_eq(stats().mapped, 1);
}

Test(arena, the_smallest_piece_that_fits_is_taken)
{
    void *blocks[3], *walls[3];
    allocate_apart(3, 2 * MIB, blocks, walls);
    cr_assert_eq(reallocate(blocks[1], 2 * MIB, MIB), blocks[1]);
    for (int i = 0; i < 3; i++)
        if (i != 1)
            release(blocks[i], 2 * MIB);
    cr_expect_eq(allocate(MIB), (char *)blocks[1] + MIB);
    release((char *)blocks[1] + MIB, MIB);
    release(blocks[1], MIB);
    for (int i = 0; i < 3; i++)
        release(walls[i], LARGE);
}

Test(arena, a_block_shrinks_where_it_is)
{
    char *block = allocate(MIB);
    memset(block, 5, MIB);
    cr_expect_eq(reallocate(block, MIB, MIB / 4), block);
    cr_expect_eq(stats().used, MIB / 4);
    cr_expect_eq(stats().kept, MIB - MIB / 4);
    char *rest = allocate(MIB - MIB / 4);
    cr_expect_eq(rest, block + MIB / 4);
    memset(rest, 6, MIB - MIB / 4);
    cr_expect_eq(block[MIB / 4 - 1], 5);
    release(rest, MIB - MIB / 4);
    release(block, MIB / 4);
}

Test(arena, a_block_that_is_resized_keeps_its_contents)
{
    static const size_t sizes[] = {100,     LARGE,     LARGE + 1, MIB, 3 * MIB,
                                   MIB + 9, LARGE + 4, LARGE - 1, 50,  2 * MIB};
    unsigned char *block = allocate(10);
    size_t bytes = 10;
    memset(block, 3, 10);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        block = reallocate(block, bytes, sizes[i]);
        size_t common = bytes < sizes[i] ? bytes : sizes[i];
        for (size_t at = 0; at < common; at++)
            cr_assert_eq(block[at], 3 + i);
        bytes = sizes[i];
        memset(block, (int)(4 + i), bytes);
    }
    release(block, bytes);
}

/* ---- How much it has ------------------------------------------------------------------------- */

static uint64_t state = 1;

static uint64_t random_below(uint64_t bound)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (state >> 33) % bound;
}

Test(arena, it_never_has_more_than_was_in_use_at_a_time)
{
    enum { BLOCKS = 40, STEPS = 20000 };
    void *blocks[BLOCKS] = {NULL};
    size_t sizes[BLOCKS];
    size_t start = mapped_bytes();
    uint64_t most = 0;
    for (int step = 0; step < STEPS; step++) {
        size_t i = random_below(BLOCKS);
        if (blocks[i])
            release(blocks[i], sizes[i]);
        sizes[i] = LARGE + random_below(step % 1000 < 500 ? MIB : LARGE);
        blocks[i] = random_below(3) ? allocate(sizes[i]) : NULL;
        struct filch_gmp_arena_stats now = stats();
        most = now.used > most ? now.used : most;
        cr_assert_leq(now.used + now.kept, most);
        if (step % 1000 == 0)
            cr_assert_leq(mapped_bytes(), start + most + MIB, "the kernel sees it so");
    }
    for (int i = 0; i < BLOCKS; i++)
        if (blocks[i])
            release(blocks[i], sizes[i]);
    cr_expect_gt(stats().reused, stats().mapped);
    cr_expect_eq(stats().passed, 0);
}

Test(arena, what_is_kept_is_bounded)
{
    void *blocks[8];
    cr_assert_eq(filch_gmp_arena_install(2 * MIB + LARGE), 0);
    size_t start = mapped_bytes();
    for (int i = 0; i < 8; i++)
        blocks[i] = allocate(MIB);
    for (int i = 0; i < 8; i++)
        release(blocks[i], MIB);
    cr_expect_eq(stats().kept, 2 * MIB + LARGE);
    cr_expect_leq(mapped_bytes(), start + 2 * MIB + LARGE + LARGE);
    cr_assert_eq(filch_gmp_arena_install(MIB), 0, "once more: the bound alone");
    cr_expect_eq(stats().kept, MIB);
    cr_assert_eq(filch_gmp_arena_install(0), 0);
    cr_expect_eq(stats().kept, 0);
}

Test(arena, trim_gives_all_that_is_kept_to_the_kernel)
{
    void *used = allocate(MIB), *kept = allocate(32 * MIB);
    size_t with = mapped_bytes();
    release(kept, 32 * MIB);
    cr_expect_eq(filch_gmp_arena_trim(), 32 * MIB);
    cr_expect_leq(mapped_bytes(), with - 31 * MIB);
    cr_expect_eq(filch_gmp_arena_trim(), 0);
    memset(used, 1, MIB);
    release(used, MIB);
}

Test(arena, more_blocks_than_it_looks_after_are_passed_on)
{
    enum { BLOCKS = 1500 };
    static char *blocks[BLOCKS];
    void *first = allocate(3 * LARGE);
    for (int i = 0; i < BLOCKS; i++)
        memset(blocks[i] = allocate(LARGE), i, 8192);
    cr_expect_gt(stats().passed, 0);
    cr_expect_eq(stats().used + stats().passed * LARGE, (uint64_t)(BLOCKS + 3) * LARGE);
    for (int i = 0; i < BLOCKS; i++)
        cr_expect_eq(blocks[i][8191], (char)i);

    uint64_t passed = stats().passed;
    release(first, 3 * LARGE); /* there is no room for what would be left of it */
    void *part = allocate(LARGE), *whole = allocate(3 * LARGE);
    cr_expect_eq(stats().passed, passed + 1);
    cr_expect_eq(whole, first);
    release(part, LARGE);
    release(whole, 3 * LARGE);

    for (int i = 0; i < BLOCKS; i += 2) /* holes, and a full row again */
        release(blocks[i], LARGE);
    for (int i = 0; i < BLOCKS; i += 2)
        blocks[i] = reallocate(allocate(2 * LARGE), 2 * LARGE, LARGE);
    for (int i = 0; i < BLOCKS; i++)
        release(blocks[i], LARGE);
    cr_expect_eq(stats().used, 0);
}

/* ---- When the kernel gives nothing ---------------------------------------------------------- */

static struct rlimit unlimited;

/* So many more bytes for this process, from now on. */
static void limit_to(size_t more)
{
    cr_assert_eq(getrlimit(RLIMIT_AS, &unlimited), 0);
    struct rlimit limit = {mapped_bytes() + more, unlimited.rlim_max};
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        cr_skip_test("RLIMIT_AS cannot be set here");
}

static void lift_limit(void)
{
    setrlimit(RLIMIT_AS, &unlimited);
}

static char reserve_of_before[2 * MIB];
static int asked_before, freed_before;

static void *allocate_before(size_t bytes)
{
    (void)bytes;
    asked_before++;
    return reserve_of_before;
}

static void *reallocate_before(void *block, size_t old_bytes, size_t bytes)
{
    (void)old_bytes, (void)bytes;
    asked_before++;
    return block;
}

static void free_before(void *block, size_t bytes)
{
    (void)bytes;
    freed_before += block == reserve_of_before;
}

Test(arena, what_the_kernel_does_not_give_the_functions_of_before_are_asked_for)
{
    cr_assert_eq(filch_gmp_arena_uninstall(), 0);
    mp_set_memory_functions(allocate_before, reallocate_before, free_before);
    install();
    char *ours = allocate(LARGE);
    memset(ours, 8, LARGE);
    limit_to(MIB / 2);
    void *block = allocate(MIB);
    cr_expect_eq(block, reserve_of_before);
    cr_expect_eq(reallocate(block, MIB, 2 * MIB), block);
    cr_expect_eq(asked_before, 2);
    release(block, 2 * MIB);
    cr_expect_eq(freed_before, 1);
    cr_expect_eq(reallocate(ours, LARGE, MIB), reserve_of_before);
    cr_expect_eq(reserve_of_before[LARGE - 1], 8, "moved");
    lift_limit();
    cr_expect_eq(stats().passed, 3);
    cr_expect_eq(stats().used, 0);
}

Test(arena, what_no_kernel_can_give_the_functions_of_before_are_asked_for)
{
    cr_assert_eq(filch_gmp_arena_uninstall(), 0);
    mp_set_memory_functions(allocate_before, reallocate_before, free_before);
    install();
    cr_expect_eq(allocate(SIZE_MAX - 5), reserve_of_before);
    cr_expect_eq(allocate(SIZE_MAX / 2), reserve_of_before);
    cr_expect_eq(stats().used, 0);
}

/* The limit, from what is mapped; the pieces that are kept, of 4 MiB, all too small for a block. */
static void map_beside_kept_pieces(size_t more, size_t bytes)
{
    void *pieces[4], *walls[4];
    allocate_apart(4, 4 * MIB, pieces, walls);
    for (int i = 0; i < 4; i++)
        release(pieces[i], 4 * MIB);
    limit_to(more);
    void *block = allocate(bytes);
    lift_limit();
    cr_expect_eq(stats().passed, 0);
    memset(block, 1, bytes);
    release(block, bytes);
    for (int i = 0; i < 4; i++)
        release(walls[i], LARGE);
}

Test(arena, what_it_keeps_goes_before_the_kernel_is_asked_for_more)
{
    map_beside_kept_pieces(MIB, 16 * MIB);
}

Test(arena, all_that_it_keeps_goes_if_that_is_what_it_takes)
{
    map_beside_kept_pieces((size_t)-4 * MIB, 8 * MIB); /* there is less than is taken */
}

static int find_number(uint64_t n)
{
    mpz_t number;
    mpz_init(number);
    int error = filch_fib(number, n, NULL);
    mpz_clear(number);
    return error;
}

/* It needs 5.5 MB. */
static int find_ten_millionth(void)
{
    return find_number(10000000);
}

Test(arena, what_it_keeps_is_given_back_before_a_call_is_refused)
{
    cr_assert_eq(find_ten_millionth(), 0, "what else it needs is there");
    filch_gmp_arena_trim();
    void *block = allocate(512 * MIB);
    limit_to(4 * MIB);
    cr_expect_eq(find_ten_millionth(), FILCH_ENOMEM);
    release(block, 512 * MIB);
    cr_expect_eq(stats().kept, 512 * MIB);
    cr_expect_eq(find_ten_millionth(), 0);
    lift_limit();
    cr_expect_lt(stats().kept, 512 * MIB);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

Test(arena, a_call_cuts_its_blocks_out_of_what_it_claimed)
{
    cr_assert_eq(find_number(6000000), 0);
    cr_assert_eq(find_ten_millionth(), 0);
    uint64_t kept = stats().kept;
    cr_expect_leq(kept, filch_fib_memory(10000000, FILCH_FIB_NUMBER, NULL) + 8192);
    cr_expect_gt(stats().reused, 0);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(find_ten_millionth(), 0);
    cr_expect_eq(stats().mapped, 0);
    cr_expect_eq(stats().kept, kept, "and no more than that");
    cr_expect_eq(stats().passed, 0);
}

Test(arena, after_a_call_it_keeps_no_more_than_it_may)
{
    mpz_t number;
    mpz_init(number);
    cr_assert_eq(filch_gmp_arena_install(0), 0);
    cr_assert_eq(filch_fib(number, 10000000, NULL), 0);
    cr_expect_gt(stats().reused, 0, "during the call it keeps its blocks");
    cr_expect_eq(stats().mapped, 0);
    cr_expect_eq(stats().kept, 0);
    mpz_clear(number);
    cr_expect_eq(stats().kept, 0);
}

Test(arena, numbers_and_texts_are_the_same_with_workers)
{
    struct filch_pool *pool;
    struct filch_pool_options options = {.workers = 3};
    cr_assert_eq(filch_pool_create(&options, &pool), 0);
    struct filch_fib_options with = {.pool = pool};
    mpz_t number, wanted;
    mpz_inits(number, wanted, NULL);
    for (uint64_t n = 2500000; n < 3000000; n += 99999) {
        char *text;
        mpz_fib_ui(wanted, n);
        cr_assert_eq(filch_fib(number, n, &with), 0);
        cr_expect_eq(mpz_cmp(number, wanted), 0);
        cr_assert_eq(filch_fib_string(&text, NULL, n, &with), 0);
        char *digits = mpz_get_str(NULL, 10, wanted);
        cr_expect(strcmp(text, digits) == 0);
        release(digits, strlen(digits) + 1);
        free(text); /* from malloc(), as ever */
    }
    mpz_clears(number, wanted, NULL);
    filch_pool_destroy(pool);
    cr_expect_gt(stats().reused, 0);
}

/* ---- Installing ------------------------------------------------------------------------------ */

Test(arena, it_does_not_go_while_it_is_in_use)
{
    void *block = allocate(LARGE);
    cr_expect_eq(filch_gmp_arena_uninstall(), FILCH_EBUSY);
    release(block, LARGE);
    fi_arena_prepare(MIB); /* as a call does */
    cr_expect_eq(filch_gmp_arena_uninstall(), FILCH_EBUSY);
    fi_arena_finish(MIB);
}

Test(arena, it_does_not_go_from_under_functions_that_others_set)
{
    void *(*ours)(size_t);
    void *(*ours_too)(void *, size_t, size_t);
    void (*ours_three)(void *, size_t);
    mp_get_memory_functions(&ours, &ours_too, &ours_three);
    mp_set_memory_functions(counting_allocate, counting_reallocate, counting_free);
    cr_expect_eq(filch_gmp_arena_uninstall(), FILCH_EBUSY);
    mp_set_memory_functions(ours, ours_too, ours_three);
}

Test(arena, when_it_goes_the_functions_of_before_are_set)
{
    cr_assert_eq(filch_gmp_arena_uninstall(), 0);
    cr_expect_eq(filch_gmp_arena_uninstall(), 0, "there is none");
    counting_begin();
    install();
    release(allocate(MIB), MIB);
    cr_assert_eq(filch_gmp_arena_uninstall(), 0);
    void *block = allocate(MIB);
    cr_expect_eq(live, MIB);
    release(block, MIB);
    cr_expect_eq(stats().kept, 0);
    install();
    cr_expect_eq(stats().mapped, 0, "counted anew");
}

Test(arena, without_it_nothing_is_kept)
{
    cr_assert_eq(filch_gmp_arena_uninstall(), 0);
    void *block = fi_block_allocate(MIB);
    fi_block_free(block);
    cr_assert_eq(find_ten_millionth(), 0);
    cr_expect_eq(stats().used + stats().kept + stats().reused + stats().mapped, 0);
    cr_expect_eq(filch_gmp_arena_trim(), 0);
}

static _Atomic bool stop;

static void *allocate_on(void *unused)
{
    (void)unused;
    while (!stop)
        release(allocate(LARGE), LARGE);
    return NULL;
}

Test(arena, a_child_of_fork_goes_on_with_it)
{
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, allocate_on, NULL), 0);
    for (int i = 0; i < 100; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(5); /* if it hangs */
            release(allocate(MIB), MIB);
            _exit(0);
        }
        int status;
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert_eq(status, 0);
    }
    stop = true;
    pthread_join(thread, NULL);
}
