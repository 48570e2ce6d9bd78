package background

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/velithon-go/velithon/background/internal/wording"
)

// newTestScheduler returns a scheduler without a runner, and what lets time pass
// and lines up the retries that are due then.
func newTestScheduler(workers, queue int) (s *scheduler, pass func(time.Duration)) {
	due := make(chan struct{}, 10)
	s = new(scheduler)
	*s = newScheduler(context.Background(), RunnerOptions{Workers: workers, Queue: queue}, func() { due <- struct{}{} }, nil)
	return s, func(d time.Duration) {
		time.Sleep(d)
		synctest.Wait()
		for len(due) > 0 {
			<-due
			s.held.lineUpDue()
			synctest.Wait()
		}
	}
}

// named returns tasks that nobody calls.
func named(names ...string) []*Task {
	tasks := make([]*Task, len(names))
	for i, name := range names {
		tasks[i] = Func(name, func(context.Context) error { return nil })
	}
	return tasks
}

// submissionOf returns a submission of a single task or, with a limit, of a
// collection.
func submissionOf(limit int, tasks ...*Task) *submission {
	if limit == 0 {
		return &submission{single: single{task: tasks[0], values: context.Background()}, tasks: 1}
	}
	return &submission{group: &group{waiting: tasks, limit: limit}, tasks: len(tasks)}
}

// fits accepts a submission while so many workers are free, and reports whether
// there was room.
func (s *scheduler) fits(free int, sub *submission) bool { return s.enter(free, sub) != nil }

// enter accepts a submission while so many workers are free, and returns the jobs
// that start at once; nil if there was no room.
func (s *scheduler) enter(free int, sub *submission) []*job {
	if !s.accept(sub, free, s.spared(free)) {
		return nil
	}
	started := make([]*job, sub.starts)
	for i := range started {
		started[i] = new(job)
		sub.take(started[i])
	}
	if sub.starts < sub.tasks {
		s.lineUpRest(sub)
	}
	return started
}

// take returns the next job, and its task's name.
func (s *scheduler) take() (*job, string) {
	j := new(job)
	if !s.next(j) {
		return j, ""
	}
	return j, j.task.Name()
}

func TestSchedulerTakesTurns(t *testing.T) {
	s, _ := newTestScheduler(1, 10)
	assert.True(t, s.fits(0, submissionOf(2, named("a1", "a2", "a3")...)))
	assert.True(t, s.fits(0, submissionOf(0, named("b")...)))
	assert.True(t, s.fits(0, submissionOf(1, named("c1", "c2")...)))
	assert.Equal(t, 4, s.room.Free)
	jobs := map[string]*job{}
	for _, want := range []string{"a1", "b", "c1", "a2", ""} { // then both collections have as many active as may be
		j, name := s.take()
		assert.Equal(t, want, name)
		jobs[name] = j
	}
	assert.Equal(t, 8, s.room.Free)
	assert.Nil(t, s.settle(jobs["c1"], &outcome{}))
	assert.Nil(t, s.settle(jobs["a2"], &outcome{}))
	_, name := s.take()
	assert.Equal(t, "c2", name)
	_, name = s.take()
	assert.Equal(t, "a3", name)
	assert.Equal(t, 10, s.room.Free)
	assert.Equal(t, Stats{Accepted: 6, Succeeded: 2, Running: 4}, s.counted())
}

// TestSchedulerCountsRoom: a task that starts at once and is not tried again needs
// none, one that may have to wait again keeps its own.
func TestSchedulerCountsRoom(t *testing.T) {
	s, _ := newTestScheduler(3, 2)
	again := named("again")[0].WithRetry(Retry{Attempts: 2})
	assert.Len(t, s.enter(3, submissionOf(3, append(named("a", "b"), again)...)), 3)
	assert.Equal(t, 1, s.room.Free)
	assert.True(t, s.fits(0, submissionOf(0, named("c")...)))
	assert.Zero(t, s.room.Free)
	assert.False(t, s.fits(0, submissionOf(0, named("d")...)))
	assert.True(t, s.fits(1, submissionOf(0, named("e")...)), "a worker is free for it")
}

