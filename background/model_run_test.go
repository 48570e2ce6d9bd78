package background_test

import (
	"cmp"
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
		if len(l.parked) == 0 {
			break
		}
		j := l.parked[0]
		pause := m.pauseOf(j)
		if pause == nil && !l.ofKind && !m.allows(l) {
			break
		}
		l.parked = l.parked[1:]
		if pause != nil {
			m.park(pause, j)
			m.lineUpLimit(l)
			break
		}
		m.lineUpLimit(l)
		m.retried = false
		if l.ofKind {
			m.admit(j)
		} else {
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
		if m.waitForTime(j) > 0 {
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

// admit begins j if its limit allows that, and its kind is not paused.
func (m *model) admit(j *job) {
	switch l := j.limit; {
	case m.pauseOf(j) != nil:
		m.park(m.pauseOf(j), j)
	case !j.waitsForLimit():
		m.begin(j)
	case len(l.parked) == 0 && m.allows(l):
		m.take(j)
	default:
		m.park(l, j)
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

// park has j wait for a limit.
func (m *model) park(l *limit, j *job) {
	j.until = time.Time{}
	l.parked = append(l.parked, j)
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
	j.until = m.now.Add(m.waitForTime(j))
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
