package background_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/velithon-go/velithon/background"
)

// follower is who follows a handle.
type follower struct {
	*tracked
	waited  string          // what Wait has returned; empty as long as it waits
	seen    background.Info // at the last look
	changed <-chan struct{} // taken before that
}

// track draws whether the task of a job gets a handle, and returns what is submitted.
// It may be cancelled before.
func (s *sequence) track(t *rapid.T, j *job) background.Work {
	j.tracked = nil
	if !rapid.Bool().Draw(t, "tracked") {
		return j.task
	}
	f := &follower{tracked: &tracked{real: background.Track(j.task), job: j, since: time.Now(), err: result(nil)}}
	j.tracked = f.tracked
	s.model.tracked = append(s.model.tracked, f.tracked)
	s.followers = append(s.followers, f)
	f.look()
	if rapid.IntRange(0, 9).Draw(t, "cancelled before, if 0") == 0 {
		s.cancelHandle(t, f.tracked)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stopWaiting = append(s.stopWaiting, stop)
	go func() {
		err := f.real.Wait(ctx)
		s.note(func() { f.waited = result(err) })
	}()
	return f.real
}

// look notes what the handle says now, and has it tell of the next change.
func (f *follower) look() {
	f.changed = f.real.Changed()
	f.seen = f.real.Info()
}

func (s *sequence) cancelTask(t *rapid.T) {
	s.cancelHandle(t, s.handle(t))
}

// handle draws a handle, mostly one whose task has not ended.
func (s *sequence) handle(t *rapid.T) *tracked {
	all := s.model.tracked
	if rapid.IntRange(0, 7).Draw(t, "any handle, if 0") > 0 {
		all = slices.DeleteFunc(slices.Clone(all), func(h *tracked) bool { return h.state.Ended() })
	}
	return draw(t, "handle", all)
}

func (s *sequence) cancelHandle(t *rapid.T, h *tracked) {
	c := s.newCall(nil, 0)
	var cause error
	if rapid.Bool().Draw(t, "with a cause") {
		cause = errors.New("it is not needed any more")
	}
	s.step(
		func() { s.note(func() { c.got = fmt.Sprint(h.real.Cancel(cause)) }) },
		func() { c.result = fmt.Sprint(s.model.cancelJob(h, cause)) },
	)
}

// await waits for the end of a job.
func (s *sequence) await(t *rapid.T) {
	h := s.handle(t)
	c := s.newCall(t, 5*time.Second)
	s.step(
		func() { s.returned(c, h.real.Wait(c.ctx)) },
		func() { s.model.waitFor(&c.call, h) },
	)
}

// idle waits until nothing is left to do.
func (s *sequence) idle(t *rapid.T) {
	c := s.newCallIn(s.submitter(t), t, 5*time.Second)
	s.step(
		func() { s.returned(c, s.runner.Idle(c.ctx)) },
		func() { s.model.idle(&c.call) },
	)
}

// pause begins or ends a pause.
func (s *sequence) pause(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "pause, if 0") == 0 {
		s.step(s.runner.Pause, func() { s.model.paused = !s.model.closed })
	} else {
		s.step(s.runner.Resume, func() { s.model.paused = false })
	}
}

// progress is what a task says in an attempt.
func progress(key string, attempt int) string {
	return fmt.Sprintf("%s is at attempt %d", key, attempt)
}

// checkHandles compares the handles with the model.
func (s *sequence) checkHandles(t *rapid.T) {
	for _, f := range s.followers {
		info, want := f.real.Info(), background.Info{
			ID: f.seen.ID, Name: f.job.name, Kind: f.job.kind,
			State: f.state, Attempt: f.begun, Since: f.since,
		}
		if f.progress != "" {
			want.Progress = f.progress
		}
		err, waited := result(info.Err), ""
		if f.state.Ended() {
			waited = f.err
		}
		alike(t, f.err, err, "what the handle says of the last attempt of %s", f.job.name)
		info.Err = nil
		alike(t, want, info, "what the handle says of %s", f.job.name)
		alike(t, waited, f.waited, "what Wait returned for %s", f.job.name)

		found, ok := s.runner.Lookup(info.ID)
		alike(t, s.model.finds(f.tracked), ok, "%s is found", f.job.name)
		if ok {
			alike(t, f.real, found, "what Lookup finds for %s", f.job.name)
		}

		f.seen.Err = nil
		alike(t, info != f.seen || f.state.Ended(), isClosed(f.changed), "the handle of %s has told of a change, %s", f.job.name, f.state)
		f.look()
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
