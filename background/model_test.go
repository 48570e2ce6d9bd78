package background_test

import (
	"cmp"
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
	timeout        time.Duration            // of jobs that have none of their own
	wait           func(*job) time.Duration // before a job is tried again, which is random

	now      time.Time
	batches  []*batch // accepted and not ended
	line     []*batch // those whose turn is to come
	running  []*job
	retrying []*job  // to be tried again later,
	due      []*job  // and now
	blocked  []*call // waiting for room
	promised []*call // reserved, neither started nor cancelled
	leaving  []*call // of Shutdown, waiting

	closed, expired, drained bool
	reason                   error // why it expired
	abandoned                []string

	stats background.Stats // but for what is going on now
	told  map[string]int   // the notices
}

// call is a call of a method, which may have to wait.
type call struct {
	number int
	batch  *batch
	held   int    // room taken by a reservation
	done   *int   // counts the calls of done; nil if there is none
	kept   bool   // it starts a reservation, so it can't be refused for want of time
	result string // empty as long as it waits

	until     time.Time // when its context is done by itself; zero is never
	cancelled bool      // it is done already
	cause     error     // of that
}

func (c *call) returns(err error) { c.result = result(err) }

// batch is the work of one call.
type batch struct {
	jobs        []*job
	limit       int
	stopOnError bool

	call    *call
	since   time.Time
	waiting []*job
	active  int // running, or to be tried again
	stopped bool
	ended   bool
}

// job is a task.
type job struct {
	key, name string
	timeout   time.Duration // 0 is none
	attempts  int           // how many it may have
	deaf      bool          // it does not look at its context
	orders    chan ending   // tells the real one how to end

	batch   *batch
	attempt int
	until   time.Time // when the attempt's timeout is up, or the wait for the next one; zero is never
	late    bool      // the attempt has exceeded its timeout
}

// ending is how an attempt ends.
type ending string

const (
	succeeds     ending = "succeeds"
	fails        ending = "fails"
	failsForGood ending = "fails for good"
	panics       ending = "panics"
	exits        ending = "exits"
	obeys        ending = "obeys" // its context is done
)

// notice is what hook and log are told, with the context of the given call.
func notice(call any, task string, attempt int, again bool, reason string) string {
	return fmt.Sprintf("call %v, %s, attempt %d, to be tried again %t: %s", call, task, attempt, again, reason)
}

// Calls.

func (m *model) submit(c *call) {
	if m.closed {
		m.refuse(c, background.ErrClosed)
		return
	}
	m.enter(c)
}

func (m *model) reserve(c *call) {
	held := 0
	if m.rejects {
		held = min(len(c.batch.jobs), m.queue)
	}
	switch {
	case m.closed:
		m.refuse(c, background.ErrClosed)
	case m.used()+held > m.queue:
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
		m.refuse(c, background.ErrClosed)
	} else {
		m.enter(c)
	}
}

func (m *model) unreserve(c *call) {
	m.promised = without(m.promised, c)
	c.batch.ended = true
}

func (m *model) shutdown(c *call) {
	m.closed = true
	m.leaving = append(m.leaving, c)
}

// cancel has the context of a call done.
func (m *model) cancel(c *call) {
	c.cancelled = true
	switch {
	case slices.Contains(m.blocked, c):
		m.blocked = without(m.blocked, c)
		m.refuse(c, fmt.Errorf("background: no room in the queue: %w", c.cause))
	case slices.Contains(m.leaving, c):
		m.leaving = without(m.leaving, c)
		m.expire(c)
	}
}

// Admission.

func (m *model) enter(c *call) {
	switch {
	case len(c.batch.jobs) == 0:
		m.accept(c)
	case len(m.blocked) == 0 && m.fits(c.batch):
		m.accept(c)
	case m.rejects:
		m.refuse(c, background.ErrFull)
	default:
		m.blocked = append(m.blocked, c)
		if c.cancelled || !c.until.IsZero() && !c.until.After(m.now) {
			m.cancel(c)
		}
	}
}

