package schema

import (
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-json"

	"github.com/velithon-go/velithon/params/internal/jsonscan"
	"github.com/velithon-go/velithon/params/internal/kind"
	"github.com/velithon-go/velithon/params/internal/memory"
	"github.com/velithon-go/velithon/params/internal/rules"
)

// A presenceWalk goes through the text of a JSON body side by side with its type,
// and tells the checker what the decoded value can't show: which required
// values are absent, and which have the wrong type. It runs only for a body
// that may have a fault. The text is known to be valid JSON; each byte is
// looked at once, however deep the body is.
//
// If an object has a key twice, the walk judges each value by itself, while the codec
// merges the two. So a body that gives the same object twice, each time with a part
// of it, may be refused; none is let through that should not be.
type presenceWalk struct {
	text    string
	pos     int
	checker *checker
	types   bool       // check types too
	muted   int        // how many values around say that the rules inside do not count
	seen    []presence // of the members of the objects around, the innermost last
}

// A presence says whether an object has a key.
type presence byte

const (
	absent presence = iota
	null
	present
)

// value walks the value at pos. s is nil when nothing is known of the value.
func (w *presenceWalk) value(s *Schema, r *rules.Rules) {
	w.space()
	if w.isNull() {
		w.skip()
		w.refuseNull(s, r)
		w.missing(s, r)
		return
	}
	for s != nil && (s.Shape == Pointer || s.Shape == Optional) {
		s = s.Elem
	}
	if r != nil && r.Closed {
		w.muted++
		defer func() { w.muted-- }()
	}
	first := w.text[w.pos]
	switch {
	case s == nil || w.checker.faults.full():
		w.skip()
	case s.Opaque:
		w.leaf(s, false)
	case s.Shape == Struct && first == '{':
		w.object(s)
	case s.Shape == Map && first == '{':
		w.entries(s, r.Elements())
	case s.Shape == List && first == '[':
		w.list(s, r.Elements())
	default:
		w.leaf(s, false)
	}
}

// missing tells that a value is absent, if it is required. A struct or array that is
// not behind a pointer is judged all the same, as if it had been sent empty.
func (w *presenceWalk) missing(s *Schema, r *rules.Rules) {
	switch {
	case w.muted > 0:
	case r != nil && r.Required:
		w.checker.tell(lacking(s))
	case s == nil || s.Opaque || r != nil && r.Closed:
	case r.MaySkip() && (s.isThere() || s.Type.Kind() == reflect.Array):
		w.checker.leave()
	case s.Type.Kind() == reflect.Array && (s.Active || r.Elements() != nil):
		w.rest(s, r.Elements(), 0)
	case s.isThere():
		w.absent(s, nil)
	}
}

// lacking returns what is told of a value that is required and absent. s is nil when
// nothing is known of the value.
func lacking(s *Schema) *rules.Broken {
	switch {
	case s == nil:
		return rules.Lacking(nil)
	case s.Shape == Optional:
		return rules.Lacking(s.Optional.Value)
	default:
		return rules.Lacking(s.Type)
	}
}

// rest tells what is absent in the elements of an array from i on, which were not sent.
func (w *presenceWalk) rest(s *Schema, r *rules.Rules, i int) {
	for ; i < s.Type.Len() && !w.checker.faults.full(); i++ {
		w.checker.down("", i)
		w.missing(s.Elem, r)
		w.checker.up()
	}
}

// leaf lets the codec decide whether a value has the right type. A quoted value
// stands in a string.
func (w *presenceWalk) leaf(s *Schema, quoted bool) {
	start := w.pos
	w.skip()
	if judged := w.types || quoted && kind.IsFloat(s.Type); !judged {
		return
	}
	text := w.text[start:w.pos]
	in := ""
	if quoted {
		in = ", in a string"
		var inner string
		if json.Unmarshal(memory.Bytes(text), &inner) == nil && inner == strings.TrimSpace(inner) {
			text = inner
		} else {
			text = "" // no type has this JSON
		}
	}
	if json.Unmarshal(memory.Bytes(text), reflect.New(s.Type).Interface()) != nil {
		w.checker.tell(rules.Mistyped(s.Type, wrongType(s, text)+in))
	}
}

// wrongType says what is wrong with a text that is no value of a type.
func wrongType(s *Schema, text string) string {
	switch {
	case s.told != "":
		return s.told
	case kind.IsFloat(s.Type) && jsonscan.Number(text, 0) == len(text):
		return "must be " + rules.FloatRange(s.Type.Bits())
	default:
		return "must be " + typeInWords(s)
	}
}

