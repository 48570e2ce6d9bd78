package responses

import (
	"encoding"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/goccy/go-json"

	"github.com/velithon-go/velithon/background"
)

// Check reports why a handler can't return values of the type out: they would be
// answered with something else than they are, or could never be encoded. The
// router calls it when a route is registered. What only a value shows, such as a
// NaN or what an interface holds, is found when it is written.
func Check(out reflect.Type) error {
	if is[Response](out) {
		content := contentOf(out)
		if content == nil {
			return nil
		}
		return checkContent(content)
	}
	switch {
	case encodesItself(out):
		return nil
	case is[error](out):
		return fmt.Errorf("the output type %s is an error, which a handler returns as its second result: "+
			"if it is content, return responses.Content of it", out)
	case is[background.Work](out):
		return fmt.Errorf("the output type %s is background work, which would not be run: "+
			"return responses.JSON(content, work), or set the field Background of another response", out)
	case is[io.Reader](out):
		return fmt.Errorf("the output type %s is a reader, whose bytes would not be sent: "+
			"return responses.File, responses.Bytes or responses.Stream", out)
	}
	return checkContent(out)
}

// is reports whether a type, what it points to, or a pointer to it implements I.
func is[I any](t reflect.Type) bool {
	i := reflect.TypeFor[I]()
	for t.Kind() == reflect.Pointer {
		if t.Implements(i) {
			return true
		}
		t = t.Elem()
	}
	return t.Implements(i) || reflect.PointerTo(t).Implements(i)
}

// contentOf returns the type of the content of a [JSONResponse], nil for any
// other response, one that embeds it included: it may hold a nil.
func contentOf(response reflect.Type) reflect.Type {
	for response.Kind() == reflect.Pointer {
		response = response.Elem()
	}
	if response.PkgPath() != reflect.TypeFor[Problem]().PkgPath() {
		return nil
	}
	if has, ok := reflect.TypeAssert[interface{ contentType() reflect.Type }](reflect.Zero(response)); ok {
		return has.contentType()
	}
	return nil
}

func (JSONResponse[Content, Background]) contentType() reflect.Type {
	return reflect.TypeFor[Content]()
}

// checkContent reports what of a type of content can't be encoded.
func checkContent(t reflect.Type) error {
	path, what := unencodable(t, make(map[reflect.Type]bool))
	switch {
	case what == "":
		return nil
	case path == "":
		return fmt.Errorf("the output type %s %s", t, what)
	default:
		return fmt.Errorf("the output type %s, at %s: %s", t, strings.TrimPrefix(path, "."), what)
	}
}

// unencodable returns where below a type there is something that no value of it
// can be encoded with, and what; "" for nothing. It errs on the side of what is
// accepted, as with a type that has a method only its pointers have. seen are
// the types that were looked at.
func unencodable(t reflect.Type, seen map[reflect.Type]bool) (path, what string) {
	if seen[t] {
		return "", ""
	}
	seen[t] = true
	if t.PkgPath() == reflect.TypeFor[background.Task]().PkgPath() && is[background.Work](t) {
		return "", "is background work, which is not content: set the field Background of the response"
	}
	if t == reflect.TypeFor[error]() {
		return "", "is an error, which JSON has as {}: use a string, or any for one that has a MarshalJSON"
	}
	if t.PkgPath() == reflect.TypeFor[Problem]().PkgPath() && is[Response](t) {
		return "", "is a response, which is not content: return it as it is"
	}
	if encodesItself(t) {
		return "", ""
	}
	switch t.Kind() {
	case reflect.Func:
		return "", "is a function, which JSON does not have: return what it returns, or leave it out with `json:\"-\"`"
	case reflect.Chan:
		return "", "is a channel, which JSON does not have: return a slice, responses.Stream or responses.EventStream, or leave it out with `json:\"-\"`"
	case reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return "", "is a " + t.Kind().String() + ", which JSON does not have: leave it out with `json:\"-\"`"
	case reflect.Pointer:
		return unencodable(t.Elem(), seen)
	case reflect.Slice, reflect.Array:
		if path, what = unencodable(t.Elem(), seen); what != "" {
			path = "[]" + path
		}
	case reflect.Map:
		if !isKey(t.Key()) {
			return "", fmt.Sprintf("is a map with keys of type %s, which JSON does not have: use strings, integers or a type with MarshalText", t.Key())
		}
		if path, what = unencodable(t.Elem(), seen); what != "" {
			path = "[]" + path
		}
	case reflect.Struct:
		return unencodableField(t, seen)
	}
	return path, what
}

// unencodableField is [unencodable] for the fields of a struct and of those that
// it embeds. As in encoding/json a field hides those of its name which lie
// deeper; of several in one depth none is looked at, since tags decide, and a
// field with omitzero may always be left out.
func unencodableField(t reflect.Type, seen map[reflect.Type]bool) (path, what string) {
	named := make(map[string]bool)
	level := []reflect.Type{t}
	embedded := map[reflect.Type]bool{t: true}
	for len(level) > 0 {
		var next []reflect.Type
		var names []string
		found := make(map[string][]reflect.StructField)
		for _, t := range level {
			for f := range t.Fields() {
				tag := f.Tag.Get("json")
				name, _, _ := strings.Cut(tag, ",")
				inner := f.Type
				if inner.Kind() == reflect.Pointer {
					inner = inner.Elem()
				}
				switch {
				case tag == "-":
				case f.Anonymous && name == "" && inner.Kind() == reflect.Struct:
					if !embedded[inner] {
						embedded[inner] = true
						next = append(next, inner)
					}
				case f.IsExported():
					if name == "" {
						name = f.Name
					}
					if !named[name] && len(found[name]) == 0 {
						names = append(names, name)
					}
					found[name] = append(found[name], f)
				}
			}
		}
		for _, name := range names {
			named[name] = true
			f := found[name][0]
			if len(found[name]) > 1 || strings.Contains(f.Tag.Get("json"), ",omitzero") {
				continue
			}
			if path, what = unencodable(f.Type, seen); what != "" {
				return "." + f.Name + path, what
			}
		}
		level = next
	}
	return "", ""
}

// encodesItself reports whether the codec leaves values of a type to a method.
func encodesItself(t reflect.Type) bool {
	if t.Kind() == reflect.Interface {
		return is[json.Marshaler](t) || is[encoding.TextMarshaler](t)
	}
	_, streams := reflect.PointerTo(t).MethodByName("MarshalJSONTo") // of encoding/json/v2, which go-json calls too
	return streams || is[json.Marshaler](t) || is[json.MarshalerContext](t) || is[encoding.TextMarshaler](t)
}

func isKey(t reflect.Type) bool {
	kind := t.Kind()
	return kind == reflect.String || reflect.Int <= kind && kind <= reflect.Uintptr ||
		t.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}
