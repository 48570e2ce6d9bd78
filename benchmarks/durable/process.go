package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A report is what a process tells of the tasks that it works: how many have begun since
// the last report, or which one has begun, and when.
type report struct {
	n  int
	at time.Time
}

// A process works tasks, and reports on them until it is stopped.
type process struct {
	command *exec.Cmd
	input   io.WriteCloser
	read    sync.WaitGroup
	failure error // of reading; readable after read
	stopped chan struct{}
}

// ready is the first line of a process, which then waits for a line before it begins.
const ready = "ready"

// startProcess starts this program as a process that has opened a peer, and is ready to
// begin. With each it reports each task.
func startProcess(ctx context.Context, peer, place string, workers int, each bool, reports chan<- report) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{
		command: exec.CommandContext(ctx, program, "work", peer, place, strconv.Itoa(workers), strconv.FormatBool(each)),
		stopped: make(chan struct{}),
	}
	p.command.Env = append(os.Environ(), childEnv+"=1")
	p.command.Stderr = os.Stderr
	if p.input, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(output)
	if !lines.Scan() || lines.Text() != ready {
		return nil, fmt.Errorf("a process of %s did not begin: %q, %w", peer, lines.Text(), p.command.Wait())
	}
	p.read.Go(func() { p.failure = p.follow(lines, reports) })
	return p, nil
}

// follow passes reports on.
func (p *process) follow(lines *bufio.Scanner, reports chan<- report) error {
	for lines.Scan() {
		var n int
		var at int64
		if _, err := fmt.Sscan(lines.Text(), &n, &at); err != nil {
			return fmt.Errorf("a process said %q: %w", lines.Text(), err)
		}
		select {
		case reports <- report{n, time.Unix(0, at)}:
		case <-p.stopped:
		}
	}
	return lines.Err()
}

// begin has the process begin to work.
func (p *process) begin() error {
	_, err := fmt.Fprintln(p.input, "go")
	return err
}

// stop has the process finish what it has, and waits for its end.
func (p *process) stop() error {
	close(p.stopped)
	_ = p.input.Close()
	p.read.Wait()
	if err := p.command.Wait(); err != nil {
		return err
	}
	return p.failure
}

// reportInterval is how often a process says how many tasks have begun.
const reportInterval = 2 * time.Millisecond

// runWork is the process: its arguments are those that startProcess gives it.
func runWork(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	workers, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	q, err := open(ctx, args[0], args[1])
	if err != nil {
		return err
	}
	defer q.close() //nolint:errcheck // the process ends
	r := reporter{out: out, ended: make(chan struct{})}
	begin := func(int) { r.count.Add(1) }
	if args[3] == "true" {
		begin = r.each
	}
	w, err := q.worker(ctx, workers, begin)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	_, _ = fmt.Fprintln(out, ready)
	if !lines.Scan() {
		return lines.Err() // it is to stop at once
	}
	if err := w.start(); err != nil {
		return err
	}
	var looking sync.WaitGroup
	looking.Go(r.look)
	for lines.Scan() { // until it is to stop
	}
	err = w.stop()
	close(r.ended)
	looking.Wait()
	return err
}

// A reporter writes reports.
type reporter struct {
	out   io.Writer
	mu    sync.Mutex // held to write
	count atomic.Int64
	ended chan struct{}
}

// each reports a task that has begun.
func (r *reporter) each(n int) {
	now := time.Now().UnixNano()
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = fmt.Fprintln(r.out, n, now)
}

// look reports now and then how many have begun.
func (r *reporter) look() {
	for {
		select {
		case <-r.ended:
			return
		case <-time.After(reportInterval):
		}
		if n := r.count.Swap(0); n > 0 {
			r.mu.Lock()
			_, _ = fmt.Fprintln(r.out, n, time.Now().UnixNano())
			r.mu.Unlock()
		}
	}
}
