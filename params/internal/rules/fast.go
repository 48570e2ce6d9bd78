package rules

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
)

// An Acceptor recognizes values that a rule surely accepts, many times faster
// than the validator judges them. What it does not recognize goes to the
// validator, so an acceptor may know less than its rule, and never more.
type Acceptor func(p memory.Pointer) bool

// A fastRule judges some or all values by a rule, without the validator.
type fastRule struct {
	accept Acceptor
	refuse Acceptor // recognizes values that the rule surely refuses; may be nil
	told   *Broken  // of a value that is refused
	exact  bool     // the rule refuses all values that accept does not recognize
}

// fastRules returns a fastRule for each of the rules on values of type t, or nil if
// one of them has none.
func fastRules(t reflect.Type, rules []string) []fastRule {
	all := make([]fastRule, 0, len(rules))
	for _, rule := range rules {
		if strings.ContainsAny(rule, "|") || strings.Contains(rule, "0x") {
			return nil // alternatives, and the validator's way to write a comma or a bar
		}
		name, param, _ := strings.Cut(rule, "=")
		accept := acceptorOf(t, name, param)
		if accept == nil {
			return nil
		}
		c := fastRule{accept: accept}
		if t.Kind() != reflect.Pointer { // a nil is the validator's to judge
			c.exact = formats[name] == nil
			if name == "email" {
				c.refuse = hasNoAt
			}
		}
		all = append(all, c)
	}
	return all
}

// hasNoAt recognizes texts that are no e-mail address since they have no @, as most
// of them.
func hasNoAt(p memory.Pointer) bool { return !strings.Contains(*memory.As[string](p), "@") }

// allOf returns an acceptor of the values that all checks accept, nil without
// any.
func allOf(checks []fastRule) Acceptor {
	switch len(checks) {
	case 0:
		return nil
	case 1:
		return checks[0].accept
	}
	return func(p memory.Pointer) bool {
		for i := range checks {
			if !checks[i].accept(p) {
				return false
			}
		}
		return true
	}
}

// Fast returns an acceptor of the values of type t that keep the rules on the value
// itself, nil when there are no rules. all is false when the validator must judge
// some of the rules.
func (r *Rules) Fast(t reflect.Type) (accept Acceptor, all bool) {
	switch {
	case r == nil || len(r.judged) == 0 && r.skip == nil:
		return nil, true
	case len(r.judged) == 0:
		return nil, !kind.IsStruct(t) // whether to skip a struct, only the text tells
	case len(r.judged) > 1 || r.judged[0].accept == nil:
		return nil, false
	}
	holds, skip := r.judged[0].accept, r.skip
	if skip == nil {
		return holds, true
	}
	return func(p memory.Pointer) bool { return skip(p) || holds(p) }, true
}

func acceptorOf(t reflect.Type, name, param string) Acceptor {
	if t.Kind() == reflect.Pointer {
		target := acceptorOf(t.Elem(), name, param)
		if target == nil {
			return nil
		}
		return func(p memory.Pointer) bool {
			p = p.Target()
			return !p.IsNil() && target(p)
		}
	}
	switch {
	case t.Kind() == reflect.String:
		return stringAcceptor(name, param)
	case name == "oneof":
		return oneOfInts(t, param)
	default:
		return boundAcceptor(t, name, param)
	}
}

func stringAcceptor(name, param string) Acceptor {
	if accept := formats[name]; accept != nil {
		return func(p memory.Pointer) bool { return accept(*memory.As[string](p)) }
	}
	switch name {
	case "oneof":
		if strings.Contains(param, "'") {
			return nil // values with spaces, in quotes
		}
		values := splitArgument(param)
		return func(p memory.Pointer) bool { return slices.Contains(values, *memory.As[string](p)) }
	case "eq":
		return func(p memory.Pointer) bool { return *memory.As[string](p) == param }
	}
	if n, err := strconv.ParseInt(param, 0, 64); err == nil {
		if s, ok := spanOf(name, n, math.MinInt64, math.MaxInt64); ok {
			return func(p memory.Pointer) bool { return s.has(int64(utf8.RuneCountInString(*memory.As[string](p)))) }
		}
	}
	return nil
}

// A span is the integers from low to high.
type span[T int64 | uint64] struct{ low, high T }

func (s span[T]) has(v T) bool { return s.low <= v && v <= s.high }

