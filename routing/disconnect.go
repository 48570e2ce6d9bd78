package routing

import (
	"context"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

// How long a watch waits before it looks at the client: twice as long each time,
// so that a short handler is not looked at, and ten thousand streams cost little.
const (
	minWatchWait = 20 * time.Millisecond
	maxWatchWait = time.Second
)

// statusClientClosed is what nginx logs for a request whose client went away
// before the answer. No client gets to see it; access logs and metrics do.
const statusClientClosed = 499

var errClientClosed = &responses.Problem{Status: statusClientClosed, Title: "Client Closed Request"}

// CancelOnDisconnect has the handler's context cancelled when the client closes
// its connection, or its sending half of it, before the response is sent: for
// handlers that are expensive, and for event streams that wait long for an
// event. Without the option a handler runs to its end, and a stream ends when it
// writes next.
//
// Background work that the response carries runs all the same. A handler that
// returns [context.Canceled] then is no failure: the log has a line at level
// Info, and middleware sees the status 499, as nginx has it. [RequestCtx] fails from
// then on.
//
// The client is looked at again and again, from the decoded input, or from the first
// provider on, to the end of the response: at first after 20 ms, later once a second. Nothing is taken from
// the connection. That a client is gone can't be seen behind what it has sent and
// nobody has read yet, such as its next request. The option works with TCP and
// Unix connections, on systems like Unix, and has no effect with others.
//
// A client of TLS that is served here sends a farewell before it closes, which is
// something that nobody has read. What lies behind that is seen on Linux alone; and
// a client that has only said farewell, and not closed, is waited for.
func CancelOnDisconnect() Option {
	return func(o *routeOptions) error {
		o.watchesClient = true
		return nil
	}
}

// A watch looks at the client of a request until that has ended.
type watch struct {
	request *request
	look    func() connState
	wait    time.Duration
}

type connState int

const (
	connOpen connState = iota
	connLeft           // by the client
	connShut           // by the server
)

// watchClient begins to watch the client of raw, if that can be done.
func watchClient(raw *fasthttp.RequestCtx, r *request) {
	if raw.ConnRequestNum() == 0 {
		return // made by RequestCtx.Init, without a connection
	}
	if look := connLook(raw.Conn()); look != nil {
		w := &watch{r, look, minWatchWait}
		time.AfterFunc(w.wait, w.next)
	}
}

func (w *watch) next() {
	if w.request.Err() != nil {
		return
	}
	switch w.look() {
	case connLeft:
		w.request.disconnect()
	case connShut:
		w.request.end(context.Canceled)
	default:
		w.wait = min(2*w.wait, maxWatchWait)
		time.AfterFunc(w.wait, w.next)
	}
}

// disconnect cancels the context because the client has gone.
func (r *request) disconnect() {
	r.mu.Lock()
	if !r.isOverLocked() {
		r.restLocked().disconnected = true
	}
	r.mu.Unlock()
	r.end(context.Canceled)
}

func (r *request) isDisconnected() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rest != nil && r.rest.disconnected
}
