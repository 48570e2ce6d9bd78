package middleware

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

// Names are in the form that fasthttp has them in: to bring one into it takes 40 ns.
var (
	hOrigin       = []byte("Origin")
	hSecFetchSite = []byte("Sec-Fetch-Site")
	hVary         = []byte("Vary")
)

// sentHeader is the header of the response that the client gets. After a timeout that is
// not raw.Response, which belongs to the late handler.
func sentHeader(raw *fasthttp.RequestCtx) *fasthttp.ResponseHeader {
	if late := raw.LastTimeoutErrorResponse(); late != nil {
		return &late.Header
	}
	return &raw.Response.Header
}

// vary adds names to the field Vary, which the handler may have set.
func vary(header *fasthttp.ResponseHeader, names []byte) {
	have := header.PeekCanonical(hVary)
	switch {
	case len(have) == 0:
		header.SetCanonical(hVary, names)
	case !bytes.Equal(have, names):
		header.AddBytesKV(hVary, names)
	}
}