// object walks the members of a struct and tells which required ones are
// absent.
func (w *presenceWalk) object(s *Schema) {
	base := len(w.seen)
	w.seen = append(w.seen, make([]presence, len(s.Members))...)
	w.each('}', func(int) {
		key := w.key()
		m := s.Member(key)
		w.space()
		if m == nil {
			w.unknown(s, key)
			return
		}
		if w.isAbsent(m) {
			if seen := &w.seen[base+m.Pos]; *seen == absent || m.Schema.Opaque { // a null is a value to these
				*seen = null
			}
			w.skip()
			w.checker.down(m.Name, noIndex)
			w.refuseNull(m.Schema, m.Rules)
			w.checker.up()
			return
		}
		w.seen[base+m.Pos] = present
		w.checker.down(m.Name, noIndex)
		if m.Quoted {
			w.leaf(behind(m.Schema), true)
		} else {
			w.value(m.Schema, m.Rules)
		}
		w.checker.up()
	})
	w.absent(s, w.seen[base:])
	w.seen = w.seen[:base]
}

// isAbsent reports whether the value at pos, which is m's, counts as absent.
func (w *presenceWalk) isAbsent(m *Member) bool {
	return w.isNull() || m.Quoted && strings.HasPrefix(w.text[w.pos:], `"null"`)
}

// unknown passes over the value of a key that the struct does not have.
func (w *presenceWalk) unknown(s *Schema, key string) {
	w.skip()
	if s.Strict && !w.checker.faults.full() {
		w.checker.down(key, noIndex)
		w.checker.tell(Unknown)
		w.checker.up()
	}
}

// behind returns the schema of what pointers lead to.
func behind(s *Schema) *Schema {
	for s.Shape == Pointer {
		s = s.Elem
	}
	return s
}

// absent tells which required members of a struct are absent; seen is nil when all
// members are.
func (w *presenceWalk) absent(s *Schema, seen []presence) {
	for _, m := range s.Members {
		switch {
		case m.Name == "" || seen != nil && seen[m.Pos] == present:
		case m.IsBehindPointer() && !s.reached(m, seen):
			// The embedded pointer is nil, and a nil has no members.
		default:
			w.checker.down(m.Name, noIndex)
			w.missing(m.Schema, m.Rules)
			w.checker.up()
		}
	}
}

// reached reports whether the codec has allocated the embedded pointer that a member
// lies behind. It does so for a key of any member behind that pointer.
func (s *Schema) reached(m *Member, seen []presence) bool {
	for pos, p := range seen {
		hops := s.Members[pos].hops
		if p != absent && len(hops) >= len(m.hops) && slices.Equal(hops[:len(m.hops)], m.hops) {
			return true
		}
	}
	return false
}

func (w *presenceWalk) entries(s *Schema, r *rules.Rules) {
	var keys reflect.Type // a map to try a key with; nil when any text is a key
	if key := s.Type.Key(); w.types && (key.Kind() != reflect.String || kind.DecodesItself(key)) {
		keys = reflect.MapOf(key, reflect.TypeFor[any]())
	}
	w.each('}', func(int) {
		w.space()
		start := w.pos
		key := w.key()
		w.checker.down(key, noIndex)
		if keys != nil {
			text := `{` + strings.TrimRight(w.text[start:w.pos], " \t\r\n:") + `:0}`
			if json.Unmarshal([]byte(text), reflect.New(keys).Interface()) != nil {
				w.checker.tell(rules.Mistyped(s.Type.Key(), "has a key of the wrong type"))
			}
		}
		w.value(s.Elem, r)
		w.checker.up()
	})
}

func (w *presenceWalk) list(s *Schema, r *rules.Rules) {
	sent := 0
	w.each(']', func(i int) {
		if s.Type.Kind() == reflect.Array && i >= s.Type.Len() {
			w.skip() // the codec drops it
			return
		}
		w.checker.down("", i)
		w.value(s.Elem, r)
		w.checker.up()
		sent = i + 1
	})
	if s.Type.Kind() == reflect.Array && w.muted == 0 && (s.Active || r != nil) {
		w.rest(s, r, sent)
	}
}

// each calls f at each element of the object or array at pos, and moves pos to its
// end.
func (w *presenceWalk) each(end byte, f func(i int)) {
	w.pos++ // the opening bracket
	for i := 0; ; i++ {
		w.space()
		switch w.text[w.pos] {
		case end:
			w.pos++
			return
		case ',':
			w.pos++
			w.space()
		}
		f(i)
	}
}

// key reads a key and the colon after it. The key may lie in the text.
func (w *presenceWalk) key() string {
	w.space()
	start := w.pos
	w.pos = jsonscan.String(w.text, start)
	quoted := w.text[start:w.pos]
	w.space()
	w.pos++ // the colon
	if strings.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var key string
	_ = json.Unmarshal(memory.Bytes(quoted), &key) // valid, as the whole text is
	return key
}

func (w *presenceWalk) isNull() bool { return w.text[w.pos] == 'n' }

// skip moves pos to the end of the value there, whose depth the codec has bounded.
func (w *presenceWalk) skip() { w.pos = jsonscan.Value(w.text, w.pos, math.MaxInt) }

func (w *presenceWalk) space() { w.pos = jsonscan.Space(w.text, w.pos) }
