package background_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/velithon-go/velithon/background"
)

// TestRunnerDoesAsTheModel makes random calls of a Runner, one after the other,
// ends its tasks in all the ways in which tasks can end, and lets time go by.
// After each step the runner has to be where the model is. A sequence that fails
// is reduced to a short one.
//
// -rapid.checks=10000 asks for more of them, see TestMain.
func TestRunnerDoesAsTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rapid.SyncTest(t, func(t *rapid.T) {
			s := newSequence(t)
			defer s.release()
			t.Repeat(map[string]func(*rapid.T){
				"submit":               s.submit,
				"reserve":              s.reserve,
				"start a reservation":  s.start,
				"cancel a reservation": s.unreserve,
				"end a task":           s.end,
				"cancel a context":     s.cancel,
				"let a moment go by":   s.dawdle,
				"let time go by":       s.pass,
				"shut down":            s.shutdown,
				"":                     s.check,
			})
			s.finish(t)
		})
	})
}

// sequence is a Runner and its model, which do the same.
type sequence struct {
	*rapid.T
	runner *background.Runner
	model  *model
	calls  []*trial
	jobs   []*job
	steps  int
	open   int        // the number of steps before a Shutdown
	odd    *rand.Rand // see about

	mu      sync.Mutex         // guards what goroutines note
	running map[string]attempt // by the key of the job
	begun   map[string]int     // attempts, by the same
	hook    map[string]int
	log     map[string]int
	waits   map[string]time.Duration // before the next attempt, by name
}

// trial is a call of the runner, and what has become of it.
type trial struct {
	call
	work        background.Work
	ctx         context.Context
	stop        context.CancelCauseFunc
	free        context.CancelFunc
	reservation background.Reservation
	got         string // its result
	wantDone    int
	gotDone     int
}

// attempt is one that runs.
type attempt struct {
	ctx    context.Context
	number int
}

func newSequence(t *rapid.T) *sequence {
	s := &sequence{
		T:       t,
		open:    rapid.IntRange(0, 60).Draw(t, "steps before a shutdown"),
		odd:     rand.New(rand.NewPCG(1, 1)),
		running: map[string]attempt{},
		begun:   map[string]int{},
		hook:    map[string]int{},
		log:     map[string]int{},
		waits:   map[string]time.Duration{},
	}
	options := background.RunnerOptions{
		Workers:   rapid.IntRange(1, 3).Draw(t, "workers"),
		Queue:     rapid.IntRange(1, 4).Draw(t, "queue"),
		Overflow:  rapid.SampledFrom([]background.Overflow{background.Block, background.Reject}).Draw(t, "overflow"),
		Logger:    slog.New(recorder{slog.DiscardHandler, s.logged}),
		OnFailure: s.told,
	}
	if rapid.Bool().Draw(t, "the runner has a timeout") {
		options.Timeout = s.about(15 * time.Second)
	}
	s.runner = background.NewRunner(options)
	s.model = &model{
		workers: options.Workers,
		queue:   options.Queue,
		rejects: options.Overflow == background.Reject,
		timeout: options.Timeout,
		wait:    s.wait,
		obey:    s.obey,
		told:    map[string]int{},
	}
	for n := range 2 {
		s.model.limits = append(s.model.limits, &limit{real: background.NewLimit(background.LimitOptions{Concurrent: n + 1}), concurrent: n + 1})
	}
	return s
}

// about returns d and up to as much again, never the same twice, so that no two
// things happen by themselves at the same time, in an order that can't be told.
// What it returns is the same in each sequence, so that it can be repeated.
func (s *sequence) about(d time.Duration) time.Duration {
	return d + time.Duration(s.odd.Int64N(int64(d)))
}

// Steps.

// step has the runner do something, and then the model.
func (s *sequence) step(runner, model func()) {
	s.steps++
	go runner() // it may have to wait
	synctest.Wait()
	s.model.now = time.Now()
	model()
	s.model.settle()
}

func (s *sequence) submit(t *rapid.T) {
	c := s.request(t)
	s.step(
		func() { s.returned(c, s.runner.Submit(c.ctx, c.work)) },
		func() { s.model.submit(&c.call) },
	)
}

func (s *sequence) reserve(t *rapid.T) {
	c := s.request(t)
	s.step(func() {
		var err error
		c.reservation, err = s.runner.Reserve(c.work)
		s.returned(c, err)
	}, func() { s.model.reserve(&c.call) })
}

func (s *sequence) start(t *rapid.T) {
	c := s.promised(t)
	var done func()
	if rapid.Bool().Draw(t, "with done") {
		c.done = &c.wantDone
		done = func() { s.note(func() { c.gotDone++ }) }
	}
	c.result, c.got = "", ""
	s.step(
		func() { s.returned(c, c.reservation.Start(c.ctx, done)) },
		func() { s.model.start(&c.call) },
	)
}

