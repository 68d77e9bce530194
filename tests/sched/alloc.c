/* SPDX-License-Identifier: MIT
 *
 * When memory lacks, or a thread. A scenario makes a public call that may allocate. It is tried
 * once for each of its allocations, which fails: alone, or with others that follow. Then the call
 * has to fail, too, or to do without; nothing may be left behind; and what it was called on has to
 * work.
 *
 * Each try is a process of its own, in which filch is as at its first use. When the last
 * destructor counts what is left, filch has given back its stores as well. */
#include "executor.h"

#include <filch/algorithm.h>
#include <filch/blocking.h>
#include <filch/cancel.h>
#include <filch/counter.h>
#include <filch/graph.h>
#include <filch/group.h>
#include <filch/map.h>
#include <filch/pipeline.h>
#include <filch/scratch.h>
#include <filch/sort.h>
#include <filch/sync.h>
#include <filch/task.h>
#include <filch/wait.h>

#include <dlfcn.h>
#include <limits.h>
#include <sys/mman.h>

/* ---- What fails -------------------------------------------------------------------------- */

/* What a try has come to: its parent reads it. */
struct report {
    int error;    /* the scenario's */
    bool hit;     /* an allocation was made to fail */
    bool ended;   /* it came to the last destructor */
    long blocks;  /* allocated and not freed by then; mappings count, too */
    size_t bytes; /* of one of them */
    int threads;  /* started and not joined */
};
static struct report *report;

/* Which allocations fail. */
struct mode {
    const char *name;
    long failing; /* how many, one after another */
    bool threads; /* threads alone */
};
static const struct mode modes[] = {
    {"alone", 1, false},
    {"with the next one", 2, false},
    {"with all later ones", LONG_MAX, false},
    {"with all later ones, threads alone counted", LONG_MAX, true},
};

/* Constant in a try. */
static const struct mode *mode;
static long victim; /* the number of the first one that fails */

static _Atomic(bool) is_armed_everywhere; /* for all threads */
static _Thread_local bool is_armed;       /* for this one */

static void arm(void)
{
    is_armed = true;
}

static void arm_everywhere(void)
{
    atomic_store(&is_armed_everywhere, true);
}

static void disarm(void)
{
    is_armed = false;
    atomic_store(&is_armed_everywhere, false);
}

/* What this process has allocated in a try. */
static bool is_recording;
static struct {
    void *block; /* NULL: none */
    size_t size;
} records[4096];
static size_t records_used;  /* of these, empty ones among them */
static _Atomic(int) threads; /* started and not joined */

/* How many blocks are recorded. Atomic since glibc declares atexit() a leaf: the compiler need not
 * think that it calls the calloc() below. */
static _Atomic(long) blocks;

/* Runs after the library's own. */
__attribute__((destructor(101))) static void look_back(void)
{
    if (!is_recording)
        return;
    is_recording = false;
    report->blocks = atomic_load(&blocks);
    for (size_t i = 0; i < records_used; i++)
        if (records[i].block)
            report->bytes = records[i].size;
    report->threads = atomic_load(&threads);
    report->ended = true;
}

/* AddressSanitizer has allocators of its own. */
#if defined(__GLIBC__) && !ADDRESS_SANITIZER
#define MEMORY_CAN_FAIL 1

#define EXPORTED __attribute__((visibility("default")))

/* The C library's own, under the names by which they can be called from those that replace them. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

static pthread_mutex_t records_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(long) seen; /* allocations while armed */

/* What the C library allocates for a thread is its own affair: it keeps stacks. */
static _Thread_local bool is_in_library;

static bool is_refused(bool thread)
{
    if (is_in_library || !(is_armed || atomic_load(&is_armed_everywhere)))
        return false;
    if (mode->threads && !thread)
        return false;
    long number = atomic_fetch_add(&seen, 1);
    if (number < victim || number - victim >= mode->failing)
        return false;
    report->hit = true;
    errno = ENOMEM;
    return true;
}

/* Replaces `from` by `to` in the records; NULL stands for none. */
static void replace(void *from, void *to, size_t size)
{
    size_t i = 0;
    if (!is_recording || is_in_library)
        return;
    pthread_mutex_lock(&records_lock);
    while (i < records_used && records[i].block != from)
        i++;
    if (i == records_used && !from && records_used++ == COUNT(records))
        abort();
    if (i < records_used) {
        records[i].block = to;
        records[i].size = size;
        blocks += (to != NULL) - (from != NULL);
    }
    pthread_mutex_unlock(&records_lock);
}

static void *recorded(void *block, size_t size)
{
    if (block)
        replace(NULL, block, size);
    return block;
}

static void forgotten(void *block)
{
    if (block)
        replace(block, NULL, 0);
}

EXPORTED void *malloc(size_t size)
{
    return is_refused(false) ? NULL : recorded(__libc_malloc(size), size);
}

EXPORTED void *calloc(size_t count, size_t size)
{
    return is_refused(false) ? NULL : recorded(__libc_calloc(count, size), count * size);
}

EXPORTED void *realloc(void *block, size_t size)
{
    if (is_refused(false))
        return NULL;
    forgotten(block);
    return recorded(__libc_realloc(block, size), size);
}

EXPORTED void *aligned_alloc(size_t alignment, size_t size)
{
    return is_refused(false) ? NULL : recorded(__libc_memalign(alignment, size), size);
}

EXPORTED int posix_memalign(void **block, size_t alignment, size_t size)
{
    void *new = aligned_alloc(alignment, size);
    if (!new)
        return ENOMEM;
    *block = new;
    return 0;
}

EXPORTED void free(void *block)
{
    forgotten(block);
    __libc_free(block);
}

/* The C library's function of that name. */
static void find_next(const char *name, void *function)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof found);
}

EXPORTED void *mmap(void *address, size_t size, int access, int flags, int file, off_t offset)
{
    void *(*next)(void *, size_t, int, int, int, off_t);
    find_next("mmap", &next);
    if (is_refused(false))
        return MAP_FAILED;
    void *mapping = next(address, size, access, flags, file, offset);
    return mapping == MAP_FAILED ? mapping : recorded(mapping, size);
}

EXPORTED int munmap(void *mapping, size_t size)
{
    int (*next)(void *, size_t);
    find_next("munmap", &next);
    forgotten(mapping);
    return next(mapping, size);
}

