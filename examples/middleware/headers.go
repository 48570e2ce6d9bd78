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

// securityHeaders tells browsers to be careful. What the handler has set stays.
func securityHeaders(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(raw *fasthttp.RequestCtx) {
		next(raw)
		header := sentHeader(raw)
		for name, value := range map[string]string{
			"Content-Security-Policy":   "default-src 'none'; frame-ancestors 'none'",
			"Referrer-Policy":           "no-referrer",
			"Strict-Transport-Security": "max-age=31536000",
			"X-Content-Type-Options":    "nosniff",
		} {
			if len(header.Peek(name)) == 0 {
				header.Set(name, value)
			}
		}
	}
}
