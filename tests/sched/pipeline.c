/* SPDX-License-Identifier: MIT
 *
 * Pipelines: each item once through every stage, in order where that is asked for, one at a
 * time where that is; never more on their way than there are tokens; errors and cancelling lose
 * nothing. */
#include "several.h"

#include "sched/flow/pipeline_gate.h"

#include <filch/cancel.h>
#include <filch/pipeline.h>

TestSuite(pipeline, .init = setup);

#define PARALLEL FILCH_STAGE_PARALLEL
#define SERIAL   FILCH_STAGE_SERIAL
#define IN_ORDER FILCH_STAGE_IN_ORDER

enum { STAGES_MAX = 8 };

/* ---- A pipeline that watches itself ------------------------------------------------------ */

struct piece {
    int number;
    bool given, done;       /* by the source; by the last stage */
    _Atomic(size_t) passed; /* stages */
    _Atomic(int) discarded;
};

struct line;

struct place {
    struct line *line;
    size_t index;
    _Atomic(int) inside;
    int *seen; /* the numbers, as they came, if this is serial or in order */
    int count; /* plain, as no two are inside at a time */
};

struct line {
    size_t length;
    int count; /* items */
    struct filch_stage stages[STAGES_MAX];
    struct place places[STAGES_MAX];
    struct piece *pieces;
    _Atomic(int) next, on_way, most, wrong, discards;
    size_t bad_stage; /* fails at an item with this number with an error, 0 for none */
    int bad_item, error;
    struct filch_token *token; /* is cancelled there, if that is not NULL */
    struct filch_pipeline_options options;
};

static void expect(struct line *line, bool holds)
{
    if (!holds)
        atomic_fetch_add(&line->wrong, 1);
}

static int trouble(struct line *line, size_t stage, int item)
{
    if (stage != line->bad_stage || item != line->bad_item)
        return 0;
    if (line->token)
        filch_token_cancel(line->token);
    return line->error;
}

static bool is_ordered(const struct place *place)
{
    return place->line->stages[place->index].kind != FILCH_STAGE_PARALLEL;
}

static void come_in(struct place *place)
{
    if (is_ordered(place))
        expect(place->line, atomic_fetch_add(&place->inside, 1) == 0);
}

static void go_out(struct place *place)
{
    if (is_ordered(place))
        atomic_fetch_sub(&place->inside, 1);
}

static void note(struct place *place, int number)
{
    if (is_ordered(place))
        place->seen[place->count++] = number;
}

static int give(void *context, void **item)
{
    struct place *place = context;
    struct line *line = place->line;
    expect(line, *item == NULL);
    come_in(place);
    int number = atomic_fetch_add(&line->next, 1), error = FILCH_EEND;
    if (number < line->count) {
        struct piece *piece = &line->pieces[number];
        error = trouble(line, 0, number);
        expect(line, !piece->given);
        *item = piece;
    }
    if (!error && line->length > 1) {
        int on_way = atomic_fetch_add(&line->on_way, 1) + 1, most = atomic_load(&line->most);
        while (most < on_way && !atomic_compare_exchange_weak(&line->most, &most, on_way))
            ;
    }
    if (!error) {
        struct piece *piece = *item;
        piece->given = true;
        piece->done = line->length == 1;
        piece->passed = 1;
        note(place, number);
    }
    go_out(place);
    return error;
}

static int take(void *context, void **item)
{
    struct place *place = context;
    struct line *line = place->line;
    struct piece *piece = *item;
    come_in(place);
    expect(line, atomic_fetch_add(&piece->passed, 1) == place->index);
    note(place, piece->number);
    int error = trouble(line, place->index, piece->number);
    if (!error && place->index == line->length - 1) {
        piece->done = true;
        atomic_fetch_sub(&line->on_way, 1);
    }
    go_out(place);
    return error;
}

static void discard(void *context, void *item)
{
    struct line *line = context;
    struct piece *piece = item;
    atomic_fetch_add(&piece->discarded, 1);
    atomic_fetch_add(&line->discards, 1);
}

static struct line *line_of(const enum filch_stage_kind *kinds, size_t length, int count)
{
    struct line *line = calloc(1, sizeof *line);
    cr_assert(line);
    line->length = length;
    line->count = count;
    line->bad_item = -1;
    line->pieces = calloc((size_t)count + 1, sizeof *line->pieces);
    cr_assert(line->pieces);
    for (int i = 0; i < count; i++)
        line->pieces[i].number = i;
    for (size_t i = 0; i < length; i++) {
        line->places[i].line = line;
        line->places[i].index = i;
        line->places[i].seen = calloc((size_t)count + 1, sizeof(int));
        line->stages[i] =
            (struct filch_stage){kinds[i], i == 0 ? give : take, &line->places[i]};
    }
    line->options.discard = discard;
    line->options.context = line;
    return line;
}

