package background_test

import (
	"context"
	"slices"
	"time"

	"github.com/velithon-go/velithon/background"
)

// How the model shuts down.

func (m *model) shutdown(c *call) {
	if c.task {
		c.result = "background: Shutdown was called with the context of a task, which it would wait for"
		return
	}
	m.closed, m.paused = true, false
	m.resumeAll()
	m.periodic = nil
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
	lost := []string{m.isLost(j, background.ErrAbandoned)}
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
}

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
