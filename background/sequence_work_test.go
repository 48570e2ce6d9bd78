package background_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/velithon-go/velithon/background"
)

// The calls of a sequence, and their work.

// newCall returns a call whose context has a deadline if that is drawn.
func (s *sequence) newCall(t *rapid.T, timeout time.Duration) *trial {
	return s.newCallIn(context.Background(), t, timeout)
}

func (s *sequence) newCallIn(ctx context.Context, t *rapid.T, timeout time.Duration) *trial {
	c := &trial{call: call{number: len(s.calls)}}
	c.cause = fmt.Errorf("the time of call %d is up", c.number)
	c.ctx = context.WithValue(ctx, callKey{}, c.number)
	c.task = c.ctx.Value(taskKey{}) != nil
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
	c.batch = &batch{limit: 1}
	switch rapid.SampledFrom(kinds).Draw(t, "work") {
	case "task":
		j, _ := s.task(t, 3, nil)
		c.batch.jobs, c.work, c.batch.single = []*job{j}, s.track(t, j), true
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
		if j := c.batch.jobs; c.batch.single && j[0].task != nil {
			c.work = s.track(t, j[0])
		}
	}
	for _, j := range c.batch.jobs {
		j.batch, j.attempt, j.unmade = c.batch, 0, false
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
	all := s.limit(t)
	for range rapid.IntRange(0, 6).Draw(t, "tasks") {
		j, task := s.task(t, attempts, all)
		b.jobs = append(b.jobs, j)
		tasks.Add(task)
	}
	return tasks
}

// task draws a task with at most so many attempts. If a limit is given it has that.
func (s *sequence) task(t *rapid.T, most int, l *limit) (*job, *background.Task) {
	j := s.newJob(rapid.IntRange(1, most).Draw(t, "attempts"))
	j.deaf = rapid.Bool().Draw(t, "deaf")
	j.around = s.drawAround(t)
	task := s.drawKind(t, j)
	if rapid.IntRange(0, 3).Draw(t, "later, if 0") == 0 {
		// Where one waits for room, none may be needed any more once the time has come,
		// and it can't be told when the runner notices.
		if j.after = s.about(3 * time.Second); s.model.rejects && rapid.Bool().Draw(t, "at a time") {
			j.at, j.after = time.Now().Add(j.after), 0
			task = task.At(j.at)
		} else {
			task = task.After(j.after)
		}
	}
	if j.kind == s.kinds[1].Name() && rapid.Bool().Draw(t, "restored") {
		task = s.restored(task)
	}
	if l == nil {
		l = s.limit(t)
	}
	if l != nil {
		j.limit = l
		task = task.WithLimit(j.limit.real)
	}
	j.task = task
	s.note(func() { s.byName[j.name] = j })
	return j, task
}

// limit draws a limit, or none.
func (s *sequence) limit(t *rapid.T) *limit {
	if !rapid.Bool().Draw(t, "with a limit") {
		return nil
	}
	return draw(t, "limit", s.limits)
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

// retry draws how j is tried again.
func (s *sequence) retry(t *rapid.T, j *job) background.Retry {
	r := background.Retry{Attempts: j.attempts, Backoff: backoff, MaxBackoff: maxBackoff}
	if j.attempts == 1 {
		return r
	}
	j.asks = s.about(6 * time.Second)
	if rapid.IntRange(0, 3).Draw(t, "with a delay, if 0") == 0 {
		j.delay = s.about(4 * time.Second)
		r.Delay = func(attempt int, err error) time.Duration {
			if err == nil {
				return 0
			}
			return time.Duration(attempt) * j.delay
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "with a time for all attempts, if 0") == 0 {
		j.elapsed = s.about(12 * time.Second)
		r.MaxElapsed = j.elapsed
	}
	return r
}

// wait returns how long j waits until it is tried again, and whether it is, by what was
// logged. It checks that against what was promised.
func (s *sequence) wait(j *job, how ending) (d time.Duration, again bool) {
	s.note(func() {
		d, again = s.waits[j.name]
		delete(s.waits, j.name)
	})
	longest := min(backoff<<(j.attempt-1), maxBackoff)
	shortest := longest / 2
	switch {
	case how == asksForTime:
		shortest, longest = j.asks, j.asks
	case j.delay > 0:
		longest = time.Duration(j.attempt) * j.delay
		shortest = longest
	}
	isInTime := func(d time.Duration) bool { return j.over.IsZero() || time.Now().Add(d).Before(j.over) }
	if again {
		assert.True(s, shortest <= d && d <= longest && isInTime(d), "wait %s after attempt %d of %s", d, j.attempt, j.name)
	} else {
		assert.False(s, isInTime(longest), "there was time for another attempt at %s after attempt %d", j.name, j.attempt)
	}
	return d, again
}

// own is work of the user's own kind.
type own func(context.Context) error

func (f own) Run(ctx context.Context) error { return f(ctx) }

var errOrdered = errors.New("ordered to fail")

// run is what each task does: it waits until it is told how to end.
func (s *sequence) run(ctx context.Context, j *job) error {
	s.note(func() {
		if _, runs := s.running[j.key]; runs {
			s.wrong = append(s.wrong, j.name+" began while it ran")
		}
		if j.isPeriodic && background.Attempt(ctx) == 1 {
			s.begun[j.key] = 0
		}
		s.begun[j.key]++
		s.running[j.key] = attempt{ctx, s.begun[j.key]}
	})
	background.Progress(ctx, progress(j.key, background.Attempt(ctx)))
	how := obeys
	defer s.note(func() {
		delete(s.running, j.key)
		if how != succeeds {
			s.untold[j.name]++
		}
	})
	done := ctx.Done()
	if j.deaf {
		done = nil
	}
	select {
	case how = <-j.orders:
		return carryOut(how, j)
	case <-done:
		<-j.orders // see obey
		if cause := context.Cause(ctx); errors.Is(cause, background.ErrCanceled) {
			return cause
		}
		return ctx.Err()
	}
}

// obey has j end, whose context is done. Of tasks that would end at once, with the
// one that stopped them, any could be first, and leave worker and room to others.
func (s *sequence) obey(j *job) {
	j.orders <- obeys
	synctest.Wait()
}

func carryOut(how ending, j *job) error {
	switch how {
	case asksForTime:
		return background.RetryAfter(errOrdered, j.asks)
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