static void line_free(struct line *line)
{
    for (size_t i = 0; i < line->length; i++)
        free(line->places[i].seen);
    free(line->pieces);
    free(line);
}

/* As it was before its run. */
static void rewind_line(struct line *line)
{
    line->next = line->on_way = line->most = line->discards = 0;
    for (int i = 0; i < line->count; i++)
        line->pieces[i] = (struct piece){.number = i};
    for (size_t i = 0; i < line->length; i++)
        line->places[i].count = 0;
}

static int run_line(struct line *line, struct filch_pool *pool, size_t tokens)
{
    return filch_pipeline_run(pool, line->stages, line->length, tokens, &line->options);
}

/* What must hold after any run, with an error or without. */
static void check_line(struct line *line, size_t tokens)
{
    int discards = 0;
    cr_assert_eq(line->wrong, 0, "%d checks failed in the stages", line->wrong);
    cr_assert_leq((size_t)line->most, tokens);
    for (int i = 0; i < line->count; i++) {
        struct piece *piece = &line->pieces[i];
        cr_assert_eq(piece->discarded, piece->given && !piece->done, "item %d", i);
        discards += piece->discarded;
        if (piece->done)
            cr_assert_eq(piece->passed, line->length, "item %d", i);
    }
    cr_assert_eq(line->discards, discards);
    /* Where the source is serial, an in-order stage sees 0, 1, 2, ..., and otherwise what other
     * such stages see. */
    const struct place *first = is_ordered(&line->places[0]) ? &line->places[0] : NULL;
    for (size_t s = 1; s < line->length; s++) {
        const struct place *place = &line->places[s];
        if (line->stages[s].kind != FILCH_STAGE_IN_ORDER)
            continue;
        if (!first)
            first = place;
        cr_assert_leq(place->count, first->count);
        for (int i = 0; i < place->count; i++)
            cr_assert_eq(place->seen[i], first->seen[i], "stage %zu: %d came as number %d", s,
                         place->seen[i], i);
    }
}

static void check_all_done(struct line *line)
{
    for (int i = 0; i < line->count; i++)
        cr_assert(line->pieces[i].done, "item %d", i);
    for (size_t s = 0; s < line->length; s++)
        if (is_ordered(&line->places[s]))
            cr_assert_eq(line->places[s].count, line->count);
    cr_assert_eq(line->discards, 0);
}

static void run_whole_line(struct line *line, struct filch_pool *pool, size_t tokens)
{
    cr_assert_eq(run_line(line, pool, tokens), 0);
    check_line(line, tokens ? tokens : SIZE_MAX);
    check_all_done(line);
}

/* ---- What stages see --------------------------------------------------------------------- */

static const enum filch_stage_kind mixed[STAGES_MAX] = {IN_ORDER, PARALLEL, SERIAL,   IN_ORDER,
                                                        PARALLEL, IN_ORDER, PARALLEL, IN_ORDER};

Test(pipeline, in_order_stages_see_the_items_in_the_order_of_the_source)
{
    struct filch_pool *pool = pool_of(3);
    struct line *line = line_of(mixed, COUNT(mixed), 10000);
    run_whole_line(line, pool, 16);
    for (int i = 0; i < line->count; i++) {
        cr_assert_eq(line->places[0].seen[i], i);
        cr_assert_eq(line->places[7].seen[i], i);
    }
    line_free(line);
    filch_pool_destroy(pool);
}

Test(pipeline, a_million_items_pass_each_stage_once)
{
    static const enum filch_stage_kind kinds[] = {SERIAL, PARALLEL, IN_ORDER, SERIAL};
    struct filch_pool *pool = pool_of(2);
    struct line *line = line_of(kinds, COUNT(kinds), (int)MANY);
    run_whole_line(line, pool, 0);
    line_free(line);
    filch_pool_destroy(pool);
}

Test(pipeline, without_a_pool_runs_item_by_item_on_the_calling_thread)
{
    struct line *line = line_of(mixed, COUNT(mixed), 1000);
    run_whole_line(line, NULL, 0);
    cr_assert_eq(line->most, 1);
    rewind_line(line);
    run_whole_line(line, NULL, 7);
    cr_assert_eq(line->most, 1);
    line_free(line);
}

Test(pipeline, with_one_token_has_one_item_on_its_way)
{
    struct filch_pool *pool = pool_of(4);
    struct line *line = line_of(mixed, COUNT(mixed), 10000);
    run_whole_line(line, pool, 1);
    cr_assert_eq(line->most, 1);
    line_free(line);
    filch_pool_destroy(pool);
}

