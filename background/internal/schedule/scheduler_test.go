package schedule

import (
	"context"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tasks are known by their names here, and have their terms from byName.
type (
	scheduler  = Scheduler[string]
	submission = Submission[string]
	job        = Job[string]
	group      = Group[string]
)

// byName has the terms of the tasks of a test that have some.
type byName map[string]*Terms

// newTestScheduler returns a scheduler without a runner, and what lets time pass
// and lines up the retries that are due then.
func newTestScheduler(workers, places int, terms byName) (s *scheduler, pass func(time.Duration)) {
	due := make(chan func(), 10)
	s = new(scheduler)
	s.Init(Options[string]{
		Workers: workers, Room: places, Base: context.Background(),
		Terms: func(name string) *Terms { return terms[name] },
		Name:  func(name string) string { return name },
		Due:   func(lineUp func()) { due <- lineUp },
	})
	return s, func(d time.Duration) {
		time.Sleep(d)
		synctest.Wait()
		for len(due) > 0 {
			(<-due)()
			synctest.Wait()
		}
	}
}

// submissionOf returns a submission of a single task or, with a limit, of a
// collection.
func submissionOf(limit int, names ...string) *submission {
	if limit == 0 {
		return &submission{Single: Single[string]{Task: names[0], Values: context.Background()}, Tasks: 1}
	}
	return &submission{Group: &group{Waiting: names, Limit: limit}, Tasks: len(names)}
}

// fits accepts a submission while so many workers are free, and reports whether
// there was room.
func fits(s *scheduler, free int, sub *submission) bool { return enter(s, free, sub) != nil }

// enter accepts a submission while so many workers are free, and returns the jobs
// that start at once; nil if there was no room.
func enter(s *scheduler, free int, sub *submission) []*job {
	if !s.Accept(sub, free) {
		return nil
	}
	started := make([]*job, sub.Starts())
	for i := range started {
		started[i] = new(job)
		s.Start(sub, started[i])
	}
	if sub.Starts() < sub.Tasks {
		s.LineUpRest(sub)
	}
	return started
}

// take returns the next job, and its task.
func take(s *scheduler) (*job, string) {
	j := new(job)
	if !s.Next(j) {
		return j, ""
	}
	return j, j.Task
}

func TestSchedulerTakesTurns(t *testing.T) {
	s, _ := newTestScheduler(1, 10, nil)
	assert.True(t, fits(s, 0, submissionOf(2, "a1", "a2", "a3")))
	assert.True(t, fits(s, 0, submissionOf(0, "b")))
	assert.True(t, fits(s, 0, submissionOf(1, "c1", "c2")))
	assert.Equal(t, 4, s.room.Free)
	jobs := map[string]*job{}
	for _, want := range []string{"a1", "b", "c1", "a2", ""} { // then both collections have as many active as may be
		j, name := take(s)
		assert.Equal(t, want, name)
		jobs[name] = j
	}
	assert.Equal(t, 8, s.room.Free)
	assert.Nil(t, s.Settle(jobs["c1"], &Outcome{}))
	assert.Nil(t, s.Settle(jobs["a2"], &Outcome{}))
	_, name := take(s)
	assert.Equal(t, "c2", name)
	_, name = take(s)
	assert.Equal(t, "a3", name)
	assert.Equal(t, 10, s.room.Free)
	assert.Equal(t, Numbers{Accepted: 6, Counts: Counts{Succeeded: 2}, Running: 4}, s.Numbers())
}

// TestSchedulerCountsRoom: a task that starts at once and is not tried again needs
// none, one that may have to wait again keeps its own.
func TestSchedulerCountsRoom(t *testing.T) {
	s, _ := newTestScheduler(3, 2, byName{"again": {Attempts: 2}})
	assert.Len(t, enter(s, 3, submissionOf(3, "a", "b", "again")), 3)
	assert.Equal(t, 1, s.room.Free)
	assert.True(t, fits(s, 0, submissionOf(0, "c")))
	assert.Zero(t, s.room.Free)
	assert.False(t, fits(s, 0, submissionOf(0, "d")))
	assert.True(t, fits(s, 1, submissionOf(0, "e")), "a worker is free for it")
}

// TestSchedulerRetries: a retry comes back when it is due, in turns with fresh
// tasks, and its room is free from its last attempt on.
func TestSchedulerRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, pass := newTestScheduler(1, 10, byName{"again": {Attempts: 2}})
		j := enter(s, 1, submissionOf(0, "again"))[0]
		failed := Outcome{Err: io.EOF, Again: true, Wait: time.Second}
		assert.Nil(t, s.Settle(j, &failed))
		assert.Equal(t, Outcome{}, failed)
		_, name := take(s)
		assert.Empty(t, name, "not yet")
		assert.Equal(t, 9, s.room.Free)
		pass(time.Second)
		enter(s, 0, submissionOf(0, "fresh"))
		j, name = take(s)
		assert.Equal(t, "again", name)
		assert.Equal(t, 2, j.Attempt)
		assert.Equal(t, 9, s.room.Free, "that of the fresh task")
		_, name = take(s)
		assert.Equal(t, "fresh", name)
	})
}

