/* SPDX-License-Identifier: MIT
 *
 * The workloads of forks as OpenMP tasks: a peer with each compiler's runtime, libgomp by gcc and libomp
 * by clang. The tasks are those of filch's version; what a task returns goes to a variable of
 * its parent. They are tied, as is the default: untied ones are the same to libgomp and slower
 * with libomp. The runtimes do not count the tasks that changed their thread. */
#include "openmp.h"

#include "bench/workloads/cilksort.h"
#include "bench/workloads/fork.h"
#include "bench/workloads/knapsack.h"
#include "bench/workloads/queens.h"
#include "bench/workloads/skynet.h"
#include "bench/workloads/strassen.h"
#include "bench/workloads/uts.h"

#include <omp.h>
#include <pthread.h>
#include <sys/resource.h>

/* A task that waits runs others on top of its stack: the deep trees need more than the few MB
 * of a thread. Only what is touched takes memory. */
#define STACK_SIZE ((size_t)100 << 20)

static long fib(long n)
{
    long a, b;
    if (n < 2)
        return n;
#pragma omp task default(none) shared(a) firstprivate(n)
    a = fib(n - 1);
    b = fib(n - 2);
#pragma omp taskwait
    return a + b;
}

static void run_fork(void *input)
{
    struct fork *fork = input;
#pragma omp parallel
#pragma omp single
    fork->result = fib(fork->n);
}

static long place(int n, int row, struct queens_board board)
{
    long solutions = 0, below[QUEENS_MAX];
    int tasks = 0;
    if (row == n)
        return 1;
    for (int column = 0; column < n; column++)
        if (queens_safe(&board, row, column)) {
            board.column[row] = (int8_t)column;
            long *to = &below[tasks++];
#pragma omp task default(none) firstprivate(n, row, board, to)
            *to = place(n, row + 1, board);
        }
#pragma omp taskwait
    for (int i = 0; i < tasks; i++)
        solutions += below[i];
    return solutions;
}

static void run_queens(void *input)
{
    struct queens *queens = input;
#pragma omp parallel
#pragma omp single
    queens->solutions = place(queens->n, 0, (struct queens_board){{0}});
}

static long sum(long first, long leaves)
{
    if (leaves == 1)
        return first;
    long total = 0, share = leaves / SKYNET_FAN, sums[SKYNET_FAN];
    for (int i = 0; i < SKYNET_FAN; i++) {
#pragma omp task default(none) shared(sums) firstprivate(first, share, i)
        sums[i] = sum(first + i * share, share);
    }
#pragma omp taskwait
    for (int i = 0; i < SKYNET_FAN; i++)
        total += sums[i];
    return total;
}

static void run_skynet(void *input)
{
    struct skynet *skynet = input;
#pragma omp parallel
#pragma omp single
    skynet->sum = sum(0, skynet->leaves);
}

static void multiply(long n, long stride, double *c, double *a, double *b)
{
    if (n == MATRIX_LEAF) {
        matrix_multiply_leaf((struct matrix){c, stride}, (struct matrix){a, stride},
                             (struct matrix){b, stride});
        return;
    }
    long half = n / 2, below = half * stride;
    for (int k = 0; k < 2; k++) {
        double *left = a + k * half, *right = b + k * below;
#pragma omp task default(none) firstprivate(half, stride, c, left, right)
        multiply(half, stride, c, left, right);
#pragma omp task default(none) firstprivate(half, stride, c, left, right)
        multiply(half, stride, c + half, left, right + half);
#pragma omp task default(none) firstprivate(half, stride, below, c, left, right)
        multiply(half, stride, c + below, left + below, right);
        multiply(half, stride, c + below + half, left + below, right + half);
#pragma omp taskwait
    }
}

static void run_matrix(void *input)
{
    struct matrices *m = input;
#pragma omp parallel
#pragma omp single
    multiply(m->n, m->stride, m->c, m->a, m->b);
}

static uint64_t search(const struct uts_tree *tree, struct uts_node node)
{
    uint64_t nodes = 1;
    int children = uts_children(tree, &node);
    for (int i = 0; i < children; i++) {
        struct uts_node child = uts_child(&node, i);
#pragma omp task default(none) shared(nodes) firstprivate(tree, child)
        {
            /* Not an array, as a node may have any number of children and the stack is deep. */
            uint64_t below = search(tree, child);
#pragma omp atomic
            nodes += below;
        }
    }
#pragma omp taskwait
    return nodes;
}

static void run_uts(void *input)
{
    struct uts *uts = input;
#pragma omp parallel
#pragma omp single
    uts->nodes = search(&uts->tree, uts_root(&uts->tree));
}

static void merge(struct cilksort_merge m)
{
    if (m.a_count + m.b_count <= CILKSORT_MERGE_LEAF) {
        cilksort_merge_leaf(&m);
        return;
    }
    struct cilksort_merge halves[2];
    cilksort_merge_split(&m, halves);
/* Shared: the halves stay in place until the taskwait. */
#pragma omp task default(none) shared(halves)
    merge(halves[1]);
    merge(halves[0]);
#pragma omp taskwait
}

