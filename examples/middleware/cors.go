package main

import (
	"slices"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

// cors lets pages of other origins call the service.
type cors struct {
	origins []string
}

func newCORS(origins ...string) *cors { return &cors{origins} }

// middleware belongs to the app: the router answers OPTIONS by itself, with the
// methods of the path in Allow, which no middleware of a group sees.
func (c *cors) middleware(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(raw *fasthttp.RequestCtx) {
		next(raw)
		header := sentHeader(raw)
		c.allow(raw, header)
		if raw.IsOptions() && len(raw.Request.Header.Peek("Access-Control-Request-Method")) > 0 {
			header.SetBytesV("Access-Control-Allow-Methods", header.Peek("Allow"))
			header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
			header.Set("Access-Control-Max-Age", "600")
		}
	}
}

// onRefused is for requests that no middleware sees, such as a body that is too
// large: without the header a page can't read why.
func (c *cors) onRefused(raw *fasthttp.RequestCtx, _ *responses.Problem) {
	c.allow(raw, &raw.Response.Header)
}

func (c *cors) allow(raw *fasthttp.RequestCtx, header *fasthttp.ResponseHeader) {
	header.Add("Vary", "Origin") // a cache must not give one origin the answer of another
	if origin := string(raw.Request.Header.Peek("Origin")); slices.Contains(c.origins, origin) {
		header.Set("Access-Control-Allow-Origin", origin)
	}
}
