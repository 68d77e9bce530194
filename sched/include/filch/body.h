/* SPDX-License-Identifier: MIT
 *
 * What the macros of task.h make of a task: its functions, and the preprocessor tools to write
 * them. Nothing here is meant to be used by hand.
 *
 * A body has a parallel clone and, where FILCH_SERIAL_CLONES is 1 (task.h), a serial one, too. The
 * parallel clone forks: a fork writes a slot of the deque (slot.h), a join takes it back. The serial
 * clone calls: a fork runs at once, and its result waits in the frame for the join; a compiler can
 * turn its recursion into loops and copies, as it does with plain C. It is entered where enough
 * older forks wait for a thief (filch_front.serial_from). A thief that finds nothing leaves its
 * request, which the serial clone meets at its next fork: that one is real, and so are all further
 * ones of the same call until they are joined. So it hides no task: what it has not yet forked is
 * not ready. The idea of two clones is Cilk's (Frigo, Leiserson, Randall: "The implementation of
 * the Cilk-5 multithreaded language", 1998); that of going serial while thieves have enough, Lazy
 * Binary Splitting's (Tzannes, Caragea, Barua, Vishkin, 2010). */
#ifndef FILCH_BODY_H
#define FILCH_BODY_H

#include <filch/base.h>
#include <filch/pool.h>
#include <filch/slot.h>

#include <stdbool.h>
#include <string.h>

#ifdef FILCH_DEBUG
#include <filch/scratch.h>

#include <assert.h>
#endif

/* clang makes nothing better of the serial clone's recursion than of the parallel one's. A debug
 * build checks each fork against its join, so all are real there. */
#if defined(__GNUC__) && !defined(__clang__) && !defined(FILCH_DEBUG)
#define FILCH_CLONED_ FILCH_SERIAL_CLONES
#else
#define FILCH_CLONED_ 0
#endif

#if defined(__GNUC__)
#define FILCH_INLINE_        static inline __attribute__((always_inline, unused))
#define FILCH_COLD_          static __attribute__((noinline, cold, unused))
#define FILCH_LIKELY_(x)     __builtin_expect(!!(x), 1)
#define FILCH_STACK_POINTER_ ((uintptr_t)__builtin_frame_address(0))
#else
#define FILCH_INLINE_        static inline
#define FILCH_COLD_          FILCH_UNUSED static
#define FILCH_LIKELY_(x)     (x)
#define FILCH_STACK_POINTER_ ((uintptr_t)&filch_head_)
#endif

/* One call of a body. Lives in registers: all that gets its address is inlined. */
struct filch_frame {
    struct filch_slot *head; /* the first free slot */
    bool serial;             /* which clone this is; a constant in each */
    unsigned real;           /* serial clone: real forks that are not yet joined */
    unsigned kept;           /* serial clone: bytes of `results` in use */
    unsigned char *results;  /* serial clone: of forks that have run */
    unsigned forks;          /* debug builds: forks that are not yet joined */
    size_t mark;             /* debug builds: of scratch memory, when it was called */
};

/* Bytes of results that a call of the serial clone keeps: ten numbers. Forks beyond are real. */
#define FILCH_RESULTS_ 80

