package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/velithon-go/velithon/background"
)

// A deed is what a task does.
type deed struct {
	ends    string // how it may end: letters of the journal
	retry   background.Retry
	timeout time.Duration
	after   time.Duration
	limited bool // by the limit that all such deeds share
	stored  bool // it is of a kind, and goes through a record
	do      func(ctx context.Context, attempt int) error
}

// atOnce is how many deeds may be done at once that share the limit.
const atOnce = 4

var (
	limit = background.NewLimit(background.LimitOptions{Concurrent: atOnce, PerSecond: 3000, Burst: 20})
	crowd atomic.Int64 // deeds with the limit that are being done
)

var errDeed = errors.New("as it was to be")

var (
	succeeds = deed{ends: succeeded, do: func(context.Context, int) error { return nil }}
	waits    = deed{ends: succeeded, do: func(context.Context, int) error {
		time.Sleep(time.Millisecond)
		return nil
	}}
	recovers = deed{
		ends: succeeded, retry: background.Retry{Attempts: 3, Backoff: 5 * time.Millisecond},
		do: func(_ context.Context, attempt int) error {
			if attempt < 3 {
				return errDeed
			}
			return nil
		},
	}
	fails      = deed{ends: failed, do: func(context.Context, int) error { return errDeed }}
	failsTwice = deed{
		ends: failed, retry: background.Retry{Attempts: 2, Backoff: 5 * time.Millisecond},
		do: func(context.Context, int) error { return errDeed },
	}
	timesOut = deed{ends: failed, timeout: 5 * time.Millisecond, do: untilCancelled}
	panics   = deed{ends: panicked, do: func(context.Context, int) error { panic(errDeed) }}
	exits    = deed{ends: failed, do: func(context.Context, int) error {
		runtime.Goexit()
		return nil
	}}
	isSkipped   = deed{ends: skipped, do: func(context.Context, int) error { return nil }}
	isCancelled = deed{ends: failed + skipped, do: untilCancelled} // skipped when it had not started yet
)

