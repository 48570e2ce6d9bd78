package responses

import (
	"errors"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// defaultWriteTimeout is how long one piece of a long body may take to be sent.
const defaultWriteTimeout = 30 * time.Second

// errAborted is how a transfer ends whose connection was closed under it.
var errAborted = errors.New("responses: connection closed before the end of the body")

// transfer is a long body on its way. It gives each piece time of its own to be
// sent, so that a client which stops reading is cut off and a slow one is not,
// and keeps how the body ended.
//
// It has a mutex because a middleware that compresses reads the body on a
// goroutine of its own, and fasthttp, when the client has gone, neither stops
// that nor waits for it. After close, raw may serve another request.
type transfer struct {
	timeout time.Duration // 0 means defaultWriteTimeout

	mu      sync.Mutex           // guards all below
	raw     *fasthttp.RequestCtx // nil once the response has ended
	running bool
	sent    int64 // bytes, before any coding by others
	err     error
	onLost  func() // nil for nothing
}

// OnLost has lost called when it is found out, while the function that makes the body
// waits for something else, that the client has gone. The router calls it before the
// body is sent.
func (t *transfer) OnLost(lost func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.onLost = lost
}

// lose keeps err as how the body ended.
func (t *transfer) lose(err error) {
	t.mu.Lock()
	if t.err == nil {
		t.err = err
	}
	lost := t.onLost
	t.mu.Unlock()
	if lost != nil {
		lost()
	}
}

// add counts bytes that have been sent, or were read to be.
func (t *transfer) add(n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sent += n
}

// Sent returns how many bytes of the body were sent so far, for an access log. It may be
// called at any time, also when the body is closed.
func (t *transfer) Sent() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sent
}

// extend lets the connection write for another timeout. fasthttp sets one
// deadline for all of a response unless the handler has set one, so it is called
// in Write, and again for each piece. Its failure means that the connection is
// closed, which the write that follows tells better.
func (t *transfer) extend() {
	timeout := t.timeout
	if timeout <= 0 {
		timeout = defaultWriteTimeout
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	// A request that no server reads, made by RequestCtx.Init, has number 0, and
	// a connection that panics.
	if t.raw != nil && t.raw.ConnRequestNum() > 0 {
		_ = t.raw.SetWriteDeadline(time.Now().Add(timeout))
	}
}

// begin tells that the body is being sent, and end how that ended. Between the
// two, close means that it was aborted.
func (t *transfer) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = true
}

func (t *transfer) end(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = false
	if t.err == nil {
		t.err = err
	}
}

// close lets go of the request and returns how the body ended. Returned from the
// Close of a body, a failure makes fasthttp abort the connection also where a
// compressing middleware has swallowed it.
func (t *transfer) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.raw = nil
	if t.running {
		t.err = errAborted
	}
	return t.err
}

// exit closes the connection and the request's values, which fasthttp does at the
// end of a request: not when the connection's goroutine is being ended.
func (t *transfer) exit() {
	t.mu.Lock()
	raw := t.raw
	t.mu.Unlock()
	if raw != nil && raw.ConnRequestNum() > 0 { // as in extend
		_ = raw.Conn().Close()
		raw.ResetUserValues()
	}
}

// failure returns what ended the body early, if anything did. A nil transfer,
// of a response that was not written, has none.
func (t *transfer) failure() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}
