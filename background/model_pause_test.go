package background_test

import (
	"maps"
	"slices"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// Kinds that are paused, in the model: those who wait for the end of a pause are in a line
// of their own, which takes turns when it ends.

// pauseOf is the line in which j has to wait for the end of a pause of its kind; nil if it
// does not.
func (m *model) pauseOf(j *job) *limit {
	if j.isCanceled() {
		return nil
	}
	return m.pauses[j.kind]
}

func (m *model) pauseKind(kind string) {
	if m.closed || m.pauses[kind] != nil {
		return
	}
	l := &limit{ofKind: true}
	m.pauses[kind] = l
	m.limits = append(m.limits, l)
	m.rankBlocked()
}

// rankBlocked looks anew at what the blocked would hold.
func (m *model) rankBlocked() {
	for _, c := range m.blocked {
		c.needs = m.neededWith(c.batch, m.workers)
	}
}

func (m *model) resumeKind(kind string) {
	if l := m.pauses[kind]; l != nil {
		delete(m.pauses, kind)
		m.lineUpLimit(l)
		m.rankBlocked()
	}
}

func (m *model) resumeAll() {
	for _, kind := range slices.Sorted(maps.Keys(m.pauses)) {
		m.resumeKind(kind)
	}
}

// hastens does what Hasten of a handle does.
func (m *model) hastens(h *tracked) bool {
	waits := h.job.tracked == h && !h.state.Ended() && slices.Contains(m.retrying, h.job)
	if waits {
		m.hurry(h.job)
	}
	return waits
}

// pauseKinds begins or ends a pause of a kind.
func (s *sequence) pauseKinds(t *rapid.T) {
	kind := draw(t, "kind to pause or resume", s.kinds).Name()
	if rapid.Bool().Draw(t, "pause") {
		s.step(func() { s.runner.PauseKind(kind) }, func() { s.model.pauseKind(kind) })
	} else {
		s.step(func() { s.runner.ResumeKind(kind) }, func() { s.model.resumeKind(kind) })
	}
	assert.Equal(t, slices.Sorted(maps.Keys(s.model.pauses)), s.runner.PausedKinds())
}

// hasten has a task wait no longer.
func (s *sequence) hasten(t *rapid.T) {
	h := s.handle(t)
	var got, want bool
	s.step(func() { got = h.real.Hasten() }, func() { want = s.model.hastens(h) })
	assert.Equal(t, want, got, "Hasten of %s, %s", h.job.name, h.state)
}
