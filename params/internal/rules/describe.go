package rules

import (
	"reflect"
	"slices"
	"strings"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
)

// Texts returns the rules on the value itself as a tag has them, with aliases
// expanded: without required, dive, and what leaves out a zero in front of all others.
func (r *Rules) Texts() (all []string) {
	if r == nil {
		return nil
	}
	for _, j := range r.judged {
		all = append(all, j.names...)
	}
	return all
}

// JudgedType returns the type that the rules on a value of type t judge, without
// pointers; nil when only the value tells.
func (c *Compiler) JudgedType(t reflect.Type) reflect.Type {
	if as := c.judgedAs(t); as.known {
		return as.Type
	}
	return nil
}

// RefusesZero reports whether the rules refuse a zero of type t, whatever the other
// fields of the struct around it are. The rules are asked. parent is the type of that
// struct, which may be nil if no rule refers to it.
func (r *Rules) RefusesZero(t, parent reflect.Type) bool {
	if r == nil {
		return false
	}
	zero := memory.New(t)
	return r.Required || !r.Skips(zero) && r.refuses(t, parent, zero)
}

// RefusesNone is RefusesZero for a params.Optional without a value.
func (r *Rules) RefusesNone(parent reflect.Type) bool {
	if r == nil || r.Required {
		return r != nil
	}
	none := memory.Of(reflect.ValueOf(new(bool)))
	return slices.ContainsFunc(r.judged, func(j *judged) bool {
		missing := *j
		missing.as = asMissing
		switch {
		case j.as != asGiven:
			return false
		case j.parent == nil:
			return missing.byValidator(boolType, none, memory.Pointer{}) != nil
		default:
			return missing.refusesAlone(boolType, parent, none)
		}
	})
}

// SparesZero reports whether a zero that a client can send, such as 0 or "", is taken
// only because omitempty or omitzero leaves it out.
func (r *Rules) SparesZero(t, parent reflect.Type) bool {
	if !r.MaySkip() || kind.IsStruct(t) || t.Kind() == reflect.Interface {
		return false // an absent struct is left out, but a {} is not
	}
	zero := reflect.New(t)
	at := zero.Elem()
	for at.Kind() == reflect.Pointer { // what is sent is behind it
		at.Set(reflect.New(at.Type().Elem()))
		at = at.Elem()
	}
	switch at.Kind() {
	case reflect.Slice:
		at.Set(reflect.MakeSlice(at.Type(), 0, 0))
	case reflect.Map:
		at.Set(reflect.MakeMap(at.Type()))
	}
	p := memory.Of(zero)
	return r.Skips(p) && r.refuses(t, parent, p)
}

// refuses reports whether the rules refuse the value at p in any struct.
func (r *Rules) refuses(t, parent reflect.Type, p memory.Pointer) bool {
	for _, j := range r.judged {
		switch {
		case r.leavesOut(j, p):
		case j.parent == nil:
			if j.judge(t, p, memory.Pointer{}) != nil {
				return true
			}
		case j.refusesAlone(t, parent, p):
			return true
		}
	}
	return false
}

// refusesAlone is [Rules.refuses] for a run of which some rules refer to the struct
// around. Each of them is asked alone. What a rule of the service's own looks at is not
// known: it must refuse the value in a struct of zeros and in one of other values.
func (j *judged) refusesAlone(t, parent reflect.Type, p memory.Pointer) bool {
	filled := reflect.New(parent)
	fillFields(filled.Elem())
	for _, name := range j.names {
		if isOmit(name) && p.Value(t).IsZero() {
			return false
		}
		if isOmit(name) || comparesFields(name) {
			continue
		}
		alone := *j
		alone.tag, alone.names, alone.fast, alone.accept, alone.dynamic = name, []string{name}, nil, nil, true
		if j.as == asStruct {
			alone.tag = onStruct(name)
		}
		if alone.byValidator(t, p, memory.New(parent)) != nil && alone.byValidator(t, p, memory.Of(filled)) != nil {
			return true
		}
	}
	return false
}

// comparesFields reports whether a rule that ships with the validator, or one of its
// alternatives, refers to other fields.
func comparesFields(rule string) bool {
	for alternative := range strings.SplitSeq(rule, "|") {
		name, _, given := strings.Cut(alternative, "=")
		switch catalog[name].argument {
		case aField, someFields, fieldsAndValues:
			return true
		case maybeField:
			if given {
				return true
			}
		}
	}
	return false
}

// Inside returns the rules without those on the value itself.
func (r *Rules) Inside() *Rules {
	if r == nil {
		return nil
	}
	return &Rules{Keys: r.Keys, Dive: r.Dive, Closed: r.Closed, skip: r.skip}
}
