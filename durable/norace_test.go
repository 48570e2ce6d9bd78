//go:build !race

package durable_test

// many is how many tasks are many.
const many = 2000
