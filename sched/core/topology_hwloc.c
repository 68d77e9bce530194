/* SPDX-License-Identifier: MIT
 *
 * The machine as hwloc sees it: <https://www.open-mpi.org/projects/hwloc/>, version 2. Loading it
 * takes milliseconds, so it is loaded when it is asked for, and not kept. */
#include "sched/core/affinity.h"
#include "sched/core/topology.h"

#include <errno.h>
#include <hwloc.h>
#include <stdlib.h>

static int load(hwloc_topology_t *machine)
{
    errno = 0;
    if (hwloc_topology_init(machine))
        return errno == ENOMEM ? FILCH_ENOMEM : FILCH_ETOPOLOGY;
    if (!hwloc_topology_load(*machine))
        return 0;
    int error = errno == ENOMEM ? FILCH_ENOMEM : FILCH_ETOPOLOGY;
    hwloc_topology_destroy(*machine);
    return error;
}

static int count_of(hwloc_topology_t machine, hwloc_obj_type_t type)
{
    int count = hwloc_get_nbobjs_by_type(machine, type);
    return count > 0 ? count : 0; /* -1: at several depths */
}

int filch_topology_read(struct filch_topology *topology)
{
    hwloc_topology_t machine;
    int error = load(&machine);

    if (error)
        return error;
    *topology = (struct filch_topology){
        .packages = count_of(machine, HWLOC_OBJ_PACKAGE),
        .nodes = count_of(machine, HWLOC_OBJ_NUMANODE),
        .caches = count_of(machine, HWLOC_OBJ_L3CACHE),
        .cores = count_of(machine, HWLOC_OBJ_CORE),
        .processors = count_of(machine, HWLOC_OBJ_PU),
    };
    hwloc_topology_destroy(machine);
    return 0;
}

static int number_above(hwloc_topology_t machine, hwloc_obj_type_t type, hwloc_obj_t processor)
{
    hwloc_obj_t object = hwloc_get_ancestor_obj_by_type(machine, type, processor);
    return object ? (int)object->logical_index : -1;
}

/* Nodes hang beside the tree. Where a processor has several, as of fast and slow memory, the first
 * one counts. */
static int node_of(hwloc_topology_t machine, unsigned processor)
{
    hwloc_obj_t node = NULL;

    while ((node = hwloc_get_next_obj_by_type(machine, HWLOC_OBJ_NUMANODE, node)))
        if (hwloc_bitmap_isset(node->cpuset, processor))
            return (int)node->os_index;
    return -1;
}

/* allowed: NULL for all. places has room for all. */
static int find_places(hwloc_topology_t machine, const cpu_set_t *allowed, size_t bytes,
                       struct fi_place *places)
{
    hwloc_obj_t object = NULL;
    int count = 0;

    while ((object = hwloc_get_next_obj_by_type(machine, HWLOC_OBJ_PU, object)))
        if (!allowed || CPU_ISSET_S(object->os_index, bytes, allowed))
            places[count++] = (struct fi_place){
                .processor = (int)object->os_index,
                .core = number_above(machine, HWLOC_OBJ_CORE, object),
                .cache = number_above(machine, HWLOC_OBJ_L3CACHE, object),
                .node = node_of(machine, object->os_index),
            };
    return count;
}

int fi_topology_read(struct fi_topology *topology)
{
    hwloc_topology_t machine;
    cpu_set_t *allowed = NULL;
    size_t bytes = 0;
    int error = load(&machine);

    if (error)
        return error;
    bool is_here = hwloc_topology_is_thissystem(machine);
    struct fi_place *places =
        calloc((size_t)count_of(machine, HWLOC_OBJ_PU) + 1, sizeof *places);
    if (!places || (is_here && !(allowed = fi_affinity_read(&bytes)))) {
        free(places);
        error = FILCH_ENOMEM;
    } else {
        *topology = (struct fi_topology){
            .places = places,
            .count = find_places(machine, allowed, bytes, places),
            .is_known = true,
            .is_here = is_here,
        };
    }
    CPU_FREE(allowed);
    hwloc_topology_destroy(machine);
    return error;
}
