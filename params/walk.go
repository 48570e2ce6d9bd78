package params

import (
	"errors"
	"reflect"

	"github.com/goccy/go-json"
)

// A walker goes through the text of a JSON body side by side with its type,
// and tells the checker what the decoded value can't show: which required
// values are absent, and which have the wrong type. It runs only for a body
// that may have a fault. The text is known to be valid JSON; each byte is
// looked at once, however deep the body is.
type walker struct {
	text    []byte
	pos     int
	checker *checker
	types   bool // check types too
}

// value walks the value at pos. A nil node is a value that nothing is known
// of.
func (w *walker) value(n *node, r *rules) {
	w.space()
	c := w.checker
	if w.text[w.pos] == 'n' { // null
		if r != nil && r.required {
			c.tell(CodeRequired, "is required")
		}
		w.skip()
		return
	}
	for n != nil && n.shape == pointerShape {
		n = n.elem
	}
	switch {
	case n == nil || len(*c.faults) > MaxFaults:
		w.skip()
	case n.shape == structShape && w.text[w.pos] == '{':
		w.object(n)
	case n.shape == mapShape && w.text[w.pos] == '{':
		w.entries(n, r.elements())
	case n.shape == listShape && w.text[w.pos] == '[':
		w.list(n, r.elements())
	default:
		start := w.pos
		w.skip()
		if w.types {
			w.leaf(n, w.text[start:w.pos])
		}
	}
}

// elements returns the rules of the elements of a list with the rules r.
func (r *rules) elements() *rules {
	if r == nil {
		return nil
	}
	return r.dive
}

// leaf lets the codec decide whether a value has the right type.
func (w *walker) leaf(n *node, text []byte) {
	err := json.Unmarshal(text, reflect.New(n.typ).Interface())
	if err == nil {
		return
	}
	code := CodeType
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok && n.shape != leaf {
		return
	}
	w.checker.tell(code, "must be "+typeInWords(n))
}

// object walks the members of a struct and tells which required ones are
// absent.
func (w *walker) object(n *node) {
	seen := make(map[*member]bool)
	w.each('}', func(int) {
		key := w.key()
		m := n.member(key)
		if m == nil {
			w.value(nil, nil)
			return
		}
		seen[m] = true
		w.checker.path = append(w.checker.path, segment{m.name, noIndex})
		if m.quoted {
			w.value(nil, m.rules) // its value stands in a string: only null matters here
		} else {
			w.value(m.node, m.rules)
		}
		w.up()
	})
	w.absent(n, seen)
}

// absent tells the required members of a struct that were not seen.
func (w *walker) absent(n *node, seen map[*member]bool) {
	for _, m := range n.members {
		if inner := m.embedded(); inner != nil {
			if inner != n && (m.node.shape == structShape || inner.any(seen)) {
				w.absent(inner, seen)
			}
			continue
		}
		if m.rules != nil && m.rules.required && !seen[m] {
			w.checker.path = append(w.checker.path, segment{m.name, noIndex})
			w.checker.tell(CodeRequired, "is required")
			w.up()
		}
	}
}

// any reports whether a member of n was seen. An embedded pointer stays nil
// otherwise, and a nil has no members to require.
func (n *node) any(seen map[*member]bool) bool {
	for _, m := range n.members {
		if seen[m] {
			return true
		}
	}
	return false
}

func (w *walker) entries(n *node, r *rules) {
	w.each('}', func(int) {
		w.checker.path = append(w.checker.path, segment{w.key(), noIndex})
		w.value(n.elem, r)
		w.up()
	})
}

func (w *walker) list(n *node, r *rules) {
	w.each(']', func(i int) {
		w.checker.path = append(w.checker.path, segment{index: i})
		w.value(n.elem, r)
		w.up()
	})
}

func (w *walker) up() { w.checker.path = w.checker.path[:len(w.checker.path)-1] }

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

// key reads a key and the colon after it.
func (w *walker) key() string {
	w.space()
	start := w.pos
	w.string()
	quoted := w.text[start:w.pos]
	w.space()
	w.pos++ // the colon
	var key string
	_ = json.Unmarshal(quoted, &key) // valid, as the whole text is
	return key
}

// skip leaves the value at pos behind.
func (w *walker) skip() {
	depth := 0
	for {
		w.space()
		switch w.text[w.pos] {
		case '"':
			w.string()
		case '{', '[':
			depth++
			w.pos++
		case '}', ']':
			depth--
			w.pos++
		case ',', ':':
			w.pos++
		default:
			w.word()
		}
		if depth == 0 {
			return
		}
	}
}

func (w *walker) space() {
	for w.pos < len(w.text) {
		switch w.text[w.pos] {
		case ' ', '\t', '\r', '\n':
			w.pos++
		default:
			return
		}
	}
}

func (w *walker) string() {
	for w.pos++; w.text[w.pos] != '"'; w.pos++ {
		if w.text[w.pos] == '\\' {
			w.pos++
		}
	}
	w.pos++
}

// word leaves a number, true, false or null behind.
func (w *walker) word() {
	for w.pos < len(w.text) {
		switch w.text[w.pos] {
		case ',', ':', '}', ']', ' ', '\t', '\r', '\n':
			return
		}
		w.pos++
	}
}

// typeInWords says what JSON value a type is written as.
func typeInWords(n *node) string {
	switch {
	case n.typ == timeType:
		return "a date and time of RFC 3339, such as 2026-01-02T15:04:05Z"
	case n.shape == structShape || n.shape == mapShape:
		return "an object"
	case n.shape == listShape:
		return "an array"
	case n.typ.Kind() == reflect.Slice:
		return "a text in base64"
	}
	if p := reflect.PointerTo(n.typ); p.Implements(jsonUnmarshalerType) || p.Implements(textUnmarshalerType) {
		return "a valid " + n.typ.Name()
	}
	switch n.typ.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return integer(n.typ.Bits())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return natural(n.typ.Bits())
	default:
		return "a valid " + n.typ.String()
	}
}
