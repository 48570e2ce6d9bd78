package background_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/velithon-go/velithon/background"
)

func TestErrorTexts(t *testing.T) {
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	firstTen := `"0", "1", "2", "3", "4", "5", "6", "7", "8", "9" and 90 more`
	inner := &background.TaskError{Name: "inner", Attempt: 1, Err: io.EOF}
	for want, err := range map[string]error{
		"background: queue full":    background.ErrFull,
		"background: runner closed": background.ErrClosed,

		`background: task "a": EOF`:                    &background.TaskError{Name: "a", Attempt: 1, Err: io.EOF},
		`background: task "a", attempt 3: EOF`:         &background.TaskError{Name: "a", Attempt: 3, Err: io.EOF},
		`background: task "a": task "inner": EOF`:      &background.TaskError{Name: "a", Attempt: 1, Err: inner},
		`background: task "a": unknown error`:          &background.TaskError{Name: "a"},
		`background: task "a": panic: boom`:            &background.TaskError{Name: "a", Err: &background.PanicError{Value: "boom"}},
		"panic: 42":                                    &background.PanicError{Value: 42},
		`background: 1 task never ran: "a"`:            &background.SkippedError{Names: []string{"a"}},
		"background: 100 tasks never ran: " + firstTen: &background.SkippedError{Names: many},

		`background: drain ended early: context canceled; 1 still running: "a"; 2 given up: "b", "c"`: &background.DrainError{
			Running: []string{"a"}, Waiting: []string{"b", "c"}, Err: context.Canceled,
		},
		"background: drain ended early: context canceled; 100 given up: " + firstTen: &background.DrainError{
			Waiting: many, Err: context.Canceled,
		},
		"background: drain ended early: context canceled; 1 reservation not started":  &background.DrainError{Reserved: 1, Err: context.Canceled},
		"background: drain ended early: context canceled; 2 reservations not started": &background.DrainError{Reserved: 2, Err: context.Canceled},
	} {
		assert.EqualError(t, err, want)
	}
}

func TestErrorsUnwrap(t *testing.T) {
	assert.ErrorIs(t, &background.TaskError{Err: io.EOF}, io.EOF)
	assert.ErrorIs(t, &background.PanicError{Value: io.EOF}, io.EOF)
	assert.NoError(t, errors.Unwrap(&background.PanicError{Value: "EOF"}))
	assert.ErrorIs(t, &background.SkippedError{Err: io.EOF}, io.EOF)
	assert.ErrorIs(t, &background.DrainError{Err: io.EOF}, io.EOF)
}
