package serve

import (
	"context"
	"fmt"
	"time"

	"github.com/valyala/fasthttp"
)

// shutdownGrace is how long a shutdown waits for clients: first for the next
// request on a connection that is open, then for the rest of one that has begun
// to arrive.
const shutdownGrace = time.Second

// graceWithin is the grace of a shutdown with ctx: no more than a tenth of its
// time, so that idle connections do not take all of it.
func graceWithin(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(shutdownGrace, time.Until(deadline)/10)
	}
	return shutdownGrace
}

// Shutdown ends the server, or closes what is left of it when ctx is done, and says
// so. Connections that were closed may have been idle ones. It may be called at any
// time, more than once, and concurrently.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if s.stopped == nil {
		s.stopped = make(chan struct{})
		go s.stop(graceWithin(ctx))
	}
	stopped := s.stopped
	s.mu.Unlock()

	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-stopped: // both at once
		return nil
	default:
	}
	return endedEarly(s.conns.close(), context.Cause(ctx))
}

// endedEarly is the error of a shutdown that had to close n connections. There
// may be none: fasthttp notices only some milliseconds later that the last one is
// gone.
func endedEarly(n int, cause error) error {
	const text = "velithon: shutdown ended early: %w"
	switch n {
	case 0:
		return fmt.Errorf(text, cause)
	case 1:
		return fmt.Errorf(text+"; 1 connection closed", cause)
	default:
		return fmt.Errorf(text+"; %d connections closed", cause, n)
	}
}

// stop waits for the connections to end, and ends what is still arriving after
// twice the grace. It closes s.stopped in the end.
func (s *Server) stop(grace time.Duration) {
	defer close(s.stopped)
	late := time.AfterFunc(2*grace, s.conns.endReads)
	defer late.Stop()
	// Order matters: stop accepting before telling clients to reconnect.
	s.closeListeners()
	s.closing.Store(true)
	s.endStreams()
	// fasthttp's shutdown returns at once if none of its listeners is known yet,
	// so a Serve that has only begun must end first.
	s.serving.Wait()
	select { // a request on each connection, after which it closes
	case <-s.conns.gone():
	case <-time.After(grace):
	}
	s.conns.endIdle()
	// Without a limit: a handler may run on when its connection is closed.
	_ = s.fasthttp.Shutdown() // does nothing if there never was a listener
	s.conversing.Wait()
	s.turnedAway.serving.Wait()
}

// closeAfter makes fasthttp close the connection of a request after its response,
// and say so in it.
func closeAfter(raw *fasthttp.RequestCtx) {
	if response := raw.LastTimeoutErrorResponse(); response != nil {
		response.SetConnectionClose() // raw belongs to a handler that goes on
		return
	}
	raw.SetConnectionClose()
}

// endStreams ends those of the handler, if there is one.
func (s *Server) endStreams() {
	s.mu.Lock()
	handler := s.handler
	s.mu.Unlock()
	if handler != nil {
		handler.EndStreams()
	}
}

func (s *Server) closeListeners() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, listener := range s.listeners {
		_ = listener.Close()
	}
}
