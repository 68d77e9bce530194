/* SPDX-License-Identifier: MIT
 *
 * Fork-join. A task is defined like a function, and forked, called and joined by name:
 *
 *     FILCH_TASK(long, fib, long, n)
 *     {
 *         if (n < 2)
 *             return n;
 *         FILCH_FORK(fib, n - 1);             // may run on another worker from now on
 *         long b = FILCH_CALL(fib, n - 2);    // runs here, like a function
 *         return FILCH_JOIN(fib) + b;         // the result of the newest fork not yet joined
 *     }
 *     ...
 *     long r = FILCH_RUN(pool, fib, 39);      // from ordinary code
 *
 * Rules: FORK, CALL and JOIN stand only in the body of a task. A body joins every fork that it
 * made, newest first, naming the same task. 0 to 6 arguments of any scalar or struct type,
 * FILCH_PAYLOAD bytes together; they are converted as in a function call. A type is written in
 * one piece: typedef an array or a pointer to function. A fork never fails and allocates nothing,
 * but for one that finds the deque full, which runs in place (pool.h, deque_slots).
 *
 * What a compiler can see of these rules is an error. The rest is asserted where FILCH_DEBUG is
 * defined before this header is included: a join without its fork, or of another task; a fork
 * that is never joined; a worker's stack that is used up. The text names the task.
 *
 * The fast path is two comparisons and the stores of the arguments: see slot.h. */
#ifndef FILCH_TASK_H
#define FILCH_TASK_H

#include <filch/base.h>
#include <filch/pool.h>
#include <filch/slot.h>

#ifdef FILCH_DEBUG
#include <assert.h>
#endif

FILCH_BEGIN_DECLS

/* Any thread; from FILCH_RUN alone. Blocks until the task in `root` has run, its result written
 * over its arguments. A worker of this pool runs it itself, at once; any other thread hands it
 * to a worker and sleeps. Cannot fail: where memory for the hand-over lacks it waits for it. */
FILCH_API void filch_pool_run(struct filch_pool *pool, struct filch_slot *root);

FILCH_END_DECLS

/* FILCH_TASK(R, name, T1, a1, ...) { body }     a task with a result of type R
 * FILCH_VOID_TASK(name, T1, a1, ...) { body }   one without
 * At file scope. Defines `name` for the calls below, for this file. */
#define FILCH_TASK(...) FILCH_TASK_DECLARE(__VA_ARGS__) FILCH_TASK_BODY(__VA_ARGS__)
#define FILCH_VOID_TASK(...) \
    FILCH_VOID_TASK_DECLARE(__VA_ARGS__) FILCH_VOID_TASK_BODY(__VA_ARGS__)

/* The two halves, for tasks that fork each other: first every DECLARE, then every BODY. */
#define FILCH_TASK_DECLARE(...)      FILCH_DECLARE_(FILCH_VALUE_, __VA_ARGS__, ~)
#define FILCH_TASK_BODY(...)         FILCH_BODY_(__VA_ARGS__, ~)
#define FILCH_VOID_TASK_DECLARE(...) FILCH_DECLARE_(FILCH_NOVALUE_, void, __VA_ARGS__, ~)
#define FILCH_VOID_TASK_BODY(...)    FILCH_BODY_(void, __VA_ARGS__, ~)

/* FILCH_FORK(name, args...): in a task. The task may run on another worker from here on, and will
 * have run when its FILCH_JOIN returns. A statement. Does not block. */
#define FILCH_FORK(...) \
    ((void)(FILCH_HEAD_ = FILCH_WITH_(_filch_fork, (filch_front_, FILCH_HEAD_), __VA_ARGS__)))

/* FILCH_CALL(name, args...): in a task. Runs the task here and now; its result. */
#define FILCH_CALL(...) FILCH_WITH_(_filch_body, (filch_front_, FILCH_HEAD_), __VA_ARGS__)

/* FILCH_JOIN(name): in a task. The result of the newest fork not yet joined, which must be of
 * `name`. Runs it here unless a thief has it; then runs other tasks until it is finished, and
 * sleeps when there are none. */