// TestSchedulerRetries: a retry comes back when it is due, in turns with fresh
// tasks, and its room is free from its last attempt on.
func TestSchedulerRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, pass := newTestScheduler(1, 10)
		again := named("again")[0].WithRetry(Retry{Attempts: 2})
		j := s.enter(1, submissionOf(0, again))[0]
		failed := outcome{failure: &TaskError{WillRetry: true, Err: io.EOF}, wait: time.Second}
		assert.Nil(t, s.settle(j, &failed))
		assert.Equal(t, outcome{}, failed)
		_, name := s.take()
		assert.Empty(t, name, "not yet")
		assert.Equal(t, 9, s.room.Free)
		pass(time.Second)
		s.enter(0, submissionOf(0, named("fresh")...))
		j, name = s.take()
		assert.Equal(t, "again", name)
		assert.Equal(t, 2, j.attempt)
		assert.Equal(t, 9, s.room.Free, "that of the fresh task")
		_, name = s.take()
		assert.Equal(t, "fresh", name)
	})
}

// TestSchedulerStopsAGroup: with StopOnError a failure ends what waits, also to be
// tried again.
func TestSchedulerStopsAGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, pass := newTestScheduler(3, 10)
		again := named("again")[0].WithRetry(Retry{Attempts: 2})
		sub := submissionOf(2, append([]*Task{again}, named("fails", "waits")...)...)
		sub.group.stopOnError, sub.group.taskContext = true, taskContext{s.base, s.base}
		started := s.enter(2, sub)
		first, second := started[0], started[1]
		assert.Nil(t, s.settle(first, &outcome{failure: &TaskError{WillRetry: true}, wait: time.Second}))
		cause := &TaskError{Name: "fails", Err: io.EOF}
		todo := s.settle(second, &outcome{failure: cause})
		assert.Equal(t, []string{"waits", "again"}, wording.Names(todo.lost))
		assert.Equal(t, ErrSkipped, todo.why)
		assert.Equal(t, cause, todo.cause)
		assert.Equal(t, Stats{Accepted: 3, Failed: 1, Skipped: 2, Retried: 1}, s.counted())
		assert.Equal(t, 10, s.room.Free)
		assert.Zero(t, s.held.length)
		todo.cancel(nil)
		pass(time.Hour)
		_, name := s.take()
		assert.Empty(t, name)
	})
}

// TestSchedulerExpires: all that waits is given up by name, each once.
func TestSchedulerExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newTestScheduler(1, 10)
		again := named("again")[0].WithRetry(Retry{Attempts: 2})
		j := s.enter(1, submissionOf(0, again))[0]
		s.settle(j, &outcome{failure: &TaskError{WillRetry: true}, wait: time.Second})
		s.enter(0, submissionOf(0, named("single")...))
		s.enter(0, submissionOf(2, named("a", "b")...))
		var lost []string
		for _, todo := range s.expire() {
			lost = append(lost, wording.Names(todo.lost)...)
		}
		assert.Equal(t, []string{"single", "a", "b", "again"}, lost)
		assert.Equal(t, lost, s.abandoned)
		assert.Equal(t, Stats{Accepted: 4, Abandoned: 4, Retried: 1}, s.counted())
		assert.Zero(t, s.outstanding())
		assert.Equal(t, 10, s.room.Free)
		_, name := s.take()
		assert.Empty(t, name)
	})
}

// TestSchedulerMakesUpForALateAlarm of a limit, though not for a worker that comes late.
func TestSchedulerMakesUpForALateAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newTestScheduler(10, 100)
		var called *limitLine
		s.limitDue = func(line *limitLine) { called = line }
		limit := NewLimit(LimitOptions{PerSecond: 1})
		for range 6 {
			s.enter(0, submissionOf(0, named("limited")[0].WithLimit(limit)))
		}
		start := func() (n int) {
			for _, name := s.take(); name != ""; _, name = s.take() {
				n++
			}
			return n
		}
		ring := func(late time.Duration) {
			time.Sleep(time.Second + late)
			synctest.Wait()
			require.NotNil(t, called)
			s.wokenUp(called)
			called = nil
		}
		assert.Equal(t, 1, start())
		ring(900 * time.Millisecond)
		assert.Equal(t, 1, start())
		ring(-900 * time.Millisecond)
		assert.Equal(t, 1, start(), "2 s after the first")
		ring(0)
		time.Sleep(900 * time.Millisecond)
		assert.Equal(t, 1, start())
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		assert.Nil(t, called, "that was nobody's alarm")
	})
}