Test(pipeline, of_one_stage_asks_the_source_until_its_end)
{
    struct filch_pool *pool = pool_of(3);
    for (enum filch_stage_kind kind = 0; kind <= FILCH_STAGE_IN_ORDER; kind++) {
        struct line *line = line_of(&kind, 1, 10000);
        run_whole_line(line, pool, 5);
        line_free(line);
    }
    filch_pool_destroy(pool);
}

Test(pipeline, with_an_empty_source_calls_no_other_stage)
{
    struct filch_pool *pool = pool_of(2);
    for (enum filch_stage_kind kind = 0; kind <= FILCH_STAGE_IN_ORDER; kind++) {
        const enum filch_stage_kind kinds[] = {kind, PARALLEL, IN_ORDER};
        struct line *line = line_of(kinds, COUNT(kinds), 0);
        run_whole_line(line, pool, 5);
        line_free(line);
    }
    filch_pool_destroy(pool);
}

struct ending {
    _Atomic(int) calls;
};

static int give_one(void *context, void **item)
{
    struct ending *ending = context;
    (void)item;
    return atomic_fetch_add(&ending->calls, 1) == 0 ? 0 : FILCH_EEND;
}

static int wait_for_the_end(void *context, void **item)
{
    struct ending *ending = context;
    (void)item;
    while (atomic_load(&ending->calls) < 2)
        sched_yield();
    return 0;
}

Test(pipeline, asks_a_source_once_for_the_end)
{
    struct filch_pool *pool = pool_of(2);
    for (enum filch_stage_kind kind = 0; kind <= FILCH_STAGE_IN_ORDER; kind++) {
        struct ending ending = {0};
        const struct filch_stage stages[] = {{kind, give_one, &ending},
                                             {PARALLEL, wait_for_the_end, &ending}};
        cr_assert_eq(filch_pipeline_run(pool, stages, 2, 2, NULL), 0);
        cr_assert_eq(ending.calls, 2);
    }
    filch_pool_destroy(pool);
}

static int null_item(void *context, void **item)
{
    _Atomic(int) *left = context;
    *item = NULL;
    return atomic_fetch_sub(left, 1) > 0 ? 0 : FILCH_EEND;
}

static int count_null(void *context, void **item)
{
    _Atomic(int) *count = context;
    atomic_fetch_add(count, *item == NULL);
    return 0;
}

Test(pipeline, takes_null_for_an_item)
{
    _Atomic(int) left = 100, nulls = 0;
    const struct filch_stage stages[] = {{IN_ORDER, null_item, &left},
                                         {PARALLEL, count_null, &nulls}};
    struct filch_pool *pool = pool_of(2);
    cr_assert_eq(filch_pipeline_run(pool, stages, 2, 3, NULL), 0);
    cr_assert_eq(nulls, 100);
    filch_pool_destroy(pool);
}

/* ---- Together ---------------------------------------------------------------------------- */

/* Nobody leaves before so many are inside. */
struct meeting {
    int wanted;
    _Atomic(int) came;
};

static int meet(void *context, void **item)
{
    struct meeting *meeting = context;
    (void)item;
    atomic_fetch_add(&meeting->came, 1);
    while (atomic_load(&meeting->came) < meeting->wanted)
        sched_yield();
    return 0;
}

Test(pipeline, brings_all_workers_into_a_parallel_stage)
{
    struct filch_pool *pool = pool_of(4);
    for (enum filch_stage_kind kind = 0; kind <= FILCH_STAGE_IN_ORDER; kind++) {
        for (int round = 0; round < 50; round++) {
            _Atomic(int) left = 4;
            struct meeting meeting = {.wanted = 4};
            const struct filch_stage stages[] = {{kind, null_item, &left},
                                                 {PARALLEL, meet, &meeting}};
            cr_assert_eq(filch_pipeline_run(pool, stages, 2, 4, NULL), 0);
            cr_assert_eq(meeting.came, 4);
        }
    }
    filch_pool_destroy(pool);
}

/* Two stages. Who is in the second waits until another one comes to the first, but not for ever:
 * nobody promises that. */
struct stages {
    _Atomic(int) came;
    int met;
};

static int come(void *context, void **item)
{
    struct stages *stages = context;
    (void)item;
    atomic_fetch_add(&stages->came, 1);
    return 0;
}

static int await_another(void *context, void **item)
{
    struct stages *stages = context;
    int before = atomic_load(&stages->came);
    (void)item;
    for (int i = 0; i < 10000 && atomic_load(&stages->came) == before; i++)
        sched_yield();
    stages->met += atomic_load(&stages->came) > before;
    return 0;
}

Test(pipeline, has_two_serial_stages_run_at_once)
{
    static const enum filch_stage_kind kinds[] = {SERIAL, IN_ORDER};
    struct filch_pool *pool = pool_of(2);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct stages both = {.came = 0};
        _Atomic(int) left = 100;
        const struct filch_stage stages[] = {{kinds[i], null_item, &left},
                                             {kinds[i], come, &both},
                                             {kinds[i], await_another, &both}};
        cr_assert_eq(filch_pipeline_run(pool, stages, 3, 4, NULL), 0);
        cr_assert_eq(both.came, 100);
        cr_assert_gt(both.met, 0);
    }
    filch_pool_destroy(pool);
}

