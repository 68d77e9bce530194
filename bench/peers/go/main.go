// SPDX-License-Identifier: MIT

// The peer go: the workloads as goroutines, one for each fork of filch's version. The kernels
// are Go too, as a Go program's would be, with the inputs and fingerprints of bench/workloads.
// This file reads orders, has the work done and answers; bench/peers/README.md has the contract.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
)

const (
	exitUsage     = 2
	exitNoVersion = 77
)

// A workload with its input: run() does the work, reset() restores the input before it.
type workload interface {
	reset()
	run()
	result() uint64
}

func create(name string, size int) workload {
	switch name {
	case "fork":
		return &fork{n: size}
	case "queens":
		return &queens{n: size}
	case "skynet":
		return &skynet{leaves: size}
	case "matrix":
		return &multiplication{newMatrices(size)}
	case "uts-t1":
		return &uts{tree: t1(size)}
	case "uts-t3":
		return &uts{tree: t3(size)}
	case "uts-t3l":
		return &uts{tree: t3l(size)}
	case "cilksort":
		return newCilksort(size)
	case "strassen":
		return &strassen{newMatrices(size)}
	case "knapsack":
		return newKnapsack(size)
	}
	return nil
}

// 0 if it is none from 1 to max.
func number(text string, max int) int {
	value, err := strconv.Atoi(text)
	if err != nil || value < 1 || value > max {
		return 0
	}
	return value
}

func main() {
	size, workers := 0, 0
	if len(os.Args) == 4 {
		size, workers = number(os.Args[2], 1000000000), number(os.Args[3], 1024)
	}
	if size == 0 || workers == 0 {
		fmt.Fprintf(os.Stderr, "usage: %s WORKLOAD SIZE WORKERS\n", os.Args[0])
		os.Exit(exitUsage)
	}
	work := create(os.Args[1], size)
	if work == nil {
		work = createOutside(os.Args[1], size)
		workers++ // the submitter is none of them
	}
	if work == nil {
		os.Exit(exitNoVersion)
	}
	runtime.GOMAXPROCS(workers)
	for orders := bufio.NewScanner(os.Stdin); orders.Scan(); {
		work.reset()
		begin := time.Now() // has a monotonic reading, which Since() takes
		work.run()
		seconds := time.Since(begin).Seconds()
		fmt.Printf("{\"seconds\": %.9f, \"result\": \"%d\"", seconds, work.result())
		if trips, ok := work.(*trips); ok {
			median, p99 := trips.quantiles()
			fmt.Printf(", \"median_ns\": %d, \"p99_ns\": %d", median, p99)
		}
		fmt.Println("}")
	}
}