#define FILCH_JOIN(name) \
    (FILCH_CHECK_FORKED_(name), name##_filch_join(filch_front_, &FILCH_HEAD_))

/* FILCH_RUN(pool, name, args...): anywhere. Any thread. Blocks. Runs the task on the pool; its
 * result. See filch_pool_run(). */
#define FILCH_RUN(...) FILCH_PASTE_(FILCH_RUN_, FILCH_MORE_(__VA_ARGS__))(__VA_ARGS__)

/* ---- How it is done -------------------------------------------------------------------- */

#if defined(__GNUC__)
#define FILCH_INLINE_        static inline __attribute__((always_inline, unused))
#define FILCH_STACK_POINTER_ ((uintptr_t)__builtin_frame_address(0))
#else
#define FILCH_INLINE_        static inline
#define FILCH_STACK_POINTER_ ((uintptr_t)&filch_head_)
#endif

/* In a debug build a body gets the place of its head and where that was at first, from a function
 * that looks at both again when the body is done. */
#ifdef FILCH_DEBUG
#define FILCH_HEAD_ (*filch_head_at_)
#define FILCH_HEAD_PARAMS_ \
    FILCH_UNUSED struct filch_slot **filch_head_at_, FILCH_UNUSED struct filch_slot *filch_base_
#define FILCH_BODY_SUFFIX_ _filch_checked
#define FILCH_CHECK_FORKED_(name) \
    assert(FILCH_HEAD_ > filch_base_ && "FILCH_JOIN without its FILCH_FORK: task " #name)
#define FILCH_CHECK_JOINED_(slot, name)       \
    assert((slot)->run == name##_filch_run && \
           "FILCH_JOIN names another task than its FILCH_FORK: task " #name)
#define FILCH_CHECK_BASE_(name, head, base) \
    assert((head) == (base) && "a FILCH_FORK was never joined: task " #name)
#define FILCH_CHECK_STACK_(name)                             \
    assert(FILCH_STACK_POINTER_ > filch_front_->stack_end && \
           "a worker's stack is used up (stack_size in filch/pool.h): task " #name)
#else
#define FILCH_HEAD_                     filch_head_
#define FILCH_HEAD_PARAMS_              FILCH_UNUSED struct filch_slot *filch_head_
#define FILCH_BODY_SUFFIX_              _filch_body
#define FILCH_CHECK_FORKED_(name)       ((void)0)
#define FILCH_CHECK_JOINED_(slot, name) ((void)0)
#endif

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
    static R FILCH_PASTE_(name, FILCH_BODY_SUFFIX_)( \
        FILCH_UNUSED struct filch_front *filch_front_, FILCH_HEAD_PARAMS_ \
        EACH(FILCH_NAMED_, __VA_ARGS__))

#ifdef FILCH_DEBUG
#define FILCH_DECLARE_BODY_(kind, R, name, EACH, ...) \
    static R name##_filch_checked(struct filch_front *, struct filch_slot **, \
                                  struct filch_slot * EACH(FILCH_PARAM_, __VA_ARGS__)); \
    static R name##_filch_body(struct filch_front *filch_front_, \
                               struct filch_slot *filch_head_ EACH(FILCH_PARAM_, __VA_ARGS__)) \
    { \
        struct filch_slot *filch_base_ = filch_head_; \
        FILCH_CHECK_STACK_(name); \
        kind##CHECKED(R, name##_filch_checked(filch_front_, &filch_head_, filch_base_ \
                                              EACH(FILCH_PASS_, __VA_ARGS__)), \
                      FILCH_CHECK_BASE_(name, filch_head_, filch_base_)) \
    }
#else
#define FILCH_DECLARE_BODY_(kind, R, name, EACH, ...) \
    static R name##_filch_body(struct filch_front *, \
                               struct filch_slot * EACH(FILCH_PARAM_, __VA_ARGS__));
#endif

