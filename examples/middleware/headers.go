package main

import "github.com/valyala/fasthttp"

// sentHeader is the header of the response that the client gets. After a timeout
// that is not raw.Response, which belongs to the late handler.
func sentHeader(raw *fasthttp.RequestCtx) *fasthttp.ResponseHeader {
	if late := raw.LastTimeoutErrorResponse(); late != nil {
		return &late.Header
	}
	return &raw.Response.Header
}

// careful is what an API tells browsers.
var careful = []struct{ name, value string }{
	{"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
	{"Referrer-Policy", "no-referrer"},
	{"Strict-Transport-Security", "max-age=31536000"},
	{"X-Content-Type-Options", "nosniff"},
}

// securityHeaders sets what the handler has not set.
func securityHeaders(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(raw *fasthttp.RequestCtx) {
		next(raw)
		header := sentHeader(raw)
		for _, field := range careful {
			if len(header.Peek(field.name)) == 0 {
				header.Set(field.name, field.value)
			}
		}
	}
}
