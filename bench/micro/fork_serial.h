/* SPDX-License-Identifier: MIT
 *
 * The serial baseline of the fork benchmark: the same recursion, the same compiler and options,
 * no scheduler. In a file of its own, so that the compiler treats the recursion as it always
 * does. */
#ifndef BENCH_MICRO_FORK_SERIAL_H
#define BENCH_MICRO_FORK_SERIAL_H

long fork_serial_fib(long n);

#endif
