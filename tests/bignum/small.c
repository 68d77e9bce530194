/* SPDX-License-Identifier: MIT
 *
 * Numbers of a few limbs, made on the stack. */
#include "bignum/small.h"

#include <criterion/criterion.h>

static void expect(mpz_srcptr wanted, const mp_limb_t *limbs, mp_size_t count, const char *what,
                   uint64_t n)
{
    mpz_t is;
    cr_assert_eq(mpz_cmp(mpz_roinit_n(is, limbs, count), wanted), 0, "%s(%d)", what, (int)n);
    cr_assert(count == 1 || limbs[count - 1] != 0, "a leading zero in %s(%d)", what, (int)n);
}

Test(small, every_number_is_gmps)
{
    mp_limb_t limbs[FI_SMALL_LIMBS];
    mpz_t wanted;
    mpz_init(wanted);
    for (uint64_t n = 0; n <= FI_SMALL_MAX; n++) {
        mpz_fib_ui(wanted, (unsigned long)n);
        expect(wanted, limbs, fi_small_fib(n, limbs), "F", n);
        mpz_lucnum_ui(wanted, (unsigned long)n);
        expect(wanted, limbs, fi_small_lucas(n, limbs), "L", n);
    }
    mpz_clear(wanted);
}

Test(small, every_pair_is_gmps)
{
    mp_limb_t f[FI_SMALL_LIMBS], f1[FI_SMALL_LIMBS];
    mpz_t wanted, before, is;
    mpz_inits(wanted, before, NULL);
    for (uint64_t n = 0; n <= FI_SMALL_MAX; n++) {
        mp_size_t limbs = fi_small_pair(n, f, f1);
        mpz_fib2_ui(wanted, before, (unsigned long)n);
        expect(wanted, f, limbs, "F", n);
        cr_assert_eq(mpz_cmp(mpz_roinit_n(is, f1, limbs), before), 0, "before F(%d)", (int)n);
    }
    mpz_clears(wanted, before, NULL);
}
