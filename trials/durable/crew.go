package main

import (
	"cmp"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// An end is how and when a process has ended.
type end struct {
	fate fate
	at   time.Time
}

func (e end) String() string {
	switch e.fate {
	case killed:
		return "was killed at " + clock(e.at)
	case terminated:
		return "ended after SIGTERM at " + clock(e.at)
	default:
		return "lives"
	}
}

// A crew is the processes of the shop. It is used by one goroutine, but for addresses and
// away.
type crew struct {
	place   string
	slots   []*slot
	ends    map[string]end // by the names of the processes; none of those that live
	started int
	figures figures
	faults  []string
	away    atomic.Bool // the database is, so that nothing can be started
	back    time.Time   // when it was back last

	// slack is what an end may take beyond its time.
	slack func() time.Duration

	mu   sync.Mutex // guards open
	open map[string]bool
}

// A slot is for one process after the other.
type slot struct {
	role      string
	alwaysNew bool     // knows the added kind, whoever else does
	process   *process // nil while there is none
	wasNew    bool     // the last one
}

func newCrew(slack func() time.Duration) *crew {
	return &crew{
		slack: slack, ends: make(map[string]end), open: make(map[string]bool),
		slots: []*slot{{role: web}, {role: both}, {role: worker}, {role: worker, alwaysNew: true}},
	}
}

// addresses returns those of the processes that take orders.
func (c *crew) addresses() map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[string]bool)
	for address := range c.open {
		all[address] = true
	}
	return all
}

func (c *crew) setOpen(s *slot, open bool) {
	if s.role == worker {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, s.process.Address)
	if open {
		c.open[s.process.Address] = true
	}
}

// start starts a process in an empty slot.
func (c *crew) start(s *slot, isNew bool) error {
	c.started++
	p, err := startProcess(s.role, c.place, fmt.Sprintf("%s-%d", s.role, c.started), isNew || s.alwaysNew)
	if err != nil {
		return err
	}
	s.process = p
	c.setOpen(s, true)
	return nil
}

// kill ends the process of a slot with SIGKILL.
func (c *crew) kill(s *slot) {
	s.process.Kill()
	<-s.process.ended
	c.figures.kills++
	c.bury(s, killed)
}

// bury empties a slot whose process has ended.
func (c *crew) bury(s *slot, f fate) {
	c.setOpen(s, false)
	c.ends[s.process.name] = end{f, s.process.at}
	for line := range strings.Lines(s.process.Log()) {
		if strings.Contains(line, "panic") || strings.Contains(line, "fatal error") || strings.Contains(line, "DATA RACE") {
			c.faults = append(c.faults, fmt.Sprintf("%s has in its log: %.1000s", s.process.name, line))
			break
		}
	}
	s.process, s.wasNew = nil, s.process.isNew
}

// terminate ends the process of a slot with SIGTERM, within its time, and without
// an error.
func (c *crew) terminate(s *slot) {
	p := s.process
	c.setOpen(s, false)
	begun := time.Now()
	_ = p.Signal(syscall.SIGTERM)
	limit := shutdownTimeout + time.Second + c.slack()
	select {
	case <-p.ended:
		c.figures.longestEnd = max(c.figures.longestEnd, time.Since(begun))
	case <-time.After(limit):
		c.faults = append(c.faults, fmt.Sprintf("%s did not end within %v: %s", p.name, limit, p.lastWords()))
		c.kill(s)
		return
	}
	if isKilled(p.err) { // by a deadly task
		c.figures.deaths++
		c.bury(s, killed)
		return
	}
	if p.err != nil && c.slack() > shutdownTimeout/10 && strings.Contains(p.lastWords(), "the shutdown ended early") {
		c.figures.cutShort++ // a tenth of its time is left to put tasks back, and an answer without the database took longer
		c.bury(s, killed)
		return
	}
	if p.err != nil {
		c.faults = append(c.faults, fmt.Sprintf("%s ended with %v after SIGTERM: %s", p.name, p.err, p.lastWords()))
	}
	c.figures.terms++
	c.bury(s, terminated)
}

// isKilled reports whether a process was ended by SIGKILL.
func isKilled(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// lookAfter starts processes in the place of those that have ended by themselves, once the
// database is there. Only a deadly task may end them, while it is.
func (c *crew) lookAfter() error {
	for _, s := range c.slots {
		if s.process != nil && s.process.hasEnded() {
			switch {
			case isKilled(s.process.err):
				c.figures.deaths++
			case c.away.Load(), s.process.begun.Before(c.back) && strings.Contains(s.process.lastWords(), "durable: start: "):
				c.figures.gaveUp++ // it was just about to start, or was cut off while it did
			default:
				c.faults = append(c.faults, fmt.Sprintf("%s ended by itself with %v: %s", s.process.name, s.process.err, s.process.lastWords()))
			}
			c.bury(s, killed)
		}
		if s.process == nil && !c.away.Load() {
			if err := c.start(s, s.wasNew); err != nil {
				return err
			}
		}
	}
	return nil
}

// wait waits, and looks after the processes meanwhile.
func (c *crew) wait(d time.Duration) error {
	for until := time.Now().Add(d); ; {
		if err := c.lookAfter(); err != nil {
			return err
		}
		left := time.Until(until)
		if left <= 0 {
			return nil
		}
		time.Sleep(min(left, 20*time.Millisecond))
	}
}

// renew replaces all processes, one after the other, by new ones.
func (c *crew) renew() error {
	for _, s := range c.slots {
		if s.process.isNew {
			continue
		}
		c.terminate(s)
		if err := c.start(s, true); err != nil {
			return err
		}
	}
	return nil
}

// endAll ends all that is left.
func (c *crew) endAll(strict bool) {
	for _, s := range c.slots {
		if s.process == nil {
			continue
		}
		if strict {
			c.terminate(s)
		} else {
			c.kill(s)
		}
	}
}

// firstOf tries what may fail a few times, and returns the first error if it always does.
func firstOf(f func() error) (err error) {
	for range 20 {
		failure := f()
		if failure == nil {
			return nil
		}
		err = cmp.Or(err, failure)
		time.Sleep(100 * time.Millisecond)
	}
	return err
}
