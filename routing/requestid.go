package routing

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"math/bits"
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
		return string(sentResponse(raw).Header.Peek(RequestIDHeader))
	}
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r.requestID()
	}
	return ""
}

// requestIDs makes ids: a random prefix of the process and a number, which is
// fasthttp's for the connection and the request on it. There is one for the
// process, as fasthttp's numbers are, so that a context need not know whose it
// is.
type requestIDs struct {
	prefix  [17]byte
	refused atomic.Uint64 // counts requests that could not be read, and have no such number
}

var ids = newRequestIDs()

func newRequestIDs() *requestIDs {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	g := new(requestIDs)
	hex.Encode(g.prefix[:], random[:])
	g.prefix[len(g.prefix)-1] = '-'
	return g
}

// appendID writes numbers in base 32, a power of two, since the digits of
// others cost a division each.
func (g *requestIDs) appendID(b []byte, number uint64) []byte {
	const digit = 5 // bits
	b = append(b, g.prefix[:]...)
	for shift := (bits.Len64(number|1) - 1) / digit * digit; shift >= 0; shift -= digit {
		b = append(b, "0123456789abcdefghijklmnopqrstuv"[number>>shift%32])
	}
	return b
}

// takenID is the user value with an id that was taken over.
type takenID struct{}

// assign puts the request's id on the response.
func (g *requestIDs) assign(raw *fasthttp.RequestCtx) {
	if id := raw.Request.Header.PeekCanonical(requestIDHeader); isRequestID(id) {
		raw.SetUserValue(takenID{}, string(id))
		raw.Response.Header.SetCanonical(requestIDHeader, id)
		return
	}
	g.put(raw, raw.ID())
}

// assignRefused is assign for a request that could not be read.
func (g *requestIDs) assignRefused(raw *fasthttp.RequestCtx) {
	g.put(raw, 1<<63|g.refused.Add(1))
}

func (g *requestIDs) put(raw *fasthttp.RequestCtx, number uint64) {
	var buf [maxRequestID]byte
	raw.Response.Header.SetCanonical(requestIDHeader, g.appendID(buf[:0], number))
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
