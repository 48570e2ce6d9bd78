// Package schema compiles the types of JSON bodies and the rules in them, and judges
// values by these rules.
//
// It does so in three passes. The [Precheck] of a type says whether a value surely
// keeps all rules. Most values do; only the others need the next two passes, which are
// both in [CheckBody]. The walk over the text finds what a value can't show: which
// required members were absent. The check of the value finds what breaks a rule.
package schema

import (
	"fmt"
	"reflect"

	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/rules"
)

// A Shape is how a type is walked.
type Shape int

// The shapes.
const (
	Leaf   Shape = iota // nothing below that has rules or a place of its own
	Struct              // members
	List                // slice or array
	Map
	Pointer
	Optional // a params.Optional
)

// A Schema is a type of the body, with the rules that hold anywhere below it.
// Types may be recursive, so schemas form a graph.
type Schema struct {
	Type          reflect.Type
	Shape         Shape
	told          string                      // what is told of a value that is none of the type; "" for what [typeInWords] says
	Opaque        bool                        // decodes itself, so that nobody knows how its text relates to its members
	unfilled      bool                        // what is below is not filled by the codec: the value decodes itself, or one around it does
	Members       []*Member                   // of a struct, in the order of their fields
	names         map[string]*Member          // of a struct, by JSON name
	folded        map[string]*Member          // the same, by the name in lower case; nil when not all names are ASCII
	Elem          *Schema                     // of a list, map, pointer or optional
	Optional      kind.Optional               // where the parts of an optional lie
	Active        bool                        // something below has rules
	Strict        bool                        // a key that no member has is a fault
	Walked        bool                        // a text must be walked if no reader has judged it: it is Active, or a Strict struct is in it
	Defaults      bool                        // something below has a default
	Validates     bool                        // the type, or something below, has a method Validate
	isValidatable bool                        // the type has
	unread        bool                        // something below has rules that a reader does not check
	precheck      func(p memory.Pointer) bool // the [Precheck] of what is below
}

// A Compiler compiles types and the rules in them.
type Compiler struct {
	// RejectUnknown makes a key that no member has a fault.
	RejectUnknown bool

	// Default compiles the defaults of members; nil ignores them.
	Default DefaultCompiler

	rules   *rules.Compiler // nil to find members only, see [Written]
	schemas map[typeAt]*Schema
}

// A typeAt is a type where the codec fills it, or inside a value that decodes itself,
// where a type need not be one that the codec can fill.
type typeAt struct {
	typ    reflect.Type
	inside bool
}

// NewCompiler returns a compiler of schemas that compiles their rules with rules.
func NewCompiler(rules *rules.Compiler) *Compiler {
	return &Compiler{rules: rules, schemas: make(map[typeAt]*Schema)}
}

// Of returns the schema of a type, the same one for the same type. Call
// [Compiler.Finish] before using it.
func (c *Compiler) Of(t reflect.Type) (*Schema, error) { return c.of(t, false) }

// of returns the schema of a type, which may be one inside a value that decodes itself.
func (c *Compiler) of(t reflect.Type, inside bool) (*Schema, error) {
	key := typeAt{t, inside}
	if s := c.schemas[key]; s != nil {
		return s, nil
	}
	s := &Schema{Type: t, Shape: shapeOf(t), told: c.rules.TypeText(t), Opaque: t.Kind() != reflect.Interface && kind.DecodesItself(t)}
	if o, ok := kind.OptionalOf(t); ok {
		s.Shape, s.Optional, s.Opaque = Optional, o, false
	}
	s.unfilled = s.Opaque || inside
	s.isValidatable = kind.IsValidatable(t)
	c.schemas[key] = s
	if err := checkValidate(t); err != nil {
		return nil, err
	}
	var err error
	switch s.Shape {
	case Struct:
		err = c.members(s)
	case Map:
		if !s.unfilled && !isJSONKey(t.Key()) {
			return nil, fmt.Errorf("has the type %s, whose keys JSON does not have: use a map with string keys", t)
		}
		s.Elem, err = c.of(t.Elem(), s.unfilled)
	case List, Pointer:
		s.Elem, err = c.of(t.Elem(), s.unfilled)
	case Optional:
		s.Elem, err = c.of(s.Optional.Value, s.unfilled)
	case Leaf:
		if !s.unfilled {
			err = checkLeaf(t)
		}
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// checkLeaf returns an error if the codec can't fill values of type t.
func checkLeaf(t reflect.Type) error {
	switch t.Kind() {
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return fmt.Errorf("has the interface type %s, which JSON can't fill: use any or a struct", t)
		}
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return fmt.Errorf("has the type %s, which JSON does not have: leave it out with `json:\"-\"`", t)
	}
	return nil
}

// Finish sets what needs the whole graph of schemas. Call it once, after the last
// type was compiled.
func (c *Compiler) Finish() {
	for _, s := range c.schemas {
		s.Active = reaches(s, (*Member).isRuled, make(map[*Schema]bool))
		s.unread = reaches(s, (*Member).isUnread, make(map[*Schema]bool))
		s.Defaults = reaches(s, func(m *Member) bool { return m.Default != nil }, make(map[*Schema]bool))
		s.Validates = s.validates(make(map[*Schema]bool))
		s.Strict = c.RejectUnknown && !s.unfilled
		s.Walked = s.Active || c.RejectUnknown && s.hasKeys(make(map[*Schema]bool))
	}
	for _, s := range c.schemas {
		s.compilePrecheck()
	}
}

func shapeOf(t reflect.Type) Shape {
	switch t.Kind() {
	case reflect.Struct:
		return Struct
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return Leaf // base64
		}
		return List
	case reflect.Array:
		return List
	case reflect.Map:
		return Map
	case reflect.Pointer:
		return Pointer
	default:
		return Leaf
	}
}

func isJSONKey(t reflect.Type) bool {
	switch k := t.Kind(); {
	case k == reflect.String, reflect.Int <= k && k <= reflect.Uintptr:
		return true
	default:
		return reflect.PointerTo(t).Implements(kind.TextUnmarshaler)
	}
}

// isJudgedAbsent reports whether a value is judged even if it is absent from the text:
// it is a struct or an array, with rules below it that its absence may break.
func (s *Schema) isJudgedAbsent() bool {
	return (s.Shape == Struct || s.Type.Kind() == reflect.Array) && s.Active
}

// isThere reports whether the walk judges what is below a value that is absent from the
// text. A value that decodes itself is the checker's.
func (s *Schema) isThere() bool { return s.isJudgedAbsent() && !s.Opaque }

// validates reports whether a type has a method Validate, or something below it.
func (s *Schema) validates(seen map[*Schema]bool) bool {
	if s == nil || seen[s] {
		return false
	}
	seen[s] = true
	for _, m := range s.Members {
		if m.Schema.validates(seen) {
			return true
		}
	}
	return s.isValidatable || s.Elem.validates(seen)
}

// hasKeys reports whether s is, or has in it, an object whose keys are known.
func (s *Schema) hasKeys(seen map[*Schema]bool) bool {
	if s == nil || seen[s] || s.unfilled {
		return false
	}
	seen[s] = true
	return s.Shape == Struct || s.Elem.hasKeys(seen)
}

// reaches reports whether a member for which is returns true can be reached from s.
// The rules behind dive belong to the member that holds the list.
func reaches(s *Schema, is func(*Member) bool, seen map[*Schema]bool) bool {
	if s == nil || seen[s] {
		return false
	}
	seen[s] = true
	for _, m := range s.Members {
		if is(m) || reaches(m.Schema, is, seen) {
			return true
		}
	}
	return reaches(s.Elem, is, seen)
}
