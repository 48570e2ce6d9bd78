package schema

import (
	"reflect"

	"github.com/goccy/go-json"

	"github.com/velithon-go/velithon/params/internal/jsonscan"
	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/rules"
)

// A DefaultCompiler compiles the default tag of a field with the rules r. It returns nil
// for a field without one. What it returns stores the default in a value that is zero.
type DefaultCompiler func(f reflect.StructField, r *rules.Rules) (store func(memory.Pointer), err error)

// Absent returns what to store in a member that is absent, nil for nothing: its default,
// or those inside a struct or array, which counts as if it had been sent empty. One that
// may be skipped is left as it is, so that it is seen to be absent.
func (m *Member) Absent() func(memory.Pointer) {
	switch {
	case m.Default != nil:
		return m.Default
	case !m.Schema.IsFilledAbsent() || m.Rules.MaySkip():
		return nil
	default:
		return m.Schema.fillAbsent
	}
}

// fillAbsent stores the defaults in the zero value at p, of which nothing was sent.
func (s *Schema) fillAbsent(p memory.Pointer) {
	if !s.IsFilledAbsent() {
		return
	}
	if s.Shape == List {
		size := s.Elem.Type.Size()
		for i := range s.Type.Len() {
			s.Elem.fillAbsent(p.At(uintptr(i) * size))
		}
		return
	}
	for _, m := range s.Members {
		switch {
		case m.Name == "" || m.IsBehindPointer():
		case m.Default != nil:
			m.Default(p.At(m.Offset()))
		case !m.Rules.MaySkip():
			m.Schema.fillAbsent(p.At(m.Offset()))
		}
	}
}

// IsFilledAbsent reports whether a value has defaults in it even if it is absent.
func (s *Schema) IsFilledAbsent() bool {
	return s.Defaults && (s.Shape == Struct || s.Type.Kind() == reflect.Array)
}

// FillDefaults stores the defaults of what is absent in a body, or null. The value at p
// was decoded from text by the codec, without them. The text is valid JSON.
func FillDefaults(s *Schema, p memory.Pointer, text string) {
	if text == "null" {
		s.fillAbsent(p)
		return
	}
	f := filling{presenceWalk: presenceWalk{text: text, checker: new(checker)}}
	f.read(s)
	f.fill(s, p)
}

// A filling goes through the text first and notes which places were sent, and then
// through the value. An object that came twice is one to the codec, which merges the two,
// and so it is here.
type filling struct {
	presenceWalk

	sent map[uint64]bool // the hashes of places, see [checker.hash]
}

// read notes what was sent in the value at pos.
func (f *filling) read(s *Schema) {
	f.space()
	for s.Shape == Pointer || s.Shape == Optional {
		s = s.Elem
	}
	switch first := f.text[f.pos]; {
	case !s.Defaults:
		f.skip()
	case s.Shape == Struct && first == '{':
		f.each('}', func(int) { f.readMember(s) })
	case s.Shape == Map && first == '{':
		f.each('}', func(int) { f.readEntry(s) })
	case s.Shape == List && first == '[':
		f.each(']', func(i int) {
			f.checker.down("", i)
			f.read(s.Elem)
			f.checker.up()
		})
	default:
		f.skip()
	}
}

func (f *filling) readMember(s *Schema) {
	m := s.Member(f.key())
	f.space()
	if m == nil || f.isAbsent(m) {
		f.skip()
		return
	}
	f.checker.down(m.Name, noIndex)
	if f.sent == nil {
		f.sent = make(map[uint64]bool)
	}
	f.sent[f.checker.hash()] = true
	f.read(m.Schema)
	f.checker.up()
}

// readEntry notes what was sent for a key, by the text that the value has for the key.
func (f *filling) readEntry(s *Schema) {
	f.space()
	quoted := f.text[f.pos:jsonscan.String(f.text, f.pos)]
	key := f.key()
	if t := s.Type.Key(); t.Kind() != reflect.String || kind.DecodesItself(t) {
		one := reflect.New(reflect.MapOf(t, reflect.TypeFor[any]()))
		if json.Unmarshal([]byte("{"+quoted+":0}"), one.Interface()) == nil && one.Elem().Len() == 1 {
			key = keyText(one.Elem().MapKeys()[0])
		}
	}
	f.checker.down(key, noIndex)
	f.read(s.Elem)
	f.checker.up()
}

// fill stores the defaults in the value at p.
func (f *filling) fill(s *Schema, p memory.Pointer) {
	if !s.Defaults {
		return
	}
	switch s.Shape {
	case Struct:
		for _, m := range s.Members {
			if field, around := m.at(p); m.Name != "" && !around.IsNil() {
				f.checker.down(m.Name, noIndex)
				f.fillMember(m, field)
				f.checker.up()
			}
		}
	case Pointer:
		if target := p.Target(); !target.IsNil() {
			f.fill(s.Elem, target)
		}
	case Optional:
		if value, ok := s.value(p); ok {
			f.fill(s.Elem, value)
		}
	case List:
		list := p.Value(s.Type)
		for i := range list.Len() {
			f.checker.down("", i)
			f.fill(s.Elem, memory.Of(list.Index(i).Addr()))
			f.checker.up()
		}
	case Map:
		f.fillEntries(s, p.Value(s.Type))
	case Leaf:
	}
}

func (f *filling) fillMember(m *Member, field memory.Pointer) {
	switch sent := f.sent[f.checker.hash()]; {
	case m.Default != nil && !sent:
		m.Default(field)
	case m.Default == nil && (sent || !m.Rules.MaySkip()):
		f.fill(m.Schema, field)
	}
}

// fillEntries fills the values of a map, which have no address, so copies are filled.
func (f *filling) fillEntries(s *Schema, entries reflect.Value) {
	for _, key := range entries.MapKeys() {
		value := reflect.New(s.Elem.Type)
		value.Elem().Set(entries.MapIndex(key))
		f.checker.down(keyText(key), noIndex)
		f.fill(s.Elem, memory.Of(value))
		f.checker.up()
		entries.SetMapIndex(key, value.Elem())
	}
}
