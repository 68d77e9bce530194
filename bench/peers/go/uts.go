// SPDX-License-Identifier: MIT

package main

import (
	"crypto/sha1"
	"encoding/binary"
	"math"
	"sync"
)

// See uts.h and uts.c.
const (
	randomMask  = 0x7fffffff
	randomRange = 2147483648.0
	childrenMax = 100
)

type node struct {
	state [sha1.Size]byte
	depth int
}

type tree struct {
	geometric  bool
	seed       uint32
	branching  int
	depthLimit int
	children   int
	chance     float64
}

type uts struct {
	tree  tree
	nodes uint64
}

func t1(depth int) tree {
	return tree{geometric: true, seed: 19, branching: 4, depthLimit: depth}
}

func t3(roots int) tree {
	return tree{seed: 42, branching: roots, children: 8, chance: 0.124875}
}

func t3l(roots int) tree {
	return tree{seed: 7, branching: roots, children: 5, chance: 0.200014}
}

func (t *tree) root() node {
	var message [sha1.Size]byte
	binary.BigEndian.PutUint32(message[16:], t.seed)
	return node{state: sha1.Sum(message[:])}
}

func (n *node) child(number int) node {
	var message [sha1.Size + 4]byte
	copy(message[:], n.state[:])
	binary.BigEndian.PutUint32(message[sha1.Size:], uint32(number))
	return node{sha1.Sum(message[:]), n.depth + 1}
}

func (t *tree) childrenOf(n *node) int {
	random := float64(binary.BigEndian.Uint32(n.state[16:])&randomMask) / randomRange
	if !t.geometric {
		if n.depth == 0 {
			return t.branching
		}
		if random < t.chance {
			return t.children
		}
		return 0
	}
	if n.depth >= t.depthLimit {
		return 0
	}
	chance := 1.0 / (1.0 + float64(t.branching))
	children := int(math.Floor(math.Log(1-random) / math.Log(1-chance)))
	if children > childrenMax {
		return childrenMax
	}
	return children
}

func (t *tree) search(n node) uint64 {
	count := t.childrenOf(&n)
	if count == 0 {
		return 1
	}
	var done sync.WaitGroup
	below := make([]uint64, count)
	done.Add(count)
	for i := range below {
		go func(to *uint64, child node) {
			*to = t.search(child)
			done.Done()
		}(&below[i], n.child(i))
	}
	done.Wait()
	nodes := uint64(1)
	for _, its := range below {
		nodes += its
	}
	return nodes
}

func (u *uts) reset()         {}
func (u *uts) run()           { u.nodes = u.tree.search(u.tree.root()) }
func (u *uts) result() uint64 { return u.nodes }
