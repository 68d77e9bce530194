/* SPDX-License-Identifier: MIT
 *
 * A random program of the public API, as data: executors, locks, groups, and tasks, each of which
 * is a list of steps. make_program.h invents it, with graph.h; model.h plays it without filch; run.h
 * runs it, with check.h; print.h writes it down. There is one at a time, `program`. */
#ifndef FILCH_TESTS_STRESS_PROGRAM_H
#define FILCH_TESTS_STRESS_PROGRAM_H

#include "tests/stress/stress.h"

#include <filch/executor.h>
#include <filch/group.h>
#include <filch/map.h>
#include <filch/sync.h>

#include <pthread.h>
#include <stdatomic.h>

/* ---- What may occur in a program: the words of FILCH_PROGRAMS ------------------------------- */

#define WORDS_(X)                                                                        \
    /* Ways to wait. */                                                                  \
    X(RESULT, "result")                                                                  \
    X(WAIT, "wait") /* filch_wait: all completed */                                      \
    X(FIRST, "first")                                                                    \
    X(ERROR, "error")                                                                    \
    X(COMPLETED, "as_completed")                                                         \
    X(THEN, "then")   /* for what the waiting task has made follow on a future */        \
    X(GROUP, "group") /* that the main thread has filled */                              \
    X(NEST, "nest")   /* a group that the waiting task fills */                          \
    X(MAP, "map")                                                                        \
    X(FORK, "fork") /* fork-join on the task's own pool, its leaves wait by result */    \
    X(RUN, "run")   /* the same on another pool */                                       \
    X(LOOP, "for")                                                                       \
    /* What surrounds them. */                                                           \
    X(SUBMIT, "submit") /* tasks submit further futures, and wait for those */           \
    X(MUTEX, "mutex")   /* a filch_mutex is held across waits */                         \
    X(PTHREAD, "pthread")                                                                \
    X(BOUNDED, "bounded") /* max_queued */                                               \
    X(SERIAL, "serial")   /* executors of one worker, that their tasks do not overlap */ \
    X(FAIL, "fail")       /* tasks that fail */                                          \
    X(TIMEOUT, "timeout") /* polls, and limits of time, before a wait without one */     \
    /* A cycle of waits without a limit: how a task in it waits for the next one. */     \
    X(CYCLE_RESULT, "cycle-result")                                                      \
    X(CYCLE_WAIT, "cycle-wait")                                                          \
    X(CYCLE_COMPLETED, "cycle-as_completed")                                             \
    X(CYCLE_GROUP, "cycle-group")                                                        \
    X(CYCLE_THEN, "cycle-then")                                                          \
    X(CYCLE_MUTEX, "cycle-mutex")                                                        \
    X(CYCLE_CHORD, "cycle-chord") /* some also wait for a third one in the cycle */      \
    /* How all is run; never but when named. */                                          \
    X(THREADS, "threads") /* 64 workers everywhere, so that every task has a thread */   \
    X(COUNT, "count")     /* counts programs with a wrong FILCH_EDEADLK, and goes on */  \
    X(PRINT, "print")     /* prints each program */                                      \
    X(MODEL, "model")     /* plays each program without filch, no more */

enum word {
#define WORD_ENUM(name, text) name,
    WORDS_(WORD_ENUM)
#undef WORD_ENUM
        WORDS
};

static const char *named_words; /* FILCH_PROGRAMS, or NULL */

static const char *const word_names[WORDS] = {
#define WORD_NAME(name, text) text,
    WORDS_(WORD_NAME)
#undef WORD_NAME
};

#define WORD(word) (UINT64_C(1) << (word))
#define WAYS       (WORD(LOOP) * 2 - 1)
#define CYCLES     (WORD(CYCLE_MUTEX) * 2 - WORD(CYCLE_RESULT))
#define MODES      (WORD(THREADS) | WORD(COUNT) | WORD(PRINT) | WORD(MODEL))
#define ALL_WORDS  (WORD(THREADS) - 1)

/* ---- Limits ------------------------------------------------------------------------------ */

enum {
    OWN = 3,          /* executors with threads of their own: 0 to 2 */
    PLACES = OWN + 2, /* and on the shared pool: 3, 4 */
    POOLS = OWN + 1,  /* the executors' own, and the shared one */
    NODES = 224,      /* tasks */
    /* Of them those that the main thread submits, at most; a group counts once. */
    ROOTS = SANITIZED ? 30 : 60,
    STEPS = 12,     /* of a task */
    TARGETS = 6,    /* of a step */
    CHILDREN = 100, /* those that tasks submit */
    DEPTH = 4,      /* tasks that submit tasks */
    GROUPS = 12,
    LOCKS = 4, /* ordinary ones */
    CYCLE_NODES = 6,
    ALL_LOCKS = LOCKS + CYCLE_NODES,
};

#define OWN_ERROR 42 /* of a task that is meant to fail */
#define TOLD      77 /* of a task that was told FILCH_EDEADLK, and of those that needed it */

/* ---- Steps ------------------------------------------------------------------------------- */

/* A step is one of the ways to wait, or: */
enum { LOCK = WORDS, UNLOCK, PAUSE, GATE };