func (s *sequence) unreserve(t *rapid.T) {
	s.unreserveCall(s.promised(t))
}

func (s *sequence) unreserveCall(c *trial) {
	s.step(c.reservation.Cancel, func() { s.model.unreserve(&c.call) })
}

// promised draws a reservation that was neither started nor cancelled.
func (s *sequence) promised(t *rapid.T) *trial {
	return s.calls[draw(t, "reservation", s.model.promised).number]
}

func (s *sequence) end(t *rapid.T) {
	j := draw(t, "running task", s.model.running)
	s.endAs(j, rapid.SampledFrom([]ending{succeeds, fails, failsForGood, panics, exits}).Draw(t, "it"))
}

func (s *sequence) endAs(j *job, how ending) {
	s.step(func() { j.orders <- how }, func() { s.model.end(j, how) })
}

func (s *sequence) cancel(t *rapid.T) {
	c := draw(t, "call", s.calls)
	s.step(func() { c.stop(c.cause) }, func() { s.model.cancel(&c.call) })
}

// pass lets time go by until the next thing happens by itself.
func (s *sequence) pass(*rapid.T) {
	event, at := s.model.next()
	if event == nil {
		event, at = func() {}, time.Now().Add(time.Second)
	}
	time.Sleep(time.Until(at))
	s.step(func() {}, func() {
		for ; event != nil && !at.After(s.model.now); event, at = s.model.next() {
			event()
			s.model.settle()
		}
	})
}

// dawdle lets less time go by than the runner's clock is exact to.
func (s *sequence) dawdle(t *rapid.T) {
	const moment = time.Millisecond / 3
	if event, at := s.model.next(); event != nil && time.Until(at) <= moment {
		t.SkipNow() // the step, in place of which rapid draws another
	}
	time.Sleep(moment)
	s.step(func() {}, func() {})
}

func (s *sequence) shutdown(t *rapid.T) {
	if s.steps < s.open {
		t.SkipNow() // the step, likewise
	}
	s.shutdownBy(s.newCall(t, 20*time.Second))
}

func (s *sequence) shutdownBy(c *trial) {
	s.step(
		func() { s.returned(c, s.runner.Shutdown(c.ctx)) },
		func() { s.model.shutdown(&c.call) },
	)
}

// finish ends all work.
func (s *sequence) finish(t *rapid.T) {
	last := s.newCall(nil, 0)
	s.shutdownBy(last)
	for s.check(t); last.result == "" && !t.Failed(); s.check(t) {
		switch {
		case len(s.model.promised) > 0:
			s.unreserveCall(s.calls[s.model.promised[0].number])
		case len(s.model.running) > 0:
			s.endAs(s.model.running[0], succeeds)
		default:
			s.pass(t)
		}
	}
}

// release lets the goroutines of a sequence go that has failed.
func (s *sequence) release() {
	for _, j := range s.jobs {
		close(j.orders)
	}
	for _, c := range s.calls {
		c.stop(c.cause)
		if c.free != nil {
			c.free()
		}
	}
	done, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.runner.Shutdown(done)
}

// Calls and their work.

// newCall returns a call whose context has a deadline if that is drawn.
func (s *sequence) newCall(t *rapid.T, timeout time.Duration) *trial {
	return s.newCallIn(context.Background(), t, timeout)
}

func (s *sequence) newCallIn(ctx context.Context, t *rapid.T, timeout time.Duration) *trial {
	c := &trial{call: call{number: len(s.calls)}}
	c.cause = fmt.Errorf("the time of call %d is up", c.number)
	c.ctx = context.WithValue(ctx, callKey{}, c.number)
	if t != nil && rapid.Bool().Draw(t, "with a deadline") {
		d := s.about(timeout)
		c.until = time.Now().Add(d)
		c.drain = c.until.Add(-d / 10)
		c.ctx, c.free = context.WithDeadlineCause(c.ctx, c.until, c.cause)
	}
	c.ctx, c.stop = context.WithCancelCause(c.ctx)
	s.calls = append(s.calls, c)
	return c
}

type callKey struct{}

