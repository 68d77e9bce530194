// SPDX-License-Identifier: MIT
// The peer go: goroutines, and nothing that is not in Go's own library.
module filch/bench/peers/go

go 1.19
