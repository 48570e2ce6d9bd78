package background_test

import (
	"context"
	"encoding/json"
	"math"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/velithon-go/velithon/background"
)

// define defines two kinds of tasks: one whose tasks say all by themselves, and one that
// says it for them.
func (s *sequence) define() {
	run := func(ctx context.Context, key string) error {
		var j *job
		s.note(func() { j = s.byName[key] })
		return s.run(ctx, j)
	}
	s.timeout = s.about(9 * time.Second)
	s.kinds = []background.Kind[string]{
		background.Define("bare kind", run),
		background.Define("kind with settings", run,
			background.Timeout(s.timeout),
			background.Retry{Attempts: 2, Backoff: backoff, MaxBackoff: maxBackoff},
			s.model.limits[1].real),
	}
}

// drawKind draws of which kind the task of a job is, and what it says of timeout and
// retries.
func (s *sequence) drawKind(t *rapid.T, j *job) *background.Task {
	most := len(s.kinds)
	if j.attempts == 1 {
		most = 1
	}
	kind := rapid.IntRange(-1, most-1).Draw(t, "kind")
	var task *background.Task
	if kind < 0 {
		task = background.Func(j.name, func(ctx context.Context) error { return s.run(ctx, j) })
	} else {
		j.kind = s.kinds[kind].Name()
		task = s.kinds[kind].Task(j.key).Named(j.name)
	}
	if kind == 1 {
		j.attempts, j.timeout, j.limit, j.deaf = 2, s.timeout, s.model.limits[1], true // see about
		j.asks = s.about(6 * time.Second)
		return task
	}
	if rapid.Bool().Draw(t, "with a timeout") {
		j.timeout = s.about(7 * time.Second)
	} else if s.model.timeout > 0 {
		j.deaf = true // it may be up for several at once, see about
	}
	return task.WithTimeout(j.timeout).WithRetry(s.retry(t, j))
}

// restored returns what comes back of a task that was stored.
func (s *sequence) restored(task *background.Task) *background.Task {
	record, err := task.Record()
	assert.NoError(s, err)
	text, err := json.Marshal(record)
	assert.NoError(s, err)
	var read background.Record
	assert.NoError(s, json.Unmarshal(text, &read))
	again, err := s.kinds[1].Restore(read)
	assert.NoError(s, err)
	return again
}

// checkKinds compares the numbers of kinds with the model.
func (s *sequence) checkKinds(t *rapid.T) {
	want, got := s.model.byKind(), s.runner.Kinds()
	if len(want) != len(got) {
		assert.Equal(t, want, got, "Kinds")
		return
	}
	for i := range want {
		w, g := &want[i], &got[i]
		w.OldestWaiting = aged(t, w.OldestWaiting, g.OldestWaiting)
		w.Durations.Sum = added(t, w.Durations.Sum, g.Durations.Sum, 1e-6)

		// They are known to a millisecond.
		alike(t, w.Waits.Count(), g.Waits.Count(), "tasks of %q that have waited", w.Kind)
		added(t, w.Waits.Sum, g.Waits.Sum, 0.001*float64(1+w.Waits.Count()))
		w.Waits = g.Waits
		if *w != *g {
			assert.Equal(t, *w, *g, "numbers of %q", w.Kind)
		}
	}
}

// added checks a sum of seconds, which is exact up to a tolerance, and returns what was
// given.
func added(t *rapid.T, exact, given, tolerance float64) float64 {
	if math.Abs(given-exact) > tolerance {
		assert.InDelta(t, exact, given, tolerance, "sum of seconds")
	}
	return given
}
