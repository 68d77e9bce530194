// SPDX-License-Identifier: MIT

package main

// See fingerprint.h: numbers for inputs, one number for an output.

func nextRandom(last uint64) uint64 {
	return last*6364136223846793005 + 1442695040888963407
}

func addToFingerprint(fingerprint, value uint64) uint64 {
	return (fingerprint ^ value) * 1099511628211
}
