// Package harness is what the commands that compare peers have in common: they
// build benchmarks with several toolchains, take each result from a process of
// its own, and write tables.
package harness
