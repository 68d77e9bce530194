/* SPDX-License-Identifier: MIT
 *
 * See linear.h. Block by block, so that sums stay in the first-level cache and every number is read
 * from memory once. */
#include "bignum/linear.h"

#include <filch/task.h>

enum { BLOCK_LIMBS = 512 };

/* sum += times * limbs; returns the carry. */
static fi_signed_wide add_times(mp_limb_t *sum, const mp_limb_t *limbs, mp_size_t count,
                                int64_t times)
{
    if (times == 1)
        return mpn_add_n(sum, sum, limbs, count);
    if (times == -1)
        return -(fi_signed_wide)mpn_sub_n(sum, sum, limbs, count);
    if (times < 0)
        return -(fi_signed_wide)mpn_submul_1(sum, limbs, count, -(mp_limb_t)times);
    return mpn_addmul_1(sum, limbs, count, (mp_limb_t)times);
}

fi_signed_wide fi_linear_carry(mp_limb_t *sum, mp_size_t count, fi_signed_wide carry)
{
    for (mp_size_t i = 0; i < count && carry; i++) {
        carry += sum[i];
        sum[i] = (mp_limb_t)carry;
        carry >>= 64;
    }
    return carry;
}

/* sum += the term's limbs from `at` on. */
static fi_signed_wide add_term(mp_limb_t *sum, mp_size_t at, mp_size_t count,
                               const struct fi_term *term)
{
    mp_size_t left = term->size - at;
    if (left <= 0)
        return 0;
    mp_size_t here = left < count ? left : count;
    fi_signed_wide carry;
    if (term->other) {
        mp_limb_t both[BLOCK_LIMBS];
        if (term->subtract)
            carry = -(fi_signed_wide)mpn_sub_n(both, term->limbs + at, term->other + at, here);
        else
            carry = mpn_add_n(both, term->limbs + at, term->other + at, here);
        carry = carry * term->times + add_times(sum, both, here, term->times);
    } else {
        carry = add_times(sum, term->limbs + at, here, term->times);
    }
    return fi_linear_carry(sum + here, count - here, carry);
}

fi_signed_wide fi_linear(mp_limb_t *to, mp_size_t limbs, const struct fi_term *terms, int count)
{
    fi_signed_wide carry = 0;
    for (mp_size_t at = 0; at < limbs; at += BLOCK_LIMBS) {
        mp_size_t here = limbs - at < BLOCK_LIMBS ? limbs - at : BLOCK_LIMBS;
        mpn_zero(to + at, here);
        carry = fi_linear_carry(to + at, here, carry);
        for (int i = 0; i < count; i++)
            carry += add_term(to + at, at, here, &terms[i]);
    }
    return carry;
}

/* ---- Two numbers in place -------------------------------------------------------------------- */

enum { CHUNKS = 32 };

struct pair {
    mp_limb_t *numbers[2];
    mp_size_t limbs;
    const int *times;
    int chunks;
    fi_signed_wide carries[CHUNKS][2]; /* what a chunk hands on */
};

static mp_size_t start_of(const struct pair *pair, int chunk)
{
    return pair->limbs / pair->chunks * chunk +
           pair->limbs % pair->chunks * chunk / pair->chunks;
}

/* As if nothing came from below. */
FILCH_VOID_TASK(combine, struct pair *, pair, int, chunk)
{
    mp_size_t end = start_of(pair, chunk + 1), here;
    fi_signed_wide *carry = pair->carries[chunk];
    carry[0] = carry[1] = 0;
    for (mp_size_t at = start_of(pair, chunk); at < end; at += here) {
        mp_limb_t *x = pair->numbers[0] + at, *y = pair->numbers[1] + at;
        mp_limb_t sums[2][BLOCK_LIMBS] = {{0}};
        here = end - at < BLOCK_LIMBS ? end - at : BLOCK_LIMBS;
        for (int i = 0; i < 2; i++) {
            carry[i] = fi_linear_carry(sums[i], here, carry[i]);
            carry[i] += add_times(sums[i], x, here, pair->times[2 * i]);
            carry[i] += add_times(sums[i], y, here, pair->times[2 * i + 1]);
        }
        mpn_copyi(x, sums[0], here);
        mpn_copyi(y, sums[1], here);
    }
}

FILCH_VOID_TASK(combine_all, struct pair *, pair)
{
    for (int i = 0; i < pair->chunks; i++)
        FILCH_FORK(combine, pair, i);
    FILCH_SHARE();
    for (int i = 0; i < pair->chunks; i++)
        FILCH_JOIN(combine);
}

void fi_linear_pair(struct filch_pool *pool, mp_limb_t *x, mp_limb_t *y, mp_size_t limbs,
                    const int times[4])
{
    struct pair pair = {{x, y}, limbs, times, CHUNKS, {{0}}};
    FILCH_RUN(pool, combine_all, &pair);
    for (int i = 0; i < CHUNKS; i++) {
        mp_size_t end = start_of(&pair, i + 1);
        for (int j = 0; j < 2; j++)
            fi_linear_carry(pair.numbers[j] + end, limbs - end, pair.carries[i][j]);
    }
}
