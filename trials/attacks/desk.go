package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/velithon-go/velithon"
	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/responses"
	"github.com/velithon-go/velithon/routing"
)

const (
	jobsQueue   = 4096
	jobsWaiting = jobsQueue / 2 // jobs that may wait for their time or their limit; the rest of the queue is for others
	jobsAtOnce  = 2             // jobs with a limit that run
	jobsKeep    = time.Second
	sweepEvery  = 5 * time.Millisecond
)

var (
	errNoJob    = responses.NewProblem(404, "no such job, or it ended long ago")
	errEnded    = responses.NewProblem(409, "the job has ended")
	errTooMany  = responses.NewProblem(429, "too many jobs wait")
	errUnwanted = errors.New("a client does not want it")
)

// A desk takes jobs, which clients follow and cancel. It does quick work for others
// meanwhile, and something of its own again and again. It notes what its runner does
// wrong.
type desk struct {
	runner    *background.Runner
	plain     background.Kind[int] // a job by its place in jobs
	limited   background.Kind[int]
	stopSweep func()

	started  atomic.Int64 // jobs that were begun
	crowd    atomic.Int64 // jobs with a limit that run
	quicks   atomic.Int64
	sweeps   atomic.Int64
	sweeping atomic.Bool
	closed   atomic.Bool // nothing should come any more
	streams  *atomic.Int64

	mu      sync.Mutex // guards what follows
	jobs    []*job
	byID    map[string]*job
	faults  []string
	closing bool // no more jobs are taken
}

// A jobOrder is what a client asks for, in milliseconds.
type jobOrder struct {
	After   int   `query:"after" validate:"min=0"`
	At      int64 `query:"at"` // since 1970, unless it is 0
	Takes   int   `query:"takes" validate:"min=0"`
	Limited bool  `query:"limited"`
	Deaf    bool  `query:"deaf"` // it does not look at its context
}

type job struct {
	jobOrder

	asked  time.Time
	handle *background.Handle // not changed once the desk has it
	begun  atomic.Int64       // how often
	kept   atomic.Bool        // it was cancelled before it had begun
}

// newDesk adds the routes of jobs, and returns when the first sweep is over, so that
// the worker for these is one of the goroutines that the service begins with.
func newDesk(app *velithon.App, streams *atomic.Int64) *desk {
	d := &desk{runner: app.Runner(), byID: make(map[string]*job), streams: streams}
	d.plain = background.Define("job", d.do)
	d.limited = background.Define("limited job", d.do, background.NewLimit(background.LimitOptions{Concurrent: jobsAtOnce}))
	app.Post("/jobs", d.create, routing.Status(202))
	app.Get("/jobs", d.list)
	app.Get("/jobs/{id}", d.show)
	app.Get("/jobs/{id}/events", d.follow)
	app.Delete("/jobs/{id}", d.cancel)
	app.Post("/quick", d.quick)
	app.Post("/close", d.close)
	swept := make(chan struct{})
	first := sync.OnceFunc(func() { close(swept) })
	d.stopSweep = d.runner.Every(sweepEvery, background.Func("sweep", func(context.Context) error {
		d.sweep()
		first()
		return nil
	}))
	<-swept
	return d
}

func (d *desk) faultf(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = append(d.faults[:min(len(d.faults), 9)], fmt.Sprintf(format, args...))
}

// told is what a client learns of a job.
type told struct {
	ID      string           `json:"id"`
	State   background.State `json:"state"`
	Attempt int              `json:"attempt"`
}

// kept reports whether the job was cancelled before it had begun.
func (j *told) kept() bool { return j.State == background.Canceled && j.Attempt == 0 }

func (j *job) tell() told {
	info := j.handle.Info()
	return told{info.ID, info.State, info.Attempt}
}

// create takes a job, unless too many wait.
func (d *desk) create(_ context.Context, in jobOrder) (answer responses.JSONResponse[told, *background.Handle], err error) {
	j := &job{jobOrder: in, asked: time.Now()}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.runner.Stats(); d.closing || s.Scheduled+s.Limited >= jobsWaiting {
		return answer, errTooMany
	}
	kind := d.plain
	if in.Limited {
		kind = d.limited
	}
	task := kind.Task(len(d.jobs)).After(time.Duration(in.After) * time.Millisecond)
	if in.At > 0 {
		task = task.At(time.UnixMilli(in.At))
	}
	j.handle = background.Track(task)
	d.jobs = append(d.jobs, j)
	d.byID[j.handle.ID()] = j
	return responses.JSON(j.tell(), j.handle), nil
}

// do is what a job does: it takes its time.
func (d *desk) do(ctx context.Context, n int) error {
	d.mu.Lock()
	j := d.jobs[n]
	d.mu.Unlock()
	d.started.Add(1)
	if times := j.begun.Add(1); times > 1 {
		d.faultf("job %d was begun %d times", n, times)
	}
	if time.Since(j.asked) < time.Duration(j.After)*time.Millisecond {
		d.faultf("job %d was begun before its time", n)
	}
	if j.Limited {
		if crowd := d.crowd.Add(1); crowd > jobsAtOnce {
			d.faultf("%d jobs with a limit of %d run", crowd, jobsAtOnce)
		}
		defer d.crowd.Add(-1)
	}
	background.Progress(ctx, n)
	cancelled := ctx.Done()
	if j.Deaf {
		cancelled = nil
	}
	select {
	case <-time.After(time.Duration(j.Takes) * time.Millisecond):
		return nil
	case <-cancelled:
		return context.Cause(ctx)
	}
}

// jobID is the input of the handlers: which job it is about.
type jobID struct {
	ID string `path:"id"`
}