static void sort(uint32_t *numbers, uint32_t *spare, size_t count)
{
    if (count <= CILKSORT_SORT_LEAF) {
        cilksort_sort_leaf(numbers, count);
        return;
    }
    size_t quarter = count / 4, half = 2 * quarter, rest = count - 3 * quarter;
    for (size_t from = 0; from < 3 * quarter; from += quarter) {
#pragma omp task default(none) firstprivate(numbers, spare, quarter, from)
        sort(numbers + from, spare + from, quarter);
    }
    sort(numbers + 3 * quarter, spare + 3 * quarter, rest);
#pragma omp taskwait
#pragma omp task default(none) firstprivate(numbers, spare, quarter)
    merge((struct cilksort_merge){numbers, numbers + quarter, quarter, quarter, spare});
    merge((struct cilksort_merge){numbers + half, numbers + half + quarter, quarter, rest,
                                  spare + half});
#pragma omp taskwait
    merge((struct cilksort_merge){spare, spare + half, half, count - half, numbers});
}

static void run_cilksort(void *input)
{
    struct cilksort *s = input;
#pragma omp parallel
#pragma omp single
    sort(s->numbers, s->spare, s->count);
}

static void product(const struct strassen_product *whole);

static void part(const struct strassen_product *whole, struct strassen_product *its, int number)
{
    strassen_factors(whole, its, number);
    product(its);
}

static void product(const struct strassen_product *whole)
{
    struct strassen_product parts[STRASSEN_PRODUCTS];
    /* Without memory for the parts: the plain product. */
    if (whole->n <= STRASSEN_LEAF || !strassen_split(whole, parts)) {
        strassen_leaf(whole);
        return;
    }
    for (int i = 1; i < STRASSEN_PRODUCTS; i++) {
#pragma omp task default(none) shared(parts) firstprivate(whole, i)
        part(whole, &parts[i], i);
    }
    part(whole, &parts[0], 0);
#pragma omp taskwait
    strassen_combine(whole, parts);
}

static void run_strassen(void *input)
{
    const struct strassen_product whole = strassen_whole(input);
#pragma omp parallel
#pragma omp single
    product(&whole);
}

/* libomp runs a task when it is made if there is one thread; otherwise a task waits until the
 * code after it has run or another thread is free. */
static bool at_once;

static void pack(struct knapsack *k, int next, int room, int value)
{
    if (!knapsack_hopeful(k, next, room, value))
        return;
    if (next == k->count) {
        knapsack_found(k, value);
        return;
    }
    /* With the item comes first, or the bound would be of little use. */
    int rooms[] = {room, room - k->items[next].weight};
    int values[] = {value, value + k->items[next].value};
    int its_room = rooms[at_once], its_value = values[at_once];
#pragma omp task default(none) firstprivate(k, next, its_room, its_value)
    pack(k, next + 1, its_room, its_value);
    pack(k, next + 1, rooms[!at_once], values[!at_once]);
#pragma omp taskwait
}

static void run_knapsack(void *input)
{
    struct knapsack *k = input;
#pragma omp parallel
#pragma omp single
    pack(k, 0, k->capacity, 0);
}

/* Before there are threads. Where it fails the stacks stay as they are. */
static void raise_stack_size(void)
{
    /* The caller's own stack grows up to the limit of the moment. */
    struct rlimit limit;
    if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < STACK_SIZE) {
        limit.rlim_cur = limit.rlim_max < STACK_SIZE ? limit.rlim_max : STACK_SIZE;
        setrlimit(RLIMIT_STACK, &limit);
    }
#ifdef __clang__
    kmp_set_stacksize_s(STACK_SIZE);
#else
    /* libgomp leaves it to the C library, unless OMP_STACKSIZE is set. */
    pthread_attr_t attributes;
    if (pthread_getattr_default_np(&attributes) == 0) {
        pthread_attr_setstacksize(&attributes, STACK_SIZE);
        pthread_setattr_default_np(&attributes);
        pthread_attr_destroy(&attributes);
    }
#endif
}

const char *openmp_start(int workers)
{
    int threads = 0;
    raise_stack_size();
#ifdef __clang__
    at_once = workers == 1;
    /* For a machine of one's own: waiting threads do not yield. Much faster, as long as every
     * thread has a processor. */
    if (workers <= omp_get_num_procs())
        kmp_set_library_turnaround();
#endif
    omp_set_dynamic(0);
    omp_set_num_threads(workers);
    /* The runtime keeps its threads from one parallel region to the next. */
#pragma omp parallel
#pragma omp single
    threads = omp_get_num_threads();
    return threads == workers ? NULL : "OpenMP started fewer threads";
}

void openmp_stop(void)
{
    /* The threads end with the program. */
}

const struct workload_system peer_system = {
    .start = openmp_start,
    .stop = openmp_stop,
    .run = {[WORKLOAD_FORK] = run_fork,
            [WORKLOAD_QUEENS] = run_queens,
            [WORKLOAD_SKYNET] = run_skynet,
            [WORKLOAD_MATRIX] = run_matrix,
            [WORKLOAD_UTS_T1] = run_uts,
            [WORKLOAD_UTS_T3] = run_uts,
            [WORKLOAD_UTS_T3L] = run_uts,
            [WORKLOAD_CILKSORT] = run_cilksort,
            [WORKLOAD_STRASSEN] = run_strassen,
            [WORKLOAD_KNAPSACK] = run_knapsack},
};
