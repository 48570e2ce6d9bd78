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
	Work() background.Runnable
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

// Write writes response on raw, as its own Write does. The router calls it.
//
// A response that the handler returned by value lies in the router's memory, so
// that one of this package's can be encoded where it is; its own Write is
// handed a copy, and making an any of its content costs an allocation.
func Write(raw *fasthttp.RequestCtx, response Response) error {
	if inPlace, ok := response.(interface {
		writeInPlace(raw *fasthttp.RequestCtx) error
	}); ok {
		return inPlace.writeInPlace(raw)
	}
	return response.Write(raw)
}

// Work returns the work of response, as its own Work does, but nil also where that
// is a nil pointer or a [background.Tasks] without tasks. The router calls it.
func Work(response Response) background.Runnable { return attached(response.Work()) }

// attached returns work, or nil where there is nothing to run: a nil interface,
// a nil pointer inside it, a [background.Tasks] that holds no task.
//
// The router hands everything that is not nil to the runner, so this is where
// "no work" ends up being one value. The types of the background package are
// told apart without reflection, which keeps the common case free of it.
func attached(work background.Runnable) background.Runnable {
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
