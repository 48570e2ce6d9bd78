package rules

import (
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/velithon-go/velithon/params/internal/kind"
)

// contradiction returns the first of the rules that no value keeps together with
// those before it, or "" if there is none.
func contradiction(t reflect.Type, rules []string) string {
	s, u := span[int64]{0, math.MaxInt64}, span[uint64]{0, math.MaxUint64}
	k := kindsOf(t)
	switch {
	case t.Kind() == reflect.Interface || k&(texts|lists|integers|naturals|addresses) == 0:
		return ""
	case t.Kind() == reflect.Array:
		s = span[int64]{int64(t.Len()), int64(t.Len())}
	case k&integers != 0:
		s = span[int64]{-1 << (t.Bits() - 1), 1<<(t.Bits()-1) - 1}
	case k&(naturals|addresses) != 0:
		u.high >>= 64 - t.Bits()
	}
	for _, rule := range rules {
		name, argument, _ := strings.Cut(rule, "=")
		switch catalog[name].argument {
		case aBound:
		case aValue:
			if k&texts != 0 {
				continue // the text itself, not its length
			}
		default:
			continue
		}
		if k&(naturals|addresses) != 0 {
			limit, err := strconv.ParseUint(argument, 0, 64)
			if err == nil && !u.narrow(name, limit, math.MaxUint64, 0) {
				return rule
			}
			continue
		}
		limit, err := strconv.ParseInt(argument, 0, 64)
		if t == kind.Duration {
			limit, err = parseDuration(argument)
		}
		if err == nil && !s.narrow(name, limit, math.MaxInt64, math.MinInt64) {
			return rule
		}
	}
	return ""
}

// narrow narrows a span to what a rule asks for, and reports whether something is
// left.
func (s *span[T]) narrow(rule string, limit, most, least T) bool {
	if rule == "ne" {
		return s.low != s.high || s.low != limit
	}
	of, ok := spanOf(rule, limit, least, most)
	s.low, s.high = max(s.low, of.low), min(s.high, of.high)
	return ok && s.low <= s.high
}
