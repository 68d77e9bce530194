/* SPDX-License-Identifier: MIT
 *
 * See fork_serial.h. Plain C: nothing is done here to slow the baseline down. */
#include "fork_serial.h"

static long fib(long n)
{
    if (n < 2)
        return n;
    return fib(n - 1) + fib(n - 2);
}

long fork_serial_fib(long n)
{
    return fib(n);
}
