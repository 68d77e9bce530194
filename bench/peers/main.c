/* SPDX-License-Identifier: MIT
 *
 * The main function of every peer written in C or C++: reads orders, has its system do the work,
 * answers. README.md has the contract. */
#include "peer.h"

#include "bench/cli/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2, EXIT_NO_VERSION = 77 };

static int find(const char *name)
{
    for (int i = 0; i < WORKLOAD_COUNT; i++)
        if (strcmp(workloads[i].name, name) == 0)
            return i;
    return -1;
}

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
    int id = find(argv[1]);
    if (id < 0 || !peer_system.run[id])
        return EXIT_NO_VERSION;
    const struct workload *workload = &workloads[id];
    void *input = workload->create(size);
    const char *error = input ? peer_system.start((int)workers) : "out of memory";
    if (error) {
        fprintf(stderr, "%s: %s\n", argv[0], error);
        return EXIT_FAILURE;
    }
    char order[16];
    while (fgets(order, sizeof order, stdin)) {
        if (workload->reset)
            workload->reset(input);
        unsigned long long steals = peer_system.steals ? peer_system.steals() : 0;
        uint64_t begin = clock_now();
        peer_system.run[id](input);
        printf("{\"seconds\": %.9f, \"result\": \"%llu\"", clock_seconds(begin, clock_now()),
               (unsigned long long)workload->result(input));
        if (peer_system.steals)
            printf(", \"steals\": %llu", (unsigned long long)peer_system.steals() - steals);
        printf("}\n");
        fflush(stdout);
    }
    peer_system.stop();
    workload->destroy(input);
    return EXIT_SUCCESS;
}