// find returns a job that the runner has.
func (d *desk) find(id string) (*job, error) {
	handle, found := d.runner.Lookup(id)
	d.mu.Lock()
	j := d.byID[id]
	d.mu.Unlock()
	switch {
	case found && (j == nil || j.handle != handle):
		d.faultf("another job was found by %q", id)
	case !found && j != nil && !j.handle.State().Ended():
		d.faultf("job %q has not ended, and was not found", id)
	}
	if !found {
		return nil, errNoJob
	}
	return j, nil
}

func (d *desk) show(_ context.Context, in jobID) (told, error) {
	j, err := d.find(in.ID)
	if err != nil {
		return told{}, err
	}
	return j.tell(), nil
}

func (d *desk) cancel(_ context.Context, in jobID) (told, error) {
	j, err := d.find(in.ID)
	if err != nil {
		return told{}, err
	}
	inTime := j.handle.Cancel(errUnwanted)
	now := j.tell()
	switch {
	case !inTime && !now.State.Ended():
		d.faultf("a job that is %s could not be cancelled", now.State)
	case inTime && !now.State.Ended() && now.State != background.Running:
		d.faultf("a job was cancelled, and is %s", now.State)
	case inTime && now.kept():
		j.kept.Store(true)
	}
	if !inTime {
		return told{}, errEnded
	}
	return now, nil
}

// follow tells of a job until its end.
func (d *desk) follow(ctx context.Context, in jobID) (*responses.EventStreamResponse, error) {
	j, err := d.find(in.ID)
	if err != nil {
		return nil, err
	}
	return responses.EventStream(func(events *responses.EventWriter) error {
		d.streams.Add(1)
		defer d.streams.Add(-1)
		for {
			changed := j.handle.Changed()
			now := j.tell()
			if now.State.Ended() {
				return events.SendJSON("end", now)
			}
			if err := events.SendJSON("", now); err != nil {
				return err
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return nil
			}
		}
	}), nil
}

// list counts the tasks by what they do.
func (d *desk) list(context.Context, struct{}) (map[background.State]int, error) {
	states := make(map[background.State]int)
	for task := range d.runner.Tasks() {
		states[task.State]++
	}
	return states, nil
}

// quick answers when its task is done, with how many jobs have begun meanwhile.
func (d *desk) quick(ctx context.Context, _ struct{}) (count, error) {
	var meanwhile int64
	before := d.started.Load()
	handle := background.Track(background.Func("quick", func(context.Context) error {
		meanwhile = d.started.Load() - before
		return nil
	}))
	if err := d.runner.Submit(ctx, handle); err != nil {
		return count{}, err
	}
	if err := handle.Wait(ctx); err != nil {
		return count{}, err
	}
	d.quicks.Add(1)
	return count{int(meanwhile)}, nil
}

// sweep is the periodic task. It takes longer than the time until it should come again.
func (d *desk) sweep() {
	if d.sweeping.Swap(true) {
		d.faultf("two sweeps overlap")
	}
	if d.closed.Load() {
		d.faultf("there was a sweep after they were stopped")
	}
	d.sweeps.Add(1)
	time.Sleep(2 * sweepEvery)
	d.sweeping.Store(false)
}

// A balance is what has become of the jobs.
type balance struct {
	Succeeded int `json:"succeeded"`
	Canceled  int `json:"canceled"`
	Kept      int `json:"kept"` // those of the canceled that have not begun
	Sweeps    int `json:"sweeps"`
}

// close takes no more jobs, ends the sweeps, waits until nothing is left to do, and
// compares what the jobs have noted with what the runner says.
func (d *desk) close(ctx context.Context, _ struct{}) (b balance, err error) {
	d.stopSweep()
	d.mu.Lock()
	d.closing = true
	jobs := d.jobs
	d.mu.Unlock()
	for _, j := range jobs { // Idle waits neither for what is due later nor for what is not yet promised
		_ = j.handle.Wait(ctx)
	}
	if err := d.runner.Idle(ctx); err != nil {
		return b, err
	}
	d.closed.Store(true)
	for n, j := range jobs {
		begun, state := j.begun.Load(), j.handle.State()
		switch {
		case state == background.Succeeded && begun == 1:
			b.Succeeded++
		case state == background.Canceled && begun == 0 && !j.Deaf:
			b.Kept++
			b.Canceled++
		case state == background.Canceled && begun == 1 && !j.kept.Load() && !j.Deaf:
			b.Canceled++
		default:
			d.faultf("job %d, %+v, is %s, was begun %d times, and cancelled before: %t", n, j.jobOrder, state, begun, j.kept.Load())
		}
	}
	b.Sweeps = int(d.sweeps.Load())
	d.compare(&b)
	return b, nil
}

// compare compares the runner's numbers with the others, when nothing is left to do.
func (d *desk) compare(b *balance) {
	s := d.runner.Stats()
	others := int(d.quicks.Load()) + b.Sweeps
	var left, timed int
	for range d.runner.Tasks() {
		left++
	}
	for _, kind := range d.runner.Kinds() {
		timed += int(kind.Durations.Count())
	}
	for _, n := range []struct {
		what            string
		counted, wanted int
	}{
		{"accepted", int(s.Accepted), b.Succeeded + b.Canceled + others},
		{"succeeded", int(s.Succeeded), b.Succeeded + others},
		{"failed", int(s.Failed), b.Canceled},
		{"rejected", int(s.Rejected), 0},
		{"skipped or given up", int(s.Skipped + s.Abandoned), 0},
		{"not ended", left, 0},
		{"timed", timed, int(d.started.Load())},
	} {
		if n.counted != n.wanted {
			d.faultf("the runner has %d tasks that are %s, and there should be %d", n.counted, n.what, n.wanted)
		}
	}
}
