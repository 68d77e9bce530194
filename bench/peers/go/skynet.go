// SPDX-License-Identifier: MIT

package main

import "sync"

// See skynet.h.
const skynetFan = 10

type skynet struct {
	leaves, sum int
}

func sum(first, leaves int) int {
	if leaves == 1 {
		return first
	}
	var children struct {
		done sync.WaitGroup
		sums [skynetFan]int
	}
	share := leaves / skynetFan
	children.done.Add(skynetFan)
	for i := 0; i < skynetFan; i++ {
		go func(i int) {
			children.sums[i] = sum(first+i*share, share)
			children.done.Done()
		}(i)
	}
	children.done.Wait()
	total := 0
	for _, sum := range children.sums {
		total += sum
	}
	return total
}

func (s *skynet) reset()         {}
func (s *skynet) run()           { s.sum = sum(0, s.leaves) }
func (s *skynet) result() uint64 { return uint64(s.sum) }