// fits reports whether there is room for the jobs of b that find no free worker.
func (m *model) fits(b *batch) bool {
	start := min(len(b.jobs), b.limit, m.workers-len(m.running))
	wait := len(b.jobs) - start
	return m.used()+min(wait, m.queue) <= m.queue
}

// used is how much of the queue is taken.
func (m *model) used() int {
	used := 0
	for _, b := range m.batches {
		used += min(len(b.waiting), m.queue)
	}
	for _, c := range m.promised {
		used += c.held
	}
	return used
}

func (m *model) accept(c *call) {
	b := c.batch
	b.call, b.since, b.waiting = c, m.now, slices.Clone(b.jobs)
	m.batches = append(m.batches, b)
	m.stats.Accepted += uint64(len(b.jobs))
	c.returns(nil)
	m.lineUp(b)
	m.conclude(b)
}

func (m *model) refuse(c *call, err error) {
	m.stats.Rejected += uint64(len(c.batch.jobs))
	c.returns(err)
	c.batch.ended = true
	if c.done != nil {
		*c.done++
	}
}

// What goes on.

// settle does what can be done now, until there is nothing left.
func (m *model) settle() {
	m.schedule()
	for m.obeyNext() {
		m.schedule()
	}
	if m.closed && len(m.running) == 0 && (m.expired || m.unfinished() == 0) {
		m.drained = true
	}
	if m.drained {
		for _, c := range m.leaving {
			c.returns(m.drainError(m.reason))
		}
		m.leaving = nil
	}
}

// schedule starts what it can, and then lets in those who wait for room.
func (m *model) schedule() {
	for m.startNext() || m.admitNext() {
	}
}

// obeyNext ends a job that sees that its context is done.
func (m *model) obeyNext() bool {
	for _, j := range m.running {
		if !j.deaf && m.isDone(j) {
			m.end(j, obeys)
			return true
		}
	}
	return false
}

// isDone reports whether the context of the attempt is done.
func (m *model) isDone(j *job) bool { return j.late || m.isFinal(j) }

// isFinal reports whether the context around the attempts is done.
func (m *model) isFinal(j *job) bool { return j.batch.stopped || m.expired }

// startNext starts a job: those to be tried again go first, and batches take turns.
func (m *model) startNext() bool {
	switch {
	case len(m.running) == m.workers:
		return false
	case len(m.due) > 0:
		j := m.due[0]
		m.due = m.due[1:]
		m.begin(j)
	case len(m.line) > 0:
		b := m.line[0]
		j := b.waiting[0]
		m.line, b.waiting = m.line[1:], b.waiting[1:]
		b.active++
		m.begin(j)
		m.lineUp(b)
	default:
		return false
	}
	return true
}

func (m *model) begin(j *job) {
	m.running = append(m.running, j)
	j.attempt++
	j.late, j.until = false, time.Time{}
	if timeout := cmp.Or(j.timeout, m.timeout); timeout > 0 {
		j.until = m.now.Add(timeout)
	}
}

// lineUp puts b at the end of the line, if it may have one more job active.
func (m *model) lineUp(b *batch) {
	if len(b.waiting) > 0 && b.active < b.limit && !slices.Contains(m.line, b) {
		m.line = append(m.line, b)
	}
}

// admitNext lets in the caller who came first, if there is room by now.
func (m *model) admitNext() bool {
	if len(m.blocked) == 0 || !m.fits(m.blocked[0].batch) {
		return false
	}
	c := m.blocked[0]
	m.blocked = m.blocked[1:]
	m.accept(c)
	return true
}

// end ends an attempt. Its worker is not free before all has been done about it,
// while room that it leaves can be used at once.
func (m *model) end(j *job, how ending) {
	m.book(j, how)
	m.schedule()
	m.running = without(m.running, j)
}

func (m *model) book(j *job, how ending) {
	b := j.batch
	retried := (how == fails || how == obeys) && j.attempt < j.attempts && !m.isFinal(j)
	if how != succeeds {
		m.told[notice(b.call.number, j.name, j.attempt, retried, j.failure(how))]++
	}
	if retried {
		m.stats.Retried++
		m.retrying = append(m.retrying, j)
		j.until = m.now.Add(m.wait(j))
		return
	}
	b.active--
	if how == succeeds {
		m.stats.Succeeded++
	} else {
		m.fail(b, how)
	}
	m.lineUp(b)
	m.conclude(b)
}

