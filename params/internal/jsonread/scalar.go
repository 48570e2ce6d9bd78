package jsonread

import (
	"math"
	"strconv"

	"github.com/velithon-go/velithon/params/internal/jsonscan"
	"github.com/velithon-go/velithon/params/internal/memory"
)

func (r *reading) readBool(i int, p memory.Pointer) int {
	if jsonscan.Byte(r.text, i) == 't' {
		*memory.As[bool](p) = true
		return jsonscan.Literal(r.text, i, "true")
	}
	return jsonscan.Literal(r.text, i, "false")
}

func (r *reading) readInt(bits, i int, p memory.Pointer) int {
	negative := jsonscan.Byte(r.text, i) == '-'
	if negative {
		i++
	}
	magnitude, next := readDigits(r.text, i)
	n := int64(magnitude)
	if negative {
		n = -n
	}
	if magnitude > math.MaxInt64 || n<<(64-bits)>>(64-bits) != n {
		return refused
	}
	storeInteger(p, bits, uint64(n))
	return next
}

func (r *reading) readUint(bits, i int, p memory.Pointer) int {
	n, next := readDigits(r.text, i)
	if n<<(64-bits)>>(64-bits) != n {
		return refused
	}
	storeInteger(p, bits, n)
	return next
}

// storeInteger stores the lower bits of n, as many as bits says, as an integer.
func storeInteger(p memory.Pointer, bits int, n uint64) {
	switch bits {
	case 8:
		*memory.As[uint8](p) = uint8(n)
	case 16:
		*memory.As[uint16](p) = uint16(n)
	case 32:
		*memory.As[uint32](p) = uint32(n)
	default:
		*memory.As[uint64](p) = n
	}
}

// readDigits reads an integer that fits into a uint64. It refuses a number with a
// fraction or an exponent, which the codec does not decode into an integer.
func readDigits(text string, i int) (n uint64, next int) {
	first := i
	for ; i < len(text) && jsonscan.IsDigit(text[i]); i++ {
		n = 10*n + uint64(text[i]-'0')
	}
	const safe = 19 // so many nines are less than 2⁶⁴
	if i == first || i > first+safe || text[first] == '0' && i > first+1 {
		return 0, refused
	}
	if c := jsonscan.Byte(text, i); c == '.' || c|0x20 == 'e' {
		return 0, refused
	}
	return n, i
}

func (r *reading) readFloat(bits, i int, p memory.Pointer) int {
	next := jsonscan.Number(r.text, i)
	if next == refused {
		return refused
	}
	f, err := strconv.ParseFloat(r.text[i:next], bits)
	if err != nil {
		return refused
	}
	if bits == 32 {
		*memory.As[float32](p) = float32(f)
	} else {
		*memory.As[float64](p) = f
	}
	return next
}
