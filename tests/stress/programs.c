/* SPDX-License-Identifier: MIT
 *
 * Random programs whose tasks wait for each other, in all ways that there are, on executors that
 * have too few workers for it, with locks held meanwhile. Those without a cycle must end, and none of
 * their tasks may be told FILCH_EDEADLK; of those with a cycle of waits without a limit at least one
 * task in the cycle must be told, nobody else, and then all must end. Imitates what users write whose
 * tasks know nothing of each other, and what a language's binding makes of it.
 *
 *     stress-programs [SECONDS [SEED [NUMBER]]]     NUMBER: that one program, again and again
 *
 * FILCH_PROGRAMS=WORD,... says what may occur, by the words of programs/program.h; all do if none is
 * named. -WORD: all but that; "cycle" stands for all of the cycles. A build with a sanitizer invents
 * smaller programs from the same seed. */
#include "programs/make_program.h"
#include "programs/model.h"
#include "programs/run.h"

#define SECONDS_FOR_ONE (SANITIZED ? 60 : 20)

static struct {
    uint64_t programs, cycles, tasks, told, wrong;
    double longest;
} sums;

/* ---- A program that does not end --------------------------------------------------------------- */

static _Atomic(long) begun; /* when, in milliseconds; 0: none runs */

static long now_ms(void)
{
    return (long)(stress_now() * 1000);
}

static void *watchdog(void *argument)
{
    for (;;) {
        sleep(1);
        long since = atomic_load(&begun);
        if (since && now_ms() - since > SECONDS_FOR_ONE * 1000)
            give_up("no end after %d s", SECONDS_FOR_ONE);
    }
    return argument;
}

/* ---- Before and after ---------------------------------------------------------------------- */

static void begin_places(void)
{
    struct filch_pool_options options = {.workers =
                                             has(THREADS) ? 64 : program.places[OWN].workers};

    HOLDS(!filch_pool_create(&options, &program.pool));
    for (int i = 0; i < PLACES; i++) {
        struct place *place = &program.places[i];
        struct filch_executor_options bounds = {.max_queued = place->max_queued};
        atomic_store(&place->top, -1);
        atomic_store(&place->ended, 0);
        if (place->used && i < OWN)
            HOLDS(!filch_executor_create(has(THREADS) ? 64 : place->workers, &bounds,
                                         &place->executor));
        else if (place->used)
            HOLDS(!filch_executor_create_on(program.pool, &bounds, &place->executor));
    }
}

static void begin_program(void)
{
    begin_places();
    for (int i = 0; i < ALL_LOCKS; i++) {
        atomic_store(&program.locks[i].holder, -1);
        filch_mutex_init(&program.locks[i].mutex);
        HOLDS(!pthread_mutex_init(&program.locks[i].system_mutex, NULL));
    }
    for (int id = 0; id < program.node_count; id++)
        atomic_store(&program.nodes[id].at, ABSENT);
    HOLDS(!filch_future_create(&program.gate));
    atomic_store(&program.missing, 1 + (program.rendezvous ? program.cycle_length : 0));
    atomic_store(&program.told_count, 0);
    atomic_store(&program.wrong, false);
}

/* What a task has left, since it was told by mistake. */
static void end_steps(struct node *node)
{
    for (int i = 0; i < node->step_count; i++) {
        if (node->steps[i].group) {
            (void)filch_group_wait(node->steps[i].group, FILCH_FOREVER);
            HOLDS(!filch_group_destroy(node->steps[i].group));
        }
        filch_map_destroy(node->steps[i].map);
    }
}

static void end_program(void)
{
    for (int id = 0; id < program.node_count; id++) {
        end_steps(&program.nodes[id]);
        filch_future_release(program.nodes[id].future);
    }
    for (int i = 0; i < program.group_count; i++)
        HOLDS(!filch_group_destroy(program.groups[i].group));
    for (int i = 0; i < PLACES; i++)
        if (program.places[i].used)
            HOLDS(!filch_executor_destroy(program.places[i].executor));
    HOLDS(!filch_pool_destroy(program.pool));
    filch_future_release(program.gate);
    for (int i = 0; i < ALL_LOCKS; i++) {
        filch_mutex_fini(&program.locks[i].mutex);
        pthread_mutex_destroy(&program.locks[i].system_mutex);
    }
}

/* ---- The main thread's part ------------------------------------------------------------------ */

/* Some have a name, and a priority where the order does not matter. */
static int submit_by_main(struct node *node)
{
    uint64_t random = stress_mix(program.number * NODES + (uint64_t)node->id + 1);
    const struct place *place = &program.places[node->place];
    char name[24];
    struct filch_task_options options = {.name = name};

    if (random % 4)
        return filch_executor_submit(place->executor, run_node, node, &node->future);
    snprintf(name, sizeof name, "task %d", node->id);
    if (!place->serial)
        options.priority =
            (enum filch_priority)((int)(random >> 8 & 1) - (int)(random >> 9 & 1));
    return filch_executor_submit_with(place->executor, &options, run_node, node, &node->future);
}

static void submit(struct node *node)
{
    struct group *group = node->group >= 0 ? &program.groups[node->group] : NULL;
    int error = 0;

    atomic_store(&node->at, QUEUED);
    switch (node->birth) {
    case BY_MAIN:
        HOLDS(!submit_by_main(node));
        break;
    case IN_GROUP:
        if (!group->group)
            HOLDS(!filch_group_create(executor_of(group->place), NULL, &group->group));
        error = filch_group_submit(group->group, run_node, node);
        HOLDS(!error || (error == FILCH_ECANCELED && is_lenient()));
        break;
    default:
        HOLDS(!filch_future_then(program.nodes[node->base].future, executor_of(node->place),
                                 run_continuation, node, &node->future));
    }
}

