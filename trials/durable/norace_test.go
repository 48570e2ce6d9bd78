//go:build !race

package main

// raced is whether the race detector is in this program.
const raced = false
