package serve

import (
	"io"
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

// A connection that is closed while the client is sending is reset, and what the
// client has not read by then, the answer, is thrown away (RFC 9112, section 9.6).
// So what a client still sends that is refused is read on for a while: until it
// closes, or sends nothing for lingerPause, or these are used up.
//
// It costs 8 KiB, and a connection for less time than an idle one may stay. That
// connection is one of MaxConnections, or of the maxTurnedAway beyond them.
const (
	lingerTime  = 5 * time.Second
	lingerPause = time.Second
	lingerBytes = 64 << 20
)

type lingerKey struct{}

// A lingerer is closed by fasthttp with the request, after the answer was flushed
// and before the connection is closed, on the connection's goroutine.
type lingerer struct {
	server *Server
	raw    *fasthttp.RequestCtx
}

// lingerAfter makes the connection of a refused request linger after the answer.
func (s *Server) lingerAfter(raw *fasthttp.RequestCtx) {
	raw.SetUserValue(lingerKey{}, lingerer{s, raw})
}

func (l lingerer) Close() error {
	l.raw.Request.ReleaseBody(0) // nobody needs it any more
	l.server.linger(l.raw.Conn())
	return nil
}

// linger reads what a client sends after its answer. During a shutdown that
// shortens the deadlines, as of all that reads.
func (s *Server) linger(conn net.Conn) {
	s.conns.of(conn).enter(handling) // the limits are those here
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // the client sees that nothing follows
	}
	_, _ = io.CopyN(io.Discard, &lingeringReader{conn, s, time.Now().Add(lingerTime)}, lingerBytes)
}

// A lingeringReader gives up when nothing comes for lingerPause.
type lingeringReader struct {
	conn   net.Conn
	server *Server
	end    time.Time
}

func (r *lingeringReader) Read(p []byte) (int, error) {
	if !r.server.closing.Load() {
		deadline := time.Now().Add(lingerPause)
		if deadline.After(r.end) {
			deadline = r.end
		}
		if err := r.conn.SetReadDeadline(deadline); err != nil {
			return 0, err
		}
	}
	return r.conn.Read(p)
}
