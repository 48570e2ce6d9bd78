package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// A ledger has the requests that carry work, and compares them with what the
// journal says. It may be used concurrently, but for settle.
type ledger struct {
	mu   sync.Mutex // guards next and open
	next int
	open map[int]*promise

	// What has been settled. Numbers are of tasks.
	ends       map[string]uint64 // by their letter
	stopped    uint64            // requests with a task that was skipped
	noRoom     uint64            // refused
	unanswered uint64            // that did not run, of requests without an answer
}

// A promise is the work of one request.
type promise struct {
	ends  []string // for each task, the letters it may end with
	state state
}

type state int

const (
	unanswered state = iota // nobody knows: all of its tasks run, or none
	promised                // all of its tasks run
	dropped                 // none runs
	noRoom                  // none runs, and the runner has counted them as rejected
)

func newLedger() *ledger {
	return &ledger{open: make(map[int]*promise), ends: make(map[string]uint64)}
}

// add returns the number of a new request.
func (l *ledger) add(ends []string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	l.open[l.next] = &promise{ends: ends}
	return l.next
}

// answered notes what the answer to request n means for its work.
func (l *ledger) answered(n int, s state) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[n].state = s
}

// mayEnd adds a letter to those with which the only task of request n may end.
func (l *ledger) mayEnd(n int, end string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[n].ends = []string{l.open[n].ends[0] + end}
}

// ended notes how the only task of request n has ended, as its client was told.
func (l *ledger) ended(n int, end string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[n].ends = []string{end}
}

// settle reads the new lines of the journal, when no request and no task is
// under way, and closes what is open.
func (l *ledger) settle(journal io.Reader) error {
	lines := make(map[int][]string) // by request: place and letter
	scanner := bufio.NewScanner(journal)
	for scanner.Scan() {
		var n int
		var place, end string
		if _, err := fmt.Sscan(scanner.Text(), &n, &place, &end); err != nil {
			return fmt.Errorf("the journal has %q: %w", scanner.Text(), err)
		}
		lines[n] = append(lines[n], place+" "+end)
		l.ends[end]++
	}
	if err := scanner.Err(); err != nil {
		return err
	}
	var broken []error
	for n, p := range l.open {
		if err := l.close(p, lines[n]); err != nil {
			broken = append(broken, fmt.Errorf("the work of request %d %w", n, err))
		}
		delete(lines, n)
	}
	clear(l.open)
	for n, ran := range lines {
		broken = append(broken, fmt.Errorf("the work of request %d ran again, or was not asked for: %v", n, ran))
	}
	return errors.Join(broken[:min(len(broken), shown)]...)
}

// close compares a promise with the lines of its tasks.
func (l *ledger) close(p *promise, lines []string) error {
	if slices.ContainsFunc(lines, func(line string) bool { return strings.HasSuffix(line, skipped) }) {
		l.stopped++
	}
	switch p.state {
	case noRoom:
		l.noRoom += uint64(len(p.ends))
	case unanswered:
		if len(lines) == 0 {
			l.unanswered += uint64(len(p.ends))
			return nil
		}
		return p.compare(lines)
	case promised:
		return p.compare(lines)
	case dropped:
	}
	if len(lines) > 0 {
		return fmt.Errorf("was not promised, and ran: %v", lines)
	}
	return nil
}

// compare wants one line for each task.
func (p *promise) compare(lines []string) error {
	rest := slices.Clone(lines)
	for place, ends := range p.ends {
		i := slices.IndexFunc(rest, func(line string) bool {
			at, end, _ := strings.Cut(line, " ")
			return at == fmt.Sprint(place) && strings.Contains(ends, end)
		})
		if i < 0 {
			return fmt.Errorf("should have ended with %v, and did with %v", p.ends, lines)
		}
		rest = slices.Delete(rest, i, i+1)
	}
	if len(rest) > 0 {
		return fmt.Errorf("has ended more than once: %v", rest)
	}
	return nil
}
