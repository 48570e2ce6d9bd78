package background_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/velithon-go/velithon/background"
)

// TestRunnerUnderControlRandomly has several goroutines submit tasks with handles and
// limits, cancel them, have others come again and again, and pause the runner, all at
// once. It checks what must hold in any order: each task ends once, its handle says of
// it what a journal does, nothing begins in a pause or while it runs, limits are kept,
// and the numbers of all and of each kind add up.
func TestRunnerUnderControlRandomly(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				newControlled(t, seed).play()
			})
		})
	}
}

// controlled is a runner and a journal of what it does.
type controlled struct {
	*testing.T
	runner *background.Runner
	kinds  []background.Kind[int] // of tasks whose argument is their place in entries

	mu      sync.Mutex // guards the rest
	random  *rand.Rand
	entries []*entry
	limits  []*kept
	refused uint64
	paused  bool
	closing bool
}

// entry is what the journal has of a task.
type entry struct {
	handle *background.Handle // nil if it comes again and again
	limit  *kept
	fails  bool

	running   bool
	canceled  bool // Cancel has reported that it had not ended
	refusal   error
	begun     int // attempts
	succeeded int
	final     int // failures after which it was not to be tried again
	lost      int // those of them for which a Shutdown is the reason
	waited    error
}

// kept is a limit and what it has let start.
type kept struct {
	background.LimitOptions
	real    *background.Limit
	running int
	starts  []time.Time
}

func newControlled(t *testing.T, seed uint64) *controlled {
	c := &controlled{T: t, random: rand.New(rand.NewPCG(seed, 2))}
	c.runner = background.NewRunner(background.RunnerOptions{
		Workers:   1 + c.random.IntN(4),
		Queue:     5 + c.random.IntN(20),
		Overflow:  background.Overflow(c.random.IntN(2)),
		Keep:      time.Hour,
		OnFailure: c.told,
	})
	for _, o := range []background.LimitOptions{{Concurrent: 1}, {PerSecond: 2, Burst: 2}, {PerSecond: 0.5, Concurrent: 2}} {
		c.limits = append(c.limits, &kept{LimitOptions: o, real: background.NewLimit(o)})
	}
	for n := range 2 {
		c.kinds = append(c.kinds, background.Define(fmt.Sprintf("kind %d", n), c.run))
	}
	return c
}

func (c *controlled) intN(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.random.IntN(n)
}

// pauseFor sleeps for up to so many milliseconds.
func (c *controlled) pauseFor(most int) { time.Sleep(time.Duration(c.intN(most)) * time.Millisecond) }

func (c *controlled) play() {
	var callers sync.WaitGroup
	for range 3 {
		callers.Go(func() {
			for range 15 {
				c.pauseFor(800)
				c.submit()
			}
		})
	}
	callers.Go(c.cancelSome)
	callers.Go(c.comeAgain)
	callers.Go(c.pauseSometimes)
	if c.intN(2) == 0 { // in half the cases Shutdown comes in between
		callers.Wait()
	}
	c.pauseFor(8000)
	c.mu.Lock()
	c.closing, c.paused = true, false
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(c.Context(), time.Duration(c.intN(40))*time.Second)
	defer cancel()
	_ = c.runner.Shutdown(ctx)
	callers.Wait()
	_ = c.runner.Shutdown(c.Context())
	synctest.Wait()
	c.check()
}

// enter takes down a task that is yet to be submitted.
func (c *controlled) enter() (*entry, *background.Task) {
	kind := c.kinds[c.intN(len(c.kinds))]
	retry := background.Retry{Attempts: 1 + c.intN(3), Backoff: time.Second, MaxElapsed: time.Duration(c.intN(2)) * 4 * time.Second}
	e := &entry{fails: c.intN(3) == 0}
	limit := c.intN(2 * len(c.limits))
	later := time.Duration(max(0, c.intN(4)-2)) * time.Second
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries = append(c.entries, e)
	task := kind.Task(len(c.entries) - 1).WithRetry(retry).After(later)
	if limit < len(c.limits) {
		e.limit = c.limits[limit]
		task = task.WithLimit(e.limit.real)
	}
	return e, task.Named(fmt.Sprint(len(c.entries) - 1))
}

func (c *controlled) submit() {
	e, task := c.enter()
	h := background.Track(task)
	c.mu.Lock()
	e.handle = h
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(c.Context(), 2*time.Second)
	defer cancel()
	var err error
	if c.intN(2) == 0 {
		err = c.runner.Submit(ctx, h)
	} else {
		err = c.reserve(ctx, h)
	}
	go func() {
		waited := h.Wait(context.Background())
		c.mu.Lock()
		defer c.mu.Unlock()
		e.waited = waited
	}()
	c.mu.Lock()
	defer c.mu.Unlock()
	e.refusal = err
	if err != nil && !errors.Is(err, background.ErrCanceled) {
		c.refused++
	}
}

func (c *controlled) reserve(ctx context.Context, h *background.Handle) error {
	v, err := c.runner.Reserve(h)
	if err != nil {
		return err
	}
	c.pauseFor(1500)
	if c.intN(5) == 0 {
		v.Cancel()
		return background.ErrCanceled
	}
	return v.Start(ctx, nil)
}

// cancelSome cancels tasks, of which some have ended.
func (c *controlled) cancelSome() {
	for range 30 {
		c.pauseFor(500)
		c.mu.Lock()
		var e *entry
		if len(c.entries) > 0 {
			e = c.entries[len(c.entries)-1-c.random.IntN(min(len(c.entries), 6))]
		}
		isTask := e != nil && e.handle != nil
		c.mu.Unlock()
		if !isTask {
			continue
		}
		canceled := e.handle.Cancel(io.ErrClosedPipe)
		assert.True(c, canceled || e.handle.State().Ended(), "Cancel of a task that has not ended")
		c.mu.Lock()
		e.canceled = e.canceled || canceled
		c.mu.Unlock()
	}
}

