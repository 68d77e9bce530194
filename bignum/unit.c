/* SPDX-License-Identifier: MIT
 *
 * Units, as far as they are not the inner loop: see unit.h. */
#include "bignum/unit.h"

#include <string.h>

enum { CHUNK_DIGITS = 19 };

void fi_unit_add(mp_limb_t unit[UNIT_LIMBS], mp_limb_t addend[QUOTIENT_LIMBS])
{
    mp_limb_t c[COEFFICIENT_LIMBS] = {0};
    memcpy(c, addend, QUOTIENT_LIMBS * sizeof *c);
    mpn_add(c, c, QUOTIENT_LIMBS + 1, unit, UNIT_LIMBS);
    fi_unit_divide(c, addend, unit);
}

/* The 8 digits of a number below 10^8, in the order of memory: halves, quarters and eighths side by
 * side in one word, each divided by a product with a reciprocal. */
static void write_8(uint32_t number, char digits[8])
{
    uint64_t v = number / 10000 | (uint64_t)(number % 10000) << 32;
    uint64_t hundreds = ((v * 5243) >> 19) & UINT64_C(0x0000007f0000007f);
    v = hundreds | (v - hundreds * 100) << 16;
    uint64_t tens = ((v * 103) >> 10) & UINT64_C(0x000f000f000f000f);
    v = tens | (v - tens * 10) << 8;
    v += UINT64_C(0x3030303030303030);
    for (int i = 0; i < 8; i++)
        digits[i] = (char)(v >> (8 * i));
}

/* The last `count` digits, 1 to 19, of a number. */
static void write_chunk(uint64_t number, char *digits, int count)
{
    for (; count > 8; count -= 8) {
        write_8((uint32_t)(number % 100000000), digits + count - 8);
        number /= 100000000;
    }
    for (; count > 0; number /= 10)
        digits[--count] = (char)('0' + number % 10);
}

/* Divides a number of some limbs by 10^19, in place; its remainder. N. Moeller and T. Granlund,
 * "Improved division by invariant integers", 2011, algorithm 4. mpn_divrem_1() finds the reciprocal
 * anew at each call. */
static mp_limb_t divide_chunk(mp_limb_t *number, int limbs)
{
    const mp_limb_t chunk = UINT64_C(10000000000000000000);
    const mp_limb_t reciprocal = UINT64_C(0xd83c94fb6d2ac34a);
    mp_limb_t rest = 0;
    for (int i = limbs - 1; i >= 0; i--) {
        fi_wide q = (fi_wide)reciprocal * rest + ((fi_wide)rest << 64 | number[i]);
        mp_limb_t quotient = (mp_limb_t)(q >> 64) + 1;
        rest = number[i] - quotient * chunk;
        if (rest > (mp_limb_t)q) {
            quotient--;
            rest += chunk;
        }
        if (rest >= chunk) {
            quotient++;
            rest -= chunk;
        }
        number[i] = quotient;
    }
    return rest;
}

void fi_unit_write(const mp_limb_t unit[UNIT_LIMBS], char digits[UNIT_DIGITS])
{
    mp_limb_t rest[UNIT_LIMBS];
    memcpy(rest, unit, sizeof rest);
    int place = UNIT_DIGITS;
    for (int limbs = UNIT_LIMBS; limbs > 1; limbs--) {
        place -= CHUNK_DIGITS;
        write_chunk(divide_chunk(rest, limbs), digits + place, CHUNK_DIGITS);
    }
    write_chunk(rest[0], digits, place);
}
