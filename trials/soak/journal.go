package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"
	"sync/atomic"
	"time"

	"github.com/velithon-go/velithon/background"
)

// How a task ended, in the journal.
const (
	succeeded = "s"
	failed    = "f"
	panicked  = "p"
	skipped   = "k"
	untimely  = "u" // it has begun too early, or after it was cancelled
)

// A journal is a file in which the service notes the end of each task, a line
// of its name and a letter, before the runner counts it.
type journal struct {
	file  *os.File
	kind  background.Kind[string] // of tasks that note their own success
	noted atomic.Uint64           // by them
}

// kindName is that of the only kind.
const kindName = "note"

func newJournal(file *os.File) *journal {
	j := &journal{file: file}
	j.kind = background.Define(kindName, func(_ context.Context, task string) error {
		j.note(task, succeeded)
		j.noted.Add(1)
		return nil
	}, background.Timeout(time.Minute))
	return j
}

// restored returns a task of the kind, made from its record as another process would.
func (j *journal) restored(name string) *background.Task {
	var record background.Record
	stored, err := j.kind.Task(name).Named(name).Record()
	if err == nil {
		var text []byte
		if text, err = json.Marshal(stored); err == nil {
			err = json.Unmarshal(text, &record)
		}
	}
	task, restoreErr := j.kind.Restore(record)
	if err := errors.Join(err, restoreErr); err != nil {
		log.Fatal(err)
	}
	return task
}

func (j *journal) note(task, end string) {
	if _, err := j.file.WriteString(task + " " + end + "\n"); err != nil {
		log.Fatal(err) // nobody could say any more what has run
	}
}

// noteFailure is the runner's hook.
func (j *journal) noteFailure(_ context.Context, failure *background.TaskError) {
	if failure.WillRetry {
		return
	}
	end := failed
	if errors.Is(failure, background.ErrSkipped) {
		end = skipped
	} else if _, ok := errors.AsType[*background.PanicError](failure); ok {
		end = panicked
	}
	j.note(failure.Name, end)
}