// TestSchedulerStopsAGroup: with StopOnError a failure ends what waits, also to be
// tried again.
func TestSchedulerStopsAGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, pass := newTestScheduler(3, 10, byName{"again": {Attempts: 2}})
		sub := submissionOf(2, "again", "fails", "waits")
		sub.Group.StopOnError, sub.Group.Context = true, Context{s.base, s.base}
		started := enter(s, 2, sub)
		first, second := started[0], started[1]
		// What is in front of others is found only by who goes through them all.
		planted := retriesOf(sub.Group, "planted")[0]
		s.held.all.Push(planted, &planted.links)
		addDue(&s.held, retriesOf(nil, "other")[0], 2*time.Hour)
		assert.Nil(t, s.Settle(first, &Outcome{Err: io.EOF, Again: true, Wait: time.Second}))
		todo := s.Settle(second, &Outcome{Err: io.EOF})
		assert.Equal(t, []string{"waits", "again"}, todo.Lost)
		assert.Equal(t, ErrSkipped, todo.Why)
		assert.Equal(t, io.EOF, todo.Cause)
		assert.Equal(t, Numbers{Accepted: 3, Counts: Counts{Failed: 1, Skipped: 2, Retried: 1}, Retrying: 1}, s.Numbers())
		assert.Equal(t, 10, s.room.Free)
		assert.Equal(t, 1, s.held.length, "the other one")
		todo.Cancel(nil)
		pass(time.Hour)
		_, name := take(s)
		assert.Empty(t, name)
	})
}

// TestSchedulerExpires: all that waits is given up, each task once.
func TestSchedulerExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newTestScheduler(1, 10, byName{"again": {Attempts: 2}})
		j := enter(s, 1, submissionOf(0, "again"))[0]
		s.Settle(j, &Outcome{Err: io.EOF, Again: true, Wait: time.Second})
		enter(s, 0, submissionOf(0, "single"))
		enter(s, 0, submissionOf(2, "a", "b"))
		var lost []string
		for _, todo := range s.Expire() {
			lost = append(lost, todo.Lost...)
		}
		assert.Equal(t, []string{"single", "a", "b", "again"}, lost)
		_, abandoned := s.Unfinished()
		assert.Equal(t, lost, abandoned)
		assert.Equal(t, Numbers{Accepted: 4, Counts: Counts{Abandoned: 4, Retried: 1}}, s.Numbers())
		assert.Zero(t, s.Outstanding())
		assert.Equal(t, 10, s.room.Free)
		_, name := take(s)
		assert.Empty(t, name)
	})
}

