package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/velithon-go/velithon/trials/child"
)

const (
	// steady is how many connections stay open from the first round to the
	// last.
	steady = 4

	// settleLimit is how long after a round everything must be over. The
	// runner's idle workers leave within a second, and a route gives up its
	// late handlers sooner.
	settleLimit = 30 * time.Second

	// maxGrowth is how much larger the median heap of the last third of the
	// samples may be than that of the first third. The samples are taken when
	// nothing is under way and pools have been emptied, and differ by up to
	// 160 KiB all the same, up and down. A leak of three bytes a request exceeds
	// the bound in ten minutes, with 300,000 requests.
	maxGrowth = 512 << 10
)

// A soak is a run.
type soak struct {
	options
	out     *log.Logger
	service *child.Process
	journal *os.File
	sampler *sampler
	visitor *visitor
	conns   []*conn // the steady ones, and the sampler's

	before  sample
	samples []sample // one after each round
}

func run(out io.Writer, o options) (err error) {
	if o.every <= 0 || o.rate < 1 || o.clients < 1 {
		return errors.New("-every, -rate and -clients must be positive")
	}
	folder, err := os.MkdirTemp("", "soak-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	pageText := strings.Repeat("<p>All work and no play</p>\n", 1000)
	journal, err := prepare(folder, pageText)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, journal.Close()) }()
	temp := filepath.Join(folder, tempFolder)
	service, err := child.Start(o.overflow().String(), folderVariable+"="+folder, "TMPDIR="+temp, "TMP="+temp)
	if err != nil {
		return err
	}
	large := make([]byte, largeUpload)
	s := &soak{options: o, out: log.New(out, "", 0), service: service, journal: journal, visitor: &visitor{
		address:  service.Address,
		rejects:  o.reject,
		pageText: pageText,
		form:     form(large, sumOf(large)),
		ledger:   newLedger(),
		figures:  newFigures(),
	}}
	if err := s.rounds(temp); err != nil {
		service.Kill()
		_ = service.Wait() // it was killed
		text := service.Log()
		return fmt.Errorf("%w\n\nThe end of the service's log:\n%s", err, text[max(0, len(text)-2000):])
	}
	return s.end()
}

// prepare makes the service's files, and returns its journal to read from.
func prepare(folder, pageText string) (*os.File, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	modified, err := http.ParseTime(pageModified)
	page := pagesFolder + "/" + pageName
	if err := errors.Join(
		err,
		root.Mkdir(tempFolder, 0o700),
		root.Mkdir(pagesFolder, 0o700),
		root.WriteFile(page, []byte(pageText), 0o600),
		root.Chtimes(page, modified, modified),
		root.WriteFile(journalFile, nil, 0o600),
	); err != nil {
		return nil, err
	}
	return root.Open(journalFile)
}

// connect opens the connections that stay open.
func (s *soak) connect(temp string) (err error) {
	for range steady + 1 {
		c, err := dial(s.service.Address)
		if err != nil {
			return err
		}
		s.conns = append(s.conns, c)
		if _, err := c.ask(request{head: head("GET", "/stats", nil)}); err != nil {
			return err
		}
	}
	s.sampler = &sampler{conn: s.conns[steady], service: s.service, temp: temp}
	s.before, err = s.sampler.take()
	return err
}

func (s *soak) disconnect() {
	for _, c := range s.conns {
		_ = c.Close() // nothing is on its way
	}
}

// rounds sends the traffic and takes the samples.
func (s *soak) rounds(temp string) error {
	defer s.disconnect()
	if err := s.connect(temp); err != nil {
		return err
	}
	s.printHead()
	s.printSample(0, s.before)
	begin := time.Now()
	for time.Since(begin) < s.length {
		s.round(min(s.every, s.length-time.Since(begin)))
		now, err := s.settle()
		if err != nil {
			return errors.Join(errors.Join(s.visitor.figures.faults...), err)
		}
		s.samples = append(s.samples, now)
		s.printSample(time.Since(begin), now)
		if err := s.check(now); err != nil {
			return err
		}
	}
	s.printSummary()
	if err := s.checkHeap(); err != nil {
		return err
	}
	return s.stopTicks()
}

