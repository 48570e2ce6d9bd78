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
	few   reflect.Value  // the array that a slice begins with a copy of
	empty memory.Pointer // what an empty slice points to
}

// fewElements is how many elements a slice has room for at first.
const fewElements = 4

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
	*list = memory.Slice{Data: l.empty} // whatever there is
	for jsonscan.Byte(text, i) != ']' {
		if list.Len == list.Cap {
			l.grow(p, i-start, len(text)-i)
		}
		if l.elem.isNull(text, i) {
			i = jsonscan.Literal(text, i, "null")
			r.doubtful = true // what an element of its type has to have is absent
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

// grow makes room for more elements in the slice at p: as many as the rest of the
// text has if they are as long as those that were read. They may be longer, so it
// is at most eight times what there was.
func (l *listReader) grow(p memory.Pointer, read, left int) {
	list := memory.As[memory.Slice](p)
	if list.Cap == 0 {
		list.Data, list.Cap = memory.CopyOf(l.few), fewElements
		return
	}
	n := list.Len
	capacity := max(2*n, min(n+n*left/read+1, 8*n))
	grown := reflect.MakeSlice(l.typ, n, capacity)
	reflect.Copy(grown, p.Value(l.typ))
	list.Data, list.Cap = memory.Of(grown), capacity
}