// TestSchedulerMakesUpForALateAlarm of a limit, though not for a worker that comes late.
func TestSchedulerMakesUpForALateAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := NewLimit(0, 1, 1)
		s, _ := newTestScheduler(10, 100, byName{"limited": {Limit: &limit}})
		var called func()
		s.due = func(lineUp func()) { called = lineUp }
		for range 6 {
			enter(s, 0, submissionOf(0, "limited"))
		}
		start := func() (n int) {
			for _, name := take(s); name != ""; _, name = take(s) {
				n++
			}
			return n
		}
		ring := func(late time.Duration) {
			time.Sleep(time.Second + late)
			synctest.Wait()
			require.NotNil(t, called)
			called()
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

// TestLimitsAreForgotten that are not in use, with what has left their lines.
func TestLimitsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := NewLimit(1, 0, 1)
		terms := byName{"hangs": {Limit: &limit}, "fails": nil}
		s, pass := newTestScheduler(10, 100, terms)
		var names []string
		for i := range 9 {
			names = append(names, fmt.Sprint("limited ", i))
			terms[names[i]] = terms["hangs"]
		}
		enter(s, 1, submissionOf(0, "hangs"))
		enter(s, 0, submissionOf(0, "hangs"))
		hanging, _ := take(s)
		for range 1000 {
			sub := submissionOf(10, append([]string{"fails"}, names...)...)
			sub.Group.StopOnError, sub.Group.Context = true, Context{s.base, s.base}
			enter(s, 0, sub)
			ownLimit := NewLimit(0, 10, 1)
			terms["own"] = &Terms{Limit: &ownLimit}
			enter(s, 0, submissionOf(0, "own"))
			fails, _ := take(s)
			own, _ := take(s)
			require.Equal(t, []string{"fails", "own"}, []string{fails.Task, own.Task}, "the others wait for their limit now")
			_, name := take(s)
			require.Empty(t, name)
			require.Equal(t, 1+len(names), s.held.counts[Limited])
			s.Settle(own, &Outcome{})
			s.Settle(fails, &Outcome{Err: io.EOF}).Cancel(nil)
			pass(time.Second)
		}
		places := 0
		for _, line := range s.limits {
			places += line.parked.Len()
		}
		assert.Less(t, len(s.limits), 100)
		assert.Less(t, places, 300)
		assert.Equal(t, 1, s.held.counts[Limited])
		s.Settle(hanging, &Outcome{})
	})
}

// TestTheClockDoesNotJump: the time that tasks wait is taken from a monotonic clock,
// and so are, by package time, timers and the deadlines of contexts. Nobody who
// sets the system's clock makes tasks look old, or try again at once.
func TestTheClockDoesNotJump(t *testing.T) {
	s, _ := newTestScheduler(1, 1, nil)
	wall := s.clock.Epoch.Round(0) // strips the monotonic reading
	assert.True(t, s.clock.Epoch.Equal(wall))
	assert.NotEqual(t, wall, s.clock.Epoch)
}

// TestNobodyIsMadeUpFor where nobody waits when the alarm of a limit is late: the next
// ones keep their distance.
func TestNobodyIsMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := NewLimit(0, 1, 1)
		s, _ := newTestScheduler(10, 100, byName{"limited": {Limit: &limit}})
		var called func()
		s.due = func(lineUp func()) { called = lineUp }
		enter(s, 0, submissionOf(0, "limited"))
		enter(s, 0, submissionOf(0, "limited"))
		_, name := take(s)
		require.Equal(t, "limited", name)
		_, name = take(s)
		require.Empty(t, name)
		require.True(t, s.held.remove(s.held.all.First()))
		time.Sleep(1900 * time.Millisecond)
		synctest.Wait()
		require.NotNil(t, called)
		called()
		for range 2 {
			enter(s, 0, submissionOf(0, "limited"))
		}
		_, name = take(s)
		assert.Equal(t, "limited", name)
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		called()
		_, name = take(s)
		assert.Empty(t, name)
	})
}
