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
	obey           func(*job)               // has the real one end, whose context is done

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

	closed, expired, drained bool
	reason                   error     // why it expired
	deadline                 time.Time // when it will at the latest; zero is never
	abandoned, stopped       []string

	stats background.Stats // but for what is going on now
	told  map[string]int   // the notices
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
	result string    // empty as long as it waits

	drain     time.Time // when nine tenths of the time of a Shutdown are over; zero is never
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
	key, name string
	timeout   time.Duration // 0 is none
	after     time.Duration // it is to start so much later
	limit     *limit        // nil is none
	attempts  int           // how many it may have
	deaf      bool          // it does not look at its context
	orders    chan ending   // tells the real one how to end

	batch   *batch
	attempt int
	until   time.Time // when the attempt's timeout is up, or the wait for the next one; zero is never
	late    bool      // the attempt has exceeded its timeout
	ended   bool      // the attempt has, but its worker is not free yet
	counts  bool      // it is among the running of its limit
}

// limit is one of the jobs that run at once.
type limit struct {
	real       *background.Limit
	concurrent int
	running    int
	parked     []*job // who wait for it
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
	later := c.batch.single && c.batch.jobs[0].after > 0
	if m.closed && (!c.task || m.expired || later) { // a task that runs has the drain go on
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
	c.batch.ended = true
}

func (m *model) shutdown(c *call) {
	m.closed = true
	m.leaving = append(m.leaving, c)
	if !c.drain.IsZero() && (m.deadline.IsZero() || c.drain.Before(m.deadline)) {
		m.deadline = c.drain
	}
	for _, j := range m.retrying {
		begun := j.attempt > 0
		if (!begun || m.isTooLate(j.until)) && slices.Contains(m.retrying, j) {
			m.retrying = without(m.retrying, j)
			m.tooLate = m.tooLate || begun
			m.abandonHeld(j, begun)
		}
	}
}

// isTooLate reports whether a Shutdown will have run out of time.
func (m *model) isTooLate(t time.Time) bool { return !m.deadline.IsZero() && t.After(m.deadline) }

// abandonHeld gives up a job whose time does not come: it failed, and is not tried
// again for want of time, or it was to start later.
func (m *model) abandonHeld(j *job, begun bool) {
	b := j.batch
	lost := []string{j.name}
	m.told[notice(b.call.number, j.name, 0, false, background.ErrAbandoned.Error())]++
	b.active--
	switch {
	case !b.stopOnError || b.stopped:
	case begun:
		b.stopped = true
		lost = append(lost, m.giveUp(b, background.ErrAbandoned)...)
	default:
		lost = append(lost, m.giveUpWaiting(b, background.ErrAbandoned)...)
	}
	m.lose(lost)
	m.lineUp(b)
	m.conclude(b)
}

// lose books what is given up for want of time.
func (m *model) lose(names []string) {
	m.abandoned = append(m.abandoned, names...)
	m.stats.Abandoned = uint64(len(m.abandoned))
}

// cancel has the context of a call done.
func (m *model) cancel(c *call) {
	c.cancelled = true
	switch {
	case slices.Contains(m.blocked, c):
		m.unblock(c)
		m.refuse(c, fmt.Errorf("background: no room in the queue: %w", c.cause))
	case slices.Contains(m.leaving, c):
		m.leaving = without(m.leaving, c)
		m.expire(c.cause)
		c.returns(m.drainError(c.cause))
	}
}

// Admission.

func (m *model) enter(c *call) {
	switch {
	case len(c.batch.jobs) == 0:
		m.accept(c)
	case m.fits(c.batch) && (len(m.blocked) == 0 || m.mayOvertake(c.batch)):
		m.accept(c)
	case m.rejects, c.task, !c.kept && m.crowded():
		m.refuse(c, background.ErrFull)
	default:
		c.since = m.now
		m.blocked = append(m.blocked, c)
		if len(m.blocked) == 1 {
			m.before = slices.Clone(m.batches)
		}
		if c.cancelled || !c.until.IsZero() && !c.until.After(m.now) {
			m.cancel(c)
		}
	}
}

// crowded reports whether as many submitters wait, or may have to, as may.
func (m *model) crowded() bool {
	return !m.rejects && len(m.promised)+len(m.blocked) >= m.workers+m.queue
}

// fits reports whether there is room for the jobs of b that would hold some.
func (m *model) fits(b *batch) bool { return m.used()+m.needed(b) <= m.queue }

// needed is how much room b would hold: for the jobs that find no free worker, and
// for those that do and may be tried again.
func (m *model) needed(b *batch) int { return m.neededWith(b, m.workers-len(m.running)) }

// neededWith is that with so many free workers.
func (m *model) neededWith(b *batch, free int) int {
	start := min(len(b.jobs), b.limit, free)
	needed := len(b.jobs) - start
	for _, j := range b.jobs[:start] {
		if j.attempts > 1 || j.after > 0 || j.limit != nil {
			needed++
		}
	}
	return min(needed, m.queue)
}

// mayOvertake reports whether b may be accepted before the first of the blocked:
// if it needs nothing that the first does, or what was accepted before the first
// keeps it out anyway.
func (m *model) mayOvertake(b *batch) bool {
	before := 0
	for _, b := range m.before {
		before += m.holds(b)
	}
	return m.needed(b) == 0 || before+m.needed(m.blocked[0].batch) > m.queue
}

// unblock ends the wait of c.
func (m *model) unblock(c *call) {
	first := m.blocked[0] == c
	m.blocked = without(m.blocked, c)
	if first {
		m.before = slices.Clone(m.batches)
	}
}

// used is how much of the queue is taken.
func (m *model) used() int {
	used := 0
	for _, b := range m.batches {
		used += m.holds(b)
	}
	for _, c := range m.promised {
		used += c.held
	}
	return used
}

// holds is how much room b holds: for its jobs that wait, for the first time or
// again, and for those which run and may be tried again.
func (m *model) holds(b *batch) int {
	holds := len(b.waiting) + len(b.due)
	for _, j := range m.retrying {
		if j.batch == b {
			holds++
		}
	}
	for _, j := range m.running {
		if j.batch == b && j.attempt < j.attempts && !j.ended {
			holds++
		}
	}
	for _, l := range m.limits {
		for _, j := range l.parked {
			if j.batch == b {
				holds++
			}
		}
	}
	return min(holds, m.queue)
}

func (m *model) accept(c *call) {
	b := c.batch
	b.call, b.since, b.waiting = c, m.now, slices.Clone(b.jobs)
	m.batches = append(m.batches, b)
	m.stats.Accepted += uint64(len(b.jobs))
	c.returns(nil)
	for !m.expired && len(b.waiting) > 0 && b.active < b.limit && b.waiting[0].after > 0 {
		j := b.waiting[0]
		b.waiting = b.waiting[1:]
		b.active++
		m.postpone(j)
	}
	if b.single && len(b.waiting) > 0 && b.waiting[0].limit != nil && !m.expired && c.done == nil {
		j := b.waiting[0]
		b.waiting, b.active = nil, 1
		m.park(j)
		m.lineUpLimit(j.limit)
	}
	m.lineUp(b)
	if !m.expired {
		retried := m.retried
		for m.startNext() { // at once, if there are workers: that is nobody's turn
		}
		m.retried = retried
	}
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
			c.returns(m.drainError(m.whyGivenUp()))
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
			m.obey(j)
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

// startNext starts a job: fresh ones and those to be tried again take turns, and
// batches do in each of the two lines.
func (m *model) startNext() bool {
	switch {
	case len(m.running) == m.workers:
		return false
	case len(m.dueLine) > 0 && (len(m.line) == 0 || !m.retried):
		b := m.dueLine[0]
		j := b.due[0]
		m.dueLine, b.due = m.dueLine[1:], b.due[1:]
		if len(b.due) > 0 {
			m.dueLine = append(m.dueLine, b)
		}
		m.retried = true
		m.admit(j)
	case len(m.line) > 0 && m.line[0].limit != nil:
		l := m.line[0].limit
		m.line = m.line[1:]
		if len(l.parked) > 0 && l.running < l.concurrent {
			j := l.parked[0]
			l.parked = l.parked[1:]
			m.lineUpLimit(l)
			m.retried = false
			m.take(j)
		}
	case len(m.line) > 0:
		b := m.line[0].batch
		m.line = m.line[1:]
		if len(b.waiting) == 0 { // given up meanwhile
			break
		}
		j := b.waiting[0]
		b.waiting = b.waiting[1:]
		b.active++
		m.lineUp(b)
		if j.after > 0 {
			m.postpone(j)
			break
		}
		m.retried = false
		m.admit(j)
	default:
		return false
	}
	return true
}

// admit begins j if its limit allows that.
func (m *model) admit(j *job) {
	switch l := j.limit; {
	case l == nil:
		m.begin(j)
	case len(l.parked) == 0 && l.running < l.concurrent:
		m.take(j)
	default:
		m.park(j)
	}
}

// take begins j, as one more of its limit.
func (m *model) take(j *job) {
	j.limit.running++
	j.counts = true
	m.begin(j)
}

// park has j wait for its limit.
func (m *model) park(j *job) {
	j.until = time.Time{}
	j.limit.parked = append(j.limit.parked, j)
}

// lineUpLimit puts those who wait for l at the end of the line.
func (m *model) lineUpLimit(l *limit) {
	if len(l.parked) > 0 && !slices.Contains(m.line, turn{limit: l}) {
		m.line = append(m.line, turn{limit: l})
	}
}

func (m *model) begin(j *job) {
	m.running = append(m.running, j)
	j.attempt++
	j.late, j.ended, j.until = false, false, time.Time{}
	if timeout := cmp.Or(j.timeout, m.timeout); timeout > 0 {
		j.until = m.now.Add(timeout)
	}
}

// postpone has j wait for its time, which does not come once a Shutdown has begun.
func (m *model) postpone(j *job) {
	if m.closed {
		m.abandonHeld(j, false)
		return
	}
	m.retrying = append(m.retrying, j)
	j.until = m.now.Add(j.after)
}

// lineUp puts b at the end of the line, if it may have one more job active.
func (m *model) lineUp(b *batch) {
	if len(b.waiting) > 0 && b.active < b.limit && !slices.Contains(m.line, turn{batch: b}) {
		m.line = append(m.line, turn{batch: b})
	}
}

// admitNext lets in the caller who came first, if there is room by now, or else
// the one with the fewest jobs, or else the one whose jobs would hold the least
// room if all workers were free.
func (m *model) admitNext() bool {
	if len(m.blocked) == 0 {
		return false
	}
	least := func(of func(*batch) int) *call {
		return slices.MinFunc(m.blocked, func(a, b *call) int { return cmp.Compare(of(a.batch), of(b.batch)) })
	}
	first := m.blocked[0]
	for _, next := range []*call{
		first,
		least(func(b *batch) int { return len(b.jobs) }),
		least(func(b *batch) int { return 100*m.neededWith(b, m.workers) + len(b.jobs) }),
	} {
		if !m.fits(next.batch) || next != first && !m.mayOvertake(next.batch) {
			continue
		}
		m.blocked = without(m.blocked, next)
		m.accept(next)
		if next == first {
			m.before = slices.Clone(m.batches)
		}
		return true
	}
	return false
}

// end ends an attempt. If something is to be done about it, or the worker has to be
// replaced, its worker is not free before that has been done, while room that it
// leaves can be used at once.
func (m *model) end(j *job, how ending) {
	j.ended = true
	if m.book(j, how) || how == exits {
		m.schedule()
	}
	m.running = without(m.running, j)
}

// book reports whether log, hook or done hear of it.
func (m *model) book(j *job, how ending) bool {
	b := j.batch
	if j.counts {
		j.counts = false
		j.limit.running--
		m.lineUpLimit(j.limit)
	}
	retried := (how == fails || how == obeys) && j.attempt < j.attempts && !m.isFinal(j)
	if how != succeeds {
		m.told[notice(b.call.number, j.name, j.attempt, retried, j.failure(how))]++
	}
	if retried {
		at := m.now.Add(m.wait(j))
		if m.isTooLate(at) {
			m.tooLate = true
			m.abandonHeld(j, true)
			return true
		}
		m.stats.Retried++
		m.retrying = append(m.retrying, j)
		j.until = at
		return false
	}
	if m.expired && how != succeeds {
		m.stopped = append(m.stopped, j.name)
	}
	b.active--
	stopped := b.stopped
	if how == succeeds {
		m.stats.Succeeded++
	} else {
		m.fail(b, how)
	}
	m.lineUp(b)
	m.conclude(b)
	return b.stopped && !stopped || b.ended && (b.stopOnError || b.call.done != nil)
}

// failure is what the attempt returns as its error.
func (j *job) failure(how ending) string {
	switch how {
	case succeeds:
		return ""
	case fails, failsForGood:
		return errOrdered.Error()
	case panics:
		return "panic: " + errOrdered.Error()
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
	lost = m.giveUpWaiting(b, why)
	for _, j := range slices.Concat(m.retrying, b.due) {
		if j.batch == b {
			lost = append(lost, j.name)
			m.told[notice(b.call.number, j.name, 0, false, why.Error())]++
			b.active--
		}
	}
	ofIt := func(j *job) bool { return j.batch == b }
	for _, l := range m.limits {
		for _, j := range l.parked {
			if ofIt(j) {
				lost = append(lost, j.name)
				m.told[notice(b.call.number, j.name, 0, false, why.Error())]++
				b.active--
			}
		}
		l.parked = slices.DeleteFunc(l.parked, ofIt)
	}
	m.retrying = slices.DeleteFunc(m.retrying, ofIt)
	b.due = nil
	m.dueLine = without(m.dueLine, b)
	return lost
}

// giveUpWaiting does so with those whose turn is yet to come.
func (m *model) giveUpWaiting(b *batch, why error) (lost []string) {
	for _, j := range b.waiting {
		lost = append(lost, j.name)
		m.told[notice(b.call.number, j.name, 0, false, why.Error())]++
	}
	b.waiting = nil
	m.line = without(m.line, turn{batch: b})
	return lost
}

// conclude calls done if b has ended.
func (m *model) conclude(b *batch) {
	if b.ended || b.active > 0 || len(b.waiting) > 0 {
		return
	}
	m.batches = without(m.batches, b)
	b.ended = true
	if done := b.call.done; done != nil {
		*done++
	}
}

// Shutdown.

// expire gives up all that waits.
func (m *model) expire(reason error) {
	if m.expired {
		return
	}
	m.expired, m.reason = true, reason
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
}

func (m *model) abandon(b *batch) {
	if lost := m.giveUp(b, background.ErrAbandoned); len(lost) > 0 {
		m.lose(lost)
	}
	m.conclude(b)
}

// whyGivenUp is the reason of a Shutdown for what it gave up.
func (m *model) whyGivenUp() error {
	switch {
	case m.expired:
		return m.reason
	case m.tooLate:
		return context.DeadlineExceeded
	default:
		return background.ErrDueLater
	}
}

// drainError says what has not finished.
func (m *model) drainError(reason error) error {
	if len(m.running)+len(m.stopped)+len(m.abandoned)+len(m.promised) == 0 {
		return nil
	}
	e := &background.DrainError{Stopped: m.stopped, Waiting: m.abandoned, Reserved: len(m.promised), Err: reason}
	for _, j := range m.running {
		e.Running = append(e.Running, j.name)
	}
	return e
}

// unfinished is how many tasks and reservations there are.
func (m *model) unfinished() int {
	now := m.numbers()
	return now.Queued + now.Running + now.Scheduled + now.Limited + now.Retrying + len(m.promised)
}

// numbers is what Stats returns.
func (m *model) numbers() background.Stats {
	s := m.stats
	s.Running = len(m.running)
	for _, j := range m.retrying {
		if j.attempt > 0 {
			s.Retrying++
		} else {
			s.Scheduled++
		}
	}
	for _, l := range m.limits {
		s.Limited += len(l.parked)
	}
	s.Blocked = len(m.blocked)
	for _, c := range m.blocked {
		s.OldestWaiting = max(s.OldestWaiting, m.now.Sub(c.since))
	}
	for _, b := range m.batches {
		s.Queued += len(b.waiting)
		for _, j := range b.due {
			if j.attempt > 0 {
				s.Retrying++
			} else {
				s.Queued++
				s.OldestWaiting = max(s.OldestWaiting, m.now.Sub(j.until))
			}
		}
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
			j.batch.due = append(j.batch.due, j)
			if len(j.batch.due) == 1 {
				m.dueLine = append(m.dueLine, j.batch)
			}
		})
	}
	for _, c := range slices.Concat(m.blocked, m.leaving) {
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
