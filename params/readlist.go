package params

import (
	"reflect"
	"unsafe"
)

// A listReader reads an array into a slice.
type listReader struct {
	typ   reflect.Type
	elem  *valueReader
	size  uintptr        // of an element
	few   reflect.Type   // the array that a slice begins with
	empty unsafe.Pointer // what an empty slice points to
}

// fewElements is how many elements a slice has room for at first.
const fewElements = 4

func newListReader(t reflect.Type) *listReader {
	return &listReader{
		typ:   t,
		size:  t.Elem().Size(),
		few:   reflect.ArrayOf(fewElements, t.Elem()),
		empty: reflect.MakeSlice(t, 0, 0).UnsafePointer(),
	}
}

func (r *reader) readList(l *listReader, i int, p unsafe.Pointer) int {
	text := r.text
	if byteAt(text, i) != '[' {
		return refused
	}
	if r.depth++; r.depth > maxReadDepth {
		return refused
	}
	list := (*sliceHeader)(p)
	*list = sliceHeader{data: l.empty} // whatever there is
	start := i
	i = skipSpace(text, i+1)
	for byteAt(text, i) != ']' {
		if list.len == list.cap {
			l.grow(list, i-start, len(text)-i)
		}
		if l.elem.isNull(text, i) {
			i = word(text, i, "null")
			r.doubtful = true // what an element of its type has to have is absent
		} else {
			i = r.read(l.elem, i, unsafe.Add(list.data, uintptr(list.len)*l.size))
		}
		if i == refused {
			return refused
		}
		list.len++
		if i = skipSpace(text, i); byteAt(text, i) != ',' {
			if byteAt(text, i) != ']' {
				return refused
			}
			break
		}
		if i = skipSpace(text, i+1); byteAt(text, i) == ']' {
			return refused
		}
	}
	r.depth--
	return i + 1
}

// grow makes room for more elements: as many as the rest of the text has if they
// are as long as those that were read. They may be longer, so it is at most
// eight times what there was.
func (l *listReader) grow(list *sliceHeader, read, left int) {
	if list.cap == 0 {
		list.data, list.cap = reflect.New(l.few).UnsafePointer(), fewElements
		return
	}
	n := list.len
	capacity := max(2*n, min(n+n*left/read+1, 8*n))
	grown := reflect.MakeSlice(l.typ, n, capacity)
	reflect.Copy(grown, reflect.NewAt(l.typ, unsafe.Pointer(list)).Elem()) //nolint:gosec // it is a slice of that type
	list.data, list.cap = grown.UnsafePointer(), capacity
}
