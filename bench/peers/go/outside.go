// SPDX-License-Identifier: MIT

package main

import (
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// Tasks from outside. In Go there is no outside: who submits is a goroutine like the others.
func createOutside(name string, size int) workload {
	switch name {
	case "submit":
		return &submit{tasks: size}
	case "submit-future":
		return &submitFuture{futures: make([]<-chan uint64, size)}
	case "as-completed":
		return &asCompleted{futures: size}
	case "chain":
		return &chain{links: size}
	case "round-trip":
		return &trips{ns: make([]int, size)}
	case "wake":
		return &trips{ns: make([]int, size), rest: time.Millisecond}
	}
	return nil
}

type submit struct {
	tasks int
	count int64 // atomic: a goroutine cannot know what runs it, and has no line of its own
}

func (s *submit) reset() { s.count = 0 }

func (s *submit) run() {
	var done sync.WaitGroup
	done.Add(s.tasks)
	for i := 0; i < s.tasks; i++ {
		go func() {
			atomic.AddInt64(&s.count, 1)
			done.Done()
		}()
	}
	done.Wait()
}

func (s *submit) result() uint64 { return uint64(s.count) }

// A future is a channel with room for the result: nobody waits to leave it there.
func launch(value uint64) <-chan uint64 {
	future := make(chan uint64, 1)
	go func() { future <- value }()
	return future
}

type submitFuture struct {
	futures []<-chan uint64
	sum     uint64
}

func (s *submitFuture) reset() { s.sum = 0 }

func (s *submitFuture) run() {
	for i := range s.futures {
		s.futures[i] = launch(uint64(i))
	}
	for i, future := range s.futures {
		s.sum += <-future
		s.futures[i] = nil
	}
}

func (s *submitFuture) result() uint64 { return s.sum }

// One channel for all results: they come out in the order in which they are ready.
type asCompleted struct {
	futures int
	sum     uint64
}

func (a *asCompleted) reset() { a.sum = 0 }

func (a *asCompleted) run() {
	ready := make(chan uint64, a.futures)
	for i := 0; i < a.futures; i++ {
		go func(value uint64) { ready <- value }(uint64(i))
	}
	for i := 0; i < a.futures; i++ {
		a.sum += <-ready
	}
}

func (a *asCompleted) result() uint64 { return a.sum }

// A link is a goroutine that waits for the one before it.
type chain struct {
	links int
	last  uint64
}

func (c *chain) reset() {}

func (c *chain) run() {
	first := make(chan uint64, 1)
	var last <-chan uint64 = first
	for i := 0; i < c.links; i++ {
		next := make(chan uint64, 1)
		go func(before <-chan uint64) { next <- <-before + 1 }(last)
		last = next
	}
	first <- 0
	c.last = <-last
}

func (c *chain) result() uint64 { return c.last }

// Each trip is timed by itself.
type trips struct {
	rest time.Duration
	ns   []int
	sum  uint64
}

func (t *trips) reset() { t.sum = 0 }

func (t *trips) run() {
	for i := range t.ns {
		if t.rest > 0 {
			time.Sleep(t.rest)
		}
		begin := time.Now()
		t.sum += <-launch(uint64(i))
		t.ns[i] = int(time.Since(begin))
	}
}

func (t *trips) result() uint64 { return t.sum }

// Median and 99th percentile in nanoseconds.
func (t *trips) quantiles() (median, p99 int) {
	sort.Ints(t.ns)
	count := len(t.ns)
	return (t.ns[(count-1)/2] + t.ns[count/2]) / 2, t.ns[(count*99+99)/100-1]
}
