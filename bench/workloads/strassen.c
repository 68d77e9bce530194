/* SPDX-License-Identifier: MIT
 *
 * See strassen.h. Names follow the paper: the products are I to VII, here 0 to 6. */
#include "strassen.h"

#include <stdlib.h>
#include <string.h>

/* A sum of up to two quarters: row, column and sign. */
struct term {
    int row, column, sign;
};

/* The factors of each product. */
static const struct {
    struct term a[2], b[2];
} factors[STRASSEN_PRODUCTS] = {
    {{{0, 0, 1}, {1, 1, 1}}, {{0, 0, 1}, {1, 1, 1}}},
    {{{1, 0, 1}, {1, 1, 1}}, {{0, 0, 1}}},
    {{{0, 0, 1}}, {{0, 1, 1}, {1, 1, -1}}},
    {{{1, 1, 1}}, {{1, 0, 1}, {0, 0, -1}}},
    {{{0, 0, 1}, {0, 1, 1}}, {{1, 1, 1}}},
    {{{1, 0, 1}, {0, 0, -1}}, {{0, 0, 1}, {0, 1, 1}}},
    {{{0, 1, 1}, {1, 1, -1}}, {{1, 0, 1}, {1, 1, 1}}},
};

static struct matrix quarter(struct matrix m, long half, int row, int column)
{
    m.at += row * half * m.stride + column * half;
    return m;
}

/* The sum of one or two quarters of `m`: in `memory` if there are two. */
static struct matrix sum(struct matrix m, long half, const struct term terms[2], double *memory)
{
    struct matrix x = quarter(m, half, terms[0].row, terms[0].column),
                  y = quarter(m, half, terms[1].row, terms[1].column);
    if (!terms[1].sign)
        return x;
    for (long i = 0; i < half; i++) {
        const double *xs = x.at + i * x.stride, *ys = y.at + i * y.stride;
        double *sums = memory + i * half;
        if (terms[1].sign > 0)
            for (long j = 0; j < half; j++)
                sums[j] = xs[j] + ys[j];
        else
            for (long j = 0; j < half; j++)
                sums[j] = xs[j] - ys[j];
    }
    return (struct matrix){.at = memory, .stride = half};
}

bool strassen_split(const struct strassen_product *whole,
                    struct strassen_product parts[STRASSEN_PRODUCTS])
{
    long half = whole->n / 2;
    size_t area = (size_t)half * (size_t)half;
    /* For each part its product and its two factors. */
    double *memory = malloc(STRASSEN_PRODUCTS * 3 * area * sizeof *memory);
    if (!memory)
        return false;
    for (int i = 0; i < STRASSEN_PRODUCTS; i++)
        parts[i] = (struct strassen_product){
            .n = half,
            .c = {.at = memory + (size_t)i * 3 * area, .stride = half},
            .memory = i == 0 ? memory : NULL,
        };
    return true;
}

void strassen_factors(const struct strassen_product *whole, struct strassen_product *part,
                      int number)
{
    long half = part->n, area = half * half;
    part->a = sum(whole->a, half, factors[number].a, part->c.at + area);
    part->b = sum(whole->b, half, factors[number].b, part->c.at + 2 * area);
}

void strassen_combine(const struct strassen_product *whole,
                      struct strassen_product parts[STRASSEN_PRODUCTS])
{
    long half = whole->n / 2;
    struct matrix c11 = quarter(whole->c, half, 0, 0), c12 = quarter(whole->c, half, 0, 1),
                  c21 = quarter(whole->c, half, 1, 0), c22 = quarter(whole->c, half, 1, 1);
    for (long i = 0; i < half; i++) {
        const double *p[STRASSEN_PRODUCTS];
        for (int k = 0; k < STRASSEN_PRODUCTS; k++)
            p[k] = parts[k].c.at + i * half;
        double *x = c11.at + i * c11.stride, *y = c12.at + i * c12.stride;
        for (long j = 0; j < half; j++) {
            x[j] = p[0][j] + p[3][j] - p[4][j] + p[6][j];
            y[j] = p[2][j] + p[4][j];
        }
        x = c21.at + i * c21.stride, y = c22.at + i * c22.stride;
        for (long j = 0; j < half; j++) {
            x[j] = p[1][j] + p[3][j];
            y[j] = p[0][j] - p[1][j] + p[2][j] + p[5][j];
        }
    }
    free(parts[0].memory);
}

void strassen_leaf(const struct strassen_product *product)
{
    struct matrix c = product->c;
    for (long i = 0; i < product->n; i++)
        memset(c.at + i * c.stride, 0, (size_t)product->n * sizeof *c.at);
    for (long i = 0; i < product->n; i += MATRIX_LEAF)
        for (long k = 0; k < product->n; k += MATRIX_LEAF)
            for (long j = 0; j < product->n; j += MATRIX_LEAF) {
                struct matrix block = {c.at + i * c.stride + j, c.stride},
                              left = {product->a.at + i * product->a.stride + k,
                                      product->a.stride},
                              right = {product->b.at + k * product->b.stride + j,
                                       product->b.stride};
                matrix_multiply_leaf(block, left, right);
            }
}

struct strassen_product strassen_whole(const struct matrices *matrices)
{
    return (struct strassen_product){.n = matrices->n,
                                     .a = {matrices->a, matrices->stride},
                                     .b = {matrices->b, matrices->stride},
                                     .c = {matrices->c, matrices->stride}};
}
