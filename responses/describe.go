package responses

import (
	"reflect"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
)

// This file tells what clients may get, for those who describe an API. Nothing of it
// is called while requests are served.

// A Description says what clients may get from a response, as far as its type tells.
type Description struct {
	// Answers are what it may be answered with, the successful one first.
	Answers []Answer

	// Work is the type of its background work: an interface where any may be carried,
	// nil where none can be.
	Work reflect.Type

	// Kinds are those of its tasks, where the type knows them, which none of this package
	// does: what [background.Kind.Describe] returns.
	Kinds []background.KindDescription
}

// An Answer is a status with what is sent along.
type Answer struct {
	Status      int          // 0 means the route's success status
	ContentType string       // a media type without parameters; "" means no content, "*/*" what the handler chooses
	Content     reflect.Type // what is encoded as JSON; nil for all else, and for a [Problem]
	Text        string       // when it is sent, for people; "" means that the status says it
}

// A Described is a response that describes itself, as those of this package do. Any
// response with the method is one. The method is called on a zero value, or on a pointer
// to one.
type Described interface {
	// Describe returns what clients may get.
	Describe() Description
}

// AnyContent is the content type of an [Answer] that only the handler knows.
const AnyContent = "*/*"

// Describe returns what clients may get from a handler that returns out, a type which
// [Check] has passed. Content is answered as JSON. Of a response that is no [Described],
// and of an interface, nothing is known but that it is answered.
func Describe(out reflect.Type) Description {
	zero := reflect.New(out)
	if out.Kind() == reflect.Pointer {
		zero.Elem().Set(reflect.New(out.Elem()))
	}
	allocateEmbedded(zero.Elem())
	if described, ok := reflect.TypeAssert[Described](zero); ok && is[Response](out) {
		return described.Describe()
	}
	if described, ok := reflect.TypeAssert[Described](zero.Elem()); ok && is[Response](out) {
		return described.Describe()
	}
	if out.Kind() == reflect.Interface || is[Response](out) {
		return Description{Answers: []Answer{{ContentType: AnyContent}}, Work: anyWork}
	}
	return Description{Answers: []Answer{{ContentType: contentTypeJSON, Content: out}}}
}

// allocateEmbedded gives the embedded pointers of a struct a target, whose methods would
// panic on a nil.
func allocateEmbedded(v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumField() {
		if f := v.Field(i); v.Type().Field(i).Anonymous && f.Kind() == reflect.Pointer && f.CanSet() {
			f.Set(reflect.New(f.Type().Elem()))
		}
	}
}

var anyWork = reflect.TypeFor[background.Work]()

// succeeds describes a response with one answer, and with any work.
func succeeds(status int, contentType string) Description {
	return Description{Answers: []Answer{{Status: status, ContentType: contentType}}, Work: anyWork}
}

// Describe implements [Described].
func (JSONResponse[Content, Background]) Describe() Description {
	return Description{
		Answers: []Answer{{ContentType: contentTypeJSON, Content: reflect.TypeFor[Content]()}},
		Work:    reflect.TypeFor[Background](),
	}
}

// Describe implements [Described].
func (TextResponse) Describe() Description { return succeeds(0, "text/plain") }

// Describe implements [Described].
func (HTMLResponse) Describe() Description { return succeeds(0, "text/html") }

// Describe implements [Described].
func (BytesResponse) Describe() Description { return succeeds(0, AnyContent) }

// Describe implements [Described].
func (*StreamResponse) Describe() Description { return succeeds(0, AnyContent) }

// Describe implements [Described].
func (*EventStreamResponse) Describe() Description {
	return succeeds(fasthttp.StatusOK, "text/event-stream")
}

// Describe implements [Described].
func (NoContentResponse) Describe() Description { return succeeds(fasthttp.StatusNoContent, "") }

// Describe implements [Described].
func (RedirectResponse) Describe() Description {
	return succeeds(fasthttp.StatusTemporaryRedirect, "")
}

// Describe implements [Described].
func (*Problem) Describe() Description {
	return succeeds(fasthttp.StatusInternalServerError, contentTypeProblem)
}

// Describe implements [Described].
func (FileResponse) Describe() Description {
	d := succeeds(0, AnyContent)
	d.Answers = append(d.Answers,
		Answer{fasthttp.StatusPartialContent, AnyContent, nil, "the part of the file that Range asks for"},
		Answer{fasthttp.StatusNotModified, "", nil, "the client has the current file already"},
		Answer{fasthttp.StatusNotFound, contentTypeProblem, nil, "there is no such file"},
		Answer{fasthttp.StatusPreconditionFailed, contentTypeProblem, nil, "the file is not the version that the request is for"},
		Answer{fasthttp.StatusRequestedRangeNotSatisfiable, contentTypeProblem, nil, "the range lies outside of the file"},
	)
	return d
}
