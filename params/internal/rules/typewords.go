package rules

import (
	"fmt"
	"math"
	"math/big"
	"net"
	"net/netip"
	"reflect"

	"github.com/velithon-go/velithon/params/internal/kind"
)

// Integer says which values a signed integer type with this number of bits has.
func Integer(bits int) string {
	return fmt.Sprintf("an integer from %d to %d", int64(math.MinInt64)>>(64-bits), int64(math.MaxInt64)>>(64-bits))
}

// Natural says which values an unsigned integer type with this number of bits has.
func Natural(bits int) string {
	return fmt.Sprintf("an integer from 0 to %d", uint64(math.MaxUint64)>>(64-bits))
}

// FloatRange says which values a float type with this number of bits has.
func FloatRange(bits int) string {
	if bits == 32 {
		return "a number from -3.4e38 to 3.4e38"
	}
	return "a number from -1.79e308 to 1.79e308"
}

// ValidValue is all that a client is told of a type of the service's own.
const ValidValue = "a valid value"

// knownTypes are types of the standard library that read text, and what they take.
var knownTypes = map[reflect.Type]string{
	kind.Time:                         "a date and time of RFC 3339, such as 2026-01-02T15:04:05Z",
	reflect.TypeFor[net.IP]():         "an IP address",
	reflect.TypeFor[netip.Addr]():     "an IP address",
	reflect.TypeFor[netip.AddrPort](): "an IP address and port, such as 192.0.2.1:80",
	reflect.TypeFor[netip.Prefix]():   "an IP network, such as 192.0.2.0/24",
	reflect.TypeFor[big.Int]():        "an integer",
	reflect.TypeFor[big.Float]():      "a number",
	reflect.TypeFor[big.Rat]():        "a number or fraction, such as 1/3",
}
