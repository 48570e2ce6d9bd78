package health

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/velithon-go/velithon/background"
)

// A Check asks something that a service can't work without.
type Check struct {
	Name string // is told to clients

	// Timeout is how long Run may take. Zero means a second.
	Timeout time.Duration

	// Run returns what is wrong, or nil. Its ctx is done after Timeout, and is no
	// request's. If Run does not look at it, it goes on, and the check fails until it has
	// returned. A panic is a failure.
	Run func(ctx context.Context) error
}

// defaultTimeout is that of a check without one.
const defaultTimeout = time.Second

var (
	errTimeout = errors.New("health: the check took too long")
	errGoexit  = errors.New("health: the check called runtime.Goexit")
)

// check is a Check with its run, if one is under way.
type check struct {
	Check

	mu  sync.Mutex // guards run
	run *run       // nil if none is under way
}

// A run is one call of a check's function.
type run struct {
	end  context.Context // done when its time is over
	done chan struct{}   // closed when it has returned
	err  error           // readable then
}

// begin calls the check's function, unless a call of it is under way, which is returned then.
func (c *check) begin() *run {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run != nil {
		return c.run
	}
	ctx, cancel := context.WithTimeout(context.Background(), cmp.Or(c.Timeout, defaultTimeout))
	r := &run{end: ctx, done: make(chan struct{}), err: errGoexit}
	c.run = r
	go c.call(r, cancel)
	return r
}

func (c *check) call(r *run, cancel context.CancelFunc) {
	defer func() {
		if cause := recover(); cause != nil {
			r.err = &background.PanicError{Value: cause}
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.run = nil
		close(r.done)
		cancel()
	}()
	r.err = c.Run(r.end)
}

// wait returns what came of a run, errTimeout if its time is over before.
func (r *run) wait(ctx context.Context) error {
	select {
	case <-r.done:
	case <-r.end.Done():
		select {
		case <-r.done: // both at once
		default:
			return errTimeout
		}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if r.err != nil && r.end.Err() == context.DeadlineExceeded {
		return errors.Join(errTimeout, r.err)
	}
	return r.err
}
