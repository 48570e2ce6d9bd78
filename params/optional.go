package params

import (
	"errors"
	"reflect"

	"github.com/goccy/go-json"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/schema"
)

// An Optional is a value that may be absent: a member of a JSON body that is left as it
// is by a PATCH (RFC 7396), or a parameter whose zero is not its absence.
//
//	Name  params.Optional[string]  `json:"name" validate:"min=1"` // absent or a string
//	Phone params.Optional[*string] `json:"phone" validate:"e164"` // absent, null or a string
//
// Null is a value only if T is a pointer, nil then, or an interface; else it is a fault.
// The rules of a field are those of the value: none but required and its relatives, such as
// required_without, looks at one that is absent or null, and to these null is absence.
//
// The zero Optional is absent. It is encoded as null, or left out with the json option
// omitzero. Several goroutines may read one.
type Optional[T any] struct {
	_     kind.OptionalMark
	value T
	given bool
}

// Some returns an Optional with a value.
func Some[T any](value T) Optional[T] { return Optional[T]{value: value, given: true} }

// Get returns the value, and whether it was given. The value of one that is absent is
// zero.
func (o Optional[T]) Get() (value T, given bool) { return o.value, o.given }

// Or returns the value, or instead if it is absent.
func (o Optional[T]) Or(instead T) T {
	if o.given {
		return o.value
	}
	return instead
}

// ApplyTo sets *to to the value, if it was given.
func (o Optional[T]) ApplyTo(to *T) {
	if o.given {
		*to = o.value
	}
}

// IsZero reports whether the value is absent, as omitzero asks.
func (o Optional[T]) IsZero() bool { return !o.given }

// ValidatorValue returns a pointer to the value, nil if it is absent, for the rules of other
// fields. By the pointer they see that a zero was given.
func (o Optional[T]) ValidatorValue() any {
	if !o.given {
		return nil
	}
	return &o.value
}

// MarshalJSON encodes the value, or null if it is absent.
func (o Optional[T]) MarshalJSON() ([]byte, error) {
	if !o.given {
		return []byte("null"), nil
	}
	return json.Marshal(o.value)
}

// errNull is the error of a null that is no value.
var errNull = errors.New("params: null is no value: make it an Optional of a pointer to allow it")

// UnmarshalJSON decodes a value that is there. It fails for a null, unless T is a pointer
// or an interface.
func (o *Optional[T]) UnmarshalJSON(text []byte) error {
	var value T
	if string(text) == "null" && !isNullable(reflect.TypeFor[T]()) {
		return errNull
	}
	if err := json.Unmarshal(text, &value); err != nil {
		return err
	}
	*o = Some(value)
	return nil
}

func isNullable(t reflect.Type) bool {
	return t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface
}

// OptionalOf returns the type of the value of t, if t is an [Optional], and whether null
// is a value of it.
func OptionalOf(t reflect.Type) (value reflect.Type, mayBeNull, ok bool) {
	o, ok := kind.OptionalOf(t)
	return o.Value, o.Nullable, ok
}

var (
	errOptionalBody    = errors.New("is an Optional, but a body is absent and null alike: use a pointer")
	errOptionalDefault = errors.New("has a default, but an Optional is absent without a value: use the type of its value")
)

// unwrap makes the param of an Optional that of its value.
func (p *param) unwrap(f reflect.StructField) error {
	o, ok := kind.OptionalOf(f.Type)
	switch {
	case !ok:
		return nil
	case isFile(o.Value):
		return errors.New("is an Optional of a file: use params.File, whose Given tells whether it was sent")
	case o.Nullable:
		return errors.New("is an Optional of " + kind.A(o.Value) + ", but only JSON has a null: use an Optional of the value itself")
	}
	p.optional, p.typ, p.offset = &o, o.Value, p.offset+o.At
	return nil
}

// setOptional returns a setter that does what set does, and notes that a value was given.
func setOptional(o *kind.Optional, set setter) setter {
	given := o.GivenAt - o.At
	return func(at memory.Pointer, text string) error {
		err := set(at, text)
		if err == nil {
			*memory.As[bool](at.At(given)) = true
		}
		return err
	}
}

// isGiven reports whether the Optional with the value at p was given.
func (p *param) isGiven(at memory.Pointer) bool {
	return *memory.As[bool](at.At(p.optional.GivenAt - p.optional.At))
}

// optionalPrecheck makes the precheck of an Optional from that of its value; it returns
// precheck for other types.
func (p *param) optionalPrecheck(precheck schema.Precheck) schema.Precheck {
	if p.optional == nil {
		return precheck
	}
	judgesAbsence := p.rules.JudgeAbsence()
	return func(at, parent memory.Pointer) bool {
		if !p.isGiven(at) {
			return !judgesAbsence
		}
		return precheck == nil || precheck(at, parent)
	}
}
