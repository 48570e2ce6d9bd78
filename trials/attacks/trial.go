package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/velithon-go/velithon/trials/child"
)

// An attack is something that a hostile client does.
type attack struct {
	name    string
	does    string // with the numbers of a full run
	holds   string // what the service holds against it
	service string // its name; empty is rejecting
	bounds  bounds
	run     func(*trial) error // calls begin; fails where the service answers otherwise than it should
}

// bounds are what a full run must keep to, above what the service has at its
// start.
type bounds struct {
	memory     int64 // bytes
	goroutines int
	p99        time.Duration // of the guests
}

// What must be left once an attack is over: goroutines, connections and files
// as at the start, and memory but for what the runtime does not give back.
const (
	leftMemory = 96 << 20
	settleTime = 30 * time.Second
)

// A trial is one attack on a service of its own.
type trial struct {
	size    size
	service *child.Process
	watcher *watcher
	guests  *guests   // nil until begun
	begun   time.Time // the attack

	mu       sync.Mutex  // guards what follows
	statuses map[int]int // how often each status was answered
	notes    []string    // what else there is to say
	broken   []string    // what only a full run is to keep to
}

// Figures are what a trial has measured.
type figures struct {
	took       time.Duration
	processor  time.Duration // of the service
	memory     int64         // the most above the start, in bytes
	left       int64         // above the start, at the end
	goroutines int           // the most above the start
	files      int           // the same
	guests     int           // requests of the guests
	p50, p99   time.Duration
	settled    time.Duration // the time from the attack's end until all was as before
	logged     int           // bytes
	statuses   map[int]int
	notes      []string
	broken     []string // bounds that were not kept
}

// try makes an attack. Its error says that the service misbehaved; bounds that
// were not kept are in the figures.
func (a *attack) try(s size) (f figures, err error) {
	name := a.service
	if name == "" {
		name = rejecting
	}
	service, err := child.Start(name, sizeVariable+"="+strconv.Itoa(int(s)))
	if err != nil {
		return f, err
	}
	defer func() {
		// A service that was attacked has to end as any other does.
		err = errors.Join(err, service.Signal(syscall.SIGTERM), service.Wait())
		f.logged = len(service.Log())
	}()
	w, err := watch(service)
	if err != nil {
		return f, err
	}
	defer w.Close()

	t := &trial{size: s, service: service, watcher: w, statuses: make(map[int]int)}
	attackErr := a.run(t)
	if t.guests == nil {
		return f, errors.Join(attackErr, errors.New("the attack has not begun"))
	}
	f.took = time.Since(t.begun)
	watchErr := w.end()
	latencies, guestErr := t.guests.leave()
	f.processor, err = t.processorTime()
	if err := errors.Join(attackErr, watchErr, guestErr, err); err != nil {
		return f, err
	}

	f.memory, f.goroutines, f.files = w.most.memory-w.start.memory, w.most.goroutines-w.start.goroutines, w.most.files-w.start.files
	f.guests, f.p50, f.p99 = len(latencies), percentile(latencies, 50), percentile(latencies, 99)
	f.statuses, f.notes, f.broken = t.statuses, t.notes, t.broken
	after := time.Now()
	left, err := w.settle()
	if err != nil {
		return f, err
	}
	f.settled, f.left = time.Since(after), left.memory-w.start.memory
	f.broken = append(f.broken, a.bounds.broken(&f)...)
	return f, nil
}

// begin is called by an attack once it has made what it sends, for which nobody is
// to wait: it lets the guests come, and begins to watch the service.
func (t *trial) begin() {
	t.guests = invite(t.service.Address, t.size.guestEvery())
	t.watcher.begin()
	t.begun = time.Now()
}

func (b bounds) broken(f *figures) (broken []string) {
	if f.memory > b.memory {
		broken = append(broken, fmt.Sprintf("memory grew by %s, want at most %s", megabytes(f.memory), megabytes(b.memory)))
	}
	if f.left > leftMemory {
		broken = append(broken, fmt.Sprintf("%s of memory were left, want at most %s", megabytes(f.left), megabytes(leftMemory)))
	}
	if f.goroutines > b.goroutines {
		broken = append(broken, fmt.Sprintf("there were %d more goroutines, want at most %d", f.goroutines, b.goroutines))
	}
	if f.p99 > b.p99 {
		broken = append(broken, fmt.Sprintf("the guests' p99 was %v, want at most %v", f.p99, b.p99))
	}
	return broken
}

// processorTick is the unit of processorTime, on Linux.
const processorTick = 10 * time.Millisecond

// processorTime returns how long the service has had a processor, which other
// programs of the machine do not change.
func (t *trial) processorTime() (time.Duration, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(t.service.PID()) + "/stat")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name of the program, which may have blanks
	var ticks int64
	for _, field := range strings.Fields(rest)[11:13] { // utime and stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * processorTick, nil
}

func megabytes(n int64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }

// status counts an answer.
func (t *trial) status(code int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.statuses[code]++
}

// notef says something that is worth to be told of a trial.
func (t *trial) notef(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

// wantf says that a full run has to keep to something that is a matter of time.
func (t *trial) wantf(kept bool, format string, args ...any) {
	t.notef(format, args...)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !kept {
		t.broken = append(t.broken, fmt.Sprintf(format, args...))
	}
}

// each calls f n times at once, and returns the first error.
func each(n int, f func(i int) error) error {
	var group sync.WaitGroup
	failed := make(chan error, 1)
	for i := range n {
		group.Go(func() {
			if err := f(i); err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		})
	}
	group.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// connect opens n connections, some at a time, so that the kernel's queue of
// those that are not yet accepted is never full. The caller closes them.
func (t *trial) connect(n int) ([]*client, error) {
	const atOnce = 32
	clients := make([]*client, n)
	err := each(atOnce, func(i int) (err error) {
		for ; i < n && err == nil; i += atOnce {
			clients[i], err = dial(t.service.Address)
		}
		return err
	})
	if err != nil {
		closeAll(clients)
	}
	return clients, err
}

// hold does something on each of n connections at the same time. They are open
// until all of it is done.
func (t *trial) hold(n int, do func(i int, c *client) error) error {
	clients, err := t.connect(n)
	if err != nil {
		return err
	}
	defer closeAll(clients)
	return each(n, func(i int) error { return do(i, clients[i]) })
}

func closeAll(clients []*client) {
	for _, c := range clients {
		if c != nil {
			_ = c.Close()
		}
	}
}

// flood sends a request n times over some connections, and wants the status.
func (t *trial) flood(connections, n int, status int, request []byte) error {
	return each(connections, func(i int) error {
		var c *client
		for ; i < n; i += connections {
			if c == nil {
				var err error
				if c, err = dial(t.service.Address); err != nil {
					return err
				}
				defer c.Close() //nolint:gocritic // at most one at a time is open
			}
			if err := c.want(status, request); err != nil {
				return err
			}
			t.status(status)
			if c.ended {
				_ = c.Close()
				c = nil
			}
		}
		return nil
	})
}