// stopTicks ends the periodic task, and takes its last number into the last sample.
func (s *soak) stopTicks() error {
	if a, err := s.sampler.conn.ask(request{head: head("POST", "/stop", []byte{})}); err != nil || a.status != 200 {
		return fmt.Errorf("the periodic task was stopped with %d: %w", a.status, err)
	}
	stopped, err := s.sampler.take()
	if err != nil {
		return err
	}
	time.Sleep(5 * tickEvery)
	now, err := s.sampler.take()
	if err == nil && now.Ticks != stopped.Ticks {
		err = fmt.Errorf("there were %d ticks after they were stopped", now.Ticks-stopped.Ticks)
	}
	last := &s.samples[len(s.samples)-1]
	last.Stats, last.Missed = now.Stats, now.Missed
	return err
}

// round sends traffic for a time, and returns when the last client is gone.
func (s *soak) round(length time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), length)
	defer cancel()
	pace := time.NewTicker(time.Second / time.Duration(s.rate))
	defer pace.Stop()
	var clients sync.WaitGroup
	for i := range s.clients {
		clients.Go(func() {
			for {
				select {
				case <-pace.C:
				case <-ctx.Done():
					return
				}
				if i < steady {
					s.visitor.figures.visited("steady", s.visitor.several(s.conns[i]))
					continue
				}
				visit := visits.pick()
				s.visitor.figures.visited(visit.name, visit.pay(s.visitor))
			}
		})
	}
	clients.Wait()
}