#ifdef FILCH_DEBUG
#define FILCH_CHECK_FORK_(frame) ((void)(frame)->forks++)
#define FILCH_CHECK_JOIN_(frame, name) \
    assert((frame)->forks-- > 0 && "FILCH_JOIN without its FILCH_FORK: task " #name)
#define FILCH_CHECK_NAME_(slot, name)         \
    assert((slot)->run == name##_filch_run && \
           "FILCH_JOIN names another task than its FILCH_FORK: task " #name)
#define FILCH_CHECK_END_(frame, name)                                           \
    assert((frame).forks == 0 && "a FILCH_FORK was never joined: task " #name); \
    assert((frame).mark >= filch_scratch_mark() &&                              \
           "scratch memory is left behind: task " #name);                       \
    assert((frame).mark == filch_scratch_mark() &&                              \
           "a filch_scratch_reset() to a mark of somebody else's: task " #name)
#define FILCH_CHECK_STACK_(front, name)                 \
    assert(FILCH_STACK_POINTER_ > (front)->stack_end && \
           "a worker's stack is used up (stack_size in filch/pool.h): task " #name)
#define FILCH_CHECK_POOL_(pool, name)     \
    assert(filch_pool_check(pool) == 0 && \
           "the pool's threads stayed in the parent process at fork(): task " #name)
#define FILCH_MARK_() filch_scratch_mark()
#else
#define FILCH_CHECK_POOL_(pool, name)   ((void)0)
#define FILCH_CHECK_FORK_(frame)        ((void)0)
#define FILCH_CHECK_JOIN_(frame, name)  ((void)0)
#define FILCH_CHECK_NAME_(slot, name)   ((void)0)
#define FILCH_CHECK_END_(frame, name)   ((void)0)
#define FILCH_MARK_()                   ((size_t)0)
#define FILCH_CHECK_STACK_(front, name) ((void)0)
#endif

FILCH_BEGIN_DECLS

/* Any thread; from FILCH_RUN alone. Blocks until the task in `root` has run, its result written
 * over its arguments. A worker of this pool runs it itself, at once; any other thread hands it
 * to a worker and sleeps. Cannot fail: where memory for the hand-over lacks it waits for it. But see
 * filch_pool_check(). */
FILCH_API void filch_pool_run(struct filch_pool *pool, struct filch_slot *root);

FILCH_END_DECLS

/* clang-format off */
#define FILCH_PASTE_(a, b)  FILCH_PASTE2_(a, b)
#define FILCH_PASTE2_(a, b) a##b
#define FILCH_UNPACK_(...)  __VA_ARGS__
#define FILCH_15TH_(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, ...) o

/* Calls name##suffix with the leading arguments in `lead` and those behind the name. ISO C
 * wants an argument for every `...`, hence the pairs of macros: 1 if there is more than one
 * argument (MORE1) or more than two (MORE), else 0. */
#define FILCH_WITH_(suffix, lead, ...) \
    FILCH_PASTE_(FILCH_WITH_, FILCH_MORE1_(__VA_ARGS__))(suffix, lead, __VA_ARGS__)
#define FILCH_WITH_0(suffix, lead, name)      name##suffix lead
#define FILCH_WITH_1(suffix, lead, name, ...) name##suffix(FILCH_UNPACK_ lead, __VA_ARGS__)
#define FILCH_RUN_0(pool, name)               name##_filch_start(pool)
#define FILCH_RUN_1(pool, name, ...)          name##_filch_start(pool, __VA_ARGS__)
#define FILCH_MORE1_(...) FILCH_15TH_(__VA_ARGS__, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0)
#define FILCH_MORE_(...)  FILCH_15TH_(__VA_ARGS__, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0)

/* FILCH_EACH_N applies M(number, type, name) to N pairs; the last argument is a `~`, and stands
 * there for ISO C's sake. An odd list ends at a FILCH_EACH_odd_count_of_types_and_names. */
#define FILCH_EACH_OF_(...) FILCH_PASTE_(FILCH_EACH_, FILCH_15TH_(__VA_ARGS__, \
    odd_count_of_types_and_names, 6, odd_count_of_types_and_names, 5, \
    odd_count_of_types_and_names, 4, odd_count_of_types_and_names, 3, \
    odd_count_of_types_and_names, 2, odd_count_of_types_and_names, 1, \
    odd_count_of_types_and_names, 0, 0))
#define FILCH_EACH_0(M, end) M##NONE
#define FILCH_EACH_1(M, A, a, end) M(1, A, a)
#define FILCH_EACH_2(M, A, a, B, b, end) M(1, A, a) M(2, B, b)
#define FILCH_EACH_3(M, A, a, B, b, C, c, end) M(1, A, a) M(2, B, b) M(3, C, c)
#define FILCH_EACH_4(M, A, a, B, b, C, c, D, d, end) M(1, A, a) M(2, B, b) M(3, C, c) M(4, D, d)
#define FILCH_EACH_5(M, A, a, B, b, C, c, D, d, E, e, end) \
    M(1, A, a) M(2, B, b) M(3, C, c) M(4, D, d) M(5, E, e)
#define FILCH_EACH_6(M, A, a, B, b, C, c, D, d, E, e, F, f, end) \
    M(1, A, a) M(2, B, b) M(3, C, c) M(4, D, d) M(5, E, e) M(6, F, f)

#define FILCH_NAMED_(i, T, a) , T a
#define FILCH_PARAM_(i, T, a) , T filch_##i##_
#define FILCH_FIELD_(i, T, a) T filch_##i##_;
#define FILCH_STORE_(i, T, a) filch_args_->filch_##i##_ = filch_##i##_;
#define FILCH_FETCH_(i, T, a) , filch_args_->filch_##i##_
#define FILCH_PASS_(i, T, a)  , filch_##i##_
#define FILCH_NAMED_NONE
#define FILCH_PARAM_NONE
#define FILCH_FIELD_NONE char filch_none_;
#define FILCH_STORE_NONE filch_args_->filch_none_ = 0;
#define FILCH_FETCH_NONE
#define FILCH_PASS_NONE

#define FILCH_ARGS_(name, slot) ((struct name##_filch_args *)(void *)(slot)->payload)

#define FILCH_BODY_(R, name, ...) FILCH_BODY2_(R, name, FILCH_EACH_OF_(__VA_ARGS__), __VA_ARGS__)
#define FILCH_BODY2_(R, name, EACH, ...) \
    FILCH_INLINE_ R name##_filch_text(FILCH_UNUSED struct filch_front *filch_front_, \
                                      FILCH_UNUSED struct filch_frame *filch_frame_ \
                                      EACH(FILCH_NAMED_, __VA_ARGS__))

/* The functions of one task. `kind` is FILCH_VALUE_ or FILCH_NOVALUE_: what becomes of a result.
 *   args     the arguments, as they lie in a slot
 *   text     the body, inlined into both clones
 *   body     the parallel clone          serial   the serial clone
 *   enter    the one that is due now     run      of a slot, for thieves
 *   push     a real fork                 pop      its join
 *   fork, call, join     in a body       start    FILCH_RUN */
#define FILCH_DECLARE_(kind, R, name, ...) \
    FILCH_DECLARE2_(kind, R, name, FILCH_EACH_OF_(__VA_ARGS__), __VA_ARGS__)
#define FILCH_DECLARE2_(kind, R, name, EACH, ...) \
    struct name##_filch_args { \
        EACH(FILCH_FIELD_, __VA_ARGS__) \
    }; \
    FILCH_STATIC_ASSERT(sizeof(struct name##_filch_args) <= FILCH_PAYLOAD, \
                        "the arguments of task " #name " take more than FILCH_PAYLOAD bytes"); \
    kind##FITS(R, name) \
    FILCH_INLINE_ R name##_filch_text(struct filch_front *, \
                                      struct filch_frame * EACH(FILCH_PARAM_, __VA_ARGS__)); \
    static R name##_filch_body(struct filch_front *filch_front_, \
                               struct filch_slot *filch_head_ EACH(FILCH_PARAM_, __VA_ARGS__)) \
    { \
        struct filch_frame filch_frame_ = {filch_head_, false, 0, 0, NULL, 0, FILCH_MARK_()}; \
        FILCH_CHECK_STACK_(filch_front_, name); \
        kind##AFTER(R, name##_filch_text(filch_front_, &filch_frame_ EACH(FILCH_PASS_, __VA_ARGS__)), \
                    FILCH_CHECK_END_(filch_frame_, name)) \
    } \
    /* inline: a larger bound for the copies that a compiler may make of its recursion */ \
    FILCH_UNUSED static inline R name##_filch_serial( \
        struct filch_front *filch_front_, \
        struct filch_slot *filch_head_ EACH(FILCH_PARAM_, __VA_ARGS__)) \
    { \
        FILCH_ALIGNAS(8) unsigned char filch_results_[FILCH_RESULTS_]; \
        struct filch_frame filch_frame_ = {filch_head_, true, 0, 0, filch_results_, 0, 0}; \
        kind##RETURN name##_filch_text(filch_front_, &filch_frame_ EACH(FILCH_PASS_, __VA_ARGS__)); \
    } \
    FILCH_INLINE_ R name##_filch_enter(struct filch_front *filch_front_, struct filch_slot *filch_head_ \
                                       EACH(FILCH_PARAM_, __VA_ARGS__)) \
    { \
        if (FILCH_CLONED_ && filch_head_ >= filch_front_->serial_from) { \
            kind##RETURN name##_filch_serial(filch_front_, filch_head_ EACH(FILCH_PASS_, __VA_ARGS__)); \
        } else { \
            kind##RETURN name##_filch_body(filch_front_, filch_head_ EACH(FILCH_PASS_, __VA_ARGS__)); \
        } \
    } \
    static void name##_filch_run(struct filch_front *filch_front_, \
                                 struct filch_slot *filch_head_, struct filch_slot *filch_slot_) \
    { \
        FILCH_UNUSED struct name##_filch_args *filch_args_ = FILCH_ARGS_(name, filch_slot_); \
        kind##KEEP(R, filch_slot_, name##_filch_body(filch_front_, filch_head_ \
                                                     EACH(FILCH_FETCH_, __VA_ARGS__))); \
    } \
    FILCH_INLINE_ void name##_filch_put( \
        struct filch_slot *filch_slot_ EACH(FILCH_PARAM_, __VA_ARGS__)) \
    { \
        struct name##_filch_args *filch_args_ = FILCH_ARGS_(name, filch_slot_); \
        filch_slot_->run = name##_filch_run; \
        EACH(FILCH_STORE_, __VA_ARGS__) \
    } \
    FILCH_INLINE_ struct filch_slot *name##_filch_push( \
        struct filch_front *filch_front_, \
        struct filch_slot *filch_head_ EACH(FILCH_PARAM_, __VA_ARGS__)) \
    { \
        name##_filch_put(filch_head_ EACH(FILCH_PASS_, __VA_ARGS__)); \
        if (FILCH_UNLIKELY(filch_head_ >= FILCH_LOAD_RELAXED(filch_front_->fork_limit))) { \
            filch_slow_fork_(filch_front_, filch_head_); \
            return (struct filch_slot *)filch_front_->answer; \
        } \
        return filch_head_ + 1; \
    } \
    FILCH_INLINE_ R name##_filch_pop(struct filch_front *filch_front_, \
                                     struct filch_slot **filch_head_) \
    { \
        struct filch_slot *filch_slot_ = *filch_head_ - 1; \
        if (FILCH_UNLIKELY(filch_slot_ < FILCH_LOAD_RELAXED(filch_front_->join_limit))) { \
            filch_slow_join_(filch_front_, filch_slot_); \
            filch_slot_ = (struct filch_slot *)(filch_front_->answer & ~FILCH_JOINED); \
            if (filch_front_->answer & FILCH_JOINED) { \
                *filch_head_ = filch_slot_; \
                FILCH_CHECK_NAME_(filch_slot_, name); \
                kind##RESULT(R, filch_slot_); \
            } \
        } \
        *filch_head_ = filch_slot_; \
        FILCH_CHECK_NAME_(filch_slot_, name); \
        FILCH_UNUSED struct name##_filch_args *filch_args_ = FILCH_ARGS_(name, filch_slot_); \
        kind##RETURN name##_filch_enter(filch_front_, filch_slot_ EACH(FILCH_FETCH_, __VA_ARGS__)); \
    } \
    /* For the serial clone, which should stay small. The new head is the front's answer. */ \
    FILCH_COLD_ void name##_filch_push_cold( \
        struct filch_front *filch_front_, \
        struct filch_slot *filch_head_ EACH(FILCH_PARAM_, __VA_ARGS__)) \
    { \
        filch_front_->answer = (uintptr_t)name##_filch_push(filch_front_, filch_head_ \
                                                            EACH(FILCH_PASS_, __VA_ARGS__)); \
    } \
    FILCH_COLD_ R name##_filch_pop_cold(struct filch_front *filch_front_, \
                                        struct filch_slot *filch_head_) \
    { \
        kind##AFTER(R, name##_filch_pop(filch_front_, &filch_head_), \
                    filch_front_->answer = (uintptr_t)filch_head_) \
    } \
    FILCH_INLINE_ void name##_filch_fork( \
        struct filch_front *filch_front_, \
        struct filch_frame *filch_frame_ EACH(FILCH_PARAM_, __VA_ARGS__)) \
    { \
        FILCH_CHECK_FORK_(filch_frame_); \
        if (!filch_frame_->serial) { \
            filch_frame_->head = name##_filch_push(filch_front_, filch_frame_->head \
                                                   EACH(FILCH_PASS_, __VA_ARGS__)); \
        } else if (FILCH_LIKELY_(!filch_frame_->real && \
                                 filch_frame_->kept + kind##SIZE(R) <= FILCH_RESULTS_ && \
                                 FILCH_LOAD_RELAXED(filch_front_->fork_limit) != NULL)) { \
            kind##SAVE(R, filch_frame_, \
                       name##_filch_serial(filch_front_, filch_frame_->head \
                                           EACH(FILCH_PASS_, __VA_ARGS__))); \
        } else { \
            name##_filch_push_cold(filch_front_, filch_frame_->head EACH(FILCH_PASS_, __VA_ARGS__)); \
            filch_frame_->head = (struct filch_slot *)filch_front_->answer; \
            filch_frame_->real++; \
        } \
    } \
    FILCH_INLINE_ R name##_filch_call( \
        struct filch_front *filch_front_, \
        struct filch_frame *filch_frame_ EACH(FILCH_PARAM_, __VA_ARGS__)) \
    { \
        if (!filch_frame_->serial) { \
            kind##RETURN name##_filch_enter(filch_front_, filch_frame_->head \
                                            EACH(FILCH_PASS_, __VA_ARGS__)); \
        } else if (FILCH_LIKELY_(!filch_frame_->real)) { \
            kind##RETURN name##_filch_serial(filch_front_, filch_frame_->head \
                                             EACH(FILCH_PASS_, __VA_ARGS__)); \
        } else { \
            kind##RETURN name##_filch_body(filch_front_, filch_frame_->head \
                                           EACH(FILCH_PASS_, __VA_ARGS__)); \
        } \
    } \
    FILCH_INLINE_ R name##_filch_join(struct filch_front *filch_front_, \
                                      struct filch_frame *filch_frame_) \
    { \
        FILCH_CHECK_JOIN_(filch_frame_, name); \
        if (!filch_frame_->serial) { \
            kind##RETURN name##_filch_pop(filch_front_, &filch_frame_->head); \
        } else if (FILCH_LIKELY_(!filch_frame_->real)) { \
            kind##TAKE(R, filch_frame_); \
        } else { \
            filch_frame_->real--; \
            kind##AFTER(R, name##_filch_pop_cold(filch_front_, filch_frame_->head), \
                        filch_frame_->head = (struct filch_slot *)filch_front_->answer) \
        } \
    } \
    FILCH_UNUSED static R name##_filch_start( \
        struct filch_pool *filch_pool_ EACH(FILCH_PARAM_, __VA_ARGS__)) \
    { \
        struct filch_slot filch_root_; \
        FILCH_CHECK_POOL_(filch_pool_, name); \
        name##_filch_put(&filch_root_ EACH(FILCH_PASS_, __VA_ARGS__)); \
        filch_pool_run(filch_pool_, &filch_root_); \
        kind##RESULT(R, &filch_root_); \
    }

