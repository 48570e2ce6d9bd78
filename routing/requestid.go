package routing

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"sync/atomic"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/background"
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
		var text idText
		return string(ids.of(raw, &text))
	}
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r.requestID()
	}
	if o := background.OriginOf(ctx); o != nil { // of a task that was stored
		return o.Values[background.RequestID]
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

// An idText is room for the longest id that is made here: 64 bits have 13 digits.
type idText [len(requestIDs{}.prefix) + 13]byte

// write returns the id of a number, in text. Its digits are to the base 32, a power
// of two, since those of others cost a division each.
func (g *requestIDs) write(text *idText, number uint64) []byte {
	i := len(text)
	for {
		i--
		text[i] = "0123456789abcdefghijklmnopqrstuv"[number%32]
		if number /= 32; number == 0 {
			break
		}
	}
	i -= len(g.prefix)
	*(*[len(g.prefix)]byte)(text[i:]) = g.prefix
	return text[i:]
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

// of returns the id that the response has, or, if a middleware has dropped it with
// the rest of the response, as raw.Error does, the one that it had.
func (g *requestIDs) of(raw *fasthttp.RequestCtx, text *idText) []byte {
	if id := sentResponse(raw).Header.Peek(RequestIDHeader); len(id) > 0 {
		return id
	}
	if id := raw.Request.Header.PeekCanonical(requestIDHeader); isRequestID(id) {
		return id
	}
	return g.write(text, raw.ID())
}

// keep puts the id on a response that has none any more.
func (g *requestIDs) keep(raw *fasthttp.RequestCtx) {
	if header := &sentResponse(raw).Header; len(header.PeekCanonical(requestIDHeader)) == 0 {
		var text idText
		header.SetCanonical(requestIDHeader, g.of(raw, &text))
	}
}

// assignRefused is assign for a request that could not be read.
func (g *requestIDs) assignRefused(raw *fasthttp.RequestCtx) {
	g.put(raw, 1<<63|g.refused.Add(1))
}

func (g *requestIDs) put(raw *fasthttp.RequestCtx, number uint64) {
	var text idText
	raw.Response.Header.SetCanonical(requestIDHeader, g.write(&text, number))
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
