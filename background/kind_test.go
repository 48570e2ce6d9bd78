package background_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background"
)

type letter struct {
	To      string
	Copies  []string `json:"copies,omitempty"`
	Subject *string
	Due     time.Time
}

func TestATaskOfAKind(t *testing.T) {
	var sent []letter
	send := background.Define("send_mail", func(_ context.Context, m letter) error {
		sent = append(sent, m)
		return errors.New("no such host")
	}, background.Timeout(time.Minute), background.Retry{Attempts: 2, Backoff: 1})
	task := send.Task(letter{To: "ada@example.org"})
	assert.Equal(t, "send_mail", send.Name())
	assert.Equal(t, "send_mail", task.Name())

	err := task.Run(t.Context())
	failure, ok := errors.AsType[*background.TaskError](err)
	require.True(t, ok)
	assert.Equal(t, "send_mail", failure.Name)
	assert.Equal(t, 2, failure.Attempt, "as the kind says")
	assert.Len(t, sent, 2)

	require.Error(t, task.WithRetry(background.Retry{}).Named("first mail").Run(t.Context()))
	assert.Len(t, sent, 3, "as the task says")
	require.Error(t, send.Task(letter{}).Run(t.Context()))
	assert.Len(t, sent, 5, "the kind is as it was")
}

func TestTheTimeoutOfAKind(t *testing.T) {
	var limits []time.Duration
	kind := background.Define("limited", func(ctx context.Context, _ int) error {
		deadline, _ := ctx.Deadline()
		limits = append(limits, time.Until(deadline).Round(time.Minute))
		return nil
	}, background.Timeout(time.Hour))
	require.NoError(t, kind.Task(1).Run(t.Context()))
	require.NoError(t, kind.Task(1).WithTimeout(time.Minute).Run(t.Context()))
	assert.Equal(t, []time.Duration{time.Hour, time.Minute}, limits)
}

// A task can be written down, and made again by its kind in another process.
func TestATaskIsRestored(t *testing.T) {
	define := func(ran *[]letter) background.Kind[letter] {
		return background.Define("send_mail", func(_ context.Context, m letter) error {
			*ran = append(*ran, m)
			return errors.New("again")
		}, background.Timeout(time.Minute), background.Retry{
			Attempts: 4,
			If:       func(error) bool { return len(*ran) < 3 },
			Delay:    func(int, error) time.Duration { return time.Duration(len(*ran)) * time.Hour },
		})
	}
	subject := "hello"
	argument := letter{To: "ada@example.org", Copies: []string{"bob@example.org"}, Subject: &subject, Due: time.Date(2026, 11, 28, 7, 0, 0, 1, time.UTC)}
	for name, test := range map[string]struct {
		change   func(*background.Task) *background.Task
		attempts int
		took     time.Duration
	}{
		"as its kind says": {func(task *background.Task) *background.Task { return task }, 3, 3 * time.Hour},
		"changed": {func(task *background.Task) *background.Task {
			return task.WithRetry(background.Retry{Attempts: 2, Backoff: 1}).WithTimeout(time.Second).Named("mine")
		}, 2, time.Hour},
		"without retries": {func(task *background.Task) *background.Task { return task.WithRetry(background.Retry{}) }, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ran []letter
				record, err := test.change(define(new([]letter)).Task(argument)).Record()
				require.NoError(t, err)
				written, err := json.Marshal(record)
				require.NoError(t, err)

				var read background.Record
				require.NoError(t, json.Unmarshal(written, &read))
				task, err := define(&ran).Restore(read)
				require.NoError(t, err)
				start := time.Now()
				require.Error(t, task.Run(t.Context()))
				assert.Equal(t, test.took, time.Since(start))
				require.Len(t, ran, test.attempts)
				assert.Equal(t, argument, ran[0])
				again, err := task.Record()
				require.NoError(t, err)
				assert.Equal(t, record, again)
			})
		})
	}
}

