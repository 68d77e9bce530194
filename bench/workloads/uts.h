/* SPDX-License-Identifier: MIT
 *
 * Unbalanced tree search: how many nodes has an implicit tree whose nodes are SHA-1 states? After
 * Olivier, Huan, Liu, Prins, Dinan, Sadayappan, Tseng: "UTS: An Unbalanced Tree Search Benchmark",
 * LCPC 2006, whose generator this is: its node counts prove an implementation right. One task a
 * node. */
#ifndef BENCH_WORKLOADS_UTS_H
#define BENCH_WORKLOADS_UTS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct uts_node {
    uint32_t state[5]; /* a SHA-1 digest */
    int32_t depth;
};

struct uts_tree {
    /* geometric: each node above depth_limit has `branching` children on average, at random.
     * binomial: the root has `branching`, others have `children` with probability `chance`. */
    enum uts_kind { UTS_GEOMETRIC, UTS_BINOMIAL } kind;
    uint32_t seed;
    int branching;
    int depth_limit;
    int children;
    double chance;
};

struct uts {
    struct uts_tree tree;
    uint64_t nodes;
};

struct uts_node uts_root(const struct uts_tree *tree);
int uts_children(const struct uts_tree *tree, const struct uts_node *node);
struct uts_node uts_child(const struct uts_node *parent, int number);

/* The sample trees of the benchmark's own distribution. */
void *uts_create_t1(long depth);
void *uts_create_t3(long children_of_the_root);
void *uts_create_t3l(long children_of_the_root);
uint64_t uts_result(const void *uts);

#ifdef __cplusplus
}
#endif

#endif
