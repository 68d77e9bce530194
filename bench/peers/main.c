/* SPDX-License-Identifier: MIT
 *
 * The main function of every peer written in C or C++: reads orders, has its system do the work,
 * answers. README.md has the contract. */
#include "peer.h"

#include "bench/cli/clock.h"
#include "bench/micro/quantile.h"
#include "bench/workloads/fingerprint.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2, EXIT_NO_VERSION = 77 };

/* Before each trip of `wake`. */
#define REST_NS UINT64_C(1000000)

/* The command line. */
struct request {
    const char *program, *name;
    long size;
    int workers;
};

static int fail(const struct request *request, const char *error)
{
    fprintf(stderr, "%s: %s\n", request->program, error);
    return EXIT_FAILURE;
}

/* Waits for the next order. Returns false at the end of the input. */
static bool next_order(void)
{
    char order[16];
    return fgets(order, sizeof order, stdin);
}

/* The beginning of an answer. */
static void answer(uint64_t start, uint64_t end, uint64_t result)
{
    printf("{\"seconds\": %.9f, \"result\": \"%llu\"", clock_seconds(start, end),
           (unsigned long long)result);
}

static void end_answer(void)
{
    printf("}\n");
    fflush(stdout);
}

/* ---- Workloads ----------------------------------------------------------------------------- */

static int find_workload(const char *name)
{
    for (int i = 0; i < WORKLOAD_COUNT; i++)
        if (strcmp(workloads[i].name, name) == 0)
            return i;
    return -1;
}

static int serve_workload(const struct request *request, int id)
{
    const struct workload_system *system =
        workload_system_with((enum workload_id)id, &peer_system, &peer_algorithms);
    if (!system)
        return EXIT_NO_VERSION;
    const struct workload *workload = &workloads[id];
    void *input = workload->create(request->size);
    const char *error = input ? system->start(request->workers) : "out of memory";
    if (error)
        return fail(request, error);
    while (next_order()) {
        if (workload->reset)
            workload->reset(input);
        unsigned long long steals = system->steals ? system->steals() : 0;
        uint64_t start = clock_now();
        system->run[id](input);
        uint64_t end = clock_now();
        answer(start, end, workload->result(input));
        if (workload->rest)
            workload->rest(input);
        if (system->steals)
            printf(", \"steals\": %llu", (unsigned long long)system->steals() - steals);
        end_answer();
    }
    system->stop();
    workload->destroy(input);
    return EXIT_SUCCESS;
}

/* ---- Tasks from outside -------------------------------------------------------------------- */

static int serve_many(const struct request *request, uint64_t (*many)(long tasks))
{
    const char *error = peer_outside.start(request->workers);
    if (error)
        return fail(request, error);
    while (next_order()) {
        uint64_t start = clock_now(), result = many(request->size);
        answer(start, clock_now(), result);
        end_answer();
    }
    peer_outside.stop();
    return EXIT_SUCCESS;
}

/* Returns the sum of what came back. ns: what each trip took. */
static uint64_t travel(size_t trips, uint64_t rest_ns, double *ns)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < trips; i++) {
        if (rest_ns)
            clock_sleep(rest_ns);
        uint64_t start = clock_now();
        sum += peer_outside.trip(i);
        ns[i] = (double)(clock_now() - start);
    }
    return sum;
}

static int serve_trips(const struct request *request, uint64_t rest_ns)
{
    size_t trips = (size_t)request->size;
    double *ns = calloc(trips, sizeof *ns);
    const char *error = ns ? peer_outside.start(request->workers) : "out of memory";
    if (error)
        return fail(request, error);
    while (next_order()) {
        uint64_t start = clock_now(), result = travel(trips, rest_ns, ns);
        answer(start, clock_now(), result);
        double median = quantile_median(ns, trips);
        printf(", \"median_ns\": %.0f, \"p99_ns\": %.0f", median,
               quantile_sorted(ns, trips, 99));
        end_answer();
    }
    peer_outside.stop();
    free(ns);
    return EXIT_SUCCESS;
}

static int serve_outside(const struct request *request)
{
    const char *name = request->name;
    if (!&peer_outside)
        return EXIT_NO_VERSION;
    if (strcmp(name, "submit") == 0 && peer_outside.submit)
        return serve_many(request, peer_outside.submit);
    if (strcmp(name, "submit-future") == 0 && peer_outside.submit_future)
        return serve_many(request, peer_outside.submit_future);
    if (strcmp(name, "round-trip") == 0 && peer_outside.trip)
        return serve_trips(request, 0);
    if (strcmp(name, "wake") == 0 && peer_outside.trip)
        return serve_trips(request, REST_NS);
    return EXIT_NO_VERSION;
}

/* ---- Fibonacci numbers --------------------------------------------------------------------- */

static const char fibonacci_prefix[] = "fibonacci-";

static int serve_fibonacci(const struct request *request)
{
    if (!&peer_fibonacci)
        return EXIT_NO_VERSION;
    bool printed = strstr(request->name, "-printed");
    const char *error = peer_fibonacci.start(request->workers);
    if (error)
        return fail(request, error);
    while (next_order()) {
        uint64_t start = clock_now();
        peer_fibonacci.compute((uint64_t)request->size);
        char *text = printed ? peer_fibonacci.text() : NULL;
        uint64_t end = clock_now(), residue = peer_fibonacci.release();
        answer(start, end, text ? fingerprint_text(text, strlen(text)) : residue);
        end_answer();
        free(text);
    }
    peer_fibonacci.stop();
    return EXIT_SUCCESS;
}

/* ---- The command line ---------------------------------------------------------------------- */

/* 0 if it is none from 1 to max. */
static long number(const char *text, long max)
{
    char *end;
    long value = strtol(text, &end, 10);
    return *end || value < 1 || value > max ? 0 : value;
}

int main(int argc, char **argv)
{
    long size = argc == 4 ? number(argv[2], 1000000000) : 0;
    long workers = argc == 4 ? number(argv[3], 1024) : 0;
    if (!size || !workers) {
        fprintf(stderr, "usage: %s WORKLOAD SIZE WORKERS\n", argv[0]);
        return EXIT_USAGE;
    }
    struct request request = {argv[0], argv[1], size, (int)workers};
    if (strncmp(request.name, fibonacci_prefix, strlen(fibonacci_prefix)) == 0)
        return serve_fibonacci(&request);
    int id = find_workload(request.name);
    return id >= 0 ? serve_workload(&request, id) : serve_outside(&request);
}
