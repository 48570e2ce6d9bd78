package serve

import (
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/velithon-go/velithon/responses"
)

// turnedAway are the connections beyond Options.MaxConnections.
type turnedAway struct {
	listeners atomic.Int32   // that are served
	open      atomic.Int32   // that are being answered
	serving   sync.WaitGroup // those as well; added to while listeners are served

	mu      sync.Mutex // guards what follows
	logged  time.Time  // the last record
	unknown int        // how many there were since
}

// maxTurnedAway is how many connections beyond the limit are answered at once. The
// others are closed without an answer: there would be no limit.
const maxTurnedAway = 256

// admits reports whether there is room for one more connection. fasthttp, which
// would keep the limit for each listener, answers a text of its own, without
// telling anybody, and closes what the client sends unread.
func (s *Server) admits() bool {
	// Each listener that waits counts as one, and fasthttp takes off one of them.
	return int(s.fasthttp.GetOpenConnectionsCount())+1-int(s.turnedAway.listeners.Load()) < s.options.MaxConnections
}

// turnAway answers a connection for which there is no room, and closes it.
func (s *Server) turnAway(conn net.Conn) {
	s.logTurnedAway()
	t := &s.turnedAway
	if t.open.Add(1) > maxTurnedAway {
		t.open.Add(-1)
		_ = conn.Close()
		return
	}
	t.serving.Go(func() {
		defer t.open.Add(-1)
		defer func() { _ = conn.Close() }()
		s.conns.add(conn, handling) // for the shutdown; its limits are those here
		defer s.conns.all.Delete(conn)
		_ = conn.SetDeadline(time.Now().Add(lingerTime))

		var raw fasthttp.RequestCtx
		raw.Init2(conn, s.fasthttp.Logger, true)
		problem := responses.NewProblem(fasthttp.StatusServiceUnavailable, "the server has too many connections: try again later")
		problem.Header = responses.Header{fasthttp.HeaderRetryAfter: {"1"}}
		raw.SetConnectionClose()
		s.refuse(&raw, problem)
		if _, err := raw.Response.WriteTo(conn); err == nil {
			s.linger(conn)
		}
	})
}

// logTurnedAway tells the log, once a minute at most.
func (s *Server) logTurnedAway() {
	t := &s.turnedAway
	t.mu.Lock()
	t.unknown++
	count := t.unknown
	due := time.Since(t.logged) >= time.Minute
	if due {
		t.logged, t.unknown = time.Now(), 0
	}
	t.mu.Unlock()
	if due { // elsewhere, since the log may be slow and connections wait to be accepted
		go logSafely(s.options.Logger, slog.LevelWarn, "connections are turned away, since MaxConnections are open",
			"max_connections", s.options.MaxConnections, "turned_away", count)
	}
}