func TestTasksThatCannotBeRecorded(t *testing.T) {
	number := background.Define("number", func(context.Context, float64) error { return nil })
	for want, task := range map[string]*background.Task{
		`background: task "plain" can't be recorded: only a task of a Kind can`:                     background.Func("plain", func(context.Context) error { return nil }),
		`background: the argument of task "number" can't be recorded: json: unsupported value: NaN`: number.Task(math.NaN()),
	} {
		_, err := task.Record()
		assert.EqualError(t, err, want)
	}
	for _, own := range []background.Retry{
		{Attempts: 2, If: func(error) bool { return true }},
		{Attempts: 2, Delay: func(int, error) time.Duration { return 1 }},
	} {
		task := number.Task(1).WithRetry(own)
		_, err := task.Record()
		require.EqualError(t, err, `background: task "number" can't be recorded: its Retry has an If or Delay of its own: give them to Define, or return Permanent or RetryAfter`)
		_, err = number.Task(1).WithLimit(background.NewLimit(background.LimitOptions{Concurrent: 1})).Record()
		require.EqualError(t, err, `background: task "number" can't be recorded: it has not the limit of its kind`)
		_, err = task.WithRetry(background.Retry{Attempts: 2}).Record()
		assert.NoError(t, err)
	}
}

func TestRecordsThatCannotBeRestored(t *testing.T) {
	number := background.Define("number", func(context.Context, int) error { return nil })
	for want, record := range map[string]background.Record{
		`background: a record of "mail" is not one of kind "number"`:                                           {Kind: "mail", Argument: []byte("1")},
		`background: restore a task of kind "number": json: cannot unmarshal string into Go value of type int`: {Kind: "number", Argument: []byte(`"1"`)},
		`background: restore a task of kind "number": unexpected end of JSON input`:                            {Kind: "number"},
		`background: restore a task of kind "number": the argument is null`:                                    {Kind: "number", Argument: []byte(" null")},
		`background: restore a task of kind "number": the timeout of -1ns is negative`:                         {Kind: "number", Argument: []byte("1"), Timeout: -1},
		`background: restore a task of kind "number": Retry.Attempts is -1, it cannot be negative`:             {Kind: "number", Argument: []byte("1"), Retry: background.Retry{Attempts: -1}},
	} {
		_, err := number.Restore(record)
		assert.EqualError(t, err, want)
	}
}

// TestArgumentsThatCannotBeRecorded: package recordable has tests of which they are.
func TestArgumentsThatCannotBeRecorded(t *testing.T) {
	const want = `background: Define "k": the argument is a chan int, which JSON can't keep`
	assert.PanicsWithValue(t, want, func() { background.Define("k", func(context.Context, chan int) error { return nil }) })
}

func TestKindsThatMakeNoSense(t *testing.T) {
	f := func(context.Context, int) error { return nil }
	for want, define := range map[string]func(){
		`background: Define "k" needs a function, got nil`:                    func() { background.Define[int]("k", nil) },
		`background: Define "" needs a name`:                                  func() { background.Define("", f) },
		`background: Define "k": the timeout of -1s is negative`:              func() { background.Define("k", f, background.Timeout(-time.Second)) },
		`background: Define "k": Retry.Attempts is -1, it cannot be negative`: func() { background.Define("k", f, background.Retry{Attempts: -1}) },
		`background: Define "k": option 2 is nil`:                             func() { background.Define("k", f, background.Timeout(1), nil) },
	} {
		assert.PanicsWithValue(t, want, define)
	}
}

func TestTwoKindsOfOneName(t *testing.T) {
	inBubble(t, background.RunnerOptions{}, func(t *testing.T, r *background.Runner) {
		define := func() background.Kind[int] {
			return background.Define("pack", func(context.Context, int) error { return nil })
		}
		known, other := define(), define()
		for range 2 { // the one and the same
			require.NoError(t, r.Submit(t.Context(), known.Task(1)))
		}
		const pattern = `^background: the runner has tasks of two kinds "pack", defined at \S+kind_test.go:\d+ and at \S+kind_test.go:\d+: define it once, or give one another name$`
		for name, work := range map[string]background.Work{
			"single":     other.Task(1),
			"copy":       other.Task(1).Named("another").WithTimeout(time.Second),
			"collection": collection(1, background.NewTask(nothing, 1), other.Task(1)),
		} {
			for _, give := range []func(){
				func() { _ = r.Submit(t.Context(), work) },
				func() { _, _ = r.Reserve(work) },
			} {
				message := panicOf(give)
				assert.Regexp(t, pattern, message, name)
			}
		}
		second := background.NewRunner(background.RunnerOptions{})
		require.NoError(t, second.Submit(t.Context(), other.Task(1)))
		require.NoError(t, second.Submit(t.Context(), collection(2, other.Task(1), background.NewTask(nothing, 1))))
		stop(t, second)
		synctest.Wait()
		assert.Equal(t, background.Stats{Accepted: 2, Succeeded: 2}, r.Stats())
	})
}

func panicOf(f func()) (message any) {
	defer func() { message = recover() }()
	f()
	return nil
}
