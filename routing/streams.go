package routing

import (
	"context"
	"sync"
)

// streams are the requests whose response is a stream that is being sent.
type streams struct {
	mu       sync.Mutex // guards what follows
	requests map[*request]struct{}
	ending   bool
	taken    int           // how many of them have taken their connection over
	none     chan struct{} // closed when they have ended; nil while nobody waits
}

// add makes r one of the streams; it ends at once after [Handler.EndStreams].
func (s *streams) add(r *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.takesOver() {
		s.taken++
	}
	if s.ending {
		r.end(context.Canceled)
		return
	}
	if s.requests == nil {
		s.requests = make(map[*request]struct{})
	}
	s.requests[r] = struct{}{}
}

func (s *streams) remove(r *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.requests, r)
	if !r.takesOver() {
		return
	}
	if s.taken--; s.taken == 0 && s.none != nil {
		close(s.none)
		s.none = nil
	}
}

// await waits until those have ended that have taken their connection over, or ctx is
// done. The server waits for all others.
func (s *streams) await(ctx context.Context) {
	s.mu.Lock()
	if s.taken == 0 {
		s.mu.Unlock()
		return
	}
	if s.none == nil {
		s.none = make(chan struct{})
	}
	none := s.none
	s.mu.Unlock()
	select {
	case <-none:
	case <-ctx.Done():
	}
}

// EndStreams cancels the contexts of the requests whose response is a stream,
// now and from now on. A server calls it when it shuts down, since an event
// stream that nobody tells goes on for ever. A stream that does not look at its
// context is sent to its end.
func (h *Handler) EndStreams() {
	s := &h.engine.streams
	s.mu.Lock()
	s.ending = true
	requests := s.requests
	s.requests = nil
	s.mu.Unlock()
	for r := range requests {
		r.end(context.Canceled)
	}
}