/* Now and then another thread comes between. */
static int stay(void *context, void **item)
{
    static _Atomic(unsigned) calls;
    (void)context, (void)item;
    if (atomic_fetch_add(&calls, 1) % 16 == 0)
        sched_yield();
    return 0;
}

/* How far apart the stack frames are in which the stage runs, on one worker. */
struct frames {
    uintptr_t lowest[8], highest[8];
    _Atomic(int) items;
};

static int note_frame(void *context, void **item)
{
    struct frames *frames = context;
    int worker = filch_pool_worker();
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    (void)item;
    if (!frames->lowest[worker] || frame < frames->lowest[worker])
        frames->lowest[worker] = frame;
    if (frame > frames->highest[worker])
        frames->highest[worker] = frame;
    atomic_fetch_add(&frames->items, 1);
    return 0;
}

Test(pipeline, of_very_many_items_needs_little_stack_and_few_forks)
{
    const struct filch_pool_options options = {.workers = 4, .deque_slots = 1024, .spares = -1};
    struct filch_pool *pool = NULL;
    cr_assert_eq(filch_pool_create(&options, &pool), 0);
    const int items = ADDRESS_SANITIZER ? 20000 : 200000;
    _Atomic(int) left = items;
    struct frames frames = {.items = 0};
    const struct filch_stage stages[] = {{SERIAL, null_item, &left},
                                         {SERIAL, stay, NULL},
                                         {PARALLEL, note_frame, &frames},
                                         {IN_ORDER, stay, NULL},
                                         {SERIAL, note_frame, &frames}};
    cr_assert_eq(filch_pipeline_run(pool, stages, COUNT(stages), 6, NULL), 0);
    cr_assert_eq(frames.items, 2 * items);
    for (int i = 0; i < 4; i++)
        cr_expect_lt(frames.highest[i] - frames.lowest[i], ADDRESS_SANITIZER ? 65536 : 16384);
    struct filch_stats stats;
    filch_stats_read(pool, &stats);
    cr_expect_eq(stats.spills, 0);
    filch_pool_destroy(pool);
}

/* ---- Any pipeline ------------------------------------------------------------------------ */

static uint64_t seed = 88172645463325252u;

static unsigned below(unsigned bound)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 33) % bound;
}

static struct line *any_line(void)
{
    enum filch_stage_kind kinds[STAGES_MAX];
    for (size_t i = 0; i < STAGES_MAX; i++)
        kinds[i] = (enum filch_stage_kind)below(3);
    return line_of(kinds, 1 + below(STAGES_MAX), (int)below(300));
}

static struct filch_pool *pools[8];

static struct filch_pool *any_pool(void)
{
    unsigned i = below(COUNT(pools));
    if (!pools[i])
        pools[i] = pool_of((int)i + 1);
    return pools[i];
}

static void pools_end(void)
{
    for (size_t i = 0; i < COUNT(pools); i++)
        cr_assert_eq(filch_pool_destroy(pools[i]), 0);
}

enum { LINES = ADDRESS_SANITIZER ? 300 : 1500 };

Test(pipeline, of_any_kind_takes_all_items_through)
{
    for (int i = 0; i < LINES; i++) {
        struct line *line = any_line();
        run_whole_line(line, any_pool(), 1 + below(40));
        line_free(line);
    }
    pools_end();
}

Test(pipeline, of_any_kind_that_fails_discards_what_is_on_its_way)
{
    int errors = 0;
    for (int i = 0; i < LINES; i++) {
        struct line *line = any_line();
        size_t tokens = 1 + below(40);
        line->bad_stage = below((unsigned)line->length);
        line->bad_item = (int)below(300);
        line->error = 77;
        bool fails = line->bad_item < line->count;
        cr_assert_eq(run_line(line, any_pool(), tokens), fails ? 77 : 0);
        check_line(line, tokens);
        errors += fails;
        line_free(line);
    }
    cr_assert_gt(errors, LINES / 4);
    pools_end();
}

Test(pipeline, of_any_kind_that_is_cancelled_discards_what_is_on_its_way)
{
    int errors = 0;
    for (int i = 0; i < LINES; i++) {
        struct line *line = any_line();
        size_t tokens = 1 + below(40);
        line->token = line->options.token = token_below(NULL);
        line->bad_stage = below((unsigned)line->length);
        line->bad_item = (int)below(300);
        int error = run_line(line, any_pool(), tokens);
        cr_assert(error == (filch_token_cancelled(line->token) ? FILCH_ECANCELED : 0));
        check_line(line, tokens);
        errors += error != 0;
        filch_token_release(line->token);
        line_free(line);
    }
    cr_assert_gt(errors, LINES / 4);
    pools_end();
}