var (
	waitsForOthers = deed{ends: succeeded, limited: true, do: func(ctx context.Context, attempt int) error {
		defer crowd.Add(-1)
		if n := crowd.Add(1); n > atOnce {
			return fmt.Errorf("%d are done at once", n)
		}
		return waits.do(ctx, attempt)
	}}
	comesLater = deed{ends: succeeded, after: 3 * time.Millisecond, do: waits.do}
	isCutShort = deed{ends: succeeded + failed, do: func(ctx context.Context, _ int) error {
		select {
		case <-time.After(2 * time.Millisecond):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}}
	comesBack = deed{
		ends: succeeded, retry: background.Retry{Attempts: 3, Backoff: time.Hour},
		do: func(ctx context.Context, attempt int) error {
			return background.RetryAfter(recovers.do(ctx, attempt), 5*time.Millisecond)
		},
	}
	isDelayed = deed{
		ends: succeeded, do: recovers.do,
		retry: background.Retry{Attempts: 3, Delay: func(attempt int, _ error) time.Duration { return time.Duration(attempt) * time.Millisecond }},
	}
	runsOut = deed{
		ends: failed, retry: background.Retry{Attempts: 1000, Backoff: 5 * time.Millisecond, MaxElapsed: 20 * time.Millisecond},
		do: func(context.Context, int) error { return errDeed },
	}
	isStored   = deed{ends: succeeded, stored: true}
	isCutLater = deed{ends: succeeded + failed, after: 3 * time.Millisecond, do: isCutShort.do}
)

func untilCancelled(ctx context.Context, _ int) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

// A work is what a response carries.
type work struct {
	name        string
	deeds       []deed
	own         bool // it is work of our own, not a task or a collection
	limit       int  // MaxConcurrent of the collection
	stopOnError bool
	cancelled   bool // its only task is, by its handle, a little later
}

// Failures are rare, since each is a record in the log, which is kept.
var works = weighted[work]{
	{40, work{name: "single", deeds: []deed{succeeds}}},
	{20, work{name: "four", deeds: []deed{succeeds, waits, succeeds, waits}}},
	{20, work{name: "in-order", limit: 1, deeds: []deed{waits, succeeds, waits}}},
	{10, work{name: "own", own: true, deeds: []deed{succeeds}}},
	{5, work{name: "none"}},
	{2, work{name: "flood", deeds: slices.Repeat([]deed{waits}, 2*queue)}},
	{2, work{name: "recovers", deeds: []deed{recovers}}},
	{2, work{name: "recovers-in-order", limit: 1, deeds: []deed{recovers, succeeds}}},
	{2, work{name: "fails", deeds: []deed{fails}}},
	{2, work{name: "fails-twice", deeds: []deed{failsTwice}}},
	{2, work{name: "fails-in-a-collection", deeds: []deed{succeeds, fails, panics, succeeds}}},
	{2, work{name: "times-out", deeds: []deed{timesOut, succeeds}}},
	{1, work{name: "panics", deeds: []deed{panics}}},
	{1, work{name: "exits", deeds: []deed{exits}}},
	{2, work{name: "stops", limit: 1, stopOnError: true, deeds: []deed{succeeds, fails, isSkipped, isSkipped}}},
	{2, work{name: "cancels", limit: 3, stopOnError: true, deeds: []deed{fails, isCancelled, isCancelled, isSkipped}}},
	{5, work{name: "limited", deeds: []deed{waitsForOthers}}},
	{2, work{name: "limited-in-a-collection", limit: 2, deeds: []deed{waitsForOthers, succeeds, waitsForOthers}}},
	{2, work{name: "limited-flood", deeds: slices.Repeat([]deed{waitsForOthers}, 2*atOnce)}},
	{4, work{name: "later", deeds: []deed{comesLater}}},
	{2, work{name: "later-in-order", limit: 1, deeds: []deed{waits, comesLater, succeeds}}},
	{2, work{name: "comes-back", deeds: []deed{comesBack}}},
	{1, work{name: "delayed", limit: 1, deeds: []deed{isDelayed, comesLater}}},
	{1, work{name: "runs-out", deeds: []deed{runsOut}}},
	{4, work{name: "restored", deeds: []deed{isStored}}},
	{2, work{name: "restored-in-a-collection", deeds: []deed{isStored, waitsForOthers, isStored}}},
	{1, work{name: "cut-short", cancelled: true, deeds: []deed{isCutShort}}},
	{1, work{name: "cut-later", cancelled: true, deeds: []deed{isCutLater}}},
}

// ends returns the letters for each task.
func (w *work) ends() []string {
	ends := make([]string, len(w.deeds))
	for i, d := range w.deeds {
		ends[i] = d.ends
	}
	return ends
}

// workNamed returns the work of a name, or nil.
func workNamed(name string) *work {
	for i := range works {
		if w := &works[i].value; w.name == name {
			return w
		}
	}
	return nil
}

// steps makes the steps of request n.
func (w *work) steps(j *journal, n int) []*step {
	all := make([]*step, len(w.deeds))
	for place, d := range w.deeds {
		all[place] = &step{deed: d, journal: j, name: taskName(n, place), made: time.Now()}
	}
	return all
}

// runnable makes the work of request n.
func (w *work) runnable(j *journal, n int) background.Work {
	all := w.steps(j, n)
	if w.own {
		return all[0]
	}
	if w.cancelled {
		handle := background.Track(all[0].task())
		time.AfterFunc(rand.N(6*time.Millisecond), func() { all[0].cancel(handle) })
		return handle
	}
	if len(all) == 1 {
		return all[0].task()
	}
	tasks := &background.Tasks{MaxConcurrent: w.limit, StopOnError: w.stopOnError}
	for _, s := range all {
		tasks.Add(s.task())
	}
	return tasks
}

// A step is a deed that is to be done for a request.
type step struct {
	deed
	journal *journal
	name    string
	made    time.Time
	kept    atomic.Bool // it was cancelled before it began
}

func (s *step) task() *background.Task {
	if s.stored {
		return s.journal.restored(s.name)
	}
	task := background.NewTask(do, s).Named(s.name).WithRetry(s.retry).WithTimeout(s.timeout).After(s.after)
	if s.limited {
		task = task.WithLimit(limit)
	}
	return task
}

func (s *step) cancel(handle *background.Handle) {
	told := handle.Cancel(errDeed)
	if info := handle.Info(); told && info.State == background.Canceled && info.Attempt == 0 {
		s.kept.Store(true)
	}
}

func do(ctx context.Context, s *step) error { return s.Run(ctx) }

// Run implements [background.Work]. It notes a success; failures are noted
// by the runner's hook.
func (s *step) Run(ctx context.Context) error {
	if s.kept.Load() || time.Since(s.made) < s.after {
		s.journal.note(s.name, untimely)
	}
	if err := s.do(ctx, background.Attempt(ctx)); err != nil {
		return err
	}
	s.journal.note(s.name, succeeded)
	return nil
}

// taskName names a task by its request and its place in the work.
func taskName(n, place int) string { return fmt.Sprintf("%d %d", n, place) }
