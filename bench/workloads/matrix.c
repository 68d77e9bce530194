/* SPDX-License-Identifier: MIT
 *
 * See matrix.h. */
#include "matrix.h"

#include "fingerprint.h"

#include <stdlib.h>
#include <string.h>

enum { PADDING = 8, LARGEST = 5 };

void matrix_multiply_leaf(struct matrix c, struct matrix a, struct matrix b)
{
    for (long i = 0; i < MATRIX_LEAF; i++) {
        double row[MATRIX_LEAF];
        memcpy(row, c.at + i * c.stride, sizeof row);
        for (long k = 0; k < MATRIX_LEAF; k++) {
            double factor = a.at[i * a.stride + k];
            const double *other = b.at + k * b.stride;
            for (long j = 0; j < MATRIX_LEAF; j++)
                row[j] += factor * other[j];
        }
        memcpy(c.at + i * c.stride, row, sizeof row);
    }
}

static void fill(double *matrix, long n, long stride, uint64_t random)
{
    for (long i = 0; i < n; i++)
        for (long j = 0; j < n; j++) {
            random = fingerprint_random(random);
            matrix[i * stride + j] =
                (double)((int)(random >> 40) % (2 * LARGEST + 1) - LARGEST);
        }
}

void *matrices_create(long n)
{
    struct matrices *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->n = n;
    m->stride = n + PADDING;
    size_t size = (size_t)n * (size_t)m->stride * sizeof *m->a;
    m->a = malloc(size);
    m->b = malloc(size);
    m->c = malloc(size);
    if (!m->a || !m->b || !m->c) {
        matrices_destroy(m);
        return NULL;
    }
    fill(m->a, n, m->stride, 1);
    fill(m->b, n, m->stride, 2);
    return m;
}

void matrices_reset(void *matrices)
{
    struct matrices *m = matrices;
    memset(m->c, 0, (size_t)m->n * (size_t)m->stride * sizeof *m->c);
}

uint64_t matrices_result(const void *matrices)
{
    const struct matrices *m = matrices;
    uint64_t result = 0;
    for (long i = 0; i < m->n; i++)
        for (long j = 0; j < m->n; j++)
            result = fingerprint_add(result, (uint64_t)(int64_t)m->c[i * m->stride + j]);
    return result;
}

void matrices_destroy(void *matrices)
{
    struct matrices *m = matrices;
    free(m->a);
    free(m->b);
    free(m->c);
    free(m);
}
