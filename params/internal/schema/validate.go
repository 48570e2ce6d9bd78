package schema

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/rules"
)

// A FaultsOf makes faults of the error of a Validate method: with a pointer from the value
// that has the method. It returns the error itself if there are none in it.
type FaultsOf func(err error) (Faults, error)

// Validate calls the Validate methods of the value at p, which keeps its rules r, and of all
// that lies below, from the inside out. A value is not asked if something in it has a
// fault. It returns the faults, all like the one given, or the first error that is none.
func Validate(ctx context.Context, s *Schema, r *rules.Rules, p memory.Pointer, like Fault, faultsOf FaultsOf) (Faults, error) {
	v := validation{checker: checker{like: like}, ctx: ctx, faultsOf: faultsOf}
	v.value(s, r, p)
	return v.faults, v.err
}

type validation struct {
	checker

	ctx      context.Context //nolint:containedctx // it is one walk
	faultsOf FaultsOf
	err      error
}

func (v *validation) value(s *Schema, r *rules.Rules, p memory.Pointer) {
	if !s.Validates || v.err != nil || v.faults.full() || r != nil && r.Closed {
		return
	}
	if s.Shape == Optional {
		if value, ok := s.value(p); ok {
			v.value(s.Elem, r, value)
		}
		return
	}
	if r.MaySkip() && r.Skips(p) {
		return
	}
	for s.Shape == Pointer {
		if p = p.Target(); p.IsNil() {
			return
		}
		s = s.Elem
	}
	if s.Shape == Optional {
		v.value(s, nil, p)
		return
	}
	before := len(v.faults)
	v.inside(s, r, p)
	if s.isValidatable && v.err == nil && len(v.faults) == before {
		v.ask(p.Value(s.Type))
	}
}

func (v *validation) inside(s *Schema, r *rules.Rules, p memory.Pointer) {
	switch s.Shape {
	case Struct:
		for _, m := range s.Members {
			if field, around := m.at(p); m.Name != "" && !around.IsNil() {
				v.down(m.Name, noIndex)
				v.value(m.Schema, m.Rules, field)
				v.up()
			}
		}
	case List:
		list := p.Value(s.Type)
		for i := range list.Len() {
			v.down("", i)
			v.value(s.Elem, r.Elements(), memory.Of(list.Index(i).Addr()))
			v.up()
		}
	case Map:
		for at := p.Value(s.Type).MapRange(); at.Next(); {
			value := reflect.New(s.Elem.Type) // the values of a map have no address
			value.Elem().Set(at.Value())
			v.down(keyText(at.Key()), noIndex)
			v.value(s.Elem, r.Elements(), memory.Of(value))
			v.up()
		}
	case Pointer, Optional, Leaf:
	}
}

// ask calls the method of a value, and adds its faults at their places.
func (v *validation) ask(value reflect.Value) {
	of, ok := reflect.TypeAssert[kind.Validatable](value.Addr())
	if !ok {
		return
	}
	err := of.Validate(v.ctx)
	if err == nil {
		return
	}
	found, err := v.faultsOf(err)
	if err != nil {
		v.err = err
		return
	}
	place := pointer(v.path)
	for _, f := range found {
		f.Order, f.In = v.like.Order, v.like.In
		f.Pointer = JoinPointer(place, f.Pointer)
		v.faults.Add(f)
	}
}

// JoinPointer returns the place that a JSON pointer leads to from another place, which is a
// URI fragment. The pointer may be one, too, and may lack its first slash.
func JoinPointer(place, to string) string {
	b := []byte(place)
	to, isFragment := strings.CutPrefix(to, "#")
	if to != "" && to[0] != '/' {
		b = append(b, '/')
	}
	for i := range len(to) {
		if c := to[i]; isFragment || c == '/' || c == '~' {
			b = append(b, c)
		} else {
			b = appendPointerByte(b, c)
		}
	}
	if len(b) > maxPointer {
		return place
	}
	return string(b)
}

// checkValidate returns an error if a struct hides the Validate method of one that it
// embeds.
func checkValidate(t reflect.Type) error {
	if inner := kind.HiddenValidatable(t); inner != nil {
		return fmt.Errorf("has the type %s, which embeds %s but does not have its method Validate(context.Context) error: declare one that calls it", t, inner)
	}
	return nil
}
