package background_test

import (
	"context"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

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
				"cancel a task":        s.cancelTask,
				"wait for a task":      s.await,
				"wait for all":         s.idle,
				"pause or resume":      s.pause,
				"pause kinds":          s.pauseKinds,
				"hasten a task":        s.hasten,
				"every":                s.every,
				"stop a periodic task": s.stopPeriodic,
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
	kinds  []background.Kind[string] // of tasks whose argument is the key of their job

	timeout    time.Duration // of the second kind
	surrounded bool          // something is done around each attempt

	steps int
	open  int        // the number of steps before a Shutdown
	odd   *rand.Rand // see about

	limits []*limit // of which a task may have one

	followers   []*follower
	stopWaiting []func()

	mu          sync.Mutex         // guards what goroutines note
	running     map[string]attempt // by the key of the job
	begun       map[string]int     // attempts, by the same
	missed      map[string]int     // how often periodic tasks had no room, by name
	byName      map[string]*job    // but for those of the user's own kind
	wrong       []string           // what must not be
	begunAround int                // how often something was done around an attempt
	untold      map[string]int     // attempts that have failed and that the hook was not told of yet, by name
	hook        map[string]int
	log         map[string]int
	waits       map[string]time.Duration // before the next attempt, by name
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
		untold:  map[string]int{},
		byName:  map[string]*job{},
		missed:  map[string]int{},
		waits:   map[string]time.Duration{},
	}
	options := background.RunnerOptions{
		Workers:   rapid.IntRange(1, 3).Draw(t, "workers"),
		Queue:     rapid.IntRange(1, 4).Draw(t, "queue"),
		Overflow:  rapid.SampledFrom([]background.Overflow{background.Block, background.Reject}).Draw(t, "overflow"),
		Logger:    slog.New(recorder{slog.DiscardHandler, s.logged}),
		OnFailure: s.told,
		Keep:      s.about(8 * time.Second),
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
		keep:    options.Keep,
		wait:    s.wait,
		obey:    s.obey,
		told:    map[string]int{},
		missed:  map[string]int{},
		kinds:   map[string]*background.KindStats{},
		pauses:  map[string]*limit{},
	}
	s.model.limits = newLimits()
	s.limits = s.model.limits
	if n := rapid.IntRange(0, 7).Draw(t, "the only limit of tasks"); n < len(s.limits) {
		s.limits = s.limits[n : n+1]
	}
	s.define()
	if rapid.Bool().Draw(t, "with something around") {
		s.surround()
	}
	return s
}

func newLimits() (all []*limit) {
	for _, o := range []background.LimitOptions{
		{PerSecond: 0.37},
		{Concurrent: 1},
		{PerSecond: 0.13, Burst: 3, Concurrent: 2},
		{Concurrent: 2},
	} {
		l := &limit{real: background.NewLimit(o), concurrent: o.Concurrent, burst: max(o.Burst, 1)}
		if o.PerSecond > 0 {
			l.spacing = time.Duration(math.Ceil(float64(time.Second) / o.PerSecond))
		}
		all = append(all, l)
	}
	return all
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
	s.endAs(j, rapid.SampledFrom([]ending{succeeds, fails, asksForTime, failsForGood, panics, exits}).Draw(t, "it"))
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
		t.SkipNow() // something happens in that moment: rapid draws another step
	}
	time.Sleep(moment)
	s.step(func() {}, func() {})
}

func (s *sequence) shutdown(t *rapid.T) {
	if s.steps < s.open {
		t.SkipNow() // it is too early: rapid draws another step
	}
	s.shutdownBy(s.newCallIn(s.submitter(t), t, 20*time.Second))
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
	for _, stop := range s.stopWaiting {
		stop()
	}
	done, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.runner.Shutdown(done)
}
