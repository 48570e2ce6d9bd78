package serve

import (
	"bytes"
	"cmp"
	"strings"
	"unsafe"

	"github.com/valyala/fasthttp"
)

// This file keeps bodies that are announced and not sent from costing memory.
//
// Once fasthttp knows how long a body is, or its next chunk, it makes room for all
// of it, for a chunk up to twice as much, and copies into it the nothing that it has
// so far. Go compiles that to memory whose rest is cleared by hand, though new memory
// is clear. So 100 bytes that announce 4 MiB touch 1,000 or 2,000 pages, and 300 such
// clients 1.2 GB. Here the request has room before fasthttp looks, which is not
// cleared, so that it takes memory as far as the body arrives, and for the rest only
// addresses.
const (
	smallBody = 64 << 10 // bytes of a body whose room is left to fasthttp
	chunked   = -1       // fasthttp's length of a body in chunks

	// maxChunks is how many bytes a body in chunks has room for at most, whatever
	// its route takes. If a chunk needs more, fasthttp makes it.
	maxChunks = 16 << 20
)

// headerReceived is fasthttp's hook between the header of a request and its body.
func (s *Server) headerReceived(header *fasthttp.RequestHeader) (config fasthttp.RequestConfig) {
	if s.config != nil {
		config = s.config(header)
	}
	config.MaxRequestBodySize = cmp.Or(config.MaxRequestBodySize, s.options.BodyLimit)
	if n := header.ContentLength(); n > smallBody || n == chunked {
		s.makeRoom(requestOf(header), config.MaxRequestBodySize)
	}
	return config
}

// requestOf returns the request whose header fasthttp has given to its hook. It is
// a part of the request, and has no way back to it.
func requestOf(header *fasthttp.RequestHeader) *fasthttp.Request {
	const offset = int(unsafe.Offsetof(fasthttp.Request{}.Header))
	return (*fasthttp.Request)(unsafe.Add(unsafe.Pointer(header), -offset)) //nolint:gosec // see the comment
}

// makeRoom gives a request room for its body, of which limit bytes are allowed.
func (s *Server) makeRoom(request *fasthttp.Request, limit int) {
	header := &request.Header
	n := header.ContentLength()
	switch {
	case n > limit: // refused next
		return
	case n == chunked:
		n = min(limit, maxChunks) + len("\r\n") // at the end of each chunk
	case len(header.MultipartFormBoundary()) > 0 && len(header.Peek(fasthttp.HeaderContentEncoding)) == 0:
		return // read part by part
	}
	room := request.SwapBody(nil)
	if cap(room) < n {
		room = s.room(n)
	}
	request.SwapBody(room)
}

// room returns empty room for n bytes that was taken back, or is new.
func (s *Server) room(n int) []byte {
	if spare, ok := s.rooms.Get().(*[]byte); ok && cap(*spare) >= n {
		return (*spare)[:0]
	}
	return newRoom(n)
}

// newRoom returns room for n bytes whose memory is not cleared. Clearing would touch
// all of it where the collector has freed it before, as it does when bodies that were
// announced did not come; make clears it there. [strings.Builder] is how to get
// memory without that, since it lets nobody see what is not written yet.
func newRoom(n int) []byte {
	var b strings.Builder
	b.Grow(n)
	_ = b.WriteByte(0) // without it there is no first byte to point to

	return unsafe.Slice(unsafe.StringData(b.String()), n)[:0] //nolint:gosec // see the comment
}

// takeRoomBack has the room of a body in chunks given to the next one, if this one
// turned out small. It would stay with the connection, and count for the collector.
func (s *Server) takeRoomBack(request *fasthttp.Request) {
	if n := request.Header.ContentLength(); n != chunked && n != 0 { // fasthttp writes 0 if there were none
		return
	}
	body := request.SwapBody(nil)
	if cap(body) > smallBody && len(body) <= cap(body)/4 {
		room := body
		body = bytes.Clone(body)
		s.rooms.Put(&room)
	}
	request.SwapBody(body)
}
