/* SPDX-License-Identifier: MIT
 *
 * See small.h. */
#include "bignum/small.h"

#include <string.h>

enum { TABLE_MAX = 93 };

/* All that fit into 64 bits. */
static const mp_limb_t table[TABLE_MAX + 1] = {
    0,
    1,
    1,
    2,
    3,
    5,
    8,
    13,
    21,
    34,
    55,
    89,
    144,
    233,
    377,
    610,
    987,
    1597,
    2584,
    4181,
    6765,
    10946,
    17711,
    28657,
    46368,
    75025,
    121393,
    196418,
    317811,
    514229,
    832040,
    1346269,
    2178309,
    3524578,
    5702887,
    9227465,
    14930352,
    24157817,
    39088169,
    63245986,
    102334155,
    165580141,
    267914296,
    433494437,
    701408733,
    1134903170,
    1836311903,
    UINT64_C(2971215073),
    UINT64_C(4807526976),
    UINT64_C(7778742049),
    UINT64_C(12586269025),
    UINT64_C(20365011074),
    UINT64_C(32951280099),
    UINT64_C(53316291173),
    UINT64_C(86267571272),
    UINT64_C(139583862445),
    UINT64_C(225851433717),
    UINT64_C(365435296162),
    UINT64_C(591286729879),
    UINT64_C(956722026041),
    UINT64_C(1548008755920),
    UINT64_C(2504730781961),
    UINT64_C(4052739537881),
    UINT64_C(6557470319842),
    UINT64_C(10610209857723),
    UINT64_C(17167680177565),
    UINT64_C(27777890035288),
    UINT64_C(44945570212853),
    UINT64_C(72723460248141),
    UINT64_C(117669030460994),
    UINT64_C(190392490709135),
    UINT64_C(308061521170129),
    UINT64_C(498454011879264),
    UINT64_C(806515533049393),
    UINT64_C(1304969544928657),
    UINT64_C(2111485077978050),
    UINT64_C(3416454622906707),
    UINT64_C(5527939700884757),
    UINT64_C(8944394323791464),
    UINT64_C(14472334024676221),
    UINT64_C(23416728348467685),
    UINT64_C(37889062373143906),
    UINT64_C(61305790721611591),
    UINT64_C(99194853094755497),
    UINT64_C(160500643816367088),
    UINT64_C(259695496911122585),
    UINT64_C(420196140727489673),
    UINT64_C(679891637638612258),
    UINT64_C(1100087778366101931),
    UINT64_C(1779979416004714189),
    UINT64_C(2880067194370816120),
    UINT64_C(4660046610375530309),
    UINT64_C(7540113804746346429),
    UINT64_C(12200160415121876738),
};

static mp_size_t normal(const mp_limb_t *number, mp_size_t limbs)
{
    while (limbs > 1 && number[limbs - 1] == 0)
        limbs--;
    return limbs;
}

static void add_sign(mp_limb_t *number, mp_size_t limbs, bool negative)
{
    if (negative)
        mpn_sub_1(number, number, limbs, 2);
    else
        mpn_add_1(number, number, limbs, 2);
}

/* From k to 2k, or 2k + 1 if odd; f, f1: F(k) and F(k - 1), of so many limbs. Returns how many they
 * have then. The formulas are those of doubling.c. */
static mp_size_t step(mp_limb_t *f, mp_limb_t *f1, mp_size_t limbs, bool k_is_odd, bool odd)
{
    mp_limb_t x[FI_SMALL_LIMBS], y[FI_SMALL_LIMBS], above[FI_SMALL_LIMBS];
    mp_size_t top = 2 * limbs;
    mpn_sqr(x, f, limbs);
    mpn_sqr(y, f1, limbs);
    above[top] = mpn_lshift(above, x, top, 2);
    above[top] -= mpn_sub_n(above, above, y, top);
    add_sign(above, top + 1, k_is_odd); /* F(2k + 1) */
    y[top] = mpn_add_n(y, y, x, top);   /* F(2k - 1) */
    mpn_sub_n(odd ? f1 : f, above, y, top + 1);
    memcpy(odd ? f : f1, odd ? above : y, (size_t)(top + 1) * sizeof *f);
    return normal(f, top + 1);
}

mp_size_t fi_small_pair(uint64_t n, mp_limb_t f[FI_SMALL_LIMBS], mp_limb_t f1[FI_SMALL_LIMBS])
{
    mp_size_t limbs = 1;
    int steps = 0;
    while (n >> steps > TABLE_MAX)
        steps++;
    f[0] = table[n >> steps];
    f1[0] = n >> steps ? table[(n >> steps) - 1] : 1;
    for (; steps > 0; steps--)
        limbs = step(f, f1, limbs, n >> steps & 1, n >> (steps - 1) & 1);
    return limbs;
}

/* The last step is one product, as in doubling.c. */
mp_size_t fi_small_fib(uint64_t n, mp_limb_t f[FI_SMALL_LIMBS])
{
    if (n <= TABLE_MAX) {
        f[0] = table[n];
        return 1;
    }
    mp_limb_t a[FI_SMALL_LIMBS], b[FI_SMALL_LIMBS], twice[FI_SMALL_LIMBS];
    mp_size_t limbs = fi_small_pair(n / 2, a, b), top = 2 * limbs + 2;
    mp_limb_t *doubled = n % 2 ? a : b;
    twice[limbs] = mpn_lshift(twice, doubled, limbs, 1);
    a[limbs] = b[limbs] = 0;
    if (n % 2) {
        mpn_add_n(a, twice, b, limbs + 1);
        mpn_sub_n(b, twice, b, limbs + 1);
    } else {
        mpn_add_n(b, twice, a, limbs + 1);
    }
    mpn_mul_n(f, a, b, limbs + 1);
    if (n % 2)
        add_sign(f, top, n / 2 % 2);
    return normal(f, top);
}

/* L(n) = F(n + 1) + F(n - 1) = F(n) + 2 F(n - 1) */
mp_size_t fi_small_lucas(uint64_t n, mp_limb_t l[FI_SMALL_LIMBS])
{
    mp_limb_t f1[FI_SMALL_LIMBS];
    mp_size_t limbs = fi_small_pair(n, l, f1);
    l[limbs] = mpn_addmul_1(l, f1, limbs, 2);
    return normal(l, limbs + 1);
}