/* ---- Errors ------------------------------------------------------------------------------ */

Test(pipeline, returns_the_error_of_any_stage_and_asks_the_source_no_more)
{
    struct filch_pool *pool = pool_of(2);
    for (int workers = 0; workers <= 2; workers += 2) {
        for (size_t stage = 0; stage < COUNT(mixed); stage++) {
            struct line *line = line_of(mixed, COUNT(mixed), 100000);
            line->bad_stage = stage;
            line->bad_item = 50;
            line->error = stage % 2 ? FILCH_ERANGE : 5;
            cr_assert_eq(run_line(line, workers ? pool : NULL, 10), line->error);
            check_line(line, 10);
            cr_assert_lt(line->next, 70); /* item 50 was on its way */
            if (stage > 0)
                cr_assert_eq(line->pieces[50].discarded, 1);
            cr_assert_eq(line->pieces[50].passed, stage == 0 ? 0 : stage + 1);
            line_free(line);
        }
    }
    filch_pool_destroy(pool);
}

Test(pipeline, takes_the_end_from_its_source_alone)
{
    struct filch_pool *pool = pool_of(2);
    struct line *line = line_of(mixed, COUNT(mixed), 100);
    line->bad_stage = 3;
    line->bad_item = 50;
    line->error = FILCH_EEND;
    cr_assert_eq(run_line(line, pool, 10), FILCH_EEND);
    check_line(line, 10);
    line_free(line);
    filch_pool_destroy(pool);
}

/* All tokens are on their way, and wait for the first of them, when that one fails. */
struct jam {
    int next;
    _Atomic(int) waiting, discards;
};

static int jam_source(void *context, void **item)
{
    struct jam *jam = context;
    *item = (void *)(intptr_t)++jam->next;
    return 0;
}

static int jam_wait(void *context, void **item)
{
    struct jam *jam = context;
    if ((intptr_t)*item > 1)
        atomic_fetch_add(&jam->waiting, 1);
    else
        while (atomic_load(&jam->waiting) < 9)
            sched_yield();
    return 0;
}

static int jam_fail(void *context, void **item)
{
    (void)context, (void)item;
    return 9;
}

static void jam_discard(void *context, void *item)
{
    struct jam *jam = context;
    atomic_fetch_add(&jam->discards, 1 << (intptr_t)item);
}

Test(pipeline, that_fails_with_all_tokens_on_their_way_discards_them)
{
    static const enum filch_stage_kind kinds[] = {SERIAL, IN_ORDER};
    struct filch_pool *pool = pool_of(2);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct jam jam = {0};
        const struct filch_stage stages[] = {{IN_ORDER, jam_source, &jam},
                                             {PARALLEL, jam_wait, &jam},
                                             {IN_ORDER, jam_fail, &jam},
                                             {kinds[i], jam_fail, &jam}};
        const struct filch_pipeline_options options = {.discard = jam_discard, .context = &jam};
        cr_assert_eq(filch_pipeline_run(pool, stages, 4, 10, &options), 9);
        cr_assert_eq(jam.discards, (1 << 11) - 2); /* 1 to 10, each once */
    }
    filch_pool_destroy(pool);
}

static int swap_and_fail(void *context, void **item)
{
    *item = context;
    return 1;
}

static void note_discarded(void *context, void *item)
{
    *(void **)context = item;
}

Test(pipeline, discards_what_the_failing_stage_has_left)
{
    _Atomic(int) left = 1;
    void *discarded = NULL;
    const struct filch_stage stages[] = {{IN_ORDER, null_item, &left},
                                         {PARALLEL, swap_and_fail, UNTOUCHED}};
    const struct filch_pipeline_options options = {.discard = note_discarded,
                                                   .context = &discarded};
    cr_assert_eq(filch_pipeline_run(NULL, stages, 2, 0, &options), 1);
    cr_assert_eq(discarded, UNTOUCHED);
    left = 1;
    cr_assert_eq(filch_pipeline_run(NULL, stages, 2, 0, NULL), 1); /* nobody to tell */
}

/* ---- Cancelling -------------------------------------------------------------------------- */

Test(pipeline, that_is_cancelled_before_it_starts_calls_nothing)
{
    struct filch_pool *pool = pool_of(2);
    for (int workers = 0; workers <= 2; workers += 2) {
        struct line *line = line_of(mixed, COUNT(mixed), 100);
        line->options.token = token_below(NULL);
        filch_token_cancel(line->options.token);
        cr_assert_eq(run_line(line, workers ? pool : NULL, 10), FILCH_ECANCELED);
        check_line(line, 10);
        cr_assert_eq(line->next, 0);
        filch_token_release(line->options.token);
        line_free(line);
    }
    filch_pool_destroy(pool);
}

