package params

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/velithon-go/velithon/params/internal/jsonscan"
	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/rules"
)

// A setter converts text and stores it at p, which points to a value of the
// type that the setter was made for. Text may lie in the request's memory, so
// a setter copies what it keeps. It leaves *p alone when it returns an error.
type setter func(p memory.Pointer, text string) error

var checkboxType = reflect.TypeFor[Checkbox]()

// ownTypes are the types of this package that read text, and what they take.
var ownTypes = map[reflect.Type]string{
	reflect.TypeFor[Date]():     "must be a date such as 2026-12-31",
	reflect.TypeFor[Duration](): errNotDuration.detail,
}

// A conversionError is the error of a setter; its text goes to the client.
type conversionError struct{ code, detail string }

func (e *conversionError) Error() string { return e.detail }

var errNotUTF8 = &conversionError{CodeEncoding, "must be valid UTF-8"}

func mustBe(what string) *conversionError {
	return &conversionError{CodeType, "must be " + what}
}

// errNoSetter is returned for a type that no text converts to.
var errNoSetter = errors.New("has no conversion from text: use a string, bool, number, time.Time, time.Duration, " +
	"a type with UnmarshalText, or a slice or pointer of these")

// errOnlyJSON is returned for a type that decodes itself, but from JSON only. A
// setter would store values that its decoder may refuse.
var errOnlyJSON = errors.New("decodes itself from JSON but not from text: add an UnmarshalText")

// setterFor returns the setter of scalars of type t.
func setterFor(t reflect.Type, typeText func(reflect.Type) string) (setter, error) {
	set, err := scalarSetter(t)
	if text := typeText(t); text != "" && err == nil {
		return setTold(text, set), nil
	}
	return set, err
}

// setTold returns a setter that does what set does, but fails with another text
// for what is no value of its type.
func setTold(text string, set setter) setter {
	wrong := &conversionError{CodeType, text}
	return func(p memory.Pointer, text string) error {
		err := set(p, text)
		if c, ok := err.(*conversionError); ok && c.code == CodeType { //nolint:errorlint // setters return it bare
			return wrong
		}
		return err
	}
}

func scalarSetter(t reflect.Type) (setter, error) {
	switch {
	case t == kind.Duration:
		return setDuration, nil
	case t == kind.Number:
		return setNumber, nil
	case t == checkboxType:
		return setCheckbox, nil
	case reflect.PointerTo(t).Implements(kind.TextUnmarshaler):
		return setText(t), nil
	case kind.DecodesItself(t):
		return nil, errOnlyJSON
	}
	switch t.Kind() {
	case reflect.String:
		return setString, nil
	case reflect.Bool:
		return setBool, nil
	case reflect.Int:
		return setInt[int](strconv.IntSize), nil
	case reflect.Int8:
		return setInt[int8](8), nil
	case reflect.Int16:
		return setInt[int16](16), nil
	case reflect.Int32:
		return setInt[int32](32), nil
	case reflect.Int64:
		return setInt[int64](64), nil
	case reflect.Uint:
		return setUint[uint](strconv.IntSize), nil
	case reflect.Uint8:
		return setUint[uint8](8), nil
	case reflect.Uint16:
		return setUint[uint16](16), nil
	case reflect.Uint32:
		return setUint[uint32](32), nil
	case reflect.Uint64:
		return setUint[uint64](64), nil
	case reflect.Float32:
		return setFloat[float32](32), nil
	case reflect.Float64:
		return setFloat[float64](64), nil
	default:
		return nil, errNoSetter
	}
}

func setString(p memory.Pointer, text string) error {
	if !utf8.ValidString(text) {
		return errNotUTF8
	}
	*memory.As[string](p) = strings.Clone(text)
	return nil
}

// setChoice returns a setter that stores one of the choices of the field's tag if the
// text equals it, which saves a copy of the text, and else does what set does.
func setChoice(choices []string, set setter) setter {
	return func(p memory.Pointer, text string) error {
		for _, choice := range choices {
			if choice == text {
				*memory.As[string](p) = choice
				return nil
			}
		}
		return set(p, text)
	}
}

func setBool(p memory.Pointer, text string) error {
	b, err := strconv.ParseBool(text)
	if err != nil {
		return errNotBool
	}
	*memory.As[bool](p) = b
	return nil
}