struct step {
    int kind;
    /* The tasks waited for. Those whose parent is the step's task are submitted by the step. */
    int targets[TARGETS], count;
    int uses; /* waits: of leaf or index i for target i % count; else count, or 0 (`partial`) */
    bool partial; /* of FIRST: does not wait for the others */
    int place; /* the executor of children, or of a continuation, -1: none; of RUN and LOOP: whose
                      pool, -1: NULL; or the group, or the lock */
    uint32_t dice;             /* decides on what else there is to decide */
    struct filch_group *group; /* of NEST, meanwhile */
    struct filch_map *map;     /* likewise */
};

/* ---- Tasks ------------------------------------------------------------------------------- */

enum birth {
    BY_MAIN,      /* submitted by the main thread */
    IN_GROUP,     /* likewise, into a group */
    CONTINUATION, /* made by the main thread, to follow on `base` */
    CHILD,        /* submitted by a step of `parent` */
};

enum { ABSENT = -2, QUEUED = -1, ENDED = STEPS };

struct node {
    int id;
    enum birth birth;
    int place;  /* its executor; -1, of a continuation: none */
    int parent; /* of a child, else -1 */
    int root; /* the one that the main thread submits: the task itself, or the oldest ancestor */
    int depth; /* 0 for a root */
    int group, base;
    int turn;     /* how many the main thread has submitted before to the same executor */
    bool plain;   /* has no future: of a group or a map */
    bool pure;    /* must not need the cycle: its failure would cancel others */
    bool fails;   /* with OWN_ERROR */
    bool cyclic;  /* is in the cycle */
    bool tainted; /* waits for one in the cycle, directly or not, or may be skipped with it */
    struct step steps[STEPS];
    int step_count;
    uint64_t expected; /* its value */

    /* While it runs. */
    _Atomic(int) at; /* its step, or one of the states above */
    _Atomic(bool) told;
    uint64_t value; /* by the task, plainly: TSan sees who reads it too early */
    struct filch_future *future;
    uint32_t holds; /* locks: a bit each */
    int below;      /* the task further down on the one thread of its executor, or -1 */
};

struct group {
    int place, members[TARGETS], count;
    bool complete, tainted;
    struct filch_group *group;
};

struct lock {
    bool system; /* a pthread_mutex_t */
    struct filch_mutex mutex;
    pthread_mutex_t system_mutex;
    _Atomic(int) holder; /* for the report */
};

/* An executor. */
struct place {
    bool used, serial;
    bool may_skip;          /* tasks, if the one in the cycle in their group fails */
    int workers, submitted; /* by the main thread */
    size_t max_queued;
    struct filch_executor *executor;
    _Atomic(int) top;   /* the task that its one thread runs */
    _Atomic(int) ended; /* of those that the main thread has submitted */
};

/* ---- The graph of graph.h ---------------------------------------------------------------- */

enum {
    LOCK_VERTEX = NODES,
    WORKER_VERTEX = LOCK_VERTEX + ALL_LOCKS,
    GUEST_VERTEX = WORKER_VERTEX + POOLS,
    CYCLE_VERTEX = GUEST_VERTEX + POOLS,
    VERTICES,
    VERTEX_WORDS = (VERTICES + 63) / 64,
};

struct graph {
    uint64_t edges[VERTICES][VERTEX_WORDS];
};

/* ---- All of it --------------------------------------------------------------------------- */

static struct program {
    uint64_t seed, number, words;
    struct place places[PLACES];
    struct node nodes[NODES];
    struct group groups[GROUPS];
    struct lock locks[ALL_LOCKS];
    int node_count, child_count, group_count, lock_count;
    struct graph graph;

    int cycle[CYCLE_NODES], cycle_length; /* ids, each waits for the next one; length 0: none */
    bool rendezvous;                      /* all of them run before one of them waits */

    struct filch_pool *pool;
    struct filch_future *gate;
    _Atomic(int) missing;    /* until the gate opens */
    _Atomic(int) told_count; /* tasks of the cycle that were told */
    _Atomic(bool) wrong;     /* FILCH_EDEADLK without a cycle, where that is but counted */
} program;

static inline bool has(enum word word)
{
    return program.words >> word & 1;
}

static inline int pool_of(int place)
{
    return place < OWN ? place : OWN;
}

static inline bool is_serial(int pool)
{
    return pool < OWN && program.places[pool].serial;
}

static inline bool is_child_of(const struct node *node, int id)
{
    return program.nodes[id].parent == node->id;
}

/* What one task of a map works off is a chunk of up to this. */
static inline size_t chunk_of(const struct step *step)
{
    return 1 + step->dice / 8 % 3;
}

/* What one that waits for this task adds to its own sum. */
static inline uint64_t contribution(const struct node *node)
{
    uint64_t id = (uint64_t)node->id + 1;
    return stress_mix(node->fails ? OWN_ERROR + id : node->expected ^ id << 32);
}

static inline uint64_t value_of_sum(const struct node *node, uint64_t sum)
{
    return stress_mix(sum + (uint64_t)node->id + 1);
}

/* What a continuation makes of the value that it follows on; key: which one. */
static inline uint64_t continued(uint64_t value, uint64_t key)
{
    return stress_mix(value + (key << 20) + 1);
}

#endif
