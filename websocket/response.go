package websocket

import (
	"context"
	"net"
	"sync"
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
	end, err := routing.TakeOver(l.ctx)
	if err != nil {
		r.open.Add(-1)
		return err
	}
	l.endContext = end
	p := &place{open: r.open}
	// The request ends without the connection where that is not handed over.
	context.AfterFunc(l.ctx, func() {
		if !p.isTaken.Load() {
			p.giveBack()
		}
	})
	return r.upgrader.Upgrade(raw, func(conn *wire.Conn) {
		p.isTaken.Store(true)
		defer p.giveBack()
		l.hold(conn, r.converse)
	})
}

// A place is one of those that Options.MaxConnections counts.
type place struct {
	open    *atomic.Int64
	isTaken atomic.Bool // by a connection, which gives it back
	given   sync.Once
}

func (p *place) giveBack() { p.given.Do(func() { p.open.Add(-1) }) }

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
