package background_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

// brokenError can't be looked into when it is a nil pointer, as it is when a
// function returns a variable of this type instead of nil.
type brokenError struct{ cause error }

func (e *brokenError) Error() string { return e.cause.Error() }
func (e *brokenError) Unwrap() error { return e.cause }

func TestErrorsThatPanic(t *testing.T) {
	attempts := 0
	broken := background.Func("broken", func(context.Context) error {
		attempts++
		return (*brokenError)(nil)
	}).WithRetry(background.Retry{Attempts: 2})
	t.Run("Run", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			attempts = 0
			failure, ok := errors.AsType[*background.TaskError](collection(1, broken).Run(t.Context()))
			require.True(t, ok)
			assert.Equal(t, &background.TaskError{Name: "broken", Attempt: 2, Err: (*brokenError)(nil)}, failure)
			assert.Equal(t, 2, attempts)
		})
	})
	t.Run("Submit", func(t *testing.T) {
		var j journal
		inBubble(t, j.options(), func(t *testing.T, r *background.Runner) {
			require.NoError(t, r.Submit(t.Context(), broken))
			require.NoError(t, r.Submit(t.Context(), task("panics", func() { panic((*brokenError)(nil)) }).WithRetry(background.Retry{Attempts: 2})))
			pass(time.Hour)
			assert.Equal(t, background.Stats{Accepted: 2, Failed: 2, Panicked: 1, Retried: 1}, r.Stats())
			assert.Len(t, j.records(t), 3)
		})
	})
}
