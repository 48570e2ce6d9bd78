package routing

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"sync/atomic"

	"github.com/valyala/fasthttp"
)

// RequestIDHeader is the header field that a request's id is taken from and
// answered in.
const RequestIDHeader = "X-Request-Id"

var requestIDHeader = []byte(RequestIDHeader)

// maxRequestID is the length up to which a client's request id is taken over.
const maxRequestID = 64

// RequestID returns the id of the request that ctx comes from, and "" for any
// other context. It works in handlers, in background work, and in middleware,
// where fasthttp's RequestCtx is the context.
//
// An id that the client or a proxy sent in [RequestIDHeader] is taken over
// when it is 1 to 64 letters, digits and "-_.:"; any other request gets a new
// one, unique for all practical purposes.
func RequestID(ctx context.Context) string {
	if raw, ok := ctx.(*fasthttp.RequestCtx); ok {
		return string(raw.Response.Header.Peek(RequestIDHeader))
	}
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r.id.String()
	}
	return ""
}

// A requestID holds the text of an id in place, to need no allocation.
type requestID struct {
	text   [maxRequestID]byte
	length uint8
}

func (id *requestID) String() string { return string(id.text[:id.length]) }

// idOf returns the id that [requestIDs.assign] gave the request.
func idOf(raw *fasthttp.RequestCtx) (id requestID) {
	id.length = uint8(copy(id.text[:], raw.Response.Header.Peek(RequestIDHeader)))
	return id
}

// requestIDs makes ids: a random prefix of the process and a counter.
type requestIDs struct {
	prefix string
	last   atomic.Uint64
}

func newRequestIDs() *requestIDs {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	return &requestIDs{prefix: hex.EncodeToString(random[:]) + "-"}
}

// assign puts the request's id on the response.
func (g *requestIDs) assign(raw *fasthttp.RequestCtx) {
	if id := raw.Request.Header.Peek(RequestIDHeader); isRequestID(id) {
		raw.Response.Header.SetCanonical(requestIDHeader, id)
		return
	}
	var buf [maxRequestID]byte
	id := append(buf[:0], g.prefix...)
	id = strconv.AppendUint(id, g.last.Add(1), 36)
	raw.Response.Header.SetCanonical(requestIDHeader, id)
}

func isRequestID(id []byte) bool {
	if len(id) == 0 || len(id) > maxRequestID {
		return false
	}
	for _, c := range id {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == ':':
		default:
			return false
		}
	}
	return true
}
