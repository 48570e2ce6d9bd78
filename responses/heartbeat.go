package responses

import (
	"errors"
	"math"
	"time"
)

// defaultHeartbeat is the interval that WHATWG HTML recommends, section 9.2.7.
const defaultHeartbeat = 15 * time.Second

// heartbeat is a comment without text.
var heartbeat = []byte(":\n\n")

// A heart sends a heartbeat into an event stream at each interval, also while the
// function of the stream waits. It has a goroutine only while it sends one.
type heart struct {
	stream   *StreamWriter
	interval time.Duration
	timer    *time.Timer
	fail     func(error) // called once, when a heartbeat could not be sent
}

// start is given a timer that is far away first, so that beat sees it.
func (h *heart) start() {
	h.timer = time.AfterFunc(math.MaxInt64, h.beat)
	h.timer.Reset(h.interval)
}

// beat ends with the stream by itself: it may be under way when stop is called.
func (h *heart) beat() {
	switch err := h.stream.send(heartbeat); {
	case err == nil:
		h.timer.Reset(h.interval)
	case !errors.Is(err, errStreamEnded):
		h.fail(err)
	}
}

func (h *heart) stop() { h.timer.Stop() }
