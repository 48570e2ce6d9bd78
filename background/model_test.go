package background_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/velithon-go/velithon/background"
)

// model does what the documentation of a Runner promises in the simplest way:
// one thing after the other, without goroutines or timers, and with all that
// waits in plain slices. It does not know how a Runner does it.
type model struct {
	workers, queue int
	rejects        bool
	timeout        time.Duration                            // of jobs that have none of their own
	keep           time.Duration                            // how long handles are found that have ended
	wait           func(*job, ending) (time.Duration, bool) // before a job is tried again if it is, which is random
	obey           func(*job)                               // has the real one end, whose context is done

	now      time.Time
	batches  []*batch // accepted and not ended
	line     []turn   // those whose turn is to come for a fresh job, or one that waits for its limit,
	dueLine  []*batch // and for one whose time has come
	limits   []*limit
	running  []*job
	retrying []*job   // to be tried again later, or for the first time
	retried  bool     // the last of those that took their turn was in dueLine
	tooLate  bool     // some were not tried again for want of time
	blocked  []*call  // waiting for room
	before   []*batch // accepted before the first of those was the first
	promised []*call  // reserved, neither started nor cancelled
	leaving  []*call  // of Shutdown, waiting
	asking   []*call  // for the end of a job, or for nothing to be left to do

	tracked  []*tracked
	periodic []*periodic // those that come again
	paused   bool
	pauses   map[string]*limit // of kinds, by name

	closed, expired, drained bool
	reason                   error     // why it expired
	deadline                 time.Time // when it will at the latest; zero is never
	abandoned, stopped       []string

	accepted, rejected uint64
	kinds              map[string]*background.KindStats // by name, without what is going on now; those of none are ""
	attempts           int                              // that were made

	told   map[string]int // the notices
	missed map[string]int // how often periodic jobs had no room, by name
}

// call is a call of a method, which may have to wait.
type call struct {
	number int
	batch  *batch
	held   int       // room taken by a reservation
	done   *int      // counts the calls of done; nil if there is none
	kept   bool      // it starts a reservation, so it can't be refused for want of time
	task   bool      // it is a task's, so it doesn't wait
	since  time.Time // when it began to wait for room
	needs  int       // what it would have held of that then, had all workers been free
	result string    // empty as long as it waits

	waitsFor *tracked  // it is a Wait
	periodic *periodic // it submits that, for nobody

	drain     time.Time // when nine tenths of the time of a Shutdown are over; zero is never
	until     time.Time // when its context is done by itself; zero is never
	cancelled bool      // it is done already
	cause     error     // of that
}

func (c *call) returns(err error) { c.result = result(err) }

// id is what the context of a call is known by: nothing if nobody made it.
func (c *call) id() any {
	if c.periodic != nil {
		return nil
	}
	return c.number
}

// tellsOfEnd reports whether somebody is told when all work of the call has ended.
func (c *call) tellsOfEnd() bool { return c.done != nil || c.periodic != nil }

// allEnded tells them.
func (m *model) allEnded(c *call) {
	if c.done != nil {
		*c.done++
	}
	if c.periodic != nil {
		m.hasEnded(c.periodic)
	}
}

// batch is the work of one call.
type batch struct {
	jobs        []*job
	limit       int
	stopOnError bool
	single      bool // it is no collection

	call    *call
	since   time.Time
	waiting []*job
	due     []*job // to be tried again now
	active  int    // running, or to be tried again
	stopped bool
	ended   bool
}

// job is a task.
type job struct {
	key, name  string
	kind       string        // "" is none
	around     around        // what is done around its attempts
	timeout    time.Duration // 0 is none
	after      time.Duration // it is to start so much later
	at         time.Time     // or not before that; zero is at once
	limit      *limit        // nil is none
	attempts   int           // how many it may have
	elapsed    time.Duration // how long these may take in all; 0 is any time
	delay      time.Duration // its Retry has a Delay, which waits that long for each attempt made; 0 is none
	asks       time.Duration // what it asks for by RetryAfter
	deaf       bool          // it does not look at its context
	isPeriodic bool          // it is submitted again and again
	orders     chan ending   // tells the real one how to end
	task       *background.Task

	batch   *batch
	attempt int
	until   time.Time // when the attempt's timeout is up, or the wait for the next one; zero is never
	late    bool      // the attempt has exceeded its timeout
	ended   bool      // the attempt has, but its worker is not free yet
	counts  bool      // it is among the running of its limit
	over    time.Time // when its attempts have taken as long as they may; zero is never
	last    string    // how the last attempt failed
	began   time.Time // the attempt did
	unmade  bool      // the attempt is not made: the job was cancelled before, or there is no time for it
	tracked *tracked  // nil if it has no handle, and of the last if it has been submitted again
}

