// SPDX-License-Identifier: MIT

package main

import "sync"

// See fork.h. A child's result lies beside what its parent waits on: a single allocation.
type fork struct {
	n, fib int
}

func fib(n int) int {
	if n < 2 {
		return n
	}
	var child struct {
		done   sync.WaitGroup
		result int
	}
	child.done.Add(1)
	go func() {
		child.result = fib(n - 1)
		child.done.Done()
	}()
	b := fib(n - 2)
	child.done.Wait()
	return child.result + b
}

func (f *fork) reset()         {}
func (f *fork) run()           { f.fib = fib(f.n) }
func (f *fork) result() uint64 { return uint64(f.fib) }
