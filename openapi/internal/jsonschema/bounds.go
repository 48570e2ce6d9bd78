package jsonschema

import (
	"math/big"
	"reflect"
	"strconv"
	"time"
)

// applyBound adds a rule that compares with a number or a text: min, max, len, eq and the
// like. known is false for other rules.
func applyBound(o *Object, name, argument string, t reflect.Type) (applied, known bool) {
	switch name {
	case "min", "gte", "max", "lte", "gt", "lt", "len", "eq", "ne":
	default:
		return false, false
	}
	switch {
	case t == timeType || t == numberType:
		return false, true
	case t.Kind() == reflect.String && name == "eq":
		Add(o, "const", argument)
		return true, true
	case t.Kind() == reflect.String && name == "ne":
		Add(o, "not", Obj("const", argument))
		return true, true
	case t.Kind() == reflect.Bool && (name == "eq" || name == "ne"):
		want, err := strconv.ParseBool(argument)
		Add(o, "const", want == (name == "eq"))
		return err == nil, true
	case isNumber(t):
		return applyNumber(o, name, argument, t), true
	}
	noun := map[reflect.Kind]string{reflect.String: "Length", reflect.Slice: "Items", reflect.Array: "Items", reflect.Map: "Properties"}[t.Kind()]
	if noun == "" || noun == "Items" && o.Get("type") == "string" {
		return false, true // a bool, an any; bytes, which are counted and stand in base64
	}
	n, err := strconv.ParseInt(argument, 0, 64)
	if err != nil {
		return false, true
	}
	return applyLength(o, name, noun, n), true
}

// applyLength adds a bound on the length of a text, a list or a map.
func applyLength(o *Object, name, noun string, n int64) bool {
	switch name {
	case "min", "gte":
		raise(o, "min"+noun, max(n, 0))
	case "gt":
		raise(o, "min"+noun, max(n+1, 0))
	case "max", "lte":
		lower(o, "max"+noun, n)
	case "lt":
		lower(o, "max"+noun, n-1)
	case "len", "eq":
		raise(o, "min"+noun, n)
		lower(o, "max"+noun, n)
	case "ne":
		Add(o, "not", Obj("min"+noun, n, "max"+noun, n))
	}
	return true
}

func applyNumber(o *Object, name, argument string, t reflect.Type) bool {
	n := number(argument)
	if t == durationType {
		d, err := time.ParseDuration(argument)
		if err == nil {
			n = int64(d)
		}
	}
	if n == nil {
		return false
	}
	if t.Kind() == reflect.Float32 {
		if limit, err := strconv.ParseFloat(argument, 32); err == nil {
			n = limit // what the validator compares with
		}
	}
	switch name {
	case "min", "gte":
		raise(o, "minimum", n)
	case "gt":
		raise(o, "exclusiveMinimum", n)
	case "max", "lte":
		lower(o, "maximum", n)
	case "lt":
		lower(o, "exclusiveMaximum", n)
	case "len", "eq":
		Add(o, "const", n)
	case "ne":
		Add(o, "not", Obj("const", n))
	}
	return true
}

func isNumber(t reflect.Type) bool {
	return reflect.Int <= t.Kind() && t.Kind() <= reflect.Float64
}

// number returns a number as a tag has it, nil for what is none.
func number(text string) any {
	if n, err := strconv.ParseInt(text, 0, 64); err == nil {
		return n
	}
	if n, err := strconv.ParseUint(text, 0, 64); err == nil {
		return n
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return f
	}
	return nil
}

// raise sets a lower bound, unless there is a higher one.
func raise(o *Object, key string, n any) {
	if before := o.Get(key); before == nil || compare(n, before) > 0 {
		o.Set(key, n)
	}
}

// lower sets an upper bound, unless there is a lower one.
func lower(o *Object, key string, n any) {
	if before := o.Get(key); before == nil || compare(n, before) < 0 {
		o.Set(key, n)
	}
}

func compare(a, b any) int { return rational(a).Cmp(rational(b)) }

func rational(n any) *big.Rat {
	switch n := n.(type) {
	case int:
		return new(big.Rat).SetInt64(int64(n))
	case int64:
		return new(big.Rat).SetInt64(n)
	case uint64:
		return new(big.Rat).SetUint64(n)
	default:
		return new(big.Rat).SetFloat64(n.(float64))
	}
}
