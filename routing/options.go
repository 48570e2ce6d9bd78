package routing

import (
	"fmt"
	"time"

	"github.com/valyala/fasthttp"
)

// An Option sets something about one route. Its error is a mistake in the
// program, and panics at registration.
type Option func(*routeOptions) error

type routeOptions struct {
	name    string
	status  int
	timeout time.Duration
	reading fasthttp.RequestConfig

	annotations map[any]any // nil without any
	annotated   []any       // the keys given by the call whose options are applied

	watchesClient  bool
	rejectsUnknown bool
	hidden         bool
	guarded        []Requirement
}

// Name names a route, for [Router.Routes].
func Name(name string) Option {
	return func(o *routeOptions) error {
		o.name = name
		return nil
	}
}

// Status is the status of a successful answer that does not say its own; the
// default is 200.
func Status(code int) Option {
	return func(o *routeOptions) error {
		if code < 200 || code > 399 {
			return fmt.Errorf("option Status(%d): a success status is from 200 to 399", code)
		}
		o.status = code
		return nil
	}
}

// Timeout is the time after which the handler's context is cancelled and the
// client answered with a 503 problem. The handler then runs on, on a goroutine
// of its own, until it returns; its result is dropped, and the log says so.
// Without the option a handler has no limit: it runs on also when its client is
// gone, unless the route has [CancelOnDisconnect].
//
// What middleware sets on the raw response is lost once the timeout has passed,
// since the late handler may still use it. User values that are an io.Closer
// are not closed then.
func Timeout(d time.Duration) Option {
	return func(o *routeOptions) error {
		if d <= 0 {
			return fmt.Errorf("option Timeout(%v): want more than 0; leave the option out for no timeout", d)
		}
		o.timeout = d
		return nil
	}
}

// BodyLimit is the largest body that the route takes, in bytes, instead of the
// application's limit. A larger one is answered with a 413 problem without
// being read. It holds when the application itself serves; see
// [Handler.RequestConfig].
func BodyLimit(bytes int) Option {
	return func(o *routeOptions) error {
		if bytes <= 0 {
			return fmt.Errorf("option BodyLimit(%d): want more than 0 bytes", bytes)
		}
		o.reading.MaxRequestBodySize = bytes
		return nil
	}
}

// ReadTimeout is the time within which a request of the route must have
// arrived, instead of the application's: a large upload takes longer than the
// rest of a service's requests should. It holds where [BodyLimit] does.
//
// With one such route the time limits of the whole application are kept in
// another way, which takes about half a microsecond more for each request.
func ReadTimeout(d time.Duration) Option {
	return func(o *routeOptions) error {
		if d <= 0 {
			return fmt.Errorf("option ReadTimeout(%v): want more than 0; leave the option out for the application's", d)
		}
		o.reading.ReadTimeout = d
		return nil
	}
}
