package background_test

import "time"

// periodic is a job that is submitted again and again.
type periodic struct {
	job   *job
	every time.Duration
	next  time.Time // when that is due
	busy  bool      // it was submitted and has not ended
	stop  func()    // of the real one
}

// comeAgain submits p's job. It belongs to no request, and waits for no room.
func (m *model) comeAgain(p *periodic) {
	p.busy = true
	p.job.attempt, p.job.unmade = 0, false
	p.job.batch = &batch{jobs: []*job{p.job}, limit: 1, single: true}
	m.enter(&call{periodic: p, batch: p.job.batch, task: true})
}

// hasEnded notes that p's job has ended, or had no room. It is due at the next of its
// times that has not come.
func (m *model) hasEnded(p *periodic) {
	p.busy = false
	for !p.next.After(m.now) {
		p.next = p.next.Add(p.every)
	}
}
