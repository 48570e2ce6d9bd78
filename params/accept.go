package params

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
	"unsafe"
)

// An acceptor recognizes values that a rule surely accepts, many times faster
// than the validator judges them. What it does not recognize goes to the
// validator, so an acceptor may know less than its rule, and never more.
type acceptor func(p unsafe.Pointer) bool

// acceptorOf returns an acceptor of the values of type t that keep all rules,
// or nil when there is none for one of them.
func acceptorOf(t reflect.Type, rules []string) acceptor {
	all := make([]acceptor, 0, len(rules))
	for _, rule := range rules {
		if strings.ContainsAny(rule, "|") || strings.Contains(rule, "0x") {
			return nil // alternatives, and the validator's way to write a comma
		}
		name, param, _ := strings.Cut(rule, "=")
		accept := ruleAcceptor(t, name, param)
		if accept == nil {
			return nil
		}
		all = append(all, accept)
	}
	if len(all) == 1 {
		return all[0]
	}
	return func(p unsafe.Pointer) bool {
		for _, accept := range all {
			if !accept(p) {
				return false
			}
		}
		return true
	}
}

func ruleAcceptor(t reflect.Type, name, param string) acceptor {
	if t.Kind() == reflect.Pointer {
		target := ruleAcceptor(t.Elem(), name, param)
		if target == nil {
			return nil
		}
		return func(p unsafe.Pointer) bool {
			p = *(*unsafe.Pointer)(p)
			return p != nil && target(p)
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

func stringAcceptor(name, param string) acceptor {
	if accept := forms[name]; accept != nil {
		return func(p unsafe.Pointer) bool { return accept(*(*string)(p)) }
	}
	switch name {
	case "oneof":
		if strings.Contains(param, "'") {
			return nil // values with spaces, in quotes
		}
		values := strings.Fields(param)
		return func(p unsafe.Pointer) bool { return slices.Contains(values, *(*string)(p)) }
	case "eq":
		return func(p unsafe.Pointer) bool { return *(*string)(p) == param }
	}
	if n, err := strconv.ParseInt(param, 0, 64); err == nil {
		if holds := bound(name, n); holds != nil {
			return func(p unsafe.Pointer) bool { return holds(int64(utf8.RuneCountInString(*(*string)(p)))) }
		}
	}
	return nil
}

// bound returns what a rule asks of a value, or nil for a rule that is no
// bound.
func bound[T cmp.Ordered](rule string, limit T) func(T) bool {
	switch rule {
	case "min", "gte":
		return func(v T) bool { return v >= limit }
	case "max", "lte":
		return func(v T) bool { return v <= limit }
	case "gt":
		return func(v T) bool { return v > limit }
	case "lt":
		return func(v T) bool { return v < limit }
	case "len", "eq":
		return func(v T) bool { return v == limit }
	default:
		return nil
	}
}

// boundAcceptor is for bounds on numbers and on the lengths of lists.
func boundAcceptor(t reflect.Type, name, param string) acceptor {
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		limit, err := strconv.ParseInt(param, 0, 64)
		if t == durationType {
			var d time.Duration
			d, err = time.ParseDuration(param)
			limit = int64(d)
		}
		if err != nil {
			return nil
		}
		return signed(t, bound(name, limit))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		limit, err := strconv.ParseUint(param, 0, 64)
		if err != nil {
			return nil
		}
		return unsigned(t, bound(name, limit))
	case reflect.Float32, reflect.Float64:
		limit, err := strconv.ParseFloat(param, t.Bits())
		if err != nil {
			return nil
		}
		return floating(t, bound(name, limit))
	default:
		return nil
	}
}

// oneOfInts is oneof on an integer, whose text is compared.
func oneOfInts(t reflect.Type, param string) acceptor {
	if isList(t) {
		return nil
	}
	var values []int64
	for text := range strings.FieldsSeq(param) {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(n, 10) == text {
			values = append(values, n)
		}
	}
	return signed(t, func(v int64) bool { return slices.Contains(values, v) })
}

// signed makes an acceptor of a test on an integer or on the length of a list.
func signed(t reflect.Type, holds func(int64) bool) acceptor {
	if holds == nil {
		return nil
	}
	switch t.Kind() {
	case reflect.Slice:
		return func(p unsafe.Pointer) bool { return holds(int64((*sliceHeader)(p).len)) }
	case reflect.Int:
		return func(p unsafe.Pointer) bool { return holds(int64(*(*int)(p))) }
	case reflect.Int8:
		return func(p unsafe.Pointer) bool { return holds(int64(*(*int8)(p))) }
	case reflect.Int16:
		return func(p unsafe.Pointer) bool { return holds(int64(*(*int16)(p))) }
	case reflect.Int32:
		return func(p unsafe.Pointer) bool { return holds(int64(*(*int32)(p))) }
	case reflect.Int64:
		return func(p unsafe.Pointer) bool { return holds(*(*int64)(p)) }
	case reflect.Array, reflect.Map:
		return func(p unsafe.Pointer) bool { return holds(int64(reflect.NewAt(t, p).Elem().Len())) }
	default:
		return nil
	}
}

func unsigned(t reflect.Type, holds func(uint64) bool) acceptor {
	if holds == nil {
		return nil
	}
	switch t.Kind() {
	case reflect.Uint:
		return func(p unsafe.Pointer) bool { return holds(uint64(*(*uint)(p))) }
	case reflect.Uint8:
		return func(p unsafe.Pointer) bool { return holds(uint64(*(*uint8)(p))) }
	case reflect.Uint16:
		return func(p unsafe.Pointer) bool { return holds(uint64(*(*uint16)(p))) }
	case reflect.Uint32:
		return func(p unsafe.Pointer) bool { return holds(uint64(*(*uint32)(p))) }
	default:
		return func(p unsafe.Pointer) bool { return holds(*(*uint64)(p)) }
	}
}

func floating(t reflect.Type, holds func(float64) bool) acceptor {
	switch {
	case holds == nil:
		return nil
	case t.Kind() == reflect.Float32:
		return func(p unsafe.Pointer) bool { return holds(float64(*(*float32)(p))) }
	default:
		return func(p unsafe.Pointer) bool { return holds(*(*float64)(p)) }
	}
}

// A sliceHeader is what a slice is in memory.
type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}
