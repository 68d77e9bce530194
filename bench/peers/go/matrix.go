// SPDX-License-Identifier: MIT

package main

import "sync"

// See matrix.h and matrix.c.
const (
	matrixLeaf    = 32
	matrixPadding = 8
	matrixLargest = 5
)

// A square part of a matrix in rows, from its first element on; its size is known from where it
// is used.
type matrix struct {
	at     []float64
	stride int
}

type matrices struct {
	n       int
	a, b, c matrix
}

func (m matrix) quarter(half, row, column int) matrix {
	return matrix{m.at[row*half*m.stride+column*half:], m.stride}
}

// Row i of a leaf: an array, whose bounds the compiler knows.
func (m matrix) leafRow(i int) *[matrixLeaf]float64 {
	return (*[matrixLeaf]float64)(m.at[i*m.stride:])
}

// c += a * b, of matrixLeaf rows and columns. Four rows of b at a time, as the compiler would
// load and store an element of c for every product.
func multiplyLeaf(c, a, b matrix) {
	for k := 0; k < matrixLeaf; k += 4 {
		b0, b1, b2, b3 := b.leafRow(k), b.leafRow(k+1), b.leafRow(k+2), b.leafRow(k+3)
		for i := 0; i < matrixLeaf; i++ {
			row := c.leafRow(i)
			f := (*[4]float64)(a.at[i*a.stride+k:])
			f0, f1, f2, f3 := f[0], f[1], f[2], f[3]
			for j := range row {
				row[j] += f0*b0[j] + f1*b1[j] + f2*b2[j] + f3*b3[j]
			}
		}
	}
}

func newMatrix(n int) matrix {
	stride := n + matrixPadding
	return matrix{make([]float64, n*stride), stride}
}

func (m matrix) fill(n int, random uint64) {
	for i := 0; i < n; i++ {
		for j := 0; j < n; j++ {
			random = nextRandom(random)
			m.at[i*m.stride+j] = float64(int(random>>40)%(2*matrixLargest+1) - matrixLargest)
		}
	}
}

func newMatrices(n int) *matrices {
	m := &matrices{n, newMatrix(n), newMatrix(n), newMatrix(n)}
	m.a.fill(n, 1)
	m.b.fill(n, 2)
	return m
}

func (m *matrices) reset() {
	for i := range m.c.at {
		m.c.at[i] = 0
	}
}

func (m *matrices) result() uint64 {
	result := uint64(0)
	for i := 0; i < m.n; i++ {
		for j := 0; j < m.n; j++ {
			result = addToFingerprint(result, uint64(int64(m.c.at[i*m.c.stride+j])))
		}
	}
	return result
}

// c += a * b.
func multiply(n int, c, a, b matrix) {
	if n == matrixLeaf {
		multiplyLeaf(c, a, b)
		return
	}
	half := n / 2
	for k := 0; k < 2; k++ {
		quarter := func(row, column int) {
			multiply(half, c.quarter(half, row, column), a.quarter(half, row, k),
				b.quarter(half, k, column))
		}
		var done sync.WaitGroup
		done.Add(3)
		for i := 0; i < 3; i++ {
			go func(i int) {
				quarter(i/2, i%2)
				done.Done()
			}(i)
		}
		quarter(1, 1)
		done.Wait()
	}
}

type multiplication struct {
	*matrices
}

func (m *multiplication) run() { multiply(m.n, m.c, m.a, m.b) }