// settle waits until nothing is left of a round, and the periodic task goes on, so that
// nothing is left to be said of one for which there was no room.
func (s *soak) settle() (sample, error) {
	deadline := time.Now().Add(settleLimit)
	for quiet := uint64(0); ; {
		now, err := s.sampler.take()
		if err != nil {
			return now, err
		}
		left := now.left(s.before)
		switch {
		case left == nil && quiet > 0 && now.Ticks > quiet:
			return now, nil
		case left == nil && quiet == 0:
			quiet = now.Ticks
		case left == nil:
			left = errors.New("no more ticks")
		}
		if time.Now().After(deadline) {
			stacks, err := s.sampler.conn.ask(request{head: head("GET", "/goroutines", nil)})
			return now, errors.Join(fmt.Errorf("%v after the traffic there are\n%w\n%s", settleLimit, left, stacks.body), err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// check compares what the clients saw, what the tasks noted and what the
// runner has counted, when all is quiet.
func (s *soak) check(now sample) error {
	stats, ledger := now.Stats, s.visitor.ledger
	err := ledger.settle(s.journal)
	ends := ledger.ends
	for _, n := range []struct {
		what            string
		counted, wanted uint64
	}{
		{"succeeded", stats.Succeeded, ends[succeeded] + now.Ticks},
		{"failed", stats.Failed, ends[failed] + ends[panicked]},
		{"panicked", stats.Panicked, ends[panicked]},
		{"skipped", stats.Skipped, ends[skipped]},
		{"abandoned", stats.Abandoned, 0},
		{"of their kind, succeeded", now.Kind.Succeeded, now.Noted},
		{"of their kind, waited", now.Kind.Waits.Count(), now.Noted},
		{"of their kind, timed", now.Kind.Durations.Count(), now.Noted},
	} {
		if n.counted != n.wanted {
			err = errors.Join(err, fmt.Errorf("the runner counts %d tasks as %s, and they themselves %d", n.counted, n.what, n.wanted))
		}
	}
	least := ledger.noRoom + now.Missed
	if most := least + ledger.unanswered; stats.Rejected < least || stats.Rejected > most {
		err = errors.Join(err, fmt.Errorf("the runner counts %d tasks as rejected, and it should be from %d to %d", stats.Rejected, least, most))
	}
	least = stats.Succeeded + stats.Retried
	if most := least + stats.Failed; s.reject && (now.Attempts < least || now.Attempts > most) {
		err = errors.Join(err, fmt.Errorf("there were %d attempts, and there should be from %d to %d", now.Attempts, least, most))
	}
	return errors.Join(errors.Join(s.visitor.figures.faults...), balanced(stats), err)
}

// checkHeap compares the last samples with the first ones. The first of all
// is not among them: it belongs to the warm-up.
func (s *soak) checkHeap() error {
	third := (len(s.samples) - 1) / 3
	if third == 0 {
		s.out.Print("\nThere are too few samples to judge the heap.")
		return nil
	}
	// From the middle of the one to the middle of the other it is two thirds of
	// all requests.
	first, last := median(s.samples[1:1+third]), median(s.samples[len(s.samples)-third:])
	growth := last - first
	s.out.Printf("\nThe median heap of the first third was %d KiB, of the last third %d KiB: %.2f bytes for each request in between.\n",
		first>>10, last>>10, float64(growth)/float64(s.visitor.figures.requests)*3/2)
	if growth > maxGrowth {
		return fmt.Errorf("the heap has grown by %d KiB, and may by %d KiB", growth>>10, maxGrowth>>10)
	}
	return nil
}

func median(samples []sample) int64 {
	heaps := make([]int64, len(samples))
	for i, s := range samples {
		heaps[i] = int64(s.Heap)
	}
	slices.Sort(heaps)
	return heaps[len(heaps)/2]
}

// end ends the service, and reads its log.
func (s *soak) end() error {
	if err := s.service.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := s.service.Wait(); err != nil {
		return fmt.Errorf("the service ended with %w\n%s", err, s.service.Log())
	}
	err := s.checkLog(s.service.Log())
	if err == nil {
		s.out.Print("\nPASSED: the service ended with code 0, and its log has what was expected.")
	}
	return err
}

// record is a line of the log.
var record = regexp.MustCompile(`(?m)^time=\S+ level=\w+ msg=("(?:[^"\\]|\\.)*"|\S+)(.*)$`)

// checkLog counts the messages of the log.
func (s *soak) checkLog(log string) error {
	last, ledger := s.samples[len(s.samples)-1], s.visitor.ledger
	stats := last.Stats
	want := s.visitor.figures.log
	exactly := func(message string, n uint64) { want[message] = allowed{n, n} }
	exactly(logListening, 1)
	exactly(logShuttingDown, 1)
	exactly(logShutDown, 1)
	exactly(logMissed, last.Missed)
	exactly(logTaskFailed, stats.Failed+stats.Retried)
	exactly(logTaskSkipped, ledger.stopped)
	// A client that has gone may have been refused all the same.
	want[logNoRoom] = allowed{want[logNoRoom].least, want[logNoRoom].most + ledger.unanswered}

	got := make(map[string]uint64)
	var ended string
	for _, line := range record.FindAllStringSubmatch(log, -1) {
		message := line[1]
		if text, err := strconv.Unquote(message); err == nil {
			message = text
		}
		got[message]++
		if message == logShutDown {
			ended = line[2]
		}
	}
	printCounts(s.out, "Records in the log", got)
	var broken []error
	for message, n := range got {
		if w := want[message]; n < w.least || n > w.most {
			broken = append(broken, fmt.Errorf("the log has %d records %q, and should have from %d to %d", n, message, w.least, w.most))
		}
		delete(want, message)
	}
	for message, w := range want {
		if w.least > 0 {
			broken = append(broken, fmt.Errorf("the log has no record %q, and should have %d", message, w.least))
		}
	}
	if want := fmt.Sprintf(" tasks_succeeded=%d tasks_failed=%d tasks_given_up=0", stats.Succeeded, stats.Failed); ended != want {
		broken = append(broken, fmt.Errorf("the last record says%s, and not%s", ended, want))
	}
	return errors.Join(broken...)
}

func (s *soak) printHead() {
	s.out.Printf("%v of traffic in rounds of %v: at most %d visits a second, %d at once; a full queue makes the runner %s.\n\n",
		s.length, s.every, s.rate, s.clients, s.overflow())
	s.out.Print("   time  requests goroutines files temp heap KiB  RSS MiB  succeeded  failed skipped retried rejected")
}

func (s *soak) printSample(elapsed time.Duration, now sample) {
	s.out.Printf("%7s %9d %10d %5d %4d %8d %8d %10d %7d %7d %7d %8d\n",
		elapsed.Round(100*time.Millisecond), s.visitor.figures.requests, now.Goroutines, now.files, now.temp, now.Heap>>10, now.resident>>20,
		now.Stats.Succeeded, now.Stats.Failed, now.Stats.Skipped, now.Stats.Retried, now.Stats.Rejected)
}

func (s *soak) printSummary() {
	f := s.visitor.figures
	printCounts(s.out, "Visits", f.visits)
	printCounts(s.out, "Answers by status (0: lost to the reset behind it)", f.statuses)
	printCounts(s.out, "Tasks by their end", map[string]uint64{
		"succeeded":                         s.visitor.ledger.ends[succeeded],
		"failed":                            s.visitor.ledger.ends[failed],
		"panicked":                          s.visitor.ledger.ends[panicked],
		"skipped":                           s.visitor.ledger.ends[skipped],
		"refused, since the queue was full": s.visitor.ledger.noRoom,
		"not run, of a request that was not read": s.visitor.ledger.unanswered,
	})
}