EXPORTED int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                            void *(*start)(void *), void *argument)
{
    int (*next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    find_next("pthread_create", &next);
    if (is_refused(true))
        return EAGAIN;
    is_in_library = true;
    int error = next(thread, attributes, start, argument);
    is_in_library = false;
    threads += !error;
    return error;
}

/* What hwloc allocates is its own affair, too: it does not check all of it. It fails as a whole. */
static int run_hwloc(const char *name, void *argument)
{
    int (*next)(void *);
    find_next(name, &next);
    is_in_library = true;
    int error = next(argument);
    is_in_library = false;
    return error;
}

int hwloc_topology_init(void **topology);
int hwloc_topology_load(void *topology);
void hwloc_topology_destroy(void *topology);

EXPORTED int hwloc_topology_init(void **topology)
{
    return is_refused(false) ? -1 : run_hwloc("hwloc_topology_init", topology);
}

EXPORTED int hwloc_topology_load(void *topology)
{
    return is_refused(false) ? -1 : run_hwloc("hwloc_topology_load", topology);
}

EXPORTED void hwloc_topology_destroy(void *topology)
{
    (void)run_hwloc("hwloc_topology_destroy", topology);
}

EXPORTED int pthread_join(pthread_t thread, void **result)
{
    int (*next)(pthread_t, void **);
    find_next("pthread_join", &next);
    is_in_library = true;
    int error = next(thread, result);
    is_in_library = false;
    threads -= !error;
    return error;
}
#else
#define MEMORY_CAN_FAIL 0
#endif

/* ---- Tries ------------------------------------------------------------------------------- */

enum outcome {
    FAILS, /* of some allocation's failure it says so: FILCH_ENOMEM or FILCH_ETHREAD */
    COPES, /* it does without */
    WAITS, /* likewise, but it tries again until there is memory */
};

/* play() returns 0 or the error of the call under test. variant: 0 to variants - 1. */
struct scenario {
    const char *name;
    int (*play)(int variant);
    int variants;
    enum outcome outcome;
};

struct attempt {
    const struct scenario *scenario;
    int variant;
};

static int play(void *argument)
{
    const struct attempt *attempt = argument;
    alarm(100); /* so that one that hangs has a name */
    is_recording = true;
    threads = 0;
    report->error = attempt->scenario->play(attempt->variant);
    return 0;
}

/* Returns whether the scenario failed. */
static bool try_all(const struct scenario *scenario, int variant)
{
    struct attempt attempt = {scenario, variant};
    bool failed = false;
    for (victim = 0;; victim++) {
        *report = (struct report){0};
        int status = in_child(play, &attempt);
        char text[200];
        snprintf(text, sizeof text, "%s, variant %d, allocation %ld fails %s", scenario->name,
                 variant, victim, mode->name);
        cr_assert_eq(status, 0, "%s: exit status %d", text, status);
        cr_assert(report->ended, "%s: did not end as it should", text);
        cr_assert_eq(report->blocks, 0, "%s: %ld blocks are left, one of %zu bytes", text,
                     report->blocks, report->bytes);
        cr_assert_eq(report->threads, 0, "%s: %d threads are left", text, report->threads);
        int error = report->error;
        cr_assert(error == 0 || (report->hit && scenario->outcome == FAILS), "%s: %s", text,
                  filch_strerror(error));
        cr_assert(error == 0 || error == FILCH_ENOMEM || error == FILCH_ETHREAD, "%s: %s", text,
                  filch_strerror(error));
        failed |= error != 0;
        if (!report->hit)
            return failed;
    }
}

static void try_scenarios(const struct scenario *scenarios, size_t count)
{
    if (!MEMORY_CAN_FAIL)
        cr_skip_test("malloc can be replaced with glibc only, and without AddressSanitizer");
    report =
        mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq((void *)report, MAP_FAILED);
    for (size_t i = 0; i < count; i++) {
        bool failed = false;
        for (mode = modes; mode < modes + COUNT(modes); mode++)
            for (int variant = 0; variant < scenarios[i].variants; variant++)
                if (scenarios[i].outcome != WAITS || mode->failing < LONG_MAX)
                    failed |= try_all(&scenarios[i], variant);
        cr_assert_eq(failed, scenarios[i].outcome == FAILS, "%s: it never failed",
                     scenarios[i].name);
    }
}

TestSuite(alloc, .init = setup);

/* ---- What scenarios are made of ---------------------------------------------------------- */

static struct filch_pool *new_pool(int workers)
{
    struct filch_pool *pool = NULL;
    HOLDS(!filch_pool_create(&(struct filch_pool_options){.workers = workers}, &pool));
    return pool;
}

/* With one worker. options: also for one on a pool. */
static struct backend begin_with(int kind, const struct filch_executor_options *options)
{
    struct backend backend = {NULL, NULL};
    if (kind == THREADS) {
        HOLDS(!filch_executor_create(1, options, &backend.executor));
    } else if (kind == SHARED) {
        backend.pool = new_pool(1);
        HOLDS(!filch_executor_create_on(backend.pool, options, &backend.executor));
    } else {
        HOLDS(!filch_executor_create_inline(&backend.executor));
    }
    return backend;
}

static struct backend begin(int kind)
{
    return begin_with(kind, NULL);
}

static struct filch_future *new_task(struct filch_executor *executor, filch_fn *fn,
                                     void *argument)
{
    struct filch_future *future = NULL;
    HOLDS(!filch_executor_submit(executor, fn, argument, &future));
    return future;
}

/* The future of a task that runs and does not end before sem_post(&leave). */
static struct filch_future *new_held(struct filch_executor *executor)
{
    struct filch_future *future = new_task(executor, hold, NULL);
    await_signal(&entered);
    return future;
}

static struct filch_future *new_manual(void)
{
    struct filch_future *future = NULL;
    HOLDS(!filch_future_create(&future));
    return future;
}

/* Waits for the future, which succeeds, and releases it. */
static void *value_of(struct filch_future *future)
{
    void *value = NULL;
    HOLDS(!filch_future_result(future, FILCH_FOREVER, &value));
    filch_future_release(future);
    return value;
}

static void *run(struct filch_executor *executor, filch_fn *fn, void *argument)
{
    return value_of(new_task(executor, fn, argument));
}

/* It still works. */
static void end(struct backend *backend)
{
    HOLDS(run(backend->executor, same, backend) == backend);
    HOLDS(!filch_executor_destroy(backend->executor));
    HOLDS(!filch_pool_destroy(backend->pool));
}

FILCH_TASK(int, fib, int, n)
{
    if (n < 2)
        return n;
    FILCH_FORK(fib, n - 1);
    int b = FILCH_CALL(fib, n - 2);
    return FILCH_JOIN(fib) + b;
}

static void end_pool(struct filch_pool *pool)
{
    HOLDS(FILCH_RUN(pool, fib, 10) == 55);
    HOLDS(!filch_pool_destroy(pool));
}

/* ---- Making ------------------------------------------------------------------------------ */

static int make_pool(int workers) /* 0: the default */
{
    struct filch_pool_options options = {.workers = workers, .thread_name_prefix = "alloc"};
    struct filch_pool *pool = UNTOUCHED;
    arm();
    int error = filch_pool_create(&options, &pool);
    disarm();
    if (error) {
        HOLDS((void *)pool == UNTOUCHED);
        pool = new_pool(workers);
    }
    end_pool(pool);
    return error;
}

/* Of two workers; variant: 0 a list of processors, 1 scattered. */
static int make_pinned_pool(int variant)
{
    struct filch_topology topology;
    struct filch_pool *pool = UNTOUCHED;
    int processor = sched_getcpu();
    struct filch_pool_options options = {.workers = 2,
                                         .pinning = FILCH_PIN_LIST,
                                         .processors = &processor,
                                         .processor_count = 1};
    HOLDS(!filch_topology_read(&topology));
    if (variant == 1 && topology.processors > 0)
        options = (struct filch_pool_options){.workers = 2, .pinning = FILCH_PIN_SCATTER};
    arm();
    int error = filch_pool_create(&options, &pool);
    disarm();
    if (error) {
        HOLDS((void *)pool == UNTOUCHED);
        pool = new_pool(2);
    }
    end_pool(pool);
    return error;
}

/* hwloc is there, but fails. */
static int read_topology(int variant)
{
    struct filch_topology topology = {.processors = -1};
    (void)variant;
    arm();
    int error = filch_topology_read(&topology);
    disarm();
    HOLDS(error ? topology.processors == -1 : topology.processors >= 0);
    return 0;
}

static void do_nothing(void)
{
}

/* The C library has room for 32 exit handlers at a time: the next one will need memory. */
static void fill_exit_handlers(void)
{
    while (atomic_load(&blocks) == 0)
        HOLDS(!atexit(do_nothing));
    for (int i = 1; i < 32; i++)
        HOLDS(!atexit(do_nothing));
    records_used = 0; /* they are not filch's */
    blocks = 0;
}

static int make_pool_among_exit_handlers(int workers)
{
    fill_exit_handlers();
    return make_pool(workers);
}

static int read_sizing(int variant)
{
    struct filch_sizing sizing;
    arm();
    int error = filch_sizing_read(variant ? "/nowhere" : NULL, &sizing);
    disarm();
    HOLDS(error || sizing.workers > 0);
    return error;
}

static int make_executor(int variant)
{
    struct filch_executor_options options = {.thread_name_prefix = "alloc",
                                             .max_queued = 5,
                                             .when_full = FILCH_FULL_REJECT};
    struct backend backend = {NULL, UNTOUCHED};
    int workers[] = {1, 7, FILCH_WORKERS_DEFAULT};
    arm();
    int error = filch_executor_create(workers[variant], &options, &backend.executor);
    disarm();
    if (error) {
        HOLDS((void *)backend.executor == UNTOUCHED);
        backend = begin(THREADS);
    }
    end(&backend);
    return error;
}

static int make_executor_on(int variant)
{
    struct backend first = begin(SHARED), second = {NULL, UNTOUCHED};
    if (variant) { /* its source is used again */
        HOLDS(!filch_executor_destroy(first.executor));
        HOLDS(!filch_executor_create_on(first.pool, NULL, &first.executor));
    }
    arm();
    int error = filch_executor_create_on(first.pool, NULL, &second.executor);
    disarm();
    HOLDS(!error == ((void *)second.executor != UNTOUCHED));
    if (!error)
        end(&second);
    end(&first);
    return error;
}

static int make_inline(int variant)
{
    struct backend backend = {NULL, UNTOUCHED};
    (void)variant;
    arm();
    int error = filch_executor_create_inline(&backend.executor);
    disarm();
    if (error) {
        HOLDS((void *)backend.executor == UNTOUCHED);
        backend = begin(INLINE);
    }
    end(&backend);
    return error;
}

static int make_token(int variant)
{
    struct filch_token *parent = NULL, *token = UNTOUCHED;
    HOLDS(!filch_token_create(NULL, &parent));
    arm();
    int error = filch_token_create(variant ? parent : NULL, &token);
    disarm();
    filch_token_cancel(parent);
    filch_token_release(parent);
    if (error) {
        HOLDS((void *)token == UNTOUCHED);
        return error;
    }
    arm();
    HOLDS(!filch_token_set_deadline(token, 3600));
    HOLDS(filch_token_cancelled(token) == (variant > 0));
    filch_token_cancel(filch_token_retain(token));
    HOLDS(filch_token_cancelled(token) && !filch_cancelled());
    filch_token_release(token);
    filch_token_release(token);
    disarm();
    return 0;
}

static int make_future(int variant)
{
    struct filch_future *future = UNTOUCHED;
    (void)variant;
    arm();
    int error = filch_future_create(&future);
    disarm();
    if (error) {
        HOLDS((void *)future == UNTOUCHED);
        future = new_manual();
    }
    HOLDS(filch_future_set_running_or_notify_cancel(future) == 1);
    HOLDS(!filch_future_set_result(future, &untouched));
    HOLDS(value_of(future) == &untouched);
    return error;
}

static int make_group(int kind)
{
    struct backend backend = begin(kind);
    struct filch_token *parent = NULL;
    struct filch_group *group = UNTOUCHED;
    HOLDS(!filch_token_create(NULL, &parent));
    arm();
    int error = filch_group_create(backend.executor, parent, &group);
    disarm();
    filch_token_cancel(parent);
    filch_token_release(parent);
    if (error)
        HOLDS((void *)group == UNTOUCHED);
    else
        HOLDS(filch_token_cancelled(filch_group_token(group)) && !filch_group_destroy(group));
    end(&backend);
    return error;
}

static int make_channel(int variant)
{
    struct filch_channel *channel = UNTOUCHED;
    size_t capacities[] = {1, 100000};
    void *item;
    arm();
    int error = filch_channel_create(capacities[variant], &channel);
    disarm();
    if (error) {
        HOLDS((void *)channel == UNTOUCHED);
        return error;
    }
    arm();
    HOLDS(!filch_channel_send(channel, channel, 0));
    HOLDS(!filch_channel_receive(channel, &item, 0) && item == channel);
    filch_channel_close(channel);
    filch_channel_destroy(channel);
    disarm();
    return 0;
}

static int make_counter(int kind)
{
    struct filch_counter_view view;
    arm();
    struct filch_counter *counter = filch_counter_create((enum filch_counter_kind)kind);
    bool entered_it = counter && !filch_counter_enter(counter, &view);
    disarm();
    if (counter && !entered_it) {
        HOLDS(kind == FILCH_COUNTER_SHARDED);
        HOLDS(!filch_counter_enter(counter, &view));
    }
    if (counter) {
        filch_counter_increment(&view);
        filch_counter_leave(&view);
        HOLDS(filch_counter_value(counter) == 1);
        filch_counter_destroy(counter);
    }
    return entered_it ? 0 : FILCH_ENOMEM; /* these two have but one reason to fail */
}

Test(alloc, what_cannot_be_made_is_not_left_half_made)
{
    static const struct scenario scenarios[] = {
        {"filch_pool_create", make_pool, 3, FAILS},
        {"filch_pool_create among exit handlers", make_pool_among_exit_handlers, 3, FAILS},
        {"filch_pool_create, pinned", make_pinned_pool, 2, FAILS},
        {"filch_topology_read", read_topology, 1, COPES},
        {"filch_sizing_read", read_sizing, 2, COPES},
        {"filch_executor_create", make_executor, 3, FAILS},
        {"filch_executor_create_on", make_executor_on, 2, FAILS},
        {"filch_executor_create_inline", make_inline, 1, FAILS},
        {"filch_token_create", make_token, 2, FAILS},
        {"filch_future_create", make_future, 1, FAILS},
        {"filch_group_create", make_group, KINDS, FAILS},
        {"filch_channel_create", make_channel, 2, FAILS},
        {"filch_counter_create", make_counter, 4, FAILS},
    };
    try_scenarios(scenarios, COUNT(scenarios));
}

/* ---- Submitting -------------------------------------------------------------------------- */

static int submit_one(int variant) /* a kind, with a future or without */
{
    struct backend backend = begin(variant / 2);
    struct filch_future *future = UNTOUCHED;
    arm();
    int error =
        filch_executor_submit(backend.executor, count, &ran, variant % 2 ? &future : NULL);
    disarm();
    HOLDS(((void *)future == UNTOUCHED) == (error || variant % 2 == 0));
    if (!error && variant % 2)
        HOLDS(value_of(future) == &ran);
    end(&backend);
    HOLDS(ran == !error);
    return error;
}

static int submit_to_pool(int variant)
{
    struct filch_pool *pool = new_pool(2);
    struct filch_future *future = UNTOUCHED;
    arm();
    int error = filch_pool_submit(pool, count, &ran, variant ? &future : NULL);
    disarm();
    HOLDS(((void *)future == UNTOUCHED) == (error || !variant));
    if (!error && variant)
        HOLDS(value_of(future) == &ran);
    end_pool(pool);
    HOLDS(ran == !error);
    return error;
}

static int submit_with_options(int variant) /* a kind and a priority */
{
    struct backend backend = begin(variant / 3);
    struct filch_future *future = UNTOUCHED;
    struct filch_task_options options = {.priority = (enum filch_priority)(variant % 3 - 1),
                                         .name = "a name"};
    HOLDS(!filch_token_create(NULL, &options.token));
    arm();
    int error = filch_executor_submit_with(backend.executor, &options, count, &ran, &future);
    disarm();
    filch_token_release(options.token);
    HOLDS(((void *)future == UNTOUCHED) == (error != 0));
    if (!error)
        HOLDS(value_of(future) == &ran);
    end(&backend);
    HOLDS(ran == !error);
    return error;
}

/* What is refused takes no room in the queue. */
static int submit_bounded(int variant) /* a kind that has a queue, with a future or without */
{
    struct filch_executor_options options = {.max_queued = 1, .when_full = FILCH_FULL_REJECT};
    struct backend backend = begin_with(variant / 2, &options);
    struct filch_future *held = new_held(backend.executor), *future = NULL;
    struct filch_future **wanted = variant % 2 ? &future : NULL;
    arm();
    int error = filch_executor_submit(backend.executor, count, &ran, wanted);
    disarm();
    if (error)
        HOLDS(!filch_executor_submit(backend.executor, count, &ran, wanted));
    HOLDS(filch_executor_submit(backend.executor, count, &ran, NULL) == FILCH_EFULL);
    sem_post(&leave);
    (void)value_of(held);
    while (ran == 0) /* there is room then */
        sched_yield();
    filch_future_release(future);
    end(&backend);
    HOLDS(ran == 1);
    return error;
}

static int submit_to_run_here(int variant) /* likewise */
{
    struct filch_executor_options options = {.max_queued = 1,
                                             .when_full = FILCH_FULL_CALLER_RUNS};
    struct backend backend = begin_with(variant / 2, &options);
    struct filch_future *held = new_held(backend.executor), *future = NULL;
    struct filch_future *queued = new_task(backend.executor, same, &ran);
    arm();
    int error =
        filch_executor_submit(backend.executor, count, &ran, variant % 2 ? &future : NULL);
    disarm();
    HOLDS(ran == !error);
    sem_post(&leave);
    (void)value_of(held);
    (void)value_of(queued);
    filch_future_release(future);
    end(&backend);
    return error;
}

struct call {
    struct filch_executor *executor;
    int variant, error;
};

static void *submit_inside(void *argument)
{
    struct call *call = argument;
    struct filch_future *future = NULL;
    arm();
    call->error = filch_executor_submit(call->executor, count, &ran, &future);
    disarm();
    if (!call->error)
        HOLDS(value_of(future) == &ran);
    return argument;
}

static int submit_from_a_task(int kind)
{
    struct backend backend = begin(kind);
    struct call call = {.executor = backend.executor};
    HOLDS(run(backend.executor, submit_inside, &call) == &call);
    end(&backend);
    HOLDS(ran == !call.error);
    return call.error;
}

static int submit_across_segments(int kind) /* of the queue */
{
    struct backend backend = begin(kind);
    struct filch_future *held = new_held(backend.executor);
    int submitted = FI_QUEUE_SEGMENT - 10, error = 0;
    for (int i = 0; i < submitted; i++)
        HOLDS(!filch_executor_submit(backend.executor, count, NULL, NULL));
    for (int i = 0; i < 20; i++) {
        arm();
        int why = filch_executor_submit(backend.executor, count, NULL, NULL);
        disarm();
        submitted += !why;
        if (why)
            error = why;
    }
    sem_post(&leave);
    (void)value_of(held);
    end(&backend);
    HOLDS(ran == submitted);
    return error;
}

/* The caller's memory for a thread is not there, but another thread is. */
static int submit_for_a_second_thread(int variant)
{
    struct filch_executor *executor = NULL;
    HOLDS(!filch_executor_create(2, NULL, &executor));
    struct filch_future *held = new_held(executor);
    arm();
    int error = filch_executor_submit(executor, count, NULL, NULL);
    disarm();
    (void)variant;
    HOLDS(error != FILCH_ETHREAD);
    sem_post(&leave);
    (void)value_of(held);
    HOLDS(run(executor, same, executor) == executor);
    HOLDS(!filch_executor_destroy(executor));
    HOLDS(ran == !error);
    return error;
}

static int submit_to_group(int variant) /* a kind, one or many */
{
    struct backend backend = begin(variant / 2);
    struct filch_group *group = NULL;
    void *arguments[10] = {NULL};
    size_t submitted = 77;
    HOLDS(!filch_group_create(backend.executor, NULL, &group));
    arm();
    int error = variant % 2 ? filch_group_submit_many(group, count, arguments, 10, &submitted)
                            : filch_group_submit(group, count, NULL);
    disarm();
    if (variant % 2 == 0)
        submitted = !error;
    else
        HOLDS(!error == (submitted == 10));
    HOLDS(!filch_group_wait(group, FILCH_FOREVER));
    HOLDS(ran == (int)submitted);
    HOLDS(!filch_group_submit(group, count, NULL));
    HOLDS(!filch_group_destroy(group));
    HOLDS(ran == (int)submitted + 1);
    end(&backend);
    return error;
}

/* Each submits the next one, which runs here, and fails after it. */
struct failing {
    struct filch_group *group;
    int depth;
};

static void *fail_below(void *argument)
{
    struct failing *failing = argument, below = {failing->group, failing->depth - 1};
    if (below.depth > 0)
        HOLDS(!filch_group_submit(below.group, fail_below, &below));
    arm();
    return filch_fail(failing->depth, "depth %d", failing->depth);
}

static int fail_in_group(int with_pool) /* which has stores of free blocks */
{
    enum { DEPTH = 5 };
    struct backend backend = begin(INLINE);
    struct filch_pool *pool = with_pool ? new_pool(1) : NULL;
    struct filch_group_failure failures[DEPTH];
    struct failing failing = {NULL, DEPTH};
    char text[20];
    HOLDS(!filch_group_create(backend.executor, NULL, &failing.group));
    HOLDS(!filch_group_submit(failing.group, fail_below, &failing));
    disarm();
    HOLDS(filch_group_wait(failing.group, FILCH_FOREVER) == 1);
    HOLDS(!strcmp(filch_group_error(failing.group, NULL), "depth 1"));
    HOLDS(filch_group_errors(failing.group, failures, DEPTH) == DEPTH);
    for (int i = 0, lost = 0; i < DEPTH; i++) {
        int code = failures[i].code;
        if (code == FILCH_ENOMEM) /* these come last */
            lost++;
        else
            HOLDS(!lost && code > i && code <= DEPTH);
        snprintf(text, sizeof text, "depth %d", code);
        HOLDS(!strcmp(failures[i].text, text) ||
              (report->hit && !strcmp(failures[i].text, filch_strerror(code))));
        HOLDS(code == i + 1 || report->hit);
    }
    HOLDS(filch_group_submit(failing.group, count, NULL) == FILCH_ECANCELED);
    HOLDS(!filch_group_destroy(failing.group));
    HOLDS(!filch_pool_destroy(pool));
    end(&backend);
    return 0;
}

Test(alloc, all_failures_of_a_group_are_counted)
{
    static const struct scenario scenarios[] = {
        {"failures of a group", fail_in_group, 2, COPES},
    };
    try_scenarios(scenarios, COUNT(scenarios));
}

Test(alloc, what_cannot_be_submitted_does_not_run)
{
    static const struct scenario scenarios[] = {
        {"filch_executor_submit", submit_one, 2 * KINDS, FAILS},
        {"filch_pool_submit", submit_to_pool, 2, FAILS},
        {"filch_executor_submit_with", submit_with_options, 3 * KINDS, FAILS},
        {"submit with room for one", submit_bounded, 4, FAILS},
        {"submit that runs here", submit_to_run_here, 4, FAILS},
        {"submit in a task", submit_from_a_task, KINDS, FAILS},
        {"submit across segments", submit_across_segments, 2, FAILS},
        {"submit for a second thread", submit_for_a_second_thread, 1, FAILS},
        {"filch_group_submit", submit_to_group, 2 * KINDS, FAILS},
    };
    try_scenarios(scenarios, COUNT(scenarios));
}

/* ---- Futures ----------------------------------------------------------------------------- */

static void count_done(struct filch_future *future, void *argument)
{
    HOLDS(filch_future_done(future));
    count(argument);
}

static int add_callback(int variant) /* by hand, or a task's */
{
    struct backend backend = begin(SHARED);
    struct filch_future *held = new_held(backend.executor);
    struct filch_future *future =
        variant ? new_task(backend.executor, same, &ran) : new_manual();
    arm();
    int error = filch_future_add_done_callback(future, count_done, NULL);
    disarm();
    HOLDS(!filch_future_add_done_callback(future, count_done, NULL));
    sem_post(&leave);
    if (!variant)
        HOLDS(!filch_future_set_result(future, &ran));
    HOLDS(value_of(future) == &ran);
    (void)value_of(held);
    end(&backend); /* its task runs behind the callbacks */
    HOLDS(ran == 1 + !error);
    return error;
}

static void *second(void *value, void *argument)
{
    (void)value;
    return argument;
}

/* The executor of a follower: KINDS stands for none. */
static struct backend begin_following(int kind)
{
    return kind < KINDS ? begin(kind) : (struct backend){NULL, NULL};
}

static int follow(int variant) /* a kind or KINDS; the future has ended, or not */
{
    struct backend backend = begin_following(variant / 2);
    struct filch_future *first = new_manual(), *next = UNTOUCHED;
    if (variant % 2)
        HOLDS(!filch_future_set_result(first, &untouched));
    arm();
    int error = filch_future_then(first, backend.executor, second, &ran, &next);
    disarm();
    HOLDS(!error == ((void *)next != UNTOUCHED));
    if (variant % 2 == 0)
        HOLDS(!filch_future_set_result(first, &untouched));
    HOLDS(value_of(first) == &untouched);
    if (!error) { /* what came about only later is the follower's error */
        error = filch_future_result(next, FILCH_FOREVER, NULL);
        filch_future_release(next);
    }
    if (backend.executor)
        end(&backend);
    return error;
}

/* The memory is lacking where the first future ends. */
static int follow_later(int kind)
{
    struct backend backend = begin_following(kind);
    struct filch_future *first = new_manual(), *next = NULL, *last = NULL;
    HOLDS(!filch_future_then(first, backend.executor, second, &ran, &next));
    HOLDS(!filch_future_then(next, backend.executor, second, &ran, &last));
    arm_everywhere();
    HOLDS(!filch_future_set_result(first, &untouched));
    int error = filch_future_result(last, FILCH_FOREVER, NULL);
    disarm();
    int error_of_next = filch_future_result(next, FILCH_FOREVER, NULL);
    HOLDS(error || !error_of_next);
    HOLDS(value_of(first) == &untouched);
    filch_future_release(next);
    filch_future_release(last);
    if (backend.executor)
        end(&backend);
    return error;
}

static int follow_later_here(int variant)
{
    return follow_later(INLINE + variant);
}

static void *fail(void *argument)
{
    (void)argument;
    return filch_fail(FILCH_ECHECK, "a text that takes memory");
}

/* A failure whose text finds no memory keeps its code. */
static int fail_in_a_task(int kind)
{
    struct backend backend = begin(kind);
    struct filch_future *held = new_held(backend.executor);
    struct filch_future *future = new_task(backend.executor, fail, NULL);
    int code;
    arm_everywhere();
    sem_post(&leave);
    HOLDS(filch_future_error(future, FILCH_FOREVER, &code) && code == FILCH_ECHECK);
    disarm();
    filch_future_release(future);
    (void)value_of(held);
    end(&backend);
    return 0;
}

static int set_error(int variant) /* alone, or another follows */
{
    struct filch_future *future = new_manual(), *next = NULL;
    int code;
    if (variant)
        HOLDS(!filch_future_then(future, NULL, second, NULL, &next));
    arm();
    HOLDS(!filch_future_set_error(future, FILCH_ECHECK, "a text that takes memory"));
    const char *text = filch_future_error(variant ? next : future, 0, &code);
    disarm();
    HOLDS(code == FILCH_ECHECK);
    HOLDS(!strcmp(text, "a text that takes memory") ||
          (report->hit && !strcmp(text, filch_strerror(code))));
    filch_future_release(future);
    filch_future_release(next);
    return 0;
}

/* Blocks go back to the store, which keeps them in magazines. */
static int release_many(int variant) /* futures or plain tasks */
{
    enum { BURST = 200 };
    struct backend backend = begin(SHARED);
    struct filch_future *futures[BURST] = {NULL};
    for (int i = 0; i < BURST; i++)
        HOLDS(!filch_executor_submit(backend.executor, count, &ran,
                                     variant ? NULL : &futures[i]));
    arm_everywhere();
    for (int i = 0; i < BURST; i++)
        if (futures[i])
            HOLDS(value_of(futures[i]) == &ran);
    while (ran < BURST)
        sched_yield();
    disarm();
    end(&backend);
    return 0;
}

/* What allocates nothing. */
static int ask_and_stop(int variant)
{
    struct backend backend = begin(SHARED);
    struct filch_future *held = new_held(backend.executor);
    struct filch_future *future = new_task(backend.executor, same, NULL);
    struct filch_stats stats;
    char line[100];
    arm();
    HOLDS(filch_future_describe(held, line, sizeof line) > 0);
    HOLDS(filch_future_result(held, 1e-9, NULL) == FILCH_ETIMEDOUT);
    HOLDS(!filch_future_stop(held));
    HOLDS(variant ? filch_future_stop(future) : filch_future_cancel(future));
    HOLDS(filch_future_result(future, FILCH_FOREVER, NULL) == FILCH_ECANCELED);
    filch_stats_read(backend.pool, &stats);
    HOLDS(filch_executor_threads(backend.executor) == 1);
    HOLDS(filch_fail(3, "outside of a task it means nothing: %d", variant));
    disarm();
    sem_post(&leave);
    (void)value_of(held);
    filch_future_release(future);
    end(&backend);
    return 0;
}

Test(alloc, a_future_tells_or_does_without)
{
    static const struct scenario scenarios[] = {
        {"filch_future_add_done_callback", add_callback, 2, FAILS},
        {"filch_future_then", follow, 2 * (KINDS + 1), FAILS},
        {"what follows on a worker", follow_later, 2, FAILS},
        {"what follows here", follow_later_here, 2, COPES},
        {"filch_fail", fail_in_a_task, 2, COPES},
        {"filch_future_set_error", set_error, 2, COPES},
        {"filch_future_release", release_many, 2, COPES},
        {"asking and stopping", ask_and_stop, 2, COPES},
    };
    try_scenarios(scenarios, COUNT(scenarios));
}

/* ---- Several ----------------------------------------------------------------------------- */

static int wait_outside(int when)
{
    struct filch_future *futures[] = {new_manual(), new_manual(), new_manual()};
    bool done[] = {true, true, true};
    size_t done_count = 77;
    arm();
    int error = filch_wait(futures, 3, (enum filch_when)when, 1e-6, done, &done_count);
    disarm();
    HOLDS(done_count == (error ? 77 : 0));
    for (int i = 0; i < 3; i++) {
        HOLDS(done[i] == (error != 0));
        HOLDS(!filch_future_set_result(futures[i], futures[i]));
    }
    HOLDS(!filch_wait(futures, 3, (enum filch_when)when, FILCH_FOREVER, done, &done_count));
    HOLDS(done_count == 3);
    for (int i = 0; i < 3; i++)
        HOLDS(value_of(futures[i]) == futures[i]);
    return error;
}

static void *wait_inside(void *argument)
{
    struct call *call = argument;
    struct filch_future *futures[3];
    for (int i = 0; i < 3; i++)
        futures[i] = new_task(call->executor, same, argument);
    arm();
    call->error = filch_wait(futures, 3, FILCH_ALL_COMPLETED, FILCH_FOREVER, NULL, NULL);
    disarm();
    for (int i = 0; i < 3; i++) {
        HOLDS(call->error || filch_future_done(futures[i]));
        HOLDS(value_of(futures[i]) == argument);
    }
    return argument;
}

static int wait_in_a_task(int kind) /* there is but one worker */
{
    struct backend backend = begin(kind);
    struct call call = {.executor = backend.executor};
    HOLDS(run(backend.executor, wait_inside, &call) == &call);
    end(&backend);
    return call.error;
}

static int iterate(int variant)
{
    struct filch_future *futures[] = {new_manual(), new_manual(), new_manual()}, *next = NULL;
    struct filch_as_completed *iterator = UNTOUCHED;
    (void)variant;
    arm();
    int error = filch_as_completed_create(futures, 3, 0, &iterator);
    disarm();
    HOLDS(!error == ((void *)iterator != UNTOUCHED));
    HOLDS(!filch_future_set_result(futures[1], NULL));
    if (!error) {
        arm();
        HOLDS(!filch_as_completed_next(iterator, &next) && next == futures[1]);
        filch_future_release(next);
        HOLDS(filch_as_completed_next(iterator, &next) == FILCH_ETIMEDOUT);
        HOLDS(filch_as_completed_error(iterator));
        filch_as_completed_destroy(iterator);
        disarm();
    }
    for (int i = 0; i < 3; i++)
        filch_future_release(futures[i]);
    return error;
}

static const struct {
    int items;
    struct filch_map_options options;
} maps[] = {
    {6, {2, 0, (double)INFINITY, false, NULL, NULL}},
    {6, {2, 0, (double)INFINITY, true, NULL, NULL}},
    {8, {2, 4, (double)INFINITY, false, NULL, NULL}},
    {8, {2, 4, (double)INFINITY, true, NULL, NULL}},
    {40, {40, 0, (double)INFINITY, false, NULL, NULL}},
    {60, {30, 60, (double)INFINITY, true, NULL, NULL}},
};

static bool next_item(void *source, void **item)
{
    int *left = source;
    *item = &ran;
    return (*left)-- > 0;
}

/* Without an error all results come; and without a limit an error comes at once, or not at all. */
static int map(int variant) /* a kind, and one of these */
{
    struct backend backend = begin(variant % KINDS);
    struct filch_map *map = UNTOUCHED;
    const struct filch_map_options *options = &maps[variant / KINDS].options;
    int items = maps[variant / KINDS].items, left = items, given = 0;
    void *arguments[60], *result;
    for (int i = 0; i < items; i++)
        arguments[i] = &ran;
    arm();
    int error =
        options->unordered
            ? filch_map_create(backend.executor, count, next_item, &left, options, &map)
            : filch_map_array(backend.executor, count, arguments, (size_t)items, options, &map);
    disarm();
    HOLDS(!error == ((void *)map != UNTOUCHED));
    if (error)
        map = NULL;
    while (!error) {
        arm();
        error = filch_map_next(map, &result);
        disarm();
        given += !error;
    }
    if (error == FILCH_EEND) {
        HOLDS(given == items);
        error = 0;
    } else if (map) {
        HOLDS(options->buffersize && filch_map_error(map));
    }
    filch_map_destroy(map);
    end(&backend);
    HOLDS(given <= ran && ran <= items);
    return error;
}

Test(alloc, waiting_for_several_is_an_error_and_loses_nothing)
{
    static const struct scenario scenarios[] = {
        {"filch_wait", wait_outside, 3, FAILS},
        {"filch_wait in a task", wait_in_a_task, 2, FAILS},
        {"filch_as_completed_create", iterate, 1, FAILS},
        {"filch_map_create", map, KINDS * (int)COUNT(maps), FAILS},
    };
    try_scenarios(scenarios, COUNT(scenarios));
}

/* ---- Fork and join ----------------------------------------------------------------------- */

static int run_from_outside(int variant) /* of pools, one without a thread yet */
{
    struct backend backend = begin(variant ? SHARED : THREADS);
    arm();
    int value = FILCH_RUN(filch_executor_pool(backend.executor), fib, 8);
    disarm();
    HOLDS(value == 21);
    end(&backend);
    return 0;
}

/* Another level for each run within a run. */
static int run_nested(int depth);

FILCH_TASK(int, nested, int, depth)
{
    FILCH_FORK(fib, 8);
    int below = depth > 0 ? run_nested(depth - 1) : 0;
    return FILCH_JOIN(fib) + below;
}

static int run_nested(int depth)
{
    return FILCH_RUN(filch_pool_current(), nested, depth);
}

static void *run_inside(void *argument)
{
    struct call *call = argument;
    arm();
    int value = run_nested(call->variant);
    disarm();
    HOLDS(value == 21 * (call->variant + 1));
    return argument;
}

static int run_in_a_task(int depth)
{
    struct backend backend = begin(SHARED);
    struct call call = {.variant = depth};
    HOLDS(run(backend.executor, run_inside, &call) == &call);
    end(&backend);
    return 0;
}

static int run_with_a_full_deque(int variant)
{
    struct filch_pool_options options = {.workers = 1, .deque_slots = (size_t)variant + 1};
    struct filch_pool *pool = NULL;
    HOLDS(!filch_pool_create(&options, &pool));
    arm_everywhere();
    int value = FILCH_RUN(pool, fib, 6);
    disarm();
    HOLDS(value == 8);
    end_pool(pool);
    return 0;
}

Test(alloc, fork_and_join_cannot_fail)
{
    static const struct scenario scenarios[] = {
        {"FILCH_RUN from outside", run_from_outside, 2, WAITS},
        {"FILCH_RUN in a task", run_in_a_task, 3, WAITS},
        {"FILCH_FORK into a full deque", run_with_a_full_deque, 2, WAITS},
    };
    try_scenarios(scenarios, COUNT(scenarios));
}

/* ---- Blocking and locks ------------------------------------------------------------------ */

static void *block(void *argument)
{
    arm();
    filch_blocking_begin();
    disarm();
    (void)hold(argument);
    arm();
    filch_blocking_end();
    disarm();
    return argument;
}

static int block_in_a_task(int variant) /* and submit meanwhile, or not */
{
    struct backend backend = begin(SHARED);
    struct filch_future *blocked = new_task(backend.executor, block, NULL), *future = NULL;
    int error = 0;
    await_signal(&entered);
    if (variant) {
        arm_everywhere();
        error = filch_executor_submit(backend.executor, same, &ran, &future);
        disarm();
    }
    sem_post(&leave); /* at the latest now there is a worker for it */
    (void)value_of(blocked);
    if (future)
        HOLDS(value_of(future) == &ran);
    end(&backend);
    return error;
}

/* One of each lock. */
static struct {
    struct filch_semaphore semaphore;
    struct filch_mutex mutex;
    struct filch_condition condition;
    struct filch_barrier barrier;
    struct filch_channel *channel;
    bool is_given;
} locks;

enum lock { SEMAPHORE, CONDITION, BARRIER, CHANNEL, LOCKS };

static void locks_init(void)
{
    HOLDS(!filch_channel_create(1, &locks.channel));
    arm();
    filch_semaphore_init(&locks.semaphore, 0);
    filch_mutex_init(&locks.mutex);
    filch_condition_init(&locks.condition);
    HOLDS(!filch_barrier_init(&locks.barrier, 2));
    disarm();
}

static void locks_fini(void)
{
    arm();
    filch_semaphore_fini(&locks.semaphore);
    filch_mutex_fini(&locks.mutex);
    filch_condition_fini(&locks.condition);
    filch_barrier_fini(&locks.barrier);
    disarm();
    filch_channel_destroy(locks.channel);
}

static void *take(void *argument)
{
    void *item;
    switch (*(enum lock *)argument) {
    case SEMAPHORE:
        HOLDS(!filch_semaphore_acquire(&locks.semaphore, FILCH_FOREVER));
        break;
    case CONDITION:
        HOLDS(!filch_mutex_lock(&locks.mutex, FILCH_FOREVER));
        while (!locks.is_given)
            HOLDS(!filch_condition_wait(&locks.condition, &locks.mutex, FILCH_FOREVER));
        HOLDS(!filch_mutex_unlock(&locks.mutex));
        break;
    case BARRIER:
        HOLDS(filch_barrier_wait(&locks.barrier) >= 0);
        break;
    case CHANNEL:
        HOLDS(!filch_channel_receive(locks.channel, &item, FILCH_FOREVER));
        break;
    case LOCKS:
        break;
    }
    return argument;
}

static void *give(void *argument)
{
    switch (*(enum lock *)argument) {
    case SEMAPHORE:
        HOLDS(!filch_semaphore_release(&locks.semaphore, 1));
        break;
    case CONDITION:
        HOLDS(!filch_mutex_lock(&locks.mutex, FILCH_FOREVER));
        locks.is_given = true;
        HOLDS(!filch_mutex_unlock(&locks.mutex));
        filch_condition_notify_one(&locks.condition);
        break;
    case BARRIER:
        HOLDS(filch_barrier_wait(&locks.barrier) >= 0);
        break;
    case CHANNEL:
        HOLDS(!filch_channel_send(locks.channel, argument, FILCH_FOREVER));
        break;
    case LOCKS:
        break;
    }
    return argument;
}

static void *take_armed(void *lock)
{
    arm();
    (void)take(lock);
    disarm();
    return lock;
}

static void *give_armed(void *lock)
{
    arm();
    (void)give(lock);
    disarm();
    return lock;
}

/* The only worker waits for a lock. Where there is no spare it runs the task that gives it. */
static int wait_for_a_lock(int variant)
{
    struct backend backend = begin(SHARED);
    enum lock lock = (enum lock)variant;
    locks_init();
    struct filch_future *taker = new_task(backend.executor, take_armed, &lock);
    struct filch_future *giver = new_task(backend.executor, give_armed, &lock);
    HOLDS(value_of(taker) == &lock);
    HOLDS(value_of(giver) == &lock);
    locks_fini();
    end(&backend);
    return 0;
}

/* The same, but a spare has taken its place, and sleeps, before the other task comes; beside it
 * there is no worker, or one that has no thread yet. */
static int submit_beside_a_lock(int variant)
{
    bool on_demand = variant >= LOCKS;
    struct backend backend = {NULL, NULL};
    struct filch_future *giver = NULL;
    enum lock lock = (enum lock)(variant % LOCKS);
    if (on_demand)
        HOLDS(!filch_executor_create(2, NULL, &backend.executor));
    else
        backend = begin(SHARED);
    locks_init();
    struct filch_future *taker = new_task(backend.executor, take, &lock);
    await_sleepers(filch_executor_pool(backend.executor), on_demand ? 2 : 1);
    arm();
    int error = filch_executor_submit(backend.executor, give, &lock, &giver);
    disarm();
    if (error)
        giver = new_task(backend.executor, give, &lock);
    HOLDS(value_of(taker) == &lock);
    HOLDS(value_of(giver) == &lock);
    locks_fini();
    end(&backend);
    return error;
}

/* Until the worker that waits with the lock has gone to sleep, so that it looked for a spare. */
static void *outlast(void *argument)
{
    struct filch_stats stats;
    do {
        sched_yield();
        filch_stats_read(filch_pool_current(), &stats);
    } while (stats.parks == *(uint64_t *)argument);
    return argument;
}

static void *wait_with_a_lock(void *argument)
{
    struct filch_group *group = argument;
    struct filch_stats stats;
    HOLDS(!filch_mutex_lock(&locks.mutex, FILCH_FOREVER));
    await_sleepers(filch_pool_current(), 1);
    filch_stats_read(filch_pool_current(), &stats);
    HOLDS(!filch_group_submit(group, outlast, &stats.parks));
    arm();
    HOLDS(!filch_group_wait(group, FILCH_FOREVER));
    disarm();
    HOLDS(!filch_mutex_unlock(&locks.mutex));
    return argument;
}

/* The only worker but one waits for a task of the other, and nobody else takes its place. */
static int wait_for_a_group_with_a_lock(int variant)
{
    struct backend backend = {new_pool(2), NULL};
    struct filch_group *group = NULL;
    (void)variant;
    locks_init();
    HOLDS(!filch_executor_create_on(backend.pool, NULL, &backend.executor));
    HOLDS(!filch_group_create(backend.executor, NULL, &group));
    HOLDS(run(backend.executor, wait_with_a_lock, group) == group);
    HOLDS(!filch_group_destroy(group));
    locks_fini();
    end(&backend);
    return 0;
}

Test(alloc, without_a_spare_a_worker_blocks_or_helps)
{
    static const struct scenario scenarios[] = {
        {"filch_blocking_begin", block_in_a_task, 2, FAILS},
        {"locks", wait_for_a_lock, LOCKS, COPES},
        {"filch_group_wait with a lock", wait_for_a_group_with_a_lock, 1, COPES},
        {"submit beside a lock", submit_beside_a_lock, 2 * LOCKS, FAILS},
    };
    try_scenarios(scenarios, COUNT(scenarios));
}

/* ---- Ending ------------------------------------------------------------------------------ */

enum { QUEUED = 5 };

enum ending { SHUTDOWN, CANCELLING, DESTROY, DETACH, ENDINGS };

static int end_executor(int variant) /* a kind that has a queue, and an ending */
{
    struct backend backend = begin(variant / ENDINGS);
    enum ending ending = (enum ending)(variant % ENDINGS);
    struct filch_future *held = new_held(backend.executor), *futures[QUEUED];
    for (int i = 0; i < QUEUED; i++)
        futures[i] = new_task(backend.executor, count, &ran);
    arm_everywhere();
    if (ending == CANCELLING)
        HOLDS(!filch_executor_shutdown(backend.executor, false, true));
    sem_post(&leave);
    if (ending == SHUTDOWN)
        HOLDS(!filch_executor_shutdown(backend.executor, true, false));
    if (ending == DETACH)
        filch_executor_detach(backend.executor);
    else
        HOLDS(!filch_executor_destroy(backend.executor));
    int expected = ending == CANCELLING ? FILCH_ECANCELED : 0;
    for (int i = 0; i < QUEUED; i++) {
        HOLDS(filch_future_result(futures[i], FILCH_FOREVER, NULL) == expected);
        filch_future_release(futures[i]);
    }
    (void)value_of(held);
    HOLDS(!filch_pool_destroy(backend.pool));
    disarm();
    HOLDS(ran == (expected ? 0 : QUEUED));
    return 0;
}

/* From the first call to the last one. */
static int live(int workers)
{
    struct filch_executor *executor = NULL;
    struct filch_future *future = NULL;
    void *result = NULL;
    arm_everywhere();
    int error = filch_executor_create(workers + 1, NULL, &executor);
    if (!error)
        error = filch_executor_submit(executor, same, &ran, &future);
    if (!error)
        error = filch_future_result(future, FILCH_FOREVER, &result);
    HOLDS(error || result == &ran);
    filch_future_release(future);
    HOLDS(!filch_executor_destroy(executor));
    disarm();
    return error;
}

Test(alloc, ending_cannot_fail)
{
    static const struct scenario scenarios[] = {
        {"the end of an executor", end_executor, 2 * ENDINGS, COPES},
    };
    try_scenarios(scenarios, COUNT(scenarios));
}

Test(alloc, a_whole_life_ends_in_an_error_or_in_a_result)
{
    static const struct scenario scenarios[] = {
        {"a whole life", live, 2, FAILS},
    };
    try_scenarios(scenarios, COUNT(scenarios));
}

/* ---- Scratch memory ---------------------------------------------------------------------- */

static int use_scratch_here(bool may_fail)
{
    size_t mark = filch_scratch_mark();

    if (may_fail)
        arm();
    char *block = filch_scratch_alloc(100000);
    disarm();
    HOLDS(block || may_fail);
    if (block)
        memset(block, 1, 100000);
    filch_scratch_reset(mark);
    return block ? 0 : FILCH_ENOMEM;
}

FILCH_TASK(int, use_scratch, bool, may_fail)
{
    return use_scratch_here(may_fail);
}

/* The first use: by this thread, or by a worker. */
static int first_scratch(int variant)
{
    struct filch_pool *pool = new_pool(1);
    int error = variant ? FILCH_RUN(pool, use_scratch, true) : use_scratch_here(true);

    HOLDS(FILCH_RUN(pool, use_scratch, false) == 0);
    HOLDS(use_scratch_here(false) == 0);
    HOLDS(!filch_pool_destroy(pool));
    return error;
}

Test(alloc, scratch_memory_is_null_and_can_be_asked_for_again)
{
    static const struct scenario scenarios[] = {
        {"scratch memory", first_scratch, 2, FAILS},
    };
    try_scenarios(scenarios, COUNT(scenarios));
}

/* ---- Algorithms -------------------------------------------------------------------------- */

/* Makes a call, or a few, on data of its own. Returns the error; without one, the result is right,
 * with one it is as promised. */
typedef int usage_fn(struct filch_pool *pool);

struct usage {
    usage_fn *fn;
    struct filch_pool *pool;
    int error;
};

/* Once before, for what a pool makes when it is first needed, and waits for (levels), and once
 * after. */
static void *use_here(void *argument)
{
    struct usage *usage = argument;
    HOLDS(!usage->fn(usage->pool));
    arm_everywhere();
    usage->error = usage->fn(usage->pool);
    disarm();
    HOLDS(!usage->fn(usage->pool));
    return argument;
}

/* workers: 0: without a pool. */
static int use(usage_fn *fn, int workers)
{
    struct usage usage = {fn, workers ? new_pool(workers) : NULL, 0};
    struct filch_future *future;
    if (!workers) {
        (void)use_here(&usage);
        return usage.error;
    }
    HOLDS(!filch_pool_submit(usage.pool, use_here, &usage, &future));
    HOLDS(value_of(future) == &usage);
    end_pool(usage.pool);
    return usage.error;
}

enum { WORKERS = 3 }; /* 0 to 2 */

/* An accumulator that does not fit in a frame. */
struct total {
    size_t indices;
    char more[200];
};

static int fold_total(void *context, size_t begin, size_t end, void *accumulator)
{
    struct total *total = accumulator;
    (void)context;
    total->indices += end - begin;
    return 0;
}

static int combine_totals(void *context, void *left, const void *right)
{
    struct total *total = left;
    (void)context;
    total->indices += ((const struct total *)right)->indices;
    return 0;
}

static const struct filch_reduction totals = {sizeof(struct total), NULL, fold_total,
                                              combine_totals};
static const struct filch_loop by_tens = {.grain = 10};

static int reduce_totals(struct filch_pool *pool)
{
    struct total total = {.indices = 77};
    int error = filch_reduce(pool, 5, 105, &totals, NULL, &total, &by_tens);
    HOLDS(total.indices == (error ? 77 : 100));
    return error;
}

static int scan_totals(struct filch_pool *pool)
{
    struct total total = {.indices = 77};
    int error = filch_scan(pool, 5, 105, &totals, fold_total, NULL, &total, &by_tens);
    HOLDS(total.indices == (error ? 77 : 100));
    return error;
}

static int reduce(int workers)
{
    return use(reduce_totals, workers);
}

static int scan(int workers)
{
    return use(scan_totals, workers);
}

enum { ELEMENTS = 1000 };

/* Is sorted by pointers. */
struct wide {
    int key;
    char more[60];
};

static int compare_ints(const void *a, const void *b, void *context)
{
    int x = *(const int *)a, y = *(const int *)b;
    (void)context;
    return (x > y) - (x < y);
}

static int key_at(int i)
{
    return i * 7 % ELEMENTS;
}

/* Elements that begin with an int, as they were or sorted. */
static bool hold_keys(const void *array, size_t size, bool sorted)
{
    for (int i = 0; i < ELEMENTS; i++)
        if (*(const int *)(const void *)((const char *)array + (size_t)i * size) !=
            (sorted ? i : key_at(i)))
            return false;
    return true;
}

static int sort_directly(struct filch_pool *pool)
{
    static int keys[ELEMENTS];
    for (int i = 0; i < ELEMENTS; i++)
        keys[i] = key_at(i);
    int error = filch_sort(pool, keys, ELEMENTS, sizeof *keys, compare_ints, NULL, &by_tens);
    HOLDS(hold_keys(keys, sizeof *keys, !error));
    return error;
}

static int sort_by_pointers(struct filch_pool *pool)
{
    static struct wide wides[ELEMENTS];
    for (int i = 0; i < ELEMENTS; i++)
        wides[i].key = key_at(i);
    int error = filch_sort(pool, wides, ELEMENTS, sizeof *wides, compare_ints, NULL, &by_tens);
    HOLDS(hold_keys(wides, sizeof *wides, !error));
    return error;
}

FILCH_SORT_DEFINE(sort_ints, int, *a < *b);

static int sort_one_type(struct filch_pool *pool)
{
    static int keys[ELEMENTS];
    for (int i = 0; i < ELEMENTS; i++)
        keys[i] = key_at(i);
    int error = sort_ints(pool, keys, ELEMENTS, NULL, &by_tens);
    HOLDS(hold_keys(keys, sizeof *keys, !error));
    return error;
}

static int sort(int variant) /* workers, and how */
{
    static usage_fn *const ways[] = {sort_directly, sort_by_pointers, sort_one_type};
    return use(ways[variant / WORKERS], variant % WORKERS);
}

static bool is_even(void *context, const void *element)
{
    (void)context;
    return *(const int *)element % 2 == 0;
}

/* The even ones of 0, 1, 2, ..., in order, as they were or before the others. */
static bool are_separated(const int *numbers, bool separated)
{
    for (int i = 0; i < ELEMENTS; i++)
        if (numbers[i] != (!separated ? i : 2 * i < ELEMENTS ? 2 * i : 2 * i - ELEMENTS + 1))
            return false;
    return true;
}

static int filter_evens(struct filch_pool *pool)
{
    int numbers[ELEMENTS], out[ELEMENTS];
    size_t kept = 77;
    for (int i = 0; i < ELEMENTS; i++)
        numbers[i] = i;
    int error = filch_filter(pool, numbers, ELEMENTS, sizeof *numbers, out, &kept, is_even,
                             NULL, &by_tens);
    HOLDS(kept == (error ? 77 : ELEMENTS / 2));
    HOLDS(error || (out[0] == 0 && out[ELEMENTS / 2 - 1] == ELEMENTS - 2));
    HOLDS(are_separated(numbers, false));
    return error;
}

static int partition_evens(struct filch_pool *pool)
{
    int numbers[ELEMENTS];
    size_t boundary = 77;
    for (int i = 0; i < ELEMENTS; i++)
        numbers[i] = i;
    int error = filch_partition(pool, numbers, ELEMENTS, sizeof *numbers, is_even, NULL,
                                &boundary, &by_tens);
    HOLDS(boundary == (error ? 77 : ELEMENTS / 2));
    HOLDS(are_separated(numbers, !error));
    return error;
}

static int filter(int workers)
{
    return use(filter_evens, workers);
}

static int partition(int workers)
{
    return use(partition_evens, workers);
}

Test(alloc, an_algorithm_without_memory_leaves_its_results_as_they_were)
{
    static const struct scenario scenarios[] = {
        {"filch_reduce", reduce, WORKERS, FAILS},
        {"filch_scan", scan, WORKERS, FAILS},
        {"filch_sort", sort, WORKERS * 3, FAILS},
        {"filch_filter", filter, WORKERS, FAILS},
        {"filch_partition", partition, WORKERS, FAILS},
    };
    try_scenarios(scenarios, COUNT(scenarios));
}

static int count_indices(void *context, size_t begin, size_t end)
{
    atomic_fetch_add((_Atomic(size_t) *)context, end - begin);
    return 0;
}

static int count_pairs(void *context, struct filch_range rows, struct filch_range columns)
{
    atomic_fetch_add((_Atomic(size_t) *)context,
                     (rows.end - rows.begin) * (columns.end - columns.begin));
    return 0;
}

static int count_strides(void *context, ptrdiff_t first, size_t number)
{
    (void)first;
    atomic_fetch_add((_Atomic(size_t) *)context, number);
    return 0;
}

static int use_loops(struct filch_pool *pool)
{
    struct filch_range side = {0, 30};
    _Atomic(size_t) calls = 0;
    HOLDS(!filch_for(pool, 0, 1000, count_indices, &calls, &by_tens));
    HOLDS(!filch_for_2d(pool, side, side, count_pairs, &calls, &by_tens));
    HOLDS(!filch_for_strided(pool, 300, 0, -3, count_strides, &calls, &by_tens));
    HOLDS(calls == 1000 + 900 + 100);
    return 0;
}

static int negate(void *context, const void *in, void *out)
{
    (void)context;
    *(int *)out = -*(const int *)in;
    return 0;
}

static int use_arrays(struct filch_pool *pool)
{
    int numbers[ELEMENTS], twice[2 * ELEMENTS];
    size_t size = sizeof *numbers, index, min, max;
    bool answer;
    for (int i = 0; i < ELEMENTS; i++)
        numbers[i] = i;
    HOLDS(!filch_find(pool, numbers + 1, 9, size, is_even, NULL, &index, &by_tens));
    HOLDS(index == 1);
    HOLDS(!filch_any(pool, numbers, ELEMENTS, size, is_even, NULL, &answer, &by_tens));
    HOLDS(answer);
    HOLDS(!filch_all(pool, numbers, ELEMENTS, size, is_even, NULL, &answer, &by_tens));
    HOLDS(!answer);
    HOLDS(!filch_min_max(pool, numbers, ELEMENTS, size, compare_ints, NULL, &min, &max, NULL));
    HOLDS(min == 0 && max == ELEMENTS - 1);
    HOLDS(!filch_merge(pool, numbers, ELEMENTS, numbers, ELEMENTS, twice, size, compare_ints,
                       NULL, &by_tens));
    HOLDS(twice[1] == 0 && twice[2 * ELEMENTS - 2] == ELEMENTS - 1);
    HOLDS(!filch_map(pool, numbers, size, numbers, size, ELEMENTS, negate, NULL, &by_tens));
    HOLDS(numbers[ELEMENTS - 1] == 1 - ELEMENTS);
    return 0;
}

static int use_sums(struct filch_pool *pool)
{
    double values[ELEMENTS], plain, compensated;
    for (int i = 0; i < ELEMENTS; i++)
        values[i] = i;
    HOLDS(!filch_sum_double(pool, values, ELEMENTS, &plain, &by_tens));
    HOLDS(!filch_sum_double_compensated(pool, values, ELEMENTS, &compensated, &by_tens));
    HOLDS(plain == compensated && plain == ELEMENTS * (ELEMENTS - 1) / 2.0);
    return 0;
}

static int use_without_memory(int variant) /* workers, and what */
{
    static usage_fn *const usages[] = {use_loops, use_arrays, use_sums};
    return use(usages[variant / WORKERS], variant % WORKERS);
}

/* It waits for what fork and join need. */
static int run_first_loop(int variant) /* of one worker or two */
{
    struct filch_pool *pool = new_pool(1 + variant);
    arm_everywhere();
    HOLDS(!use_loops(pool));
    disarm();
    end_pool(pool);
    return 0;
}

Test(alloc, loops_do_without)
{
    static const struct scenario scenarios[] = {
        {"loops, arrays, sums", use_without_memory, WORKERS * 3, COPES},
        {"a pool's first loop", run_first_loop, 2, WAITS},
    };
    try_scenarios(scenarios, COUNT(scenarios));
}

/* ---- Graphs and pipelines ---------------------------------------------------------------- */

enum { NODES = 20 }; /* more than there is room for at first */

/* A row of tasks, and at its end a condition that goes back to the second one twice. */
static struct {
    struct filch_graph *graph;
    struct filch_node *nodes[NODES];
    _Atomic(int) ran;
    int rounds;
} row;

/* What a run of it counts: the first one, and the others three times. */
enum { COUNTED = 1 + 3 * (NODES - 2) };

static int count_node(void *argument)
{
    (void)argument;
    atomic_fetch_add(&row.ran, 1);
    return 0;
}

static int go_back(void *argument)
{
    (void)argument;
    return row.rounds++ % 3 == 2;
}

/* Step by step: the graph, its nodes, its edges. */
enum { STEPS = 1 + NODES + NODES };

static int make_step(int step)
{
    int i = step - 1;
    if (step == 0)
        return filch_graph_create(&row.graph);
    if (i < NODES - 1)
        return filch_graph_task(row.graph, i ? "a name" : NULL, count_node, NULL,
                                &row.nodes[i]);
    if (i == NODES - 1)
        return filch_graph_condition(row.graph, "back?", go_back, NULL, &row.nodes[i]);
    i -= NODES;
    return filch_graph_precede(row.nodes[i], row.nodes[i < NODES - 1 ? i + 1 : 1]);
}

/* A step that fails is made again. */
static int make_row(bool may_fail)
{
    int error = 0;
    for (int step = 0; step < STEPS; step++) {
        if (may_fail)
            arm();
        int now = make_step(step);
        disarm();
        HOLDS(!now || (may_fail && !make_step(step)));
        error = now ? now : error;
    }
    return error;
}

static int run_row(struct filch_pool *pool)
{
    row.ran = 0;
    int error = filch_graph_run(row.graph, pool, NULL);
    HOLDS(row.ran == (error ? 0 : COUNTED));
    return error;
}

static int make_graph(int workers)
{
    struct filch_pool *pool = workers ? new_pool(workers) : NULL;
    int error = make_row(true);
    HOLDS(!run_row(pool));
    HOLDS(!filch_graph_destroy(row.graph));
    HOLDS(!filch_pool_destroy(pool));
    return error;
}

static int check_graph(int cycle)
{
    char text[1000];
    int expected = cycle ? FILCH_EDEADLK : 0;
    HOLDS(!make_row(false));
    if (cycle)
        HOLDS(!filch_graph_precede(row.nodes[7], row.nodes[5]));
    arm();
    int error = filch_graph_check(row.graph, text, sizeof text);
    disarm();
    HOLDS(error == expected || !strcmp(text, filch_strerror(error)));
    HOLDS(filch_graph_check(row.graph, text, sizeof text) == expected);
    HOLDS(!filch_graph_destroy(row.graph));
    return error == expected ? 0 : error;
}

/* A change, for which there is room, has the next run make its plan anew; the run after it needs no
 * memory. */
static int run_changed_row(struct filch_pool *pool)
{
    HOLDS(!filch_graph_precede(row.nodes[0], row.nodes[1]));
    int error = run_row(pool);
    if (!error)
        HOLDS(!run_row(pool));
    return error;
}

static int run_graph(int workers)
{
    HOLDS(!make_row(false));
    int error = use(run_changed_row, workers);
    HOLDS(!filch_graph_destroy(row.graph));
    return error;
}

enum { ITEMS = 100 };

static _Atomic(int) items_given, items_taken;

static int give_item(void *context, void **item)
{
    (void)context;
    *item = &items_given;
    return atomic_fetch_add(&items_given, 1) < ITEMS ? 0 : FILCH_EEND;
}

static int take_item(void *context, void **item)
{
    (void)context;
    HOLDS(*item == &items_given);
    atomic_fetch_add(&items_taken, 1);
    return 0;
}

static const struct filch_stage stages[] = {
    {FILCH_STAGE_IN_ORDER, give_item, NULL},
    {FILCH_STAGE_SERIAL, take_item, NULL},
    {FILCH_STAGE_PARALLEL, take_item, NULL},
    {FILCH_STAGE_IN_ORDER, take_item, NULL},
};

static int run_once(struct filch_pool *pool)
{
    items_given = items_taken = 0;
    int error = filch_pipeline_run(pool, stages, COUNT(stages), 0, NULL);
    HOLDS(items_taken == (error ? 0 : 3 * ITEMS));
    return error;
}

static int run_kept(struct filch_pool *pool)
{
    struct filch_pipeline *pipeline = UNTOUCHED;
    int error = filch_pipeline_create(pool, stages, COUNT(stages), 7, NULL, &pipeline);
    if (error) {
        HOLDS((void *)pipeline == UNTOUCHED);
        return error;
    }
    for (int i = 0; i < 3; i++) {
        items_given = items_taken = 0;
        HOLDS(!filch_pipeline_rerun(pipeline) && items_taken == 3 * ITEMS);
    }
    HOLDS(!filch_pipeline_destroy(pipeline));
    return 0;
}

static int run_pipeline(int variant) /* workers; once, or kept */
{
    return use(variant / WORKERS ? run_kept : run_once, variant % WORKERS);
}

Test(alloc, graphs_and_pipelines_that_cannot_be_made_do_not_run)
{
    static const struct scenario scenarios[] = {
        {"making a graph", make_graph, WORKERS, FAILS},
        {"filch_graph_check", check_graph, 2, FAILS},
        {"filch_graph_run", run_graph, WORKERS, FAILS},
        {"pipelines", run_pipeline, WORKERS * 2, FAILS},
    };
    try_scenarios(scenarios, COUNT(scenarios));
}