// spanOf returns the integers from least to most that keep a rule; ok is false for a
// rule that is no bound, or that none keeps.
func spanOf[T int64 | uint64](rule string, limit, least, most T) (s span[T], ok bool) {
	switch rule {
	case "min", "gte":
		return span[T]{limit, most}, true
	case "max", "lte":
		return span[T]{least, limit}, true
	case "gt":
		return span[T]{limit + 1, most}, limit < most
	case "lt":
		return span[T]{least, limit - 1}, limit > least
	case "len", "eq":
		return span[T]{limit, limit}, true
	default:
		return s, false
	}
}

// floatBound returns a function that reports whether a floating-point number keeps a
// rule, or nil for a rule that is no bound.
func floatBound(rule string, limit float64) func(float64) bool {
	switch rule {
	case "min", "gte":
		return func(v float64) bool { return v >= limit }
	case "max", "lte":
		return func(v float64) bool { return v <= limit }
	case "gt":
		return func(v float64) bool { return v > limit }
	case "lt":
		return func(v float64) bool { return v < limit }
	case "len", "eq":
		return func(v float64) bool { return v == limit }
	default:
		return nil
	}
}

// boundAcceptor is for bounds on numbers and on the lengths of lists.
func boundAcceptor(t reflect.Type, name, param string) Acceptor {
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		limit, err := strconv.ParseInt(param, 0, 64)
		if t == kind.Duration {
			var d time.Duration
			d, err = time.ParseDuration(param)
			limit = int64(d)
		}
		if err != nil {
			return nil
		}
		s, ok := spanOf(name, limit, math.MinInt64, math.MaxInt64)
		if !ok {
			return nil
		}
		return signed(t, s)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		limit, err := strconv.ParseUint(param, 0, 64)
		if err != nil {
			return nil
		}
		s, ok := spanOf(name, limit, 0, math.MaxUint64)
		if !ok {
			return nil
		}
		return unsigned(t, s)
	case reflect.Float32, reflect.Float64:
		limit, err := strconv.ParseFloat(param, t.Bits())
		if err != nil {
			return nil
		}
		return floating(t, floatBound(name, limit))
	default:
		return nil
	}
}

// oneOfInts is for oneof on an integer, whose text is compared: "01" equals none.
func oneOfInts(t reflect.Type, param string) Acceptor {
	if kind.IsList(t) {
		return nil
	}
	var all []Acceptor
	for text := range strings.FieldsSeq(param) {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(n, 10) == text {
			all = append(all, signed(t, span[int64]{n, n}))
		}
	}
	if len(all) == 0 || all[0] == nil {
		return nil
	}
	return func(p memory.Pointer) bool {
		return slices.ContainsFunc(all, func(accept Acceptor) bool { return accept(p) })
	}
}

// signed makes an acceptor of a span of integers or of lengths of lists.
func signed(t reflect.Type, s span[int64]) Acceptor {
	switch t.Kind() {
	case reflect.Slice:
		return func(p memory.Pointer) bool { return s.has(int64(memory.As[memory.Slice](p).Len)) }
	case reflect.Int:
		return func(p memory.Pointer) bool { return s.has(int64(*memory.As[int](p))) }
	case reflect.Int8:
		return func(p memory.Pointer) bool { return s.has(int64(*memory.As[int8](p))) }
	case reflect.Int16:
		return func(p memory.Pointer) bool { return s.has(int64(*memory.As[int16](p))) }
	case reflect.Int32:
		return func(p memory.Pointer) bool { return s.has(int64(*memory.As[int32](p))) }
	case reflect.Int64:
		return func(p memory.Pointer) bool { return s.has(*memory.As[int64](p)) }
	case reflect.Array, reflect.Map:
		return func(p memory.Pointer) bool { return s.has(int64(p.Value(t).Len())) }
	default:
		return nil
	}
}

func unsigned(t reflect.Type, s span[uint64]) Acceptor {
	switch t.Kind() {
	case reflect.Uint:
		return func(p memory.Pointer) bool { return s.has(uint64(*memory.As[uint](p))) }
	case reflect.Uint8:
		return func(p memory.Pointer) bool { return s.has(uint64(*memory.As[uint8](p))) }
	case reflect.Uint16:
		return func(p memory.Pointer) bool { return s.has(uint64(*memory.As[uint16](p))) }
	case reflect.Uint32:
		return func(p memory.Pointer) bool { return s.has(uint64(*memory.As[uint32](p))) }
	default:
		return func(p memory.Pointer) bool { return s.has(*memory.As[uint64](p)) }
	}
}

func floating(t reflect.Type, holds func(float64) bool) Acceptor {
	switch {
	case holds == nil:
		return nil
	case t.Kind() == reflect.Float32:
		return func(p memory.Pointer) bool { return holds(float64(*memory.As[float32](p))) }
	default:
		return func(p memory.Pointer) bool { return holds(*memory.As[float64](p)) }
	}
}
