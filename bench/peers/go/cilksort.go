// SPDX-License-Identifier: MIT

package main

import (
	"sort"
	"sync"
)

// See cilksort.h and cilksort.c.
const (
	sortLeaf  = 2048
	mergeLeaf = 2048
	insertion = 20
)

type cilksort struct {
	numbers, spare []uint32
}

func newCilksort(count int) *cilksort {
	return &cilksort{make([]uint32, count), make([]uint32, count)}
}

func (s *cilksort) reset() {
	random := uint64(0)
	for i := range s.numbers {
		random = nextRandom(random)
		s.numbers[i] = uint32(random >> 32)
	}
}

func (s *cilksort) result() uint64 {
	result := uint64(0)
	for _, number := range s.numbers {
		result = addToFingerprint(result, uint64(number))
	}
	return result
}

func insertionSort(numbers []uint32) {
	for i := 1; i < len(numbers); i++ {
		number, j := numbers[i], i
		for ; j > 0 && numbers[j-1] > number; j-- {
			numbers[j] = numbers[j-1]
		}
		numbers[j] = number
	}
}

func median(a, b, c uint32) uint32 {
	if a > b {
		a, b = b, a
	}
	switch {
	case c < a:
		return a
	case c > b:
		return b
	}
	return c
}

func quicksort(numbers []uint32) {
	for len(numbers) > insertion {
		pivot := median(numbers[0], numbers[len(numbers)/2], numbers[len(numbers)-1])
		low, high := 0, len(numbers)-1
		for ; ; low, high = low+1, high-1 {
			for numbers[low] < pivot {
				low++
			}
			for numbers[high] > pivot {
				high--
			}
			if low >= high {
				break
			}
			numbers[low], numbers[high] = numbers[high], numbers[low]
		}
		quicksort(numbers[:low])
		numbers = numbers[low:]
	}
	insertionSort(numbers)
}

func mergeRuns(a, b, to []uint32) {
	for len(a) > 0 && len(b) > 0 {
		if b[0] < a[0] {
			to[0] = b[0]
			b = b[1:]
		} else {
			to[0] = a[0]
			a = a[1:]
		}
		to = to[1:]
	}
	copy(to[copy(to, a):], b)
}

func merge(a, b, to []uint32) {
	if len(to) <= mergeLeaf {
		mergeRuns(a, b, to)
		return
	}
	if len(a) < len(b) {
		a, b = b, a
	}
	aLow := len(a) / 2
	bLow := sort.Search(len(b), func(i int) bool { return b[i] >= a[aLow] })
	var done sync.WaitGroup
	done.Add(1)
	go func() {
		merge(a[aLow:], b[bLow:], to[aLow+bLow:])
		done.Done()
	}()
	merge(a[:aLow], b[:bLow], to[:aLow+bLow])
	done.Wait()
}

// Sorts numbers in place; spare is as long.
func mergeSort(numbers, spare []uint32) {
	count := len(numbers)
	if count <= sortLeaf {
		quicksort(numbers)
		return
	}
	quarter, half := count/4, count/4*2
	var sorted, merged sync.WaitGroup
	sorted.Add(3)
	for i := 0; i < 3; i++ {
		go func(from, to int) {
			mergeSort(numbers[from:to], spare[from:to])
			sorted.Done()
		}(i*quarter, (i+1)*quarter)
	}
	mergeSort(numbers[3*quarter:], spare[3*quarter:])
	sorted.Wait()
	merged.Add(1)
	go func() {
		merge(numbers[:quarter], numbers[quarter:half], spare[:half])
		merged.Done()
	}()
	merge(numbers[half:half+quarter], numbers[half+quarter:], spare[half:])
	merged.Wait()
	merge(spare[:half], spare[half:], numbers)
}

func (s *cilksort) run() { mergeSort(s.numbers, s.spare) }