// request returns a call with work.
func (s *sequence) request(t *rapid.T) *trial {
	kinds := []string{"task", "collection", "own kind"}
	ended := slices.DeleteFunc(slices.Clone(s.calls), func(c *trial) bool { return c.batch == nil || !c.batch.ended })
	if len(ended) > 0 {
		kinds = append(kinds, "the same again")
	}
	c := s.newCallIn(s.submitter(t), t, 5*time.Second)
	c.task = c.ctx.Value(taskKey{}) != nil
	c.batch = &batch{limit: 1}
	switch rapid.SampledFrom(kinds).Draw(t, "work") {
	case "task":
		j, task := s.task(t, 3)
		c.batch.jobs, c.work, c.batch.single = []*job{j}, task, true
	case "collection":
		c.work = s.collection(t, c.batch)
	case "own kind":
		j := s.newJob(1)
		j.name, j.deaf = "background_test.own", s.model.timeout > 0
		c.batch.jobs, c.batch.single, c.work = []*job{j}, true, own(func(ctx context.Context) error { return s.run(ctx, j) })
	default:
		before := draw(t, "ended work", ended)
		before.batch.ended = false // it is not to be used a third time
		c.work, *c.batch = before.work, batch{jobs: before.batch.jobs, limit: before.batch.limit, stopOnError: before.batch.stopOnError, single: before.batch.single}
	}
	for _, j := range c.batch.jobs {
		j.batch, j.attempt = c.batch, 0
		s.note(func() { delete(s.begun, j.key) })
	}
	return c
}

// submitter draws who makes a call: somebody outside, or a task that runs.
func (s *sequence) submitter(t *rapid.T) context.Context {
	if len(s.model.running) == 0 || rapid.IntRange(0, 3).Draw(t, "a task makes it, if 0") > 0 {
		return context.Background()
	}
	j := draw(t, "the task", s.model.running)
	var ctx context.Context
	s.note(func() { ctx = s.running[j.key].ctx })
	return context.WithValue(ctx, taskKey{}, true)
}

type taskKey struct{}

func (s *sequence) collection(t *rapid.T, b *batch) *background.Tasks {
	tasks := &background.Tasks{
		MaxConcurrent: rapid.IntRange(0, 3).Draw(t, "at once"),
		StopOnError:   rapid.Bool().Draw(t, "stop on error"),
	}
	b.limit, b.stopOnError = tasks.MaxConcurrent, tasks.StopOnError
	if b.limit == 0 {
		b.limit = 10
	}
	attempts := rapid.SampledFrom([]int{3, 1}).Draw(t, "attempts at most")
	for range rapid.IntRange(0, 6).Draw(t, "tasks") {
		j, task := s.task(t, attempts)
		b.jobs = append(b.jobs, j)
		tasks.Add(task)
	}
	return tasks
}

func (s *sequence) task(t *rapid.T, most int) (*job, *background.Task) {
	j := s.newJob(rapid.IntRange(1, most).Draw(t, "attempts"))
	if rapid.Bool().Draw(t, "with a timeout") {
		j.timeout = s.about(7 * time.Second)
	}
	// The runner's timeout may be up for several at once, see about.
	j.deaf = j.timeout == 0 && s.model.timeout > 0 || rapid.Bool().Draw(t, "deaf")
	task := background.Func(j.name, func(ctx context.Context) error { return s.run(ctx, j) }).
		WithTimeout(j.timeout).
		WithRetry(background.Retry{Attempts: j.attempts, Backoff: backoff, MaxBackoff: maxBackoff})
	if rapid.IntRange(0, 3).Draw(t, "later, if 0") == 0 {
		j.after = s.about(3 * time.Second)
		task = task.After(j.after)
	}
	if n := rapid.IntRange(0, 5).Draw(t, "with limit"); n < len(s.model.limits) {
		j.limit = s.model.limits[n]
		task = task.WithLimit(j.limit.real)
	}
	return j, task
}

func (s *sequence) newJob(attempts int) *job {
	key := fmt.Sprintf("task %d", len(s.jobs))
	j := &job{key: key, name: key, attempts: attempts, orders: make(chan ending, 1)}
	s.jobs = append(s.jobs, j)
	return j
}

const (
	backoff    = 5 * time.Second
	maxBackoff = 8 * time.Second
)

// wait returns how long j waits until it is tried again, by what was logged.
func (s *sequence) wait(j *job) time.Duration {
	var d time.Duration
	s.note(func() { d = s.waits[j.name] })
	longest := min(backoff<<(j.attempt-1), maxBackoff)
	assert.True(s, longest/2 <= d && d <= longest, "wait %s after attempt %d", d, j.attempt)
	return d
}

// own is work of the user's own kind.
type own func(context.Context) error

func (f own) Run(ctx context.Context) error { return f(ctx) }

var errOrdered = errors.New("ordered to fail")

// run is what each task does: it waits until it is told how to end.
func (s *sequence) run(ctx context.Context, j *job) error {
	s.note(func() {
		s.begun[j.key]++
		s.running[j.key] = attempt{ctx, s.begun[j.key]}
	})
	defer s.note(func() { delete(s.running, j.key) })
	done := ctx.Done()
	if j.deaf {
		done = nil
	}
	select {
	case how := <-j.orders:
		return carryOut(how)
	case <-done:
		<-j.orders // see obey
		return ctx.Err()
	}
}