static void check_future(const struct node *node)
{
    void *value = NULL;
    int error = filch_future_result(node->future, FILCH_FOREVER, &value);
    bool expected =
        error == TOLD ? node->tainted || is_lenient() : error == (node->fails ? OWN_ERROR : 0);

    if (!expected && !(error == FILCH_ECANCELED && is_lenient()))
        give_up("task %d has ended with %d, %s", node->id, error, name_of(error));
    HOLDS(error || (uintptr_t)value == node->expected);
}

static void check_group(const struct group *group)
{
    int error = filch_group_wait(group->group, FILCH_FOREVER);

    HOLDS(!error || is_lenient() || (error == TOLD && group->tainted));
    for (int i = 0; i < group->count && !error; i++)
        HOLDS(program.nodes[group->members[i]].value ==
              program.nodes[group->members[i]].expected);
}

/* The main thread is no worker, and waits for several at once, too. */
static void wait_for_roots(void)
{
    static struct filch_future *futures[NODES];
    size_t count = 0, done = 0;

    for (int id = 0; id < program.node_count; id++)
        if (program.nodes[id].birth != CHILD && program.nodes[id].future)
            futures[count++] = program.nodes[id].future;
    HOLDS(!filch_wait(futures, count, FILCH_ALL_COMPLETED, FILCH_FOREVER, NULL, &done));
    HOLDS(done == count);
}

static void check_all(void)
{
    if (program.number % 3 == 0)
        wait_for_roots();
    for (int id = 0; id < program.node_count; id++)
        if (program.nodes[id].birth != CHILD && program.nodes[id].future)
            check_future(&program.nodes[id]);
    for (int i = 0; i < program.group_count; i++)
        check_group(&program.groups[i]);
    for (int id = 0; id < program.node_count; id++) {
        const struct node *node = &program.nodes[id];
        if (node->future && node->birth == CHILD)
            check_future(node);
        bool may_not_run = node->tainted || node->fails || is_lenient();
        HOLDS(may_not_run || atomic_load(&node->at) == ENDED);
    }
    if (program.cycle_length && !atomic_load(&program.told_count))
        give_up("nobody in the cycle was told");
}

static void run_program(void)
{
    double start = stress_now();

    atomic_store(&begun, now_ms());
    begin_program();
    for (int id = 0; id < program.node_count; id++)
        if (program.nodes[id].birth != CHILD)
            submit(&program.nodes[id]);
    arrive();
    check_all();
    end_program();
    atomic_store(&begun, 0);
    sums.programs++;
    sums.cycles += program.cycle_length > 0;
    sums.tasks += (uint64_t)program.node_count;
    sums.told += (uint64_t)atomic_load(&program.told_count);
    sums.wrong += atomic_load(&program.wrong);
    if (stress_now() - start > sums.longest)
        sums.longest = stress_now() - start;
}

/* ---- What is wanted --------------------------------------------------------------------------- */

static uint64_t read_words(void)
{
    char text[512];
    uint64_t named = 0, left_out = 0;

    named_words = getenv("FILCH_PROGRAMS");
    snprintf(text, sizeof text, "%s", named_words ? named_words : "");

    for (char *rest, *name = strtok_r(text, ",", &rest); name;
         name = strtok_r(NULL, ",", &rest)) {
        bool without = *name == '-';
        int word = 0;
        if (strcmp(name + without, "cycle") == 0) {
            *(without ? &left_out : &named) |= CYCLES | WORD(CYCLE_CHORD);
            continue;
        }
        while (word < WORDS && strcmp(word_names[word], name + without) != 0)
            word++;
        if (word == WORDS) {
            printf("programs: FILCH_PROGRAMS knows no word \"%s\"\n", name + without);
            exit(1);
        }
        *(without ? &left_out : &named) |= WORD(word);
    }
    uint64_t all = named & ~MODES ? named : named | ALL_WORDS;
    return all & ~left_out;
}

int main(int argc, char **argv)
{
    uint64_t wanted = read_words();
    uint64_t seed = (uint64_t)now_ms() % 1000000007, number = 0;
    pthread_t thread;

    stress_begin(argc, argv);
    if (argc > 2)
        seed = strtoull(argv[2], NULL, 10);
    printf("programs: seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    CHECK(!pthread_create(&thread, NULL, watchdog, NULL));
    for (; stress_goes_on(); number++) {
        make_program(seed, argc > 3 ? strtoull(argv[3], NULL, 10) : number, wanted);
        if (has(PRINT))
            print_program();
        if (!model_agrees()) {
            model_leave_states();
            give_up("the generator's own model says that it makes no sense");
        }
        if (has(MODEL))
            sums.programs++;
        else
            run_program();
    }
    CHECK(number > 0);
    printf("programs: %llu programs, %llu of them with a cycle, in which %llu tasks were told; "
           "%llu tasks; the longest took %.3f s\n",
           (unsigned long long)sums.programs, (unsigned long long)sums.cycles,
           (unsigned long long)sums.told, (unsigned long long)sums.tasks, sums.longest);
    if (wanted & WORD(COUNT))
        printf("programs: in %llu of them a task was told that is in no cycle\n",
               (unsigned long long)sums.wrong);
    return 0;
}
