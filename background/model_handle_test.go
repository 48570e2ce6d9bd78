package background_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/velithon-go/velithon/background"
)

// tracked is a handle of a job, and what it says.
type tracked struct {
	real *background.Handle
	job  *job

	known    bool // submitted or reserved
	state    background.State
	since    time.Time
	begun    int    // attempts
	err      string // of the last attempt, or why there will be none; of nil, "<nil>"
	progress string // what the job has said last
	reason   error  // why it was cancelled
}

// become notes that the job is in another state, unless it has ended. An empty err
// leaves the one there is. A job without a handle notes nothing.
func (m *model) become(j *job, state background.State, err string) {
	h := j.tracked
	if h == nil || h.state.Ended() || state == background.Limited && h.state == background.Limited {
		return
	}
	h.state, h.since = state, m.now
	if err != "" {
		h.err = err
	}
}

// isCanceled reports whether the job's handle was told to cancel it.
func (j *job) isCanceled() bool { return j.tracked != nil && j.tracked.reason != nil }

// waitForTime is how long the job has to wait for its time if its turn is now. One that
// was cancelled waits for nothing but a worker, which tells that.
func (m *model) waitForTime(j *job) time.Duration {
	switch {
	case j.isCanceled():
		return 0
	case !j.at.IsZero():
		return max(0, j.at.Sub(m.now))
	}
	return j.after
}

// waitsForLimit reports whether the job has to wait for its limit, likewise.
func (j *job) waitsForLimit() bool { return j.limit != nil && !j.isCanceled() }

// taskError is the text of the error of an attempt.
func (j *job) taskError(attempt int, reason string) string {
	return (&background.TaskError{Name: j.name, Attempt: attempt, Err: errors.New(reason)}).Error()
}

// cancelJob does what Cancel does, and returns what it returns. A job that does not
// run has ended for those who ask its handle. It keeps its place in the line for a
// worker, and gets one if it waits for something else.
func (m *model) cancelJob(h *tracked, cause error) bool {
	if h.state.Ended() {
		return false
	}
	if h.reason != nil {
		return true
	}
	h.reason = background.ErrCanceled
	if cause != nil {
		h.reason = fmt.Errorf("%w: %w", background.ErrCanceled, cause)
	}
	if h.known && h.state != background.Running {
		m.become(h.job, background.Canceled, h.job.taskError(0, h.reason.Error()))
		m.hurry(h.job)
	}
	return true
}

// hurry puts a job that waits for its time or its limit in the line of those whose
// time has come.
func (m *model) hurry(j *job) {
	waits := slices.Contains(m.retrying, j)
	m.retrying = without(m.retrying, j)
	for _, l := range m.limits {
		if slices.Contains(l.parked, j) {
			l.parked = without(l.parked, j)
			waits = true
		}
	}
	if waits {
		m.lineUpDue(j)
	}
}

// waitFor does what Wait of a handle does.
func (m *model) waitFor(c *call, h *tracked) {
	if h.state.Ended() {
		c.result = h.err
		return
	}
	c.waitsFor = h
	m.asking = append(m.asking, c)
	m.cancelIfDone(c)
}

// idle does what Idle does.
func (m *model) idle(c *call) {
	switch {
	case c.task:
		c.result = "background: Idle was called with the context of a task, which it would wait for"
	case m.isIdle():
		c.returns(nil)
	default:
		m.asking = append(m.asking, c)
		m.cancelIfDone(c)
	}
}

// isIdle reports whether nothing is left to do but what is due later.
func (m *model) isIdle() bool {
	return m.unfinished()-m.numbers().Scheduled+len(m.blocked) == 0
}

// answer tells those who wait for a handle, or for nothing to be left to do.
func (m *model) answer() {
	for _, c := range m.asking {
		switch {
		case c.waitsFor == nil && m.isIdle():
			c.returns(nil)
		case c.waitsFor != nil && c.waitsFor.state.Ended():
			c.result = c.waitsFor.err
		}
	}
	m.asking = slices.DeleteFunc(m.asking, func(c *call) bool { return c.result != "" })
}

// stopAsking is for a call whose context is done.
func (m *model) stopAsking(c *call) {
	m.asking = without(m.asking, c)
	if c.waitsFor != nil {
		c.returns(fmt.Errorf("background: task %q has not ended: %w", c.waitsFor.job.name, c.cause))
	} else {
		c.returns(fmt.Errorf("background: the runner is not idle: %w", c.cause))
	}
}

// finds reports whether Lookup finds a handle.
func (m *model) finds(h *tracked) bool {
	return h.known && (!h.state.Ended() || m.now.Sub(h.since) < m.keep)
}

// know notes that the runner knows the handle of a call's work.
func (m *model) know(c *call) {
	for _, j := range c.batch.jobs {
		if j.tracked != nil {
			j.tracked.known = true
		}
	}
}

// isRefused has the handle of a call's work end.
func (m *model) isRefused(c *call, err error) {
	for _, j := range c.batch.jobs {
		m.become(j, background.GivenUp, err.Error())
	}
}
