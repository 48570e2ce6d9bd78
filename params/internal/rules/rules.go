// Package rules compiles validate tags: what each rule asks of a value of its type,
// whether it can ask it at all, and what a client is told of a value that breaks it.
//
// A [Compiler] makes [Rules] of a tag. go-playground's validator can judge all rules;
// fast rules judge the common ones without it. The package knows no bodies: package
// schema applies rules to what lies inside a value.
package rules

import (
	"reflect"
	"slices"
	"strings"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
)

// Rules is a validate tag, compiled for the type of its field. nil has no rules.
type Rules struct {
	Required bool   // must be present
	Keys     *Rules // what holds for each key of a map; nil without
	Dive     *Rules // what holds for each element; nil without
	Closed   bool   // structonly, nostructlevel or "-": the rules inside do not count

	zero   func(memory.Pointer) bool // reports the zero value; for required
	skip   func(memory.Pointer) bool // omitempty and the like; nil without
	isNil  func(memory.Pointer) bool // reports a nil, which only rules on absence judge; nil without such rules
	judged []*judged                 // what the validator judges
}

// None asks nothing. It is for a list whose field has no dive.
var None = new(Rules)

// Required returns the rules of a value of type t that must be present.
func Required(t reflect.Type) *Rules { return &Rules{Required: true, zero: isAbsent(t)} }

// Present returns the rules without required, for a value that is known to be
// present.
func (r *Rules) Present() *Rules {
	if r == nil || !r.Required {
		return r
	}
	present := *r
	present.Required = false
	return &present
}

// Elements returns the rules of the elements of a list with the rules r.
func (r *Rules) Elements() *Rules {
	if r == nil {
		return nil
	}
	return r.Dive
}

// IsEmpty reports whether nothing is asked of a value, nor of its elements.
func (r *Rules) IsEmpty() bool {
	return !r.Required && len(r.judged) == 0 && r.Dive == nil
}

// OnValue reports whether the rules ask something of the value itself, or say when to
// skip it.
func (r *Rules) OnValue() bool {
	return r != nil && (r.Required || r.skip != nil || len(r.judged) > 0)
}

// IsAbsent reports whether the value at p, which is required, may have been absent.
func (r *Rules) IsAbsent(p memory.Pointer) bool { return r.zero(p) }

// MaySkip reports whether there are values of which nothing is asked.
func (r *Rules) MaySkip() bool { return r != nil && r.skip != nil }

// Skips reports whether nothing is asked of the value at p.
func (r *Rules) Skips(p memory.Pointer) bool { return r.skip != nil && r.skip(p) }

// Accepts reports whether the value of type t at p surely keeps what is asked of
// the value itself, apart from its presence.
func (r *Rules) Accepts(t reflect.Type, p, parent memory.Pointer) bool {
	for _, j := range r.judged {
		if !r.leavesOut(j, p) && !j.accepts(t, p, parent) {
			return false
		}
	}
	return true
}

// Judge returns what to tell of the first rule that the value of type t at p breaks, nil
// if it breaks none.
func (r *Rules) Judge(t reflect.Type, p, parent memory.Pointer) *Broken {
	for _, j := range r.judged {
		if r.leavesOut(j, p) {
			continue
		}
		if broken := j.judge(t, p, parent); broken != nil {
			return broken
		}
	}
	return nil
}

// JudgeAbsent returns what to tell of the first rule that a params.Optional without a value
// breaks, in the struct at parent; nil if it breaks none. t is the type of the value.
func (r *Rules) JudgeAbsent(t reflect.Type, parent memory.Pointer) *Broken {
	for _, j := range r.judged {
		if j.as != asGiven {
			continue
		}
		missing := *j
		missing.as = asMissing
		if broken := missing.byValidator(boolType, memory.Of(reflect.ValueOf(new(bool))), parent); broken != nil {
			broken.Type = kind.Deref(t)
			return broken
		}
	}
	return nil
}

var boolType = reflect.TypeFor[bool]()

// JudgeAbsence reports whether a rule asks something of a params.Optional without a value.
func (r *Rules) JudgeAbsence() bool {
	return r != nil && (r.Required || slices.ContainsFunc(r.judged, func(j *judged) bool { return j.as == asGiven }))
}

// leavesOut reports whether j must not judge the value at p: if there are rules on
// absence, only these judge a nil.
func (r *Rules) leavesOut(j *judged, p memory.Pointer) bool {
	return r.isNil != nil && !j.absence && r.isNil(p)
}

// Choices returns the values of a rule oneof, nil without one.
func (r *Rules) Choices() []string {
	if r == nil {
		return nil
	}
	for _, j := range r.judged {
		for rule := range strings.SplitSeq(j.tag, ",") {
			if param, ok := strings.CutPrefix(rule, "oneof="); ok && !strings.ContainsAny(param, "'|") {
				return splitArgument(param)
			}
		}
	}
	return nil
}

// Refer reports whether a rule refers to other fields.
func (r *Rules) Refer() bool {
	if r == nil {
		return false
	}
	return slices.ContainsFunc(r.judged, func(j *judged) bool { return j.parent != nil }) || r.Keys.Refer() || r.Dive.Refer()
}