// comeAgain has tasks come again and again.
func (c *controlled) comeAgain() {
	for range 4 {
		_, task := c.enter()
		stop := c.runner.Every(time.Duration(300+c.intN(1000))*time.Millisecond, task)
		c.pauseFor(6000)
		if c.intN(2) == 0 {
			stop()
		}
	}
}

func (c *controlled) pauseSometimes() {
	for range 4 {
		c.pauseFor(3000)
		c.runner.Pause()
		synctest.Wait() // some may have been called, and not have begun
		c.mu.Lock()
		c.paused = !c.closing
		c.mu.Unlock()
		c.pauseFor(2000)
		for range c.runner.Tasks() {
			c.runner.Kinds()
		}
		c.mu.Lock()
		c.paused = false
		c.mu.Unlock()
		c.runner.Resume()
	}
}

// run is what each task does.
func (c *controlled) run(ctx context.Context, n int) error {
	c.mu.Lock()
	e := c.entries[n]
	assert.False(c, e.running, "task %d overlaps itself", n)
	assert.False(c, c.paused, "task %d begins in a pause", n)
	e.running = true
	if e.begun++; e.handle != nil {
		assert.Equal(c, e.begun, background.Attempt(ctx), "attempt at task %d", n)
		assert.Equal(c, background.Running, e.handle.State(), "state of task %d", n)
	}
	if l := e.limit; l != nil {
		l.running++
		l.starts = append(l.starts, time.Now())
		assert.True(c, l.Concurrent == 0 || l.running <= l.Concurrent, "%d of a limit run", l.running)
	}
	takes := time.Duration(c.random.IntN(2000)) * time.Millisecond
	c.mu.Unlock()

	select {
	case <-time.After(takes):
	case <-ctx.Done():
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	e.running = false
	if e.limit != nil {
		e.limit.running--
	}
	if e.fails || ctx.Err() != nil {
		return errors.Join(io.EOF, context.Cause(ctx))
	}
	e.succeeded++
	return nil
}

// told is the hook for failures.
func (c *controlled) told(_ context.Context, failure *background.TaskError) {
	if failure.WillRetry {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var n int
	_, err := fmt.Sscan(failure.Name, &n)
	assert.NoError(c, err)
	c.entries[n].final++
	if errors.Is(failure.Err, background.ErrAbandoned) {
		c.entries[n].lost++
	}
}

// check compares runner and handles with the journal, at the end.
func (c *controlled) check() {
	stats := c.runner.Stats()
	var want background.Stats
	for n, e := range c.entries {
		assert.False(c, e.running, "task %d", n)
		want.Succeeded += uint64(e.succeeded)
		want.Failed += uint64(e.final - e.lost)
		want.Abandoned += uint64(e.lost)
		if e.handle != nil {
			c.checkEntry(n, e)
		}
	}
	want.Accepted = want.Succeeded + want.Failed + want.Abandoned
	want.Retried, want.Rejected = stats.Retried, stats.Rejected
	assert.Equal(c, want, stats)
	assert.GreaterOrEqual(c, stats.Rejected, c.refused) // those that come again may be passed over
	var ofKinds background.Stats
	for _, k := range c.runner.Kinds() {
		assert.NotEmpty(c, k.Kind, "all tasks are of a kind")
		ofKinds.Succeeded += k.Succeeded
		ofKinds.Failed += k.Failed
		ofKinds.Abandoned += k.Abandoned
		ofKinds.Retried += k.Retried
		ofKinds.Rejected += k.Rejected
	}
	ofKinds.Accepted = stats.Accepted
	assert.Equal(c, stats, ofKinds, "the sum of all kinds")
	for task := range c.runner.Tasks() {
		assert.Fail(c, "a task has not ended", task.Name)
	}
	for _, l := range c.limits {
		c.checkRate(l)
	}
}

// checkEntry compares a handle with the journal.
func (c *controlled) checkEntry(n int, e *entry) {
	info := e.handle.Info()
	assert.True(c, info.State.Ended(), "task %d is %s", n, info.State)
	assert.Equal(c, e.begun, info.Attempt, "attempts at task %d", n)
	assert.Equal(c, info.Err, e.waited, "what Wait returned for task %d", n)
	assert.Equal(c, info.State == background.Succeeded, e.succeeded == 1, "task %d is %s", n, info.State)
	assert.Equal(c, info.State == background.Succeeded, info.Err == nil, "task %d is %s", n, info.State)
	assert.False(c, info.State == background.Canceled && !e.canceled, "task %d was not cancelled", n)
	if e.refusal != nil {
		assert.Zero(c, e.begun+e.final, "task %d was refused", n)
	} else {
		assert.Equal(c, 1, e.succeeded+e.final, "how often task %d has ended, which is %s", n, info.State)
	}
	found, ok := c.runner.Lookup(info.ID)
	assert.True(c, ok && found == e.handle, "Lookup of task %d", n)
}

// checkRate checks that no more has started in any time than the limit allows.
func (c *controlled) checkRate(l *kept) {
	if l.PerSecond == 0 {
		return
	}
	for i, first := range l.starts {
		for k, last := range l.starts[i:] {
			allowed := max(l.Burst, 1) + int(last.Sub(first).Seconds()*l.PerSecond)
			assert.LessOrEqual(c, k+1, allowed, "starts within %s", last.Sub(first))
		}
	}
}