var errNotBool = mustBe("true or false")

func setInt[T int | int8 | int16 | int32 | int64](bits int) setter {
	wrong := mustBe(rules.Integer(bits))
	return func(p memory.Pointer, text string) error {
		n, err := strconv.ParseInt(text, 10, bits)
		if err != nil {
			return wrong
		}
		*memory.As[T](p) = T(n)
		return nil
	}
}

func setUint[T uint | uint8 | uint16 | uint32 | uint64](bits int) setter {
	wrong := mustBe(rules.Natural(bits))
	return func(p memory.Pointer, text string) error {
		n, err := strconv.ParseUint(text, 10, bits)
		if err != nil {
			return wrong
		}
		*memory.As[T](p) = T(n)
		return nil
	}
}

// setFloat makes a setter of decimal numbers. strconv accepts more, which the setter
// refuses: NaN, which compares false with everything and would slip through min and
// max, the infinities, and Go's hexadecimal digits and underscores.
func setFloat[T float32 | float64](bits int) setter {
	wide := mustBe(rules.FloatRange(bits))
	return func(p memory.Pointer, text string) error {
		if strings.ContainsFunc(text, isNotDecimal) {
			return errNotNumber
		}
		f, err := strconv.ParseFloat(text, bits)
		switch {
		case errors.Is(err, strconv.ErrRange):
			return wide
		case err != nil:
			return errNotNumber
		}
		*memory.As[T](p) = T(f)
		return nil
	}
}

var errNotNumber = mustBe("a number")

// isNotDecimal reports whether a character has no place in a decimal number.
func isNotDecimal(c rune) bool {
	return (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c|0x20 != 'e'
}

// setNumber accepts a number of JSON only: a [json.Number] is encoded as it is.
func setNumber(p memory.Pointer, text string) error {
	if jsonscan.Number(text, 0) != len(text) {
		return errNotNumber
	}
	*memory.As[string](p) = strings.Clone(text)
	return nil
}

func setDuration(p memory.Pointer, text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return errNotDuration
	}
	*memory.As[time.Duration](p) = d
	return nil
}

var errNotDuration = mustBe(`a duration such as "1h30m" or "250ms"`)

// setText calls the type's own UnmarshalText. Its error is not shown to the
// client, since it may hold the value; see [RegisterTypeText].
func setText(t reflect.Type) setter {
	wrong := mustBe(rules.ValidValue)
	return func(p memory.Pointer, text string) error {
		if !utf8.ValidString(text) {
			return errNotUTF8
		}
		fresh := reflect.New(t)
		if err := fresh.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
			return wrong
		}
		p.Value(t).Set(fresh.Elem())
		return nil
	}
}

// setPointer makes the setter of *t from the one of t.
func setPointer(t reflect.Type, set setter) setter {
	return func(p memory.Pointer, text string) error {
		fresh := reflect.New(t)
		if err := set(memory.Of(fresh), text); err != nil {
			return err
		}
		*memory.As[memory.Pointer](p) = memory.Of(fresh)
		return nil
	}
}

// appendTo makes a setter that appends to the slice of type t at p, from the
// setter of its elements.
func appendTo(t reflect.Type, set setter) setter {
	return func(p memory.Pointer, text string) error {
		slice := p.Value(t)
		n := slice.Len()
		slice.Grow(1)
		slice.SetLen(n + 1)
		if err := set(memory.Of(slice.Index(n).Addr()), text); err != nil {
			slice.SetLen(n)
			return err
		}
		return nil
	}
}

// setterOf returns how values are stored into a field of type t, and whether
// there may be many.
func setterOf(t reflect.Type, typeText func(reflect.Type) string) (set setter, many bool, err error) {
	if set, err = setterFor(t, typeText); err == nil {
		return set, false, nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		if set, err = setterFor(t.Elem(), typeText); err == nil {
			return setPointer(t.Elem(), set), false, nil
		}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return nil, false, fmt.Errorf("would be a list of small numbers: use string for text")
		}
		if set, err = setterFor(t.Elem(), typeText); err == nil {
			return appendTo(t, set), true, nil
		}
	}
	return nil, false, err
}
