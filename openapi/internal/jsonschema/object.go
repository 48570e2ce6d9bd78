package jsonschema

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
)

// An Object is a JSON object whose members keep their order, so that a document has the
// same bytes each time.
type Object struct{ members []member }

type member struct {
	key   string
	value any
}

// Obj makes an object of keys and values.
func Obj(pairs ...any) *Object {
	o := new(Object)
	for pair := range slices.Chunk(pairs, 2) {
		o.Set(pair[0].(string), pair[1])
	}
	return o
}

// Set adds a member, or replaces it where it is.
func (o *Object) Set(key string, value any) *Object {
	for i := range o.members {
		if o.members[i].key == key {
			o.members[i].value = value
			return o
		}
	}
	o.members = append(o.members, member{key, value})
	return o
}

// SetIf adds a member unless text is empty.
func (o *Object) SetIf(key, text string) {
	if text != "" {
		o.Set(key, text)
	}
}

// Get returns the value of a member, nil without it.
func (o *Object) Get(key string) any {
	for _, m := range o.members {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

// Has reports whether there is a member.
func (o *Object) Has(key string) bool {
	return slices.ContainsFunc(o.members, func(m member) bool { return m.key == key })
}

// IsEmpty reports whether there are no members.
func (o *Object) IsEmpty() bool { return len(o.members) == 0 }

// Clone returns a copy whose members can be changed.
func (o *Object) Clone() *Object { return &Object{slices.Clone(o.members)} }

// Each calls f for the value of each member.
func (o *Object) Each(f func(value any)) {
	for _, m := range o.members {
		f(m.value)
	}
}

// Merge adds the members of another object.
func (o *Object) Merge(other *Object) {
	for _, m := range other.members {
		o.Set(m.key, m.value)
	}
}

// SortKeys sorts the members by their keys.
func (o *Object) SortKeys() {
	slices.SortFunc(o.members, func(a, b member) int { return cmp.Compare(a.key, b.key) })
}

// MarshalJSON writes the members in their order.
func (o *Object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o.members {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := Encode(m.key)
		if err != nil {
			return nil, err
		}
		value, err := Encode(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// Encode is json.Marshal without the escapes for HTML, which patterns need not have.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// Indented returns v as JSON for people.
func Indented(v any) ([]byte, error) {
	text, err := Encode(v)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}
