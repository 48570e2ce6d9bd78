package websocket

import (
	"net"
	"sync/atomic"

	wire "github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

// A Response makes a WebSocket of the request that it answers, with status 101. It is made by
// [Socket.Upgrade], and serves one request.
type Response struct {
	upgrader *wire.FastHTTPUpgrader
	open     *atomic.Int64
	link     *link
	converse func() error
}

// Write implements [responses.Response].
func (r *Response) Write(raw *fasthttp.RequestCtx) error {
	l := r.link
	if r.open.Add(1) > int64(l.options.MaxConnections) {
		r.open.Add(-1)
		return errFull
	}
	raw.SetUserValue(countedKey{}, counted{r.open})
	end, err := routing.TakeOver(l.ctx)
	if err != nil {
		return err
	}
	l.endContext = end
	return r.upgrader.Upgrade(raw, func(conn *wire.Conn) { l.hold(conn, r.converse) })
}

// counted is a connection that counts. fasthttp closes it with the request, when the
// connection has ended or was not handed over.
type counted struct{ open *atomic.Int64 }

type countedKey struct{}

// Close implements [io.Closer].
func (c counted) Close() error {
	c.open.Add(-1)
	return nil
}

// Work implements [responses.Response]: there is none, since a task is submitted when a message asks
// for it.
func (*Response) Work() background.Work { return nil }

// Err implements [responses.EndedResponse].
func (r *Response) Err() error { return r.link.failure }

// Describe implements [responses.Described].
func (*Response) Describe() responses.Description {
	const problems = "application/problem+json"
	return responses.Description{Answers: []responses.Answer{
		{Status: fasthttp.StatusSwitchingProtocols, Text: "the connection is a WebSocket from now on (RFC 6455)"},
		{Status: fasthttp.StatusBadRequest, ContentType: problems, Text: "the handshake of the WebSocket is malformed"},
		{Status: fasthttp.StatusForbidden, ContentType: problems, Text: "the page is of an origin that may not connect"},
		{Status: fasthttp.StatusUpgradeRequired, ContentType: problems, Text: "the request is none for a WebSocket"},
		{Status: fasthttp.StatusServiceUnavailable, ContentType: problems, Text: "there are as many connections as there may be"},
	}}
}

// underlying returns the connection that fasthttp has wrapped: Close of the wrapper does
// nothing.
func underlying(conn net.Conn) net.Conn {
	if wrapped, ok := conn.(interface{ UnsafeConn() net.Conn }); ok {
		return wrapped.UnsafeConn()
	}
	return conn
}
