// SPDX-License-Identifier: MIT

package main

import "sync"

// See strassen.h and strassen.c.
const (
	strassenLeaf     = 64
	strassenProducts = 7
)

// A sum of up to two quarters: row, column and sign.
type term struct {
	row, column, sign int
}

// The factors of each product.
var factors = [strassenProducts]struct{ a, b [2]term }{
	{[2]term{{0, 0, 1}, {1, 1, 1}}, [2]term{{0, 0, 1}, {1, 1, 1}}},
	{[2]term{{1, 0, 1}, {1, 1, 1}}, [2]term{{0, 0, 1}}},
	{[2]term{{0, 0, 1}}, [2]term{{0, 1, 1}, {1, 1, -1}}},
	{[2]term{{1, 1, 1}}, [2]term{{1, 0, 1}, {0, 0, -1}}},
	{[2]term{{0, 0, 1}, {0, 1, 1}}, [2]term{{1, 1, 1}}},
	{[2]term{{1, 0, 1}, {0, 0, -1}}, [2]term{{0, 0, 1}, {0, 1, 1}}},
	{[2]term{{0, 1, 1}, {1, 1, -1}}, [2]term{{1, 0, 1}, {1, 1, 1}}},
}

// The sum of one or two quarters of m: in memory if there are two.
func addQuarters(m matrix, half int, terms *[2]term, memory []float64) matrix {
	x := m.quarter(half, terms[0].row, terms[0].column)
	if terms[1].sign == 0 {
		return x
	}
	y := m.quarter(half, terms[1].row, terms[1].column)
	for i := 0; i < half; i++ {
		xs, ys := x.at[i*x.stride:][:half], y.at[i*y.stride:][:half]
		sums := memory[i*half:][:half]
		if terms[1].sign > 0 {
			for j := range sums {
				sums[j] = xs[j] + ys[j]
			}
		} else {
			for j := range sums {
				sums[j] = xs[j] - ys[j]
			}
		}
	}
	return matrix{memory, half}
}

// c from the products p.
func combine(half int, c matrix, p *[strassenProducts]matrix) {
	for i := 0; i < half; i++ {
		var rows [strassenProducts][]float64
		for k := range rows {
			rows[k] = p[k].at[i*half:][:half]
		}
		p0, p1, p2, p3 := rows[0], rows[1], rows[2], rows[3]
		p4, p5, p6 := rows[4], rows[5], rows[6]
		x, y := c.at[i*c.stride:][:half], c.at[i*c.stride+half:][:half]
		for j := range x {
			x[j] = p0[j] + p3[j] - p4[j] + p6[j]
			y[j] = p2[j] + p4[j]
		}
		low := c.at[(i+half)*c.stride:]
		x, y = low[:half], low[half:][:half]
		for j := range x {
			x[j] = p1[j] + p3[j]
			y[j] = p0[j] - p1[j] + p2[j] + p5[j]
		}
	}
}

// c = a * b, of strassenLeaf rows, or of fewer.
func productLeaf(n int, c, a, b matrix) {
	for i := 0; i < n; i++ {
		row := c.at[i*c.stride:][:n]
		for j := range row {
			row[j] = 0
		}
	}
	for i := 0; i < n; i += matrixLeaf {
		for k := 0; k < n; k += matrixLeaf {
			for j := 0; j < n; j += matrixLeaf {
				multiplyLeaf(matrix{c.at[i*c.stride+j:], c.stride},
					matrix{a.at[i*a.stride+k:], a.stride},
					matrix{b.at[k*b.stride+j:], b.stride})
			}
		}
	}
}

// c = a * b.
func product(n int, c, a, b matrix) {
	if n <= strassenLeaf {
		productLeaf(n, c, a, b)
		return
	}
	half := n / 2
	area := half * half
	memory := make([]float64, strassenProducts*3*area)
	var parts struct {
		done    sync.WaitGroup
		results [strassenProducts]matrix
	}
	part := func(number int) {
		its := memory[number*3*area:]
		c := matrix{its, half}
		parts.results[number] = c
		left := addQuarters(a, half, &factors[number].a, its[area:])
		product(half, c, left, addQuarters(b, half, &factors[number].b, its[2*area:]))
	}
	parts.done.Add(strassenProducts - 1)
	for i := 1; i < strassenProducts; i++ {
		go func(i int) {
			part(i)
			parts.done.Done()
		}(i)
	}
	part(0)
	parts.done.Wait()
	combine(half, c, &parts.results)
}

type strassen struct {
	*matrices
}

func (s *strassen) run() { product(s.n, s.c, s.a, s.b) }