/* The functions of one task. `kind` is FILCH_VALUE_ or FILCH_NOVALUE_: how a result is kept. */
#define FILCH_DECLARE_(kind, R, name, ...) \
    FILCH_DECLARE2_(kind, R, name, FILCH_EACH_OF_(__VA_ARGS__), __VA_ARGS__)
#define FILCH_DECLARE2_(kind, R, name, EACH, ...) \
    struct name##_filch_args { \
        EACH(FILCH_FIELD_, __VA_ARGS__) \
    }; \
    FILCH_STATIC_ASSERT(sizeof(struct name##_filch_args) <= FILCH_PAYLOAD, \
                        "the arguments of task " #name " take more than FILCH_PAYLOAD bytes"); \
    kind##FITS(R, name) \
    FILCH_DECLARE_BODY_(kind, R, name, EACH, __VA_ARGS__) \
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
    FILCH_INLINE_ struct filch_slot *name##_filch_fork( \
        struct filch_front *filch_front_, \
        struct filch_slot *filch_head_ EACH(FILCH_PARAM_, __VA_ARGS__)) \
    { \
        name##_filch_put(filch_head_ EACH(FILCH_PASS_, __VA_ARGS__)); \
        if (FILCH_UNLIKELY(filch_head_ >= FILCH_LOAD_RELAXED(filch_front_->limit))) { \
            filch_slow_fork_(filch_front_, filch_head_); \
            return (struct filch_slot *)filch_front_->answer; \
        } \
        return filch_head_ + 1; \
    } \
    FILCH_INLINE_ R name##_filch_join(struct filch_front *filch_front_, \
                                      struct filch_slot **filch_head_) \
    { \
        struct filch_slot *filch_slot_ = *filch_head_ - 1; \
        if (FILCH_UNLIKELY(filch_slot_ < FILCH_LOAD_RELAXED(filch_front_->border))) { \
            filch_slow_join_(filch_front_, filch_slot_); \
            filch_slot_ = (struct filch_slot *)(filch_front_->answer & ~FILCH_JOINED); \
            if (filch_front_->answer & FILCH_JOINED) { \
                *filch_head_ = filch_slot_; \
                FILCH_CHECK_JOINED_(filch_slot_, name); \
                kind##RESULT(R, filch_slot_); \
            } \
        } \
        *filch_head_ = filch_slot_; \
        FILCH_CHECK_JOINED_(filch_slot_, name); \
        FILCH_UNUSED struct name##_filch_args *filch_args_ = FILCH_ARGS_(name, filch_slot_); \
        kind##RETURN name##_filch_body(filch_front_, filch_slot_ EACH(FILCH_FETCH_, __VA_ARGS__)); \
    } \
    FILCH_UNUSED static R name##_filch_start( \
        struct filch_pool *filch_pool_ EACH(FILCH_PARAM_, __VA_ARGS__)) \
    { \
        struct filch_slot filch_root_; \
        name##_filch_put(&filch_root_ EACH(FILCH_PASS_, __VA_ARGS__)); \
        filch_pool_run(filch_pool_, &filch_root_); \
        kind##RESULT(R, &filch_root_); \
    }

#define FILCH_VALUE_FITS(R, name) \
    FILCH_STATIC_ASSERT(sizeof(R) <= FILCH_PAYLOAD, \
                        "the result of task " #name " takes more than FILCH_PAYLOAD bytes");
#define FILCH_VALUE_KEEP(R, slot, value) (*(R *)(void *)(slot)->payload = (value))
#define FILCH_VALUE_RESULT(R, slot)      return *(R *)(void *)(slot)->payload
#define FILCH_VALUE_RETURN               return
#define FILCH_VALUE_CHECKED(R, call, check) R filch_result_ = call; check; return filch_result_;

#define FILCH_NOVALUE_FITS(R, name)
#define FILCH_NOVALUE_KEEP(R, slot, value) value
#define FILCH_NOVALUE_RESULT(R, slot)      return
#define FILCH_NOVALUE_RETURN
#define FILCH_NOVALUE_CHECKED(R, call, check) call; check;
/* clang-format on */

#endif
