package main

import (
	"bytes"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/velithon-go/velithon/trials/child"
)

// endLimit is how long a proxy has to end after SIGTERM.
const endLimit = 10 * time.Second

// A process is a proxy that runs.
type process struct {
	command *exec.Cmd
	ended   chan struct{}
	said    output
}

// start runs a program, which must stay in the foreground.
func start(program string, arguments, environment []string, folder string) (*process, error) {
	p := &process{command: exec.Command(program, arguments...), ended: make(chan struct{})} //nolint:gosec // a proxy of the table
	p.command.Env = append(p.command.Environ(), environment...)
	p.command.Dir = folder
	p.command.Stdout, p.command.Stderr = &p.said, &p.said
	child.Leash(p.command)
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.ended)
		_ = p.command.Wait() // it is ended by a signal
	}()
	return p, nil
}

// end ends the process and those that it has made.
func (p *process) end() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(endLimit):
	}
	child.KillGroup(p.command.Process) // its workers, if it did not end them
	<-p.ended
}

// log returns what the process has said last.
func (p *process) log() string { return p.said.String() }

// output keeps what a process says.
type output struct {
	mu   sync.Mutex // guards what follows
	text bytes.Buffer
}

func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(text)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := o.text.Bytes()
	return string(text[max(0, len(text)-4<<10):])
}
