/* SPDX-License-Identifier: MIT
 *
 * Who is pinned where, and steals from whom first: plans, whatever machine they are for. */
#include "sched/core/topology.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

void fi_topology_fini(struct fi_topology *topology)
{
    free(topology->places);
    *topology = (struct fi_topology){.places = NULL};
}

/* ---- The plan -------------------------------------------------------------------------------- */

static void keep_node(struct fi_topology *topology, int node)
{
    int kept = 0;

    for (int i = 0; i < topology->count; i++)
        if (topology->places[i].node == node)
            topology->places[kept++] = topology->places[i];
    topology->count = kept;
}

static bool shares(int a, int b)
{
    return a >= 0 && a == b;
}

enum fi_distance fi_distance(const struct fi_place *a, const struct fi_place *b)
{
    if (a->processor == b->processor || shares(a->core, b->core))
        return FI_SAME_CORE;
    if (shares(a->cache, b->cache))
        return FI_SAME_CACHE;
    return shares(a->node, b->node) ? FI_SAME_NODE : FI_REMOTE;
}

/* How many of the places chosen so far share something with one that is left. */
struct load {
    int node, cache, core;
};

static bool is_less(const struct load *a, const struct load *b)
{
    if (a->node != b->node)
        return a->node < b->node;
    return a->cache != b->cache ? a->cache < b->cache : a->core < b->core;
}

/* Each next place is on the node with the fewest before it; of these, at the L3 with the fewest,
 * and then on the core. */
static int scatter(struct fi_topology *topology)
{
    struct fi_place *places = topology->places;
    size_t count = (size_t)topology->count;
    struct load *loads = calloc(count, sizeof *loads);

    if (!loads)
        return FILCH_ENOMEM;
    for (size_t done = 0; done < count; done++) {
        size_t best = done;
        for (size_t i = done + 1; i < count; i++)
            if (is_less(&loads[i], &loads[best]))
                best = i;
        struct fi_place chosen = places[best];
        /* The others stay in their order. */
        memmove(&places[done + 1], &places[done], (best - done) * sizeof *places);
        memmove(&loads[done + 1], &loads[done], (best - done) * sizeof *loads);
        places[done] = chosen;
        for (size_t i = done + 1; i < count; i++) {
            loads[i].node += shares(places[i].node, chosen.node);
            loads[i].cache += shares(places[i].cache, chosen.cache);
            loads[i].core += shares(places[i].core, chosen.core);
        }
    }
    free(loads);
    return 0;
}

static const struct fi_place *find(const struct fi_topology *topology, int processor)
{
    for (int i = 0; i < topology->count; i++)
        if (topology->places[i].processor == processor)
            return &topology->places[i];
    return NULL;
}

/* The places of these processors, in their order. */
static int pick(struct fi_topology *topology, const int *processors, size_t count)
{
    struct fi_place *picked = calloc(count, sizeof *picked);

    if (!picked)
        return FILCH_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const struct fi_place *place = find(topology, processors[i]);
        if (!place) {
            free(picked);
            return FILCH_EINVAL;
        }
        picked[i] = *place;
    }
    free(topology->places);
    topology->places = picked;
    topology->count = (int)count;
    return 0;
}

static int plan(const struct filch_pool_options *options, struct fi_topology *topology)
{
    bool is_list = options->pinning == FILCH_PIN_LIST;

    if (!topology->is_known && (options->on_node || !is_list))
        return FILCH_ETOPOLOGY;
    if (options->on_node)
        keep_node(topology, options->node);
    if (topology->count == 0)
        return FILCH_EINVAL;
    topology->pins = options->pinning != FILCH_PIN_NONE;
    if (options->pinning == FILCH_PIN_SCATTER)
        return scatter(topology);
    return is_list ? pick(topology, options->processors, options->processor_count) : 0;
}

static bool are_valid(const struct filch_pool_options *options)
{
    bool is_list = options->pinning == FILCH_PIN_LIST;

    return (unsigned)options->pinning <= FILCH_PIN_LIST &&
           (!options->on_node || options->node >= 0) &&
           is_list == (options->processors != NULL) &&
           is_list == (options->processor_count > 0) &&
           options->processor_count <= FILCH_WORKERS_MAX;
}

int fi_topology_plan(const struct filch_pool_options *options, struct fi_topology *topology)
{
    *topology = (struct fi_topology){.places = NULL};
    if (!are_valid(options))
        return FILCH_EINVAL;
    if (options->pinning == FILCH_PIN_NONE && !options->on_node)
        return 0;
    int error = fi_topology_read(topology);
    if (!error)
        error = plan(options, topology);
    if (error)
        fi_topology_fini(topology);
    return error;
}

/* ---- What comes of it ------------------------------------------------------------------------ */

static const struct fi_place *place_of(const struct fi_topology *topology, int worker)
{
    return &topology->places[worker % topology->count];
}

int fi_topology_processor(const struct fi_topology *topology, int worker)
{
    return topology->pins ? place_of(topology, worker)->processor : -1;
}

int fi_topology_bind(const struct fi_topology *topology, int worker, pthread_attr_t *attributes)
{
    int own = worker < 0 ? -1 : fi_topology_processor(topology, worker), last = own;

    if (!topology->is_here)
        return 0;
    for (int i = 0; i < topology->count; i++)
        if (topology->places[i].processor > last)
            last = topology->places[i].processor;
    cpu_set_t *set = CPU_ALLOC((size_t)last + 1);
    if (!set)
        return FILCH_ENOMEM;
    size_t bytes = CPU_ALLOC_SIZE((size_t)last + 1);
    CPU_ZERO_S(bytes, set);
    for (int i = 0; own < 0 && i < topology->count; i++)
        CPU_SET_S((size_t)topology->places[i].processor, bytes, set);
    if (own >= 0)
        CPU_SET_S((size_t)own, bytes, set);
    int error = pthread_attr_setaffinity_np(attributes, bytes, set);
    CPU_FREE(set);
    return error ? FILCH_ENOMEM : 0;
}

struct fi_order *fi_order_create(const struct fi_topology *topology, int workers, int worker)
{
    struct fi_order *order = malloc(sizeof *order + (size_t)workers * sizeof *order->workers);
    uint32_t count = 0;

    if (!order)
        return NULL;
    for (int distance = 0; distance < FI_DISTANCES; distance++) {
        for (int i = 0; i < workers; i++)
            if ((int)fi_distance(place_of(topology, worker), place_of(topology, i)) == distance)
                order->workers[count++] = (uint16_t)i;
        order->ends[distance] = count;
    }
    return order;
}
