// SPDX-License-Identifier: MIT

package main

import (
	"sort"
	"sync"
	"sync/atomic"
)

// See knapsack.h and knapsack.c.
const (
	knapsackWeights = 1000
	knapsackBonus   = 100
	knapsackNoise   = 8
)

type item struct {
	weight, value int
}

type knapsack struct {
	capacity int
	items    []item
	best     int64 // atomic
}

func newKnapsack(count int) *knapsack {
	k := &knapsack{items: make([]item, count)}
	random, all := uint64(0), 0
	draw := func(below uint64) int {
		random = nextRandom(random)
		return int(random >> 33 % below)
	}
	for i := range k.items {
		weight := 1 + draw(knapsackWeights)
		k.items[i] = item{weight, weight + knapsackBonus + draw(knapsackNoise)}
		all += weight
	}
	k.capacity = all / 2
	sort.SliceStable(k.items, func(i, j int) bool {
		a, b := &k.items[i], &k.items[j]
		return b.value*a.weight < a.value*b.weight
	})
	return k
}

func (k *knapsack) reset()         { k.best = -1 }
func (k *knapsack) run()           { k.pack(0, k.capacity, 0) }
func (k *knapsack) result() uint64 { return uint64(k.best) }

func (k *knapsack) hopeful(next, room, value int) bool {
	if room < 0 {
		return false
	}
	best := int(atomic.LoadInt64(&k.best))
	if next == len(k.items) {
		return value > best
	}
	its := &k.items[next]
	return value*its.weight+room*its.value > best*its.weight
}

func (k *knapsack) found(value int) {
	for {
		best := atomic.LoadInt64(&k.best)
		if int64(value) <= best || atomic.CompareAndSwapInt64(&k.best, best, int64(value)) {
			return
		}
	}
}

func (k *knapsack) pack(next, room, value int) {
	if !k.hopeful(next, room, value) {
		return
	}
	if next == len(k.items) {
		k.found(value)
		return
	}
	var done sync.WaitGroup
	done.Add(1)
	go func() {
		k.pack(next+1, room, value)
		done.Done()
	}()
	k.pack(next+1, room-k.items[next].weight, value+k.items[next].value)
	done.Wait()
}
