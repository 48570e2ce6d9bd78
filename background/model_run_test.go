package background_test

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/velithon-go/velithon/background"
)

// What goes on in the model.

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
	m.answer()
}

// schedule starts what it can, and then lets in those who wait for room.
func (m *model) schedule() {
	for m.startNext() || m.admitNext() {
	}
}

// obeyNext ends a job that sees that its context is done, or one that has got a worker
// after it was cancelled.
func (m *model) obeyNext() bool {
	for _, j := range m.running {
		if j.unmade || !j.deaf && m.isDone(j) {
			m.obey(j)
			m.end(j, obeys)
			return true
		}
	}
	return false
}

// isDone reports whether the context of the attempt is done.
func (m *model) isDone(j *job) bool { return j.late || j.isCanceled() || m.isFinal(j) }

// isFinal reports whether the context around the attempts is done.
func (m *model) isFinal(j *job) bool { return j.batch.stopped || m.expired }

// free is how many more jobs could start at once.
func (m *model) free() int {
	if m.paused {
		return 0
	}
	return m.workers - len(m.running)
}

// startNext starts a job: fresh ones and those to be tried again take turns, and
// batches do in each of the two lines.
func (m *model) startNext() bool {
	switch {
	case m.free() == 0:
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
		if len(l.parked) > 0 && m.allows(l) {
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
		if j.waitsForTime() {
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
	case !j.waitsForLimit():
		m.begin(j)
	case len(l.parked) == 0 && m.allows(l):
		m.take(j)
	default:
		m.park(j)
	}
}

// take begins j, as one more of its limit.
func (m *model) take(j *job) {
	j.limit.running++
	j.limit.saved = m.saved(j.limit) - j.limit.spacing
	j.limit.started = m.now
	j.counts = true
	m.begin(j)
}

// park has j wait for its limit.
func (m *model) park(j *job) {
	j.until = time.Time{}
	j.limit.parked = append(j.limit.parked, j)
	m.become(j, background.Limited, "")
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
	if j.attempt == 1 {
		j.over = time.Time{}
		if j.elapsed > 0 {
			j.over = m.now.Add(j.elapsed)
		}
	}
	if j.unmade = j.isCanceled() || m.isOver(j); j.unmade {
		return
	}
	j.began = m.now
	m.attempts++
	m.become(j, background.Running, "")
	if h := j.tracked; h != nil {
		h.begun++
		h.progress = progress(j.key, j.attempt)
	}
	if j.around == instead { // that is outside of what follows
		return
	}
	if timeout := cmp.Or(j.timeout, m.timeout); timeout > 0 {
		j.until = m.now.Add(timeout)
	}
	if !j.over.IsZero() && (j.until.IsZero() || j.over.Before(j.until)) {
		j.until = j.over
	}
}

// isOver reports whether there is no time left for attempts at j.
func (m *model) isOver(j *job) bool { return !j.over.IsZero() && !m.now.Before(j.over) }

// postpone has j wait for its time, which does not come once a Shutdown has begun.
func (m *model) postpone(j *job) {
	if m.closed {
		m.abandonHeld(j, false)
		return
	}
	m.retrying = append(m.retrying, j)
	m.become(j, background.Scheduled, "")
	j.until = m.now.Add(j.after)
}

// lineUpDue puts j in the line of those whose time has come.
func (m *model) lineUpDue(j *job) {
	j.until = m.now
	j.batch.due = append(j.batch.due, j)
	if len(j.batch.due) == 1 {
		m.dueLine = append(m.dueLine, j.batch)
	}
	m.become(j, background.Waiting, "")
}

// lineUp puts b at the end of the line, if it may have one more job active.
func (m *model) lineUp(b *batch) {
	if len(b.waiting) > 0 && b.active < b.limit && !slices.Contains(m.line, turn{batch: b}) {
		m.line = append(m.line, turn{batch: b})
	}
}

// admitNext lets in the caller who came first, if there is room by now, or else
// the one with the fewest jobs, or else the one whose jobs would have held the least
// room when it came if all workers had been free.
func (m *model) admitNext() bool {
	if len(m.blocked) == 0 {
		return false
	}
	least := func(of func(*call) int) *call {
		return slices.MinFunc(m.blocked, func(a, b *call) int { return cmp.Compare(of(a), of(b)) })
	}
	first := m.blocked[0]
	for _, next := range []*call{
		first,
		least(func(c *call) int { return len(c.batch.jobs) }),
		least(func(c *call) int { return 100*c.needs + len(c.batch.jobs) }),
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
	how = j.seen(how)
	j.ended = true
	m.count(j)
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
	retried := how.isRetried() && j.attempt < j.attempts && !m.isFinal(j) && !j.isCanceled() && !j.unmade
	var wait time.Duration
	if retried {
		wait, retried = m.wait(j, how)
	}
	if how != succeeds {
		m.told[notice(b.call.id(), j.name, j.made(), retried, j.failure(how))]++
	}
	m.tellHandle(j, how, retried)
	j.last = j.failure(how)
	if retried {
		at := m.now.Add(wait)
		if m.isTooLate(at) {
			m.tooLate = true
			m.abandonHeld(j, true)
			return true
		}
		m.of(j).Retried++
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
		m.of(j).Succeeded++
	} else {
		m.fail(j, how)
	}
	m.lineUp(b)
	m.conclude(b)
	return b.stopped && !stopped || b.ended && (b.stopOnError || b.call.tellsOfEnd())
}

// tellHandle tells the handle of j how an attempt has ended.
func (m *model) tellHandle(j *job, how ending, retried bool) {
	switch {
	case how == succeeds:
		m.become(j, background.Succeeded, "<nil>")
	case retried:
		m.become(j, background.Retrying, j.taskError(j.attempt, j.failure(how)))
	case j.isCanceled():
		m.become(j, background.Canceled, j.taskError(j.made(), j.failure(how)))
	default:
		m.become(j, background.Failed, j.taskError(j.attempt, j.failure(how)))
	}
}

// made is how many attempts were made.
func (j *job) made() int {
	if j.unmade {
		return j.attempt - 1
	}
	return j.attempt
}

// isRetried reports whether a job is tried again after that.
func (e ending) isRetried() bool { return e == fails || e == asksForTime || e == obeys || e == spoiled }

// seen is how an attempt has ended for the runner: what is around it has the last word,
// unless nothing returns to that.
func (j *job) seen(how ending) ending {
	switch {
	case j.unmade || how == exits:
		return how
	case j.around == hides:
		return succeeds
	case j.around == spoils && how == succeeds:
		return spoiled
	}
	return how
}

// failure is what the attempt returns as its error, or why it is not made.
func (j *job) failure(how ending) string {
	switch {
	case how == obeys && j.isCanceled():
		return j.tracked.reason.Error()
	case j.unmade:
		return j.last
	}
	switch how {
	case succeeds:
		return ""
	case fails, asksForTime, failsForGood:
		return errOrdered.Error()
	case panics:
		return "panic: " + errOrdered.Error()
	case spoiled:
		return errSpoiled.Error()
	case exits:
		return "task called runtime.Goexit"
	case obeys:
	}
	if j.late {
		return context.DeadlineExceeded.Error()
	}
	return context.Canceled.Error()
}

// fail notes that a job has failed for good.
func (m *model) fail(j *job, how ending) {
	b := j.batch
	m.of(j).Failed++
	if how == panics {
		m.of(j).Panicked++
	}
	if b.stopOnError && !b.stopped {
		b.stopped = true
		m.giveUp(b, background.ErrSkipped)
	}
}

// giveUp takes out the jobs of b that wait, for the first time or again, and
// returns their names.
func (m *model) giveUp(b *batch, why error) (lost []string) {
	lost = m.giveUpWaiting(b, why)
	for _, j := range slices.Concat(m.retrying, b.due) {
		if j.batch == b {
			lost = append(lost, m.isLost(j, why))
			b.active--
		}
	}
	ofIt := func(j *job) bool { return j.batch == b }
	for _, l := range m.limits {
		for _, j := range l.parked {
			if ofIt(j) {
				lost = append(lost, m.isLost(j, why))
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
		lost = append(lost, m.isLost(j, why))
	}
	b.waiting = nil
	m.line = without(m.line, turn{batch: b})
	return lost
}

// isLost tells of a job that is given up, and returns its name.
func (m *model) isLost(j *job, why error) string {
	m.told[notice(j.batch.call.id(), j.name, 0, false, why.Error())]++
	m.become(j, background.GivenUp, j.taskError(0, why.Error()))
	if why == background.ErrSkipped {
		m.of(j).Skipped++
	} else {
		m.of(j).Abandoned++
	}
	return j.name
}

// conclude calls done if b has ended.
func (m *model) conclude(b *batch) {
	if b.ended || b.active > 0 || len(b.waiting) > 0 {
		return
	}
	m.batches = without(m.batches, b)
	b.ended = true
	m.allEnded(b.call)
}
