package background_test

import (
	"context"
	"flag"
	"log/slog"
	"testing"

	"go.uber.org/goleak"

	"github.com/velithon-go/velithon/background"
)

func TestMain(m *testing.M) {
	// How many sequences TestRunnerDoesAsTheModel plays, unless the command line
	// says otherwise.
	if err := flag.Set("rapid.checks", "500"); err != nil {
		panic(err)
	}
	slog.SetDefault(slog.New(slog.DiscardHandler)) // failures are expected here
	goleak.VerifyTestMain(m)
}

// task returns a task that calls f.
func task(name string, f func()) *background.Task {
	return background.Func(name, func(context.Context) error { f(); return nil })
}

// held returns a task that runs until release is closed.
func held(name string, release <-chan struct{}) *background.Task {
	return task(name, func() { <-release })
}

// obedient returns a task that runs until it is told to stop.
func obedient(name string) *background.Task {
	return background.Func(name, func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	})
}

// failing returns a task that fails with err.
func failing(name string, err error) *background.Task {
	return background.Func(name, func(context.Context) error { return err })
}

// collection returns a Tasks.
func collection(concurrent int, tasks ...*background.Task) *background.Tasks {
	c := &background.Tasks{MaxConcurrent: concurrent}
	c.Add(tasks...)
	return c
}

// balanced reports whether every accepted task is accounted for once.
func balanced(s background.Stats) bool {
	return s.Accepted == s.Succeeded+s.Failed+s.Skipped+s.Abandoned+
		uint64(s.Queued)+uint64(s.Running)+uint64(s.Scheduled)+uint64(s.Limited)+uint64(s.Retrying)
}
