package params

// maxParams is the size of [bitset].
const maxParams = 256

// A bitset remembers which params were seen; it lives on the stack.
type bitset [maxParams / 64]uint64

func (b *bitset) has(i int) bool { return b[uint(i)/64]&(1<<(uint(i)%64)) != 0 }
func (b *bitset) add(i int)      { b[uint(i)/64] |= 1 << (uint(i) % 64) }

// exceeds reports whether b has what other has not.
func (b *bitset) exceeds(other *bitset) bool {
	return (b[0]&^other[0])|(b[1]&^other[1])|(b[2]&^other[2])|(b[3]&^other[3]) != 0
}
