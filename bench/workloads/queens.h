/* SPDX-License-Identifier: MIT
 *
 * In how many ways can n queens stand on an n x n board? One task a partial board. */
#ifndef BENCH_WORKLOADS_QUEENS_H
#define BENCH_WORKLOADS_QUEENS_H

#include <stdbool.h>
#include <stdint.h>

#define QUEENS_MAX 16

/* The column of the queen in each row. */
struct queens_board {
    int8_t column[QUEENS_MAX];
};

struct queens {
    int n;
    long solutions;
};

/* Is a queen in this row and column out of reach of those in the rows before? */
static inline bool queens_safe(const struct queens_board *board, int row, int column)
{
    for (int i = 0; i < row; i++) {
        int other = board->column[i], distance = row - i;
        if (other == column || other == column - distance || other == column + distance)
            return false;
    }
    return true;
}

#endif
