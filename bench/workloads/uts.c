/* SPDX-License-Identifier: MIT
 *
 * See uts.h. A child's state is the SHA-1 digest (FIPS 180-4) of its parent's and of its own number:
 * 24 bytes, so a single block. */
#include "uts.h"

#include <math.h>
#include <stdlib.h>

/* The generator's numbers are 31 bits long. */
#define RANDOM_MASK  UINT32_C(0x7fffffff)
#define RANDOM_RANGE 2147483648.0

/* The benchmark's own bound, so that no node of a geometric tree has children without end. */
#define CHILDREN_MAX 100

static uint32_t rotate(uint32_t word, int bits)
{
    return word << bits | word >> (32 - bits);
}

/* Word i of the message schedule, from 16 on; w holds the last 16 words. */
static inline uint32_t schedule(uint32_t w[16], int i)
{
    uint32_t word = w[(i + 13) % 16] ^ w[(i + 8) % 16] ^ w[(i + 2) % 16] ^ w[i % 16];
    return w[i % 16] = rotate(word, 1);
}

/* The four functions of the standard. */
#define CHOOSE(b, c, d)   ((d) ^ ((b) & ((c) ^ (d))))
#define PARITY(b, c, d)   ((b) ^ (c) ^ (d))
#define MAJORITY(b, c, d) (((b) & (c)) | ((d) & ((b) | (c))))

/* Five rounds: after them each variable is in its place again. */
#define ROUND(a, b, c, d, e, mix, constant, word) \
    ((e) += rotate(a, 5) + mix(b, c, d) + UINT32_C(constant) + (word), (b) = rotate(b, 30))
#define FIVE_ROUNDS(mix, constant, word, i)               \
    (ROUND(a, b, c, d, e, mix, constant, word(w, i)),     \
     ROUND(e, a, b, c, d, mix, constant, word(w, i + 1)), \
     ROUND(d, e, a, b, c, mix, constant, word(w, i + 2)), \
     ROUND(c, d, e, a, b, mix, constant, word(w, i + 3)), \
     ROUND(b, c, d, e, a, mix, constant, word(w, i + 4)))
#define GIVEN(w, i) w[i]

/* The digest of the `count` words of `message`, 13 at most. Not a loop over i: the places in w
 * are constants then, and stay in registers. */
static struct uts_node sha1(const uint32_t *message, int count)
{
    uint32_t w[16] = {0};
    struct uts_node node = {
        .state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};
    uint32_t a = node.state[0], b = node.state[1], c = node.state[2], d = node.state[3],
             e = node.state[4];

    for (int i = 0; i < count; i++)
        w[i] = message[i];
    w[count] = UINT32_C(0x80000000);
    w[15] = (uint32_t)count * 32; /* the length in bits */

    FIVE_ROUNDS(CHOOSE, 0x5a827999, GIVEN, 0);
    FIVE_ROUNDS(CHOOSE, 0x5a827999, GIVEN, 5);
    FIVE_ROUNDS(CHOOSE, 0x5a827999, GIVEN, 10);
    ROUND(a, b, c, d, e, CHOOSE, 0x5a827999, w[15]);
    ROUND(e, a, b, c, d, CHOOSE, 0x5a827999, schedule(w, 16));
    ROUND(d, e, a, b, c, CHOOSE, 0x5a827999, schedule(w, 17));
    ROUND(c, d, e, a, b, CHOOSE, 0x5a827999, schedule(w, 18));
    ROUND(b, c, d, e, a, CHOOSE, 0x5a827999, schedule(w, 19));
    FIVE_ROUNDS(PARITY, 0x6ed9eba1, schedule, 20);
    FIVE_ROUNDS(PARITY, 0x6ed9eba1, schedule, 25);
    FIVE_ROUNDS(PARITY, 0x6ed9eba1, schedule, 30);
    FIVE_ROUNDS(PARITY, 0x6ed9eba1, schedule, 35);
    FIVE_ROUNDS(MAJORITY, 0x8f1bbcdc, schedule, 40);
    FIVE_ROUNDS(MAJORITY, 0x8f1bbcdc, schedule, 45);
    FIVE_ROUNDS(MAJORITY, 0x8f1bbcdc, schedule, 50);
    FIVE_ROUNDS(MAJORITY, 0x8f1bbcdc, schedule, 55);
    FIVE_ROUNDS(PARITY, 0xca62c1d6, schedule, 60);
    FIVE_ROUNDS(PARITY, 0xca62c1d6, schedule, 65);
    FIVE_ROUNDS(PARITY, 0xca62c1d6, schedule, 70);
    FIVE_ROUNDS(PARITY, 0xca62c1d6, schedule, 75);

    node.state[0] += a;
    node.state[1] += b;
    node.state[2] += c;
    node.state[3] += d;
    node.state[4] += e;
    return node;
}

struct uts_node uts_root(const struct uts_tree *tree)
{
    const uint32_t message[5] = {0, 0, 0, 0, tree->seed};
    return sha1(message, 5);
}

struct uts_node uts_child(const struct uts_node *parent, int number)
{
    const uint32_t message[6] = {parent->state[0], parent->state[1], parent->state[2],
                                 parent->state[3], parent->state[4], (uint32_t)number};
    struct uts_node child = sha1(message, 6);
    child.depth = parent->depth + 1;
    return child;
}

int uts_children(const struct uts_tree *tree, const struct uts_node *node)
{
    double random = (node->state[4] & RANDOM_MASK) / RANDOM_RANGE;

    if (tree->kind == UTS_BINOMIAL) {
        if (node->depth == 0)
            return tree->branching;
        return random < tree->chance ? tree->children : 0;
    }
    if (node->depth >= tree->depth_limit)
        return 0;
    double chance = 1.0 / (1.0 + tree->branching);
    int children = (int)floor(log(1 - random) / log(1 - chance));
    return children < CHILDREN_MAX ? children : CHILDREN_MAX;
}

static void *create(struct uts_tree tree)
{
    struct uts *uts = calloc(1, sizeof *uts);
    if (uts)
        uts->tree = tree;
    return uts;
}

void *uts_create_t1(long depth)
{
    return create((struct uts_tree){
        .kind = UTS_GEOMETRIC, .seed = 19, .branching = 4, .depth_limit = (int)depth});
}

void *uts_create_t3(long roots)
{
    return create((struct uts_tree){.kind = UTS_BINOMIAL,
                                    .seed = 42,
                                    .branching = (int)roots,
                                    .children = 8,
                                    .chance = 0.124875});
}

void *uts_create_t3l(long roots)
{
    return create((struct uts_tree){.kind = UTS_BINOMIAL,
                                    .seed = 7,
                                    .branching = (int)roots,
                                    .children = 5,
                                    .chance = 0.200014});
}

uint64_t uts_result(const void *uts)
{
    return ((const struct uts *)uts)->nodes;
}
