package background_test

import (
	"context"
	"errors"

	"pgregory.net/rapid"

	"github.com/velithon-go/velithon/background"
)

var errSpoiled = errors.New("spoiled")

type outerKey struct{}

// surround has something done around each attempt.
func (s *sequence) surround() {
	s.surrounded = true
	s.runner.Use(func(ctx context.Context, _ *background.Task, run func(context.Context) error) error {
		return run(context.WithValue(ctx, outerKey{}, true))
	})
	s.runner.Use(s.around)
}

func (s *sequence) drawAround(t *rapid.T) around {
	if !s.surrounded {
		return passes
	}
	return rapid.SampledFrom([]around{passes, hides, spoils, instead}).Draw(t, "what is around it")
}

// around is called around each attempt, inside of what sets the value of outerKey.
func (s *sequence) around(ctx context.Context, task *background.Task, run func(context.Context) error) error {
	var j *job
	s.note(func() {
		j = s.byName[task.Name()]
		s.begunAround++
		if j != nil && j.task != task || ctx.Value(outerKey{}) == nil {
			s.wrong = append(s.wrong, "what is around "+task.Name())
		}
	})
	if j == nil {
		return run(ctx)
	}
	if j.around == instead {
		return s.run(ctx, j)
	}
	err := run(ctx)
	switch {
	case j.around == hides && err != nil:
		s.note(func() { s.untold[j.name]-- })
		err = nil
	case j.around == spoils && err == nil:
		s.note(func() { s.untold[j.name]++ })
		err = errSpoiled
	}
	return err
}
