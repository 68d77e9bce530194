/* SPDX-License-Identifier: MIT
 *
 * Without hwloc: the system says which processors there are, and nothing here knows what they
 * share. */
#include "sched/core/affinity.h"
#include "sched/core/topology.h"

#include <stdlib.h>

int filch_topology_read(struct filch_topology *topology)
{
    *topology = (struct filch_topology){.processors = 0};
    return 0;
}

int fi_topology_read(struct fi_topology *topology)
{
    size_t bytes;
    cpu_set_t *allowed = fi_affinity_read(&bytes);

    if (!allowed)
        return FILCH_ENOMEM;
    struct fi_place *places = calloc((size_t)CPU_COUNT_S(bytes, allowed), sizeof *places);
    if (places) {
        *topology = (struct fi_topology){.places = places, .is_here = true};
        for (size_t i = 0; i < 8 * bytes; i++)
            if (CPU_ISSET_S(i, bytes, allowed))
                places[topology->count++] = (struct fi_place){(int)i, -1, -1, -1};
    }
    CPU_FREE(allowed);
    return places ? 0 : FILCH_ENOMEM;
}
