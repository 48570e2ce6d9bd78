package background_test

import (
	"slices"

	"github.com/velithon-go/velithon/background"
)

// Admission to the model's queue.

func (m *model) enter(c *call) {
	switch {
	case len(c.batch.jobs) == 0:
		m.accept(c)
	case m.fits(c.batch) && (len(m.blocked) == 0 || m.mayOvertake(c.batch)):
		m.accept(c)
	case m.rejects, c.task, !c.kept && m.crowded():
		m.refuse(c, background.ErrFull)
	default:
		c.since, c.needs = m.now, m.neededWith(c.batch, m.workers)
		m.blocked = append(m.blocked, c)
		if len(m.blocked) == 1 {
			m.before = slices.Clone(m.batches)
		}
		m.cancelIfDone(c)
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
func (m *model) needed(b *batch) int { return m.neededWith(b, m.free()) }

// neededWith is that with so many free workers.
func (m *model) neededWith(b *batch, free int) int {
	start := min(len(b.jobs), b.limit, free)
	needed := len(b.jobs) - start
	for _, j := range b.jobs[:start] {
		if j.attempts > 1 || m.waitForTime(j) > 0 || j.waitsForLimit() || m.pauseOf(j) != nil {
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
	m.accepted += uint64(len(b.jobs))
	c.returns(nil)
	for !m.expired && len(b.waiting) > 0 && b.active < b.limit && m.waitForTime(b.waiting[0]) > 0 {
		j := b.waiting[0]
		b.waiting = b.waiting[1:]
		b.active++
		m.postpone(j)
	}
	if b.single && len(b.waiting) > 0 && b.waiting[0].waitsForLimit() && !m.expired && !c.tellsOfEnd() {
		j := b.waiting[0]
		b.waiting, b.active = nil, 1
		m.park(j.limit, j)
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
	m.rejected += uint64(len(c.batch.jobs))
	for _, j := range c.batch.jobs {
		m.of(j).Rejected++
	}
	c.returns(err)
	m.isRefused(c, err)
	c.batch.ended = true
	if c.periodic != nil {
		m.missed[c.batch.jobs[0].name]++
	}
	m.allEnded(c)
}
