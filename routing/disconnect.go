package routing

import (
	"context"
	"net"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
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
// Info, and middleware sees the status 499, as nginx has it.
//
// The client is watched from the decoded input to the end of the response, by a
// goroutine that takes nothing from the connection. It can't see a client go that
// has sent more than its request, such as the next one. It watches TCP and Unix
// connections, on systems like Unix, and not those that are encrypted here. On
// others the option has no effect.
func CancelOnDisconnect() Option {
	return func(o *routeOptions) error {
		o.watchesClient = true
		return nil
	}
}

// A watch is what waits for a client to go.
type watch struct {
	conn  net.Conn
	ended chan struct{} // closed when it has ended
}

// watchClient cancels the context of r when the client of raw goes, until Close is
// called. It returns nil for a connection that can't be watched.
func watchClient(raw *fasthttp.RequestCtx, r *request) *watch {
	if raw.ConnRequestNum() == 0 {
		return nil // made by RequestCtx.Init, without a connection
	}
	conn := raw.Conn()
	wait := waitForClose(conn)
	if wait == nil {
		return nil
	}
	// The deadline is that of the request, which has been read.
	_ = conn.SetReadDeadline(time.Time{})
	w := &watch{conn, make(chan struct{})}
	go func() {
		defer close(w.ended)
		if wait() {
			r.disconnect()
		}
	}()
	return w
}

// Close ends the watch. fasthttp must not read from the connection before.
func (w *watch) Close() error {
	_ = w.conn.SetReadDeadline(time.Unix(1, 0)) // wakes it up
	<-w.ended
	return w.conn.SetReadDeadline(time.Time{})
}

type watchKey struct{}

// endWatch ends a watch when the handler has returned, or leaves that to the end
// of the stream which it has returned.
func endWatch(raw *fasthttp.RequestCtx, w *watch) {
	if raw.Response.IsBodyStream() && raw.LastTimeoutErrorResponse() == nil && !raw.Hijacked() {
		raw.SetUserValue(watchKey{}, w) // closed after the response, see handOver
		return
	}
	_ = w.Close()
}

// disconnect cancels the context because the client has gone.
func (r *request) disconnect() {
	r.mu.Lock()
	if r.exchange != nil {
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