// limit is one of the jobs that run at once, and of those that start in a time.
type limit struct {
	real       *background.Limit
	concurrent int           // 0 is any number
	spacing    time.Duration // in the long run one starts in so much time; 0 is no limit
	burst      int           // how many may start at once after a quiet time

	running int
	saved   time.Duration // of the time that was left to start jobs in, at the time of the last
	started time.Time     // that; zero before the first
	parked  []*job        // who wait for it
	ofKind  bool          // it is the pause of a kind
}

// turn is that of a batch or a limit.
type turn struct {
	batch *batch
	limit *limit
}

// ending is how an attempt ends.
type ending string

const (
	succeeds     ending = "succeeds"
	fails        ending = "fails"
	asksForTime  ending = "fails, and says when it is to be tried again"
	failsForGood ending = "fails for good"
	panics       ending = "panics"
	exits        ending = "exits"
	obeys        ending = "obeys" // its context is done
	spoiled      ending = "is made a failure by what is around it"
)

// around is what the function around an attempt does.
type around string

const (
	passes  around = "passes on what the attempt returns"
	hides   around = "hides failures"
	spoils  around = "makes failures of successes"
	instead around = "does by itself what the task does"
)

// notice is what hook and log are told, with the context of the given call.
func notice(call any, task string, attempt int, again bool, reason string) string {
	return fmt.Sprintf("call %v, %s, attempt %d, to be tried again %t: %s", call, task, attempt, again, reason)
}

func (m *model) submit(c *call) {
	m.know(c)
	later := c.batch.single && m.waitForTime(c.batch.jobs[0]) > 0
	if m.closed && (!c.task || m.expired || later) { // a task that runs has the drain go on
		m.refuse(c, background.ErrClosed)
		return
	}
	m.enter(c)
}

func (m *model) reserve(c *call) {
	m.know(c)
	held := 0
	if m.rejects {
		held = min(len(c.batch.jobs), m.queue)
	}
	switch {
	case m.closed:
		m.refuse(c, background.ErrClosed)
	case m.used()+held > m.queue, m.crowded():
		m.refuse(c, background.ErrFull)
	default:
		c.held = held
		m.promised = append(m.promised, c)
		c.returns(nil)
	}
}

func (m *model) start(c *call) {
	m.promised = without(m.promised, c)
	c.kept = true
	if m.expired {
		m.accept(c)
		if !c.batch.ended {
			m.abandon(c.batch)
		}
	} else {
		m.enter(c)
	}
}

func (m *model) unreserve(c *call) {
	m.promised = without(m.promised, c)
	m.isRefused(c, background.ErrCanceled)
	c.batch.ended = true
}

// cancelIfDone does so with a call that has to wait, whose context is done already.
func (m *model) cancelIfDone(c *call) {
	if c.cancelled || !c.until.IsZero() && !c.until.After(m.now) {
		m.cancel(c)
	}
}

// cancel has the context of a call done.
func (m *model) cancel(c *call) {
	c.cancelled = true
	switch {
	case slices.Contains(m.blocked, c):
		m.unblock(c)
		m.refuse(c, fmt.Errorf("background: no room in the queue: %w", c.cause))
	case slices.Contains(m.asking, c):
		m.stopAsking(c)
	case slices.Contains(m.leaving, c):
		m.leaving = without(m.leaving, c)
		m.expire(c.cause)
		c.returns(m.drainError(c.cause))
	}
}

// next returns what happens next by itself, and when; nil if nothing does.
func (m *model) next() (event func(), at time.Time) {
	consider := func(t time.Time, f func()) {
		if !t.IsZero() && (event == nil || t.Before(at)) {
			event, at = f, t
		}
	}
	for _, j := range m.running {
		consider(j.until, func() { j.late, j.until = true, time.Time{} })
	}
	for _, j := range m.retrying {
		consider(j.until, func() {
			m.retrying = without(m.retrying, j)
			m.lineUpDue(j)
		})
	}
	for _, p := range m.periodic {
		if !p.busy {
			consider(p.next, func() { m.comeAgain(p) })
		}
	}
	for _, l := range m.limits {
		consider(m.allowsAt(l), func() { m.lineUpLimit(l) })
	}
	for _, c := range slices.Concat(m.blocked, m.leaving, m.asking) {
		consider(c.until, func() { m.cancel(c) })
	}
	for _, c := range m.leaving {
		if c.drain.After(m.now) {
			consider(c.drain, func() { m.expire(context.DeadlineExceeded) })
		}
	}
	return event, at
}

func without[E comparable](all []E, one E) []E {
	return slices.DeleteFunc(slices.Clone(all), func(e E) bool { return e == one })
}
