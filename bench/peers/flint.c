/* SPDX-License-Identifier: MIT
 *
 * Fibonacci numbers by FLINT, with as many threads as it has a use for. FLINT 2 has none here: its
 * functions are GMP's. FLINT 3 has a multiplication of its own. */
#include "peer.h"

#include "bench/workloads/fingerprint.h"

#include <flint/fmpz.h>

static fmpz_t number;

static const char *start(int workers)
{
    flint_set_num_threads(workers);
    fmpz_init(number);
    return NULL;
}

static void stop(void)
{
    fmpz_clear(number);
    flint_cleanup_master();
}

static void compute(uint64_t n)
{
    fmpz_fib_ui(number, n);
}

static char *text(void)
{
    return fmpz_get_str(NULL, 10, number);
}

static uint64_t release(void)
{
    uint64_t residue = fmpz_fdiv_ui(number, FINGERPRINT_PRIME);
    fmpz_zero(number);
    return residue;
}

const struct fibonacci_system peer_fibonacci = {start, stop, compute, text, release};
