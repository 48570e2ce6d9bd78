package responses

import (
	"reflect"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
)

// Response is what a handler may return instead of plain content. The types of
// this package implement it, and so may a service's own.
type Response interface {
	// Write puts status, header and body on raw.Response. It is called once, on
	// the connection's goroutine, with the route's success status already set,
	// which a Response whose own status is 0 leaves. After an error
	// raw.Response is as it was before, so that a problem can be written in its
	// place.
	Write(raw *fasthttp.RequestCtx) error

	// Work returns the background work which starts once the response is on the
	// wire, and nil for none; a nil pointer and a [background.Tasks] without tasks
	// are none, too.
	Work() background.Work
}

// An EndedResponse is a response that knows, once it was sent, whether something
// ended it early, as the streams of this package do. Any response with the method
// is one.
type EndedResponse interface {
	Response

	// Err returns what ended the response early, for the log, and nil where all
	// of it was sent.
	Err() error
}

// InPlace returns a response that writes the one that response points to, as its own
// Write does. The router calls it once for the place into which its handlers'
// responses are put, one after the other.
//
// Encoded where it lies, content costs no allocation, and its own Write, which is
// handed a copy, makes one for an any of it. To ask each response for that would
// cost more than the writing of a small one, since Go remembers no type assertion
// that fails.
func InPlace(response Response) Response {
	if r, ok := response.(inPlaceResponse); ok {
		return inPlace{r}
	}
	return response
}

type inPlaceResponse interface {
	Response
	writeInPlace(raw *fasthttp.RequestCtx) error
}

type inPlace struct{ inPlaceResponse }

func (r inPlace) Write(raw *fasthttp.RequestCtx) error { return r.writeInPlace(raw) }

// Work returns the work of response, as its own Work does, but nil also where that
// is a nil pointer or a [background.Tasks] without tasks. The router calls it.
func Work(response Response) background.Work { return attached(response.Work()) }

// attached returns work, or nil where there is nothing to run: a nil interface,
// a nil pointer inside it, a [background.Tasks] that holds no task.
//
// The router hands everything that is not nil to the runner, so this is where
// "no work" ends up being one value. The types of the background package are
// told apart without reflection, which keeps the common case free of it.
func attached(work background.Work) background.Work {
	switch work := work.(type) {
	case nil:
		return nil
	case *background.Task:
		if work == nil {
			return nil
		}
	case *background.Tasks:
		if work == nil || work.Len() == 0 {
			return nil
		}
	default:
		value := reflect.ValueOf(work)
		if kind := value.Kind(); (kind == reflect.Pointer || kind == reflect.Func) && value.IsNil() {
			return nil
		}
	}
	return work
}