// obey has j end, whose context is done. Of tasks that would end at once, with the
// one that stopped them, any could be first, and leave worker and room to others.
func (s *sequence) obey(j *job) {
	j.orders <- obeys
	synctest.Wait()
}

func carryOut(how ending) error {
	switch how {
	case fails:
		return errOrdered
	case failsForGood:
		return background.Permanent(errOrdered)
	case panics:
		panic(errOrdered)
	case exits:
		runtime.Goexit()
	case succeeds, obeys:
	}
	return nil
}

// What can be seen of the runner.

func (s *sequence) note(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *sequence) returned(c *trial, err error) {
	s.note(func() { c.got = result(err) })
}

// told is the hook for failures.
func (s *sequence) told(ctx context.Context, failure *background.TaskError) {
	s.note(func() {
		s.hook[notice(ctx.Value(callKey{}), failure.Name, failure.Attempt, failure.WillRetry, failure.Err.Error())]++
	})
}

// recorder is a log handler.
type recorder struct {
	slog.Handler
	record func(context.Context, slog.Record)
}

func (r recorder) Enabled(context.Context, slog.Level) bool { return true }

func (r recorder) Handle(ctx context.Context, record slog.Record) error {
	r.record(ctx, record)
	return nil
}

// logged makes notices of a log record.
func (s *sequence) logged(ctx context.Context, record slog.Record) {
	var names []string
	var number int
	var wait time.Duration
	reason := record.Message
	record.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "tasks":
			names = a.Value.Any().([]string)
		case "task":
			names = []string{a.Value.String()}
		case "attempt":
			number = int(a.Value.Int64())
		case "error":
			reason = a.Value.Any().(error).Error()
		case "retry_in":
			wait = a.Value.Duration()
		}
		return true
	})
	s.note(func() {
		for _, name := range names {
			s.log[notice(ctx.Value(callKey{}), name, number, record.Level == slog.LevelWarn, reason)]++
			if wait > 0 {
				s.waits[name] = wait
			}
		}
	})
}

// check compares the runner with the model.
func (s *sequence) check(t *rapid.T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var want, got struct {
		results, running []string
		done             []int
	}
	for _, c := range s.calls {
		want.results, got.results = append(want.results, c.result), append(got.results, c.got)
		want.done, got.done = append(want.done, c.wantDone), append(got.done, c.gotDone)
	}
	for _, j := range s.model.running {
		want.running = append(want.running, activity(j.key, j.attempt, j.batch.call.number, s.model.isDone(j)))
	}
	for key, a := range s.running {
		got.running = append(got.running, activity(key, a.number, a.ctx.Value(callKey{}), a.ctx.Err() != nil))
	}
	slices.Sort(want.running)
	slices.Sort(got.running)
	assert.Equal(t, want.results, got.results, "results of calls, empty for those that wait")
	assert.Equal(t, want.done, got.done, "how often the done of each call was called")
	assert.Equal(t, want.running, got.running, "running tasks")
	assert.Equal(t, s.model.told, s.hook, "what OnFailure was told")
	assert.Equal(t, s.model.told, s.log, "what was logged")

	stats, exact := s.runner.Stats(), s.model.numbers()
	if stats.Queued+stats.Blocked > 0 {
		assert.InDelta(t, exact.OldestWaiting+time.Millisecond/2, stats.OldestWaiting, float64(time.Millisecond/2+time.Microsecond))
		exact.OldestWaiting = stats.OldestWaiting
	}
	assert.Equal(t, exact, stats)
}

// activity puts into words what runs.
func activity(key string, attempt int, call any, done bool) string {
	return fmt.Sprintf("%s, attempt %d, in the context of call %v, which is done: %t", key, attempt, call, done)
}

// result puts the outcome of a call into words.
func result(err error) string {
	if e, ok := errors.AsType[*background.DrainError](err); ok {
		running, waiting := slices.Sorted(slices.Values(e.Running)), slices.Sorted(slices.Values(e.Waiting))
		stopped := slices.Sorted(slices.Values(e.Stopped))
		return fmt.Sprintf("%v: running %q, stopped %q, given up %q, reserved %d", e.Err, running, stopped, waiting, e.Reserved)
	}
	return fmt.Sprint(err)
}

// draw draws one of all, and skips the step if there is none.
func draw[E any](t *rapid.T, label string, all []E) E {
	if len(all) == 0 {
		t.SkipNow() // the step, likewise
	}
	return all[rapid.IntRange(0, len(all)-1).Draw(t, label)]
}
