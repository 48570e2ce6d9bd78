package dashboard

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/velithon-go/velithon/background"
)

// failurePrefix is in front of the number of a failure, for a task without a handle.
const failurePrefix = "failure-"

func failedRow(f *background.FailureInfo) TaskRow {
	row := TaskRow{
		ID: cmp.Or(f.ID, failurePrefix+strconv.FormatUint(f.Number, 10)), Name: f.Name, Kind: f.Kind,
		State: f.State, Attempt: f.Attempt, Since: f.At, Error: f.Error,
	}
	row.Request, row.Route = origin(f.Context)
	return row
}

// runningPrefix is in front of what is told apart of a task that runs without a handle.
const runningPrefix = "running-"

// runningID returns an id of a task that runs without a handle, which it has as long as its
// attempt is under way. Others of the same kind, name and request that have begun in the same
// millisecond have it, too: that is enough to look at one.
func runningID(row *TaskRow) string {
	text := fmt.Sprintf("%q %q %q %q %d %d", row.Kind, row.Name, row.Request, row.Route, row.Attempt, row.Since.UnixMilli())
	sum := sha256.Sum256([]byte(text))
	return runningPrefix + base64.RawURLEncoding.EncodeToString(sum[:12])
}

// runningTask returns a task that runs without a handle. It can't be cancelled: its context is
// the runner's.
func (s *RunnerSource) runningTask(id string) (Task, error) {
	now := s.now()
	for info := range s.runner.Tasks(background.Running) {
		if row := now.row(&info); row.ID == id {
			t := Task{TaskRow: row}
			if argument, ok := info.Task.ShownArgument(); ok {
				t.Argument = string(argument)
			}
			return t, nil
		}
	}
	return Task{}, ErrNoTask
}

// Task implements [Source].
func (s *RunnerSource) Task(_ context.Context, id string) (Task, error) {
	failures := s.runner.Failures()
	h, ok := s.runner.Lookup(id)
	if strings.HasPrefix(id, runningPrefix) {
		return s.runningTask(id)
	}
	if !ok {
		for i := range failures {
			if f := &failures[i]; failedRow(f).ID == id {
				return Task{TaskRow: failedRow(f), Failures: []Failure{failureOf(f)}}, nil
			}
		}
		return Task{}, ErrNoTask
	}
	info := h.Info()
	t := Task{}
	for i := range failures {
		if f := &failures[i]; f.ID == id {
			t.Failures = append(t.Failures, failureOf(f))
		}
	}
	info.Task, info.Context = h.Task(), h.Context()
	if !info.State.Ended() {
		for other := range s.runner.Tasks(info.State) {
			if other.ID == id {
				info = other
				break
			}
		}
	}
	t.TaskRow = s.now().row(&info)
	if argument, ok := h.Task().ShownArgument(); ok {
		t.Argument = string(argument)
	}
	if info.Progress != nil {
		t.Progress = progressText(info.Progress)
	}
	t.Acts = actsOn(info.State)
	if info.State == background.Running && h.CancelCause() != nil {
		t.Acts = nil
	}
	return t, nil
}

func failureOf(f *background.FailureInfo) Failure {
	return Failure{Attempt: f.Attempt, At: f.At, Error: f.Error, Stack: f.Stack}
}

func actsOn(state background.State) []Verb {
	switch state {
	case background.Running:
		return []Verb{Cancel}
	case background.Scheduled, background.Retrying:
		return []Verb{RetryNow, Discard}
	case background.Waiting, background.Limited:
		return []Verb{Discard}
	}
	return nil
}

// Do implements [Controller].
func (s *RunnerSource) Do(_ context.Context, act Act) error {
	switch act.Verb {
	case Pause:
		s.runner.PauseKind(act.Kind)
		return nil
	case Resume:
		s.runner.ResumeKind(act.Kind)
		return nil
	}
	h, ok := s.runner.Lookup(act.ID)
	if !ok {
		return ErrNoTask
	}
	cause := fmt.Errorf("by %s on the page of background work", act.By)
	state := h.State()
	if !slices.Contains(actsOn(state), act.Verb) {
		return &ActError{Why: "the task's state is " + stateName(state) + " by now"}
	}
	ok = false
	switch act.Verb {
	case RetryNow:
		ok = h.Hasten()
	case Cancel:
		ok = h.Cancel(cause)
	case Discard: // and nothing that has begun meanwhile
		ok = h.Discard(cause)
	}
	if !ok {
		return &ActError{Why: "the task's state is " + stateName(h.State()) + " by now"}
	}
	return nil
}

// progressText returns what a task has said of itself, as JSON.
func progressText(value any) (text string) {
	defer func() {
		if recover() != nil {
			text = "a value whose methods panic"
		}
	}()
	encoded, err := json.Marshal(value)
	if err != nil { // fmt would go round and round in a map that has itself in it
		return fmt.Sprintf("a %T that is no JSON", value)
	}
	return cut(string(encoded), maxText)
}
