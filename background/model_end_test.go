package background_test

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/velithon-go/velithon/background"
)

// How attempts and jobs end in the model.

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
		m.become(j, background.Failed, j.taskError(j.made(), j.failure(how)))
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
	if errors.Is(why, background.ErrSkipped) {
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
