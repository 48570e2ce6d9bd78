package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// freeze has the server do nothing, and close nothing, until it is thawed.
func (c *cluster) freeze() error { return c.signal(syscall.SIGSTOP) }

func (c *cluster) thaw() error { return c.signal(syscall.SIGCONT) }

// stop has a process do nothing until it is resumed.
func (p *process) stop() error { return p.Signal(syscall.SIGSTOP) }

func (p *process) resume() error { return p.Signal(syscall.SIGCONT) }

// signal sends a signal to all processes of the server.
func (c *cluster) signal(signal syscall.Signal) error {
	text, err := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	main, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		return err
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", main, main))
	if err != nil {
		return err
	}
	for _, field := range append([]string{strconv.Itoa(main)}, strings.Fields(string(children))...) {
		id, err := strconv.Atoi(field)
		if err != nil {
			return err
		}
		self, err := os.FindProcess(id)
		if err != nil {
			return err
		}
		if err := self.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
	}
	return nil
}
