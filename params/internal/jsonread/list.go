package jsonread

import (
	"reflect"

	"github.com/velithon-go/velithon/params/internal/jsonscan"
	"github.com/velithon-go/velithon/params/internal/memory"
)

// A listReader reads an array into a slice.
type listReader struct {
	typ   reflect.Type
	elem  *Reader
	size  uintptr        // of an element
	few   reflect.Value  // a zero array; each slice begins as a copy of it
	empty memory.Pointer // what an empty slice points to
}

// fewElements is how many elements a slice has room for at first.
const fewElements = 4

// manyElements is how many elements must be read to know how long the others are.
const manyElements = 2048

func newListReader(t reflect.Type) *listReader {
	return &listReader{
		typ:   t,
		size:  t.Elem().Size(),
		few:   reflect.New(reflect.ArrayOf(fewElements, t.Elem())).Elem(),
		empty: memory.Of(reflect.MakeSlice(t, 0, 0)),
	}
}

func (r *reading) readList(l *listReader, i int, p memory.Pointer) int {
	if !r.enter(i, '[') {
		return refused
	}
	text, start := r.text, i
	i = jsonscan.Space(text, i+1)
	list := memory.As[memory.Slice](p)
	*list = memory.Slice{Data: l.empty} // not nil, even for []
	for jsonscan.Byte(text, i) != ']' {
		if list.Len == list.Cap {
			r.grow(l, p, i-start, len(text)-i)
		}
		if l.elem.isNull(text, i) {
			if l.elem.schema.IsFilledAbsent() {
				return refused
			}
			i = jsonscan.Literal(text, i, "null")
			r.doubtful = true // what the type of the element requires is absent
		} else {
			i = r.read(l.elem, i, list.Data.At(uintptr(list.Len)*l.size))
		}
		if i == refused {
			return refused
		}
		list.Len++
		if i = jsonscan.Space(text, i); jsonscan.Byte(text, i) != ',' {
			if jsonscan.Byte(text, i) != ']' {
				return refused
			}
			break
		}
		if i = jsonscan.Space(text, i+1); jsonscan.Byte(text, i) == ']' {
			return refused
		}
	}
	r.depth--
	return i + 1
}

// grow makes room for more elements in the slice at p. It expects as many as the
// left bytes of the text have if they are as long as those in the read bytes. They
// may be longer, so the room grows to at most eight times what it was. After
// manyElements there is room for all that are expected, so that a long list is copied
// while it is short. But the rest of the text may be other lists: what all lists of a
// body have room for beyond twice their elements is at most what a text of its length
// can have.
func (r *reading) grow(l *listReader, p memory.Pointer, read, left int) {
	list := memory.As[memory.Slice](p)
	n := list.Len
	if n == 0 {
		list.Data, list.Cap = memory.CopyOf(l.few), fewElements
		return
	}
	more := int(int64(n)*int64(left)/int64(read)) + 1 // an int may have 32 bits
	more += more / 16
	if n < manyElements {
		more = min(more, 7*n)
	}
	if extra := more - n; extra > 0 && r.promised+extra <= len(r.text)/len("0,") {
		r.promised += extra
	} else {
		more = n
	}
	grown := reflect.MakeSlice(l.typ, n, n+more)
	reflect.Copy(grown, p.Value(l.typ))
	list.Data, list.Cap = memory.Of(grown), n+more
}
