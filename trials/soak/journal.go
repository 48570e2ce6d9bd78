package main

import (
	"context"
	"errors"
	"log"
	"os"

	"github.com/velithon-go/velithon/background"
)

// How a task ended, in the journal.
const (
	succeeded = "s"
	failed    = "f"
	panicked  = "p"
	skipped   = "k"
)

// A journal is a file in which the service notes the end of each task, a line
// of its name and a letter, before the runner counts it.
type journal struct{ file *os.File }

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