// failure is what the attempt returns as its error.
func (j *job) failure(how ending) string {
	switch how {
	case succeeds:
		return ""
	case fails, failsForGood:
		return errOrdered.Error()
	case panics:
		return "background: panic: " + errOrdered.Error()
	case exits:
		return "task called runtime.Goexit"
	case obeys:
	}
	if j.late {
		return context.DeadlineExceeded.Error()
	}
	return context.Canceled.Error()
}

// fail notes that a job of b has failed for good.
func (m *model) fail(b *batch, how ending) {
	m.stats.Failed++
	if how == panics {
		m.stats.Panicked++
	}
	if b.stopOnError && !b.stopped {
		b.stopped = true
		m.stats.Skipped += uint64(len(m.giveUp(b, background.ErrSkipped)))
	}
}

// giveUp takes out the jobs of b that wait, for the first time or again, and
// returns their names.
func (m *model) giveUp(b *batch, why error) (lost []string) {
	for _, j := range b.waiting {
		lost = append(lost, j.name)
	}
	for _, j := range slices.Concat(m.retrying, m.due) {
		if j.batch == b {
			lost = append(lost, j.name)
			b.active--
		}
	}
	for _, name := range lost {
		m.told[notice(b.call.number, name, 0, false, why.Error())]++
	}
	ofIt := func(j *job) bool { return j.batch == b }
	m.retrying = slices.DeleteFunc(m.retrying, ofIt)
	m.due = slices.DeleteFunc(m.due, ofIt)
	b.waiting = nil
	m.line = without(m.line, b)
	return lost
}

// conclude calls done if b has ended.
func (m *model) conclude(b *batch) {
	if b.active > 0 || len(b.waiting) > 0 {
		return
	}
	m.batches = without(m.batches, b)
	b.ended = true
	if done := b.call.done; done != nil {
		*done++
	}
}

// Shutdown.

// expire ends a call of Shutdown whose time is up.
func (m *model) expire(c *call) {
	if !m.expired {
		m.expired, m.reason = true, c.cause
		for _, b := range slices.Clone(m.batches) {
			m.abandon(b)
		}
		for _, c := range m.blocked {
			if c.kept {
				m.accept(c)
				m.abandon(c.batch)
			} else {
				m.refuse(c, background.ErrClosed)
			}
		}
		m.blocked = nil
		m.stats.Abandoned = uint64(len(m.abandoned))
	}
	c.returns(m.drainError(c.cause))
}

func (m *model) abandon(b *batch) {
	m.abandoned = append(m.abandoned, m.giveUp(b, background.ErrAbandoned)...)
	m.conclude(b)
}

// drainError says what has not finished.
func (m *model) drainError(reason error) error {
	if len(m.running)+len(m.abandoned)+len(m.promised) == 0 {
		return nil
	}
	e := &background.DrainError{Waiting: m.abandoned, Reserved: len(m.promised), Err: reason}
	for _, j := range m.running {
		e.Running = append(e.Running, j.name)
	}
	return e
}

// unfinished is how many tasks and reservations there are.
func (m *model) unfinished() int {
	now := m.numbers()
	return now.Queued + now.Running + now.Retrying + len(m.promised)
}

// numbers is what Stats returns.
func (m *model) numbers() background.Stats {
	s := m.stats
	s.Running = len(m.running)
	s.Retrying = len(m.retrying) + len(m.due)
	for _, b := range m.batches {
		s.Queued += len(b.waiting)
		if len(b.waiting) > 0 {
			s.OldestWaiting = max(s.OldestWaiting, m.now.Sub(b.since))
		}
	}
	return s
}

// Time.

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
			m.due = append(m.due, j)
		})
	}
	for _, c := range slices.Concat(m.blocked, m.leaving) {
		consider(c.until, func() { m.cancel(c) })
	}
	return event, at
}

func without[E comparable](all []E, one E) []E {
	return slices.DeleteFunc(slices.Clone(all), func(e E) bool { return e == one })
}
