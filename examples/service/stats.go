package main

import (
	"context"
	"maps"
	"sync"

	"github.com/velithon-go/velithon/background"
)

// stats is the part of the runner's numbers that is worth a look, or an alert.
type stats struct {
	Queued        int            `json:"queued"`
	Running       int            `json:"running"`
	Retrying      int            `json:"retrying"`
	OldestSeconds float64        `json:"oldest_seconds"` // how long the oldest task has waited
	Succeeded     uint64         `json:"succeeded"`
	Retried       uint64         `json:"retried"`
	Failed        map[string]int `json:"failed"` // for good, by the task's name
}

func newStats(runner background.Stats, failed map[string]int) stats {
	return stats{
		Queued:        runner.Queued,
		Running:       runner.Running,
		Retrying:      runner.Retrying,
		OldestSeconds: runner.OldestWaiting.Seconds(),
		Succeeded:     runner.Succeeded,
		Retried:       runner.Retried,
		Failed:        failed,
	}
}

// failures counts the tasks that failed for good. The zero value is ready to
// use, by any number of goroutines.
type failures struct {
	mu     sync.Mutex // guards byTask
	byTask map[string]int
}

// note is the runner's hook. The runner has logged the failure already.
func (f *failures) note(_ context.Context, failure *background.TaskError) {
	if failure.WillRetry {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byTask == nil {
		f.byTask = make(map[string]int)
	}
	f.byTask[failure.Name]++
}

// counts returns a copy, which is never nil.
func (f *failures) counts() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := make(map[string]int, len(f.byTask))
	maps.Copy(counts, f.byTask)
	return counts
}