/* FITS: checked at compile time. KEEP, RESULT: to a slot and from it. SAVE, TAKE: to a frame and from
 * it. AFTER: does something between the call that gives the result and its return. */
#define FILCH_VALUE_FITS(R, name) \
    FILCH_STATIC_ASSERT(sizeof(R) <= FILCH_PAYLOAD, \
                        "the result of task " #name " takes more than FILCH_PAYLOAD bytes");
#define FILCH_VALUE_KEEP(R, slot, value)  (*(R *)(void *)(slot)->payload = (value))
#define FILCH_VALUE_RESULT(R, slot)       return *(R *)(void *)(slot)->payload
#define FILCH_VALUE_RETURN                return
#define FILCH_VALUE_AFTER(R, call, then)  R filch_result_ = call; then; return filch_result_;
#define FILCH_VALUE_SIZE(R)               ((unsigned)(sizeof(R) + 7) / 8 * 8)
#define FILCH_VALUE_SAVE(R, frame, value) \
    R filch_result_ = value; \
    memcpy((frame)->results + (frame)->kept, &filch_result_, sizeof(R)); \
    (frame)->kept += FILCH_VALUE_SIZE(R)
#define FILCH_VALUE_TAKE(R, frame) \
    R filch_result_; \
    (frame)->kept -= FILCH_VALUE_SIZE(R); \
    memcpy(&filch_result_, (frame)->results + (frame)->kept, sizeof(R)); \
    return filch_result_

#define FILCH_NOVALUE_FITS(R, name)
#define FILCH_NOVALUE_KEEP(R, slot, call)   call
#define FILCH_NOVALUE_RESULT(R, slot)       return
#define FILCH_NOVALUE_RETURN
#define FILCH_NOVALUE_AFTER(R, call, then)  call; then;
#define FILCH_NOVALUE_SIZE(R)               0u
#define FILCH_NOVALUE_SAVE(R, frame, call)  call
#define FILCH_NOVALUE_TAKE(R, frame)        return
/* clang-format on */

#endif