static int forever(void *context, void **item)
{
    (void)context, (void)item;
    return 0;
}

static int wait_for_cancel(void *context, void **item)
{
    _Atomic(int) *begun = context;
    (void)item;
    atomic_store(begun, 1);
    while (!filch_cancelled())
        sched_yield();
    return 0;
}

Test(pipeline, in_its_stages_knows_of_the_token)
{
    _Atomic(int) begun = 0;
    struct filch_token *token = token_below(NULL);
    struct filch_pool *pool = pool_of(2);
    const struct filch_stage stages[] = {{IN_ORDER, forever, NULL},
                                         {PARALLEL, wait_for_cancel, &begun}};
    const struct filch_pipeline_options options = {.token = token};
    cr_assert_eq(filch_token_set_deadline(token, 0.001), 0);
    cr_assert_eq(filch_pipeline_run(pool, stages, 2, 4, &options), FILCH_ECANCELED);
    filch_token_release(token);
    filch_pool_destroy(pool);
}

static _Atomic(int) task_begun;

static void *run_in_a_task(void *pool)
{
    const struct filch_stage stages[] = {{IN_ORDER, forever, NULL},
                                         {PARALLEL, wait_for_cancel, &task_begun}};
    return (void *)(intptr_t)filch_pipeline_run(pool, stages, 2, 4, NULL);
}

Test(pipeline, in_a_task_that_is_told_to_stop_stops)
{
    for (int workers = 1; workers <= 2; workers++) {
        struct filch_pool *pool = pool_of(workers);
        void *result = run_until_stopped(pool, run_in_a_task, &task_begun);
        cr_assert_eq((intptr_t)result, FILCH_ECANCELED);
        filch_pool_destroy(pool);
    }
}

/* ---- Nesting ----------------------------------------------------------------------------- */

static struct filch_pool *nest_pool;

static int run_inner(void *context, void **item)
{
    _Atomic(int) *runs = context;
    (void)item;
    struct line *line = line_of(mixed, COUNT(mixed), 50);
    int error = run_line(line, nest_pool, 4);
    bool is_whole = !line->wrong && line->pieces[49].done && line->places[7].count == 50;
    line_free(line);
    atomic_fetch_add(runs, is_whole);
    return error;
}

Test(pipeline, runs_in_a_stage_of_another)
{
    for (int workers = 1; workers <= 4; workers++) {
        _Atomic(int) left = 200, runs = 0;
        const struct filch_stage stages[] = {{IN_ORDER, null_item, &left},
                                             {PARALLEL, run_inner, &runs},
                                             {IN_ORDER, run_inner, &runs},
                                             {SERIAL, run_inner, &runs}};
        nest_pool = pool_of(workers);
        cr_assert_eq(filch_pipeline_run(nest_pool, stages, 4, 8, NULL), 0);
        cr_assert_eq(runs, 600);
        filch_pool_destroy(nest_pool);
    }
}

/* ---- Bad input --------------------------------------------------------------------------- */

Test(pipeline, refuses_what_is_not_a_pipeline)
{
    _Atomic(int) left = 1;
    const struct filch_stage good[] = {{IN_ORDER, null_item, &left}, {PARALLEL, stay, NULL}};
    const struct filch_stage null[] = {{IN_ORDER, null_item, &left}, {PARALLEL, NULL, NULL}};
    const struct filch_stage unknown[] = {{IN_ORDER, null_item, &left},
                                          {(enum filch_stage_kind)3, stay, NULL}};
    const struct filch_stage negative[] = {{(enum filch_stage_kind) - 1, null_item, &left}};
    static struct filch_stage many[FILCH_PIPELINE_STAGES_MAX + 1];
    const struct {
        const struct filch_stage *stages;
        size_t count, tokens;
    } bad[] = {
        {NULL, 0, 1},           {NULL, 2, 1},
        {good, 0, 1},           {null, 2, 1},
        {unknown, 2, 1},        {negative, 1, 1},
        {many, COUNT(many), 1}, {good, 2, FILCH_PIPELINE_TOKENS_MAX + (size_t)1},
        {good, 2, SIZE_MAX},    {good, SIZE_MAX, 1},
    };
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = (struct filch_stage){PARALLEL, i == 0 ? null_item : stay, &left};
    struct filch_pool *pool = pool_of(1);
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct filch_pipeline *pipeline = (void *)UNTOUCHED;
        cr_expect_eq(filch_pipeline_run(pool, bad[i].stages, bad[i].count, bad[i].tokens, NULL),
                     FILCH_EINVAL, "%zu", i);
        cr_expect_eq(filch_pipeline_create(pool, bad[i].stages, bad[i].count, bad[i].tokens,
                                           NULL, &pipeline),
                     FILCH_EINVAL, "%zu", i);
        cr_expect_eq((void *)pipeline, UNTOUCHED);
    }
    cr_expect_eq(left, 1);
    cr_expect_eq(filch_pipeline_run(pool, many, COUNT(many) - 1, 1, NULL), 0);
    cr_expect_eq(filch_pipeline_destroy(NULL), 0);
    filch_pool_destroy(pool);
}

