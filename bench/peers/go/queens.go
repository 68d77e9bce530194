// SPDX-License-Identifier: MIT

package main

import "sync"

// See queens.h.
const queensMax = 16

// The column of the queen in each row.
type board [queensMax]int8

type queens struct {
	n, solutions int
}

func (b *board) safe(row, column int) bool {
	for i := 0; i < row; i++ {
		other, distance := int(b[i]), row-i
		if other == column || other == column-distance || other == column+distance {
			return false
		}
	}
	return true
}

func place(n, row int, b board) int {
	if row == n {
		return 1
	}
	var children struct {
		done      sync.WaitGroup
		solutions [queensMax]int
	}
	for column := 0; column < n; column++ {
		if b.safe(row, column) {
			children.done.Add(1)
			b[row] = int8(column)
			go func(column int, b board) {
				children.solutions[column] = place(n, row+1, b)
				children.done.Done()
			}(column, b)
		}
	}
	children.done.Wait()
	solutions := 0
	for _, below := range children.solutions[:n] {
		solutions += below
	}
	return solutions
}

func (q *queens) reset()         {}
func (q *queens) run()           { q.solutions = place(q.n, 0, board{}) }
func (q *queens) result() uint64 { return uint64(q.solutions) }
