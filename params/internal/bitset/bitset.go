// Package bitset has a small set of numbers that lives on the stack.
package bitset

// Size is how many numbers a [Set] has room for: those from 0 to Size-1.
const Size = 256

// A Set is a set of numbers below [Size]. It remembers which fields were seen.
type Set [Size / 64]uint64

// Has reports whether i is in the set.
func (s *Set) Has(i int) bool { return s[uint(i)/64]&(1<<(uint(i)%64)) != 0 }

// Add adds i.
func (s *Set) Add(i int) { s[uint(i)/64] |= 1 << (uint(i) % 64) }

// Exceeds reports whether the set has a number that other does not have.
func (s *Set) Exceeds(other *Set) bool {
	return (s[0]&^other[0])|(s[1]&^other[1])|(s[2]&^other[2])|(s[3]&^other[3]) != 0
}