Test(pipeline, takes_as_many_tokens_as_there_may_be)
{
    struct filch_pool *pool = pool_of(2);
    struct line *line = line_of(mixed, COUNT(mixed), 1000);
    run_whole_line(line, pool, FILCH_PIPELINE_TOKENS_MAX);
    line_free(line);
    filch_pool_destroy(pool);
}

static int run_in_child_process(void *argument)
{
    return filch_pipeline_rerun(argument) == FILCH_EFORKED ? 0 : 1;
}

Test(pipeline, on_a_pool_that_stayed_in_the_parent_process_is_an_error)
{
    struct filch_pool *pool = pool_of(1);
    struct line *line = line_of(mixed, COUNT(mixed), 10);
    struct filch_pipeline *pipeline = NULL;
    cr_assert_eq(filch_pipeline_create(pool, line->stages, line->length, 2, NULL, &pipeline),
                 0);
    cr_assert_eq(run_in_child(run_in_child_process, pipeline), 0);
    cr_assert_eq(filch_pipeline_destroy(pipeline), 0);
    line_free(line);
    filch_pool_destroy(pool);
}

/* ---- Kept -------------------------------------------------------------------------------- */

static struct filch_pipeline *kept_of(struct line *line, struct filch_pool *pool, size_t tokens)
{
    struct filch_pipeline *pipeline = NULL;
    cr_assert_eq(filch_pipeline_create(pool, line->stages, line->length, tokens, &line->options,
                                       &pipeline),
                 0);
    return pipeline;
}

Test(pipeline, that_is_kept_runs_again_after_an_error_too)
{
    struct filch_pool *pool = pool_of(3);
    for (int i = 0; i < LINES / 10; i++) {
        struct line *line = any_line();
        size_t tokens = 1 + below(40);
        struct filch_pipeline *pipeline = kept_of(line, i % 4 ? pool : NULL, tokens);
        for (int run = 0; run < 6; run++) {
            line->bad_stage = below((unsigned)line->length);
            line->bad_item = run % 3 == 1 ? (int)below(100) : -1;
            line->error = 77;
            bool fails = line->bad_item >= 0 && line->bad_item < line->count;
            cr_assert_eq(filch_pipeline_rerun(pipeline), fails ? 77 : 0);
            check_line(line, tokens);
            if (!fails)
                check_all_done(line);
            rewind_line(line);
        }
        cr_assert_eq(filch_pipeline_destroy(pipeline), 0);
        line_free(line);
    }
    filch_pool_destroy(pool);
}

/* Its source is asked while the other of two tokens comes back and finds it busy: once in the
 * middle, and once at the end. */
struct busy {
    struct filch_pipeline *pipeline;
    _Atomic(int) calls;
    struct meeting meeting;
    int came, wrong;
};

static int give_when_idle(void *context, void **item)
{
    struct busy *busy = context;
    int call = atomic_fetch_add(&busy->calls, 1) + 1;
    if (call == 2 || call == 4)
        while (fi_stack_is_empty(&busy->pipeline->intake.idle))
            sched_yield();
    *item = (void *)(intptr_t)call;
    return call < 4 ? 0 : FILCH_EEND;
}

/* Item 1 stays until the source is asked again; items 2 and 3 need a token each. */
static int meet_after_first(void *context, void **item)
{
    struct busy *busy = context;
    if ((intptr_t)*item > 1)
        return meet(&busy->meeting, item);
    while (atomic_load(&busy->calls) < 2)
        sched_yield();
    return 0;
}

static int note_order(void *context, void **item)
{
    struct busy *busy = context;
    busy->wrong += (intptr_t)*item != ++busy->came;
    return 0;
}

Test(pipeline, takes_up_a_token_that_found_the_source_busy)
{
    struct filch_pool *pool = pool_of(3);
    struct busy busy = {.calls = 0};
    const struct filch_stage stages[] = {{IN_ORDER, give_when_idle, &busy},
                                         {PARALLEL, meet_after_first, &busy},
                                         {IN_ORDER, note_order, &busy}};
    cr_assert_eq(filch_pipeline_create(pool, stages, 3, 2, NULL, &busy.pipeline), 0);
    for (int run = 0; run < 20; run++) {
        busy.calls = busy.came = 0;
        busy.meeting = (struct meeting){.wanted = 2};
        cr_assert_eq(filch_pipeline_rerun(busy.pipeline), 0);
        cr_assert_eq(busy.came, 3);
        cr_assert_eq(busy.wrong, 0);
        cr_assert_eq(busy.meeting.came, 2);
    }
    cr_assert_eq(filch_pipeline_destroy(busy.pipeline), 0);
    filch_pool_destroy(pool);
}

