package params

import (
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-json"

	"github.com/velithon-go/velithon/params/internal/jsonscan"
	"github.com/velithon-go/velithon/params/internal/memory"
)

// A walker goes through the text of a JSON body side by side with its type,
// and tells the checker what the decoded value can't show: which required
// values are absent, and which have the wrong type. It runs only for a body
// that may have a fault. The text is known to be valid JSON; each byte is
// looked at once, however deep the body is.
//
// A key that is in an object twice is taken each time it comes, while the
// codec merges the two. So a body that gives the same object twice, each time
// with a part of it, may be refused; nothing is let through by it.
type walker struct {
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

// value walks the value at pos. A nil node is a value that nothing is known
// of.
func (w *walker) value(n *node, r *rules) {
	w.space()
	if w.isNull() {
		w.skip()
		w.missing(n, r)
		return
	}
	for n != nil && n.shape == pointerShape {
		n = n.elem
	}
	if r != nil && r.closed {
		w.muted++
		defer func() { w.muted-- }()
	}
	first := w.text[w.pos]
	switch {
	case n == nil || w.checker.faults.full():
		w.skip()
	case n.opaque:
		w.leaf(n, false)
	case n.shape == structShape && first == '{':
		w.object(n)
	case n.shape == mapShape && first == '{':
		w.entries(n, r.elements())
	case n.shape == listShape && first == '[':
		w.list(n, r.elements())
	default:
		w.leaf(n, false)
	}
}

// missing tells that a value is absent, if it is required. A struct or array that
// is not behind a pointer is there all the same, as if it had been sent empty.
func (w *walker) missing(n *node, r *rules) {
	switch {
	case w.muted > 0:
	case r != nil && r.required:
		w.checker.tell(codeRequired, "is required")
	case n == nil || n.opaque || r != nil && r.closed:
	case r.maySkip() && (n.isThere() || n.typ.Kind() == reflect.Array):
		w.checker.silence()
	case n.typ.Kind() == reflect.Array && (n.active || r.elements() != nil):
		w.rest(n, r.elements(), 0)
	case n.isThere():
		w.absent(n, nil)
	}
}

// rest tells what is absent of the elements of an array from i on, which are zero.
func (w *walker) rest(n *node, r *rules, i int) {
	for ; i < n.typ.Len() && !w.checker.faults.full(); i++ {
		w.checker.down("", i)
		w.missing(n.elem, r)
		w.checker.up()
	}
}

// leaf lets the codec decide whether a value has the right type. That of a
// quoted one stands in a string.
func (w *walker) leaf(n *node, quoted bool) {
	start := w.pos
	w.skip()
	if judged := w.types || quoted && isFloat(n.typ); !judged {
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
			text = "" // which is nothing's JSON
		}
	}
	if json.Unmarshal(memory.Bytes(text), reflect.New(n.typ).Interface()) != nil {
		w.checker.tell(codeType, wrongType(n, text)+in)
	}
}

// wrongType says what is wrong with a text that is no value of a type.
func wrongType(n *node, text string) string {
	switch {
	case n.told != "":
		return n.told
	case isFloat(n.typ) && jsonscan.Number(text, 0) == len(text):
		return "must be " + floatRange(n.typ.Bits())
	default:
		return "must be " + typeInWords(n)
	}
}

// object walks the members of a struct and tells which required ones are
// absent.
func (w *walker) object(n *node) {
	base := len(w.seen)
	w.seen = append(w.seen, make([]presence, len(n.members))...)
	w.each('}', func(int) {
		m := n.member(w.key())
		w.space()
		if m == nil {
			w.skip()
			return
		}
		if w.isNull() {
			w.seen[base+m.pos] = max(w.seen[base+m.pos], null)
			w.skip()
			return
		}
		w.seen[base+m.pos] = present
		w.checker.down(m.name, noIndex)
		if m.quoted {
			w.leaf(behind(m.node), true)
		} else {
			w.value(m.node, m.rules)
		}
		w.checker.up()
	})
	w.absent(n, w.seen[base:])
	w.seen = w.seen[:base]
}

// behind returns the node of what pointers lead to.
func behind(n *node) *node {
	for n.shape == pointerShape {
		n = n.elem
	}
	return n
}

// absent tells what of a struct's required members is absent; seen is nil when
// all of it is.
func (w *walker) absent(n *node, seen []presence) {
	for _, m := range n.members {
		switch {
		case m.name == "" || seen != nil && seen[m.pos] == present:
		case m.isBehindPointer() && !n.reached(m, seen):
			// The embedded pointer is nil, and a nil has no members.
		default:
			w.checker.down(m.name, noIndex)
			w.missing(m.node, m.rules)
			w.checker.up()
		}
	}
}

// reached reports whether the embedded pointer that a member lies behind was
// allocated, since there is a key of something behind it.
func (n *node) reached(m *member, seen []presence) bool {
	for pos, p := range seen {
		hops := n.members[pos].hops
		if p != absent && len(hops) >= len(m.hops) && slices.Equal(hops[:len(m.hops)], m.hops) {
			return true
		}
	}
	return false
}

func (w *walker) entries(n *node, r *rules) {
	var keys reflect.Type // a map to try a key with; nil when any text is a key
	if key := n.typ.Key(); w.types && (key.Kind() != reflect.String || decodesItself(key)) {
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
				w.checker.tell(codeType, "has a key of the wrong type")
			}
		}
		w.value(n.elem, r)
		w.checker.up()
	})
}

func (w *walker) list(n *node, r *rules) {
	sent := 0
	w.each(']', func(i int) {
		w.checker.down("", i)
		w.value(n.elem, r)
		w.checker.up()
		sent = i + 1
	})
	if n.typ.Kind() == reflect.Array && w.muted == 0 && (n.active || r != nil) {
		w.rest(n, r, sent)
	}
}

// each calls f at each element of the object or array at pos, which it leaves
// behind.
func (w *walker) each(end byte, f func(i int)) {
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

// key reads a key and the colon after it. It may lie in the text.
func (w *walker) key() string {
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

func (w *walker) isNull() bool { return w.text[w.pos] == 'n' }

// skip leaves the value at pos behind. The codec has bounded how deep it is.
func (w *walker) skip() { w.pos = jsonscan.Value(w.text, w.pos, math.MaxInt) }

func (w *walker) space() { w.pos = jsonscan.Space(w.text, w.pos) }

// typeInWords says what JSON value a type is written as.
func typeInWords(n *node) string {
	t := n.typ
	if n.opaque {
		return validValue
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		if n.shape == leaf {
			return "a text in base64"
		}
		return "an array"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return integer(t.Bits())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return natural(t.Bits())
	case reflect.Interface:
		return "JSON whose numbers fit into 64 bits" // all that an any refuses
	default:
		return validValue
	}
}
