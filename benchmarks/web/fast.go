package web

import (
	"net"

	"github.com/valyala/fasthttp"
)

// fastServer is a [Server] on fasthttp.
type fastServer struct {
	handler fasthttp.RequestHandler
	serve   func(net.Listener) error
	close   func() error
}

func (s *fastServer) Serve(listener net.Listener) error { return s.serve(listener) }
func (s *fastServer) Close() error                      { return s.close() }

func (s *fastServer) NewCall(r Request) Call {
	c := &fastCall{handler: s.handler, target: r.Target}
	var request fasthttp.Request
	request.Header.SetMethod(r.Method)
	request.SetRequestURI(r.Target)
	request.Header.SetHost("localhost")
	if r.Body != "" {
		request.Header.SetContentType(contentTypeJSON)
		request.SetBodyString(r.Body)
		request.Header.SetContentLength(len(r.Body))
	}
	c.ctx.Init(&request, nil, nil)
	return c
}

type fastCall struct {
	handler fasthttp.RequestHandler
	target  string
	ctx     fasthttp.RequestCtx
}

// Do leaves the request in place, since reading it is not the handler's work,
// but has everything forgotten that the handler made of it: fasthttp parses
// the target anew after it was set.
func (c *fastCall) Do() {
	c.ctx.Request.SetRequestURI(c.target)
	c.ctx.Response.Reset()
	c.handler(&c.ctx)
	c.ctx.ResetUserValues() // closes those that are an io.Closer, after the response
}

func (c *fastCall) Response() (int, []byte) {
	return c.ctx.Response.StatusCode(), c.ctx.Response.Body()
}