static void rerun_cancelled(void *pipeline)
{
    cr_assert_eq(filch_pipeline_rerun(pipeline), FILCH_ECANCELED);
}

Test(pipeline, that_was_cancelled_before_it_started_runs_again)
{
    struct filch_pool *pool = pool_of(2);
    struct line *line = line_of(mixed, COUNT(mixed), 100);
    struct filch_pipeline *pipeline = kept_of(line, pool, 4);
    struct filch_token *token = token_below(NULL);
    filch_token_cancel(token);
    filch_token_call(token, rerun_cancelled, pipeline);
    cr_assert_eq(line->next, 0);
    cr_assert_eq(filch_pipeline_rerun(pipeline), 0);
    check_line(line, 4);
    check_all_done(line);
    cr_assert_eq(filch_pipeline_destroy(pipeline), 0);
    filch_token_release(token);
    line_free(line);
    filch_pool_destroy(pool);
}

struct kept {
    struct filch_pipeline *pipeline;
    int run_again, destroy; /* what these said while it ran */
};

static int use_itself(void *context, void **item)
{
    struct kept *kept = context;
    (void)item;
    kept->run_again = filch_pipeline_rerun(kept->pipeline);
    kept->destroy = filch_pipeline_destroy(kept->pipeline);
    return 0;
}

Test(pipeline, that_runs_is_neither_run_nor_destroyed)
{
    struct filch_pool *pool = pool_of(2);
    for (int workers = 0; workers <= 2; workers += 2) {
        _Atomic(int) left = 1;
        struct kept kept = {0};
        const struct filch_stage stages[] = {{IN_ORDER, null_item, &left},
                                             {PARALLEL, use_itself, &kept}};
        cr_assert_eq(filch_pipeline_create(workers ? pool : NULL, stages, 2, 0, NULL,
                                           &kept.pipeline),
                     0);
        cr_assert_eq(filch_pipeline_rerun(kept.pipeline), 0);
        cr_assert_eq(kept.run_again, FILCH_EBUSY);
        cr_assert_eq(kept.destroy, FILCH_EBUSY);
        left = 1;
        cr_assert_eq(filch_pipeline_rerun(kept.pipeline), 0);
        cr_assert_eq(filch_pipeline_destroy(kept.pipeline), 0);
    }
    filch_pool_destroy(pool);
}

static void *rerun_without_memory(void *pipeline)
{
    allocations_left = 0;
    int error = filch_pipeline_rerun(pipeline);
    allocations_left = -1;
    return (void *)(intptr_t)-error;
}

Test(pipeline, that_is_kept_allocates_nothing_when_it_runs)
{
    SKIP_WITHOUT_FAILING_MEMORY();
    struct filch_pool *pool = pool_of(2);
    struct line *line = line_of(mixed, COUNT(mixed), 1000);
    struct filch_pipeline *pipeline = kept_of(line, pool, 8);
    for (int run = 0; run < 3; run++) {
        void *result = UNTOUCHED;
        struct filch_future *future = submit(pool, rerun_without_memory, pipeline);
        cr_assert_eq(filch_future_result(future, FILCH_FOREVER, &result), 0);
        filch_future_release(future);
        cr_assert_eq((intptr_t)result, 0);
        check_line(line, 8);
        check_all_done(line);
        rewind_line(line);
    }
    cr_assert_eq(filch_pipeline_destroy(pipeline), 0);
    line_free(line);
    filch_pool_destroy(pool);
}

Test(pipeline, for_which_there_is_no_memory_is_an_error)
{
    SKIP_WITHOUT_FAILING_MEMORY();
    struct filch_pool *pool = pool_of(2);
    struct line *line = line_of(mixed, COUNT(mixed), 10);
    struct filch_pipeline *pipeline = (void *)UNTOUCHED;
    long held = blocks_held;
    line->options.token = token_below(NULL);
    allocations_left = 0;
    int created =
        filch_pipeline_create(pool, line->stages, line->length, 2, &line->options, &pipeline);
    int run = run_line(line, pool, 2);
    allocations_left = -1;
    cr_assert_eq(created, FILCH_ENOMEM);
    cr_assert_eq(run, FILCH_ENOMEM);
    cr_assert_eq((void *)pipeline, UNTOUCHED);
    cr_assert_eq(line->next, 0);
    run_whole_line(line, NULL, 2); /* a pool may keep some */
    filch_token_release(line->options.token);
    cr_assert_eq(blocks_held, held);
    line_free(line);
    filch_pool_destroy(pool);
}
