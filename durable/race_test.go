//go:build race

package durable_test

// many is how many tasks are many: SQLite is slow with the race detector.
const many = 200
