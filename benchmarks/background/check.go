package background

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// A Tally knows when all of a number of tasks have ended.
type Tally struct {
	ended atomic.Int64
	want  int64
	all   chan struct{}
}

// NewTally returns a tally of n tasks, at least one.
func NewTally(n int) *Tally {
	return &Tally{want: int64(n), all: make(chan struct{})}
}

// Add notes the end of a task.
func (t *Tally) Add() {
	if t.ended.Add(1) == t.want {
		close(t.all)
	}
}

// Await waits until all tasks have ended, or reports how many have not within a
// minute.
func (t *Tally) Await() error {
	select {
	case <-t.all:
		return nil
	case <-time.After(time.Minute):
		return fmt.Errorf("only %d of %d tasks have ended", t.ended.Load(), t.want)
	}
}

// Check reports if more tasks have ended than were given.
func (t *Tally) Check() error {
	if n := t.ended.Load(); n != t.want {
		return fmt.Errorf("%d tasks have ended instead of %d", n, t.want)
	}
	return nil
}

// slots are tasks of which each notes its own end.
type slots struct {
	ended []atomic.Int64
	tally *Tally
}

func newSlots(n int) *slots { return &slots{make([]atomic.Int64, n), NewTally(n)} }

func (s *slots) task(i int) func() {
	return func() {
		s.ended[i].Add(1)
		s.tally.Add()
	}
}

// check waits for all tasks and reports one that did not run exactly once.
func (s *slots) check() error {
	if err := s.tally.Await(); err != nil {
		return err
	}
	for i := range s.ended {
		if n := s.ended[i].Load(); n != 1 {
			return fmt.Errorf("task %d ran %d times", i, n)
		}
	}
	return nil
}

// CheckPool reports whether a pool, which it closes, runs each task once, in
// whichever way it was given.
func CheckPool(p Pool) error {
	const n = 500
	s := newSlots(2 * n)
	for i := range n {
		if err := p.Ready(s.task(i))(); err != nil {
			return err
		}
	}
	var flood []func()
	for i := range n {
		flood = append(flood, s.task(n+i))
	}
	if err := p.Flood(flood); err != nil {
		return err
	}
	shop := &Shop{}
	order := NewOrder(shop)
	for range n {
		if err := p.HandOver(order); err != nil {
			return err
		}
	}
	if err := s.check(); err != nil {
		return err
	}
	if err := shop.Await(n); err != nil {
		return err
	}
	if err := p.Close(); err != nil {
		return err
	}
	return errors.Join(s.check(), shop.Await(n))
}

// CheckRun reports whether a peer runs each of n tasks once, at most so many at
// the same time unless it has no limit, and tells of failures.
func CheckRun(p Peer, n, concurrent int) error {
	s := newSlots(n)
	var running, most atomic.Int64
	var tasks []func() error
	for i := range n {
		task := s.task(i)
		tasks = append(tasks, func() error {
			now := running.Add(1)
			for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
			}
			time.Sleep(10 * time.Microsecond)
			task()
			running.Add(-1)
			return nil
		})
	}
	run, stop := p.NewRun(tasks, concurrent)
	err := run(context.Background())
	stop()
	if err := errors.Join(err, s.check()); err != nil {
		return err
	}
	if most.Load() > int64(concurrent) && !p.Unlimited {
		return fmt.Errorf("%d tasks ran at once", most.Load())
	}
	run, stop = p.NewRun([]func() error{func() error { return nil }, func() error { return io.EOF }}, concurrent)
	defer stop()
	if err := run(context.Background()); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the failure of a task was lost: %w", err)
	}
	return nil
}
