/* SPDX-License-Identifier: MIT
 *
 * fork() in a program that has executors: their threads stay in the parent. The child says what
 * it meets; what is printed went through a pipe, since the buffer of stdout is the parent's. */
#include "show.h"

#include "bench/cli/output.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

struct findings {
    int submit;  /* to the parent's executor */
    int pending; /* the result of a future of the parent's that has not ended */
    int result;  /* of a task of an executor of the child's own */
};

/* In the child, which has this thread only. */
static struct findings look(struct filch_executor *inherited, struct filch_future *pending)
{
    struct findings found;
    struct filch_executor *executor;

    found.submit = filch_executor_submit(inherited, show_one, NULL, NULL);
    found.pending = filch_future_result(pending, FILCH_FOREVER, NULL);
    executor = show_executor(2);
    found.result = (int)show_result(show_submit(executor, show_one, NULL));
    filch_executor_destroy(executor);
    return found;
}

/* What the child finds. Returns false if it says nothing. */
static bool ask_child(struct filch_executor *executor, struct filch_future *pending,
                      struct findings *found)
{
    int ends[2], status = 0;

    if (pipe(ends) != 0)
        return false;
    pid_t child = fork();
    if (child == 0) {
        struct findings all = look(executor, pending);
        ssize_t written = write(ends[1], &all, sizeof all);
        /* Not exit(): buffers and handlers are the parent's. */
        _exit(written != sizeof all);
    }
    close(ends[1]);
    bool heard = child > 0 && read(ends[0], found, sizeof *found) == sizeof *found;
    close(ends[0]);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return heard && status == 0;
}

void show_fork(void)
{
    struct filch_executor *executor = show_executor(1);
    struct show_held held;
    struct findings found;

    show_held_init(&held, 1);
    struct filch_future *running = show_hold_worker(executor, &held);
    struct filch_future *pending = show_submit(executor, show_one, NULL);
    bool heard = ask_child(executor, pending, &found);
    show_let_go(&held);
    show_result(running);
    int result = (int)show_result(pending);
    filch_executor_destroy(executor);
    show_held_fini(&held);
    if (!heard) {
        output_printf("fork: the child says nothing\n");
        return;
    }
    show_outcome("fork, submit to the parent's executor", found.submit);
    output_printf("fork, result of the parent's task: %s, in the parent: %d\n",
                  show_code(found.pending), result);
    output_printf("fork, result of a new executor's task: %d\n", found.result);
}
