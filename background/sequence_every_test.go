package background_test

import (
	"slices"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/velithon-go/velithon/background"
)

// every has a task come again and again.
func (s *sequence) every(t *rapid.T) {
	if s.model.closed || len(s.model.periodic) == 2 {
		t.SkipNow() // the runner takes no more, or has two: rapid draws another step
	}
	j, task := s.task(t, 3, nil)
	j.isPeriodic = true
	p := &periodic{job: j, every: s.about(4 * time.Second)}
	began := time.Now()
	s.step(
		func() { p.stop = s.runner.Every(p.every, task) },
		func() { s.model.periodic = append(s.model.periodic, p) },
	)
	// The first time is random. All others follow from it.
	p.next = background.NextTime(s.runner, task)
	first := p.next.Sub(began)
	assert.True(t, 0 <= first && first < p.every, "the first time of a task that comes every %s is after %s", p.every, first)
}

func (s *sequence) stopPeriodic(t *rapid.T) {
	p := draw(t, "periodic task", s.model.periodic)
	s.step(p.stop, func() {
		s.model.periodic = slices.DeleteFunc(s.model.periodic, func(other *periodic) bool { return other == p })
	})
}
