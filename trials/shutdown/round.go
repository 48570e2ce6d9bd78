package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/trials/child"
)

// figures are what was counted in a round, or in all.
type figures struct {
	rounds     int
	responses  int           // read in full
	tasks      int           // that those carried
	lost       int           // of them: neither done nor named
	doubled    int           // of them: done more than once
	unfinished int           // tasks that the service named when it gave up
	dueLater   int           // of them: due later than the end
	restored   int           // of those that were given up: from their records
	cancelled  int           // tasks that were
	kept       int           // of them: before they began
	behind     int           // pipelined requests behind the last response of a connection
	cut        int           // other requests that were sent in time, and not answered
	late       int           // those that were sent too late
	longest    time.Duration // of the shutdowns
}

func (f *figures) add(o figures) {
	f.rounds += o.rounds
	f.responses += o.responses
	f.tasks += o.tasks
	f.lost += o.lost
	f.doubled += o.doubled
	f.unfinished += o.unfinished
	f.dueLater += o.dueLater
	f.restored += o.restored
	f.cancelled += o.cancelled
	f.kept += o.kept
	f.behind += o.behind
	f.cut += o.cut
	f.late += o.late
	f.longest = max(f.longest, o.longest)
}

func (f *figures) String() string {
	return fmt.Sprintf("%d rounds, %d responses with %d tasks: %d lost, %d doubled, %d named as unfinished, of which %d were due later and %d were restored, and %d cancelled, of which %d had not begun; "+
		"%d requests not answered, %d that were late, and %d behind the last of a pipeline; longest shutdown %v",
		f.rounds, f.responses, f.tasks, f.lost, f.doubled, f.unfinished, f.dueLater, f.restored, f.cancelled, f.kept, f.cut, f.late, f.behind, f.longest.Round(time.Millisecond))
}

// round has clients load a service, ends it with SIGTERM after a while, and
// compares what the clients read with what the service did. The faults are what
// was wrong, in words.
func (t *trial) round(service string, after time.Duration) (f figures, faults []string, err error) {
	directory, err := os.MkdirTemp("", "shutdown")
	if err != nil {
		return f, nil, err
	}
	defer os.RemoveAll(directory)
	path := filepath.Join(directory, "journal")
	process, err := child.Start(service, journalVariable+"="+path)
	if err != nil {
		return f, nil, err
	}
	defer process.Kill()

	outcomes := make([]outcome, len(loads))
	var clients, started sync.WaitGroup
	started.Add(len(loads))
	for i, name := range slices.Sorted(maps.Keys(loads)) {
		outcomes[i].started = sync.OnceFunc(started.Done)
		clients.Go(func() {
			defer outcomes[i].started() // one that was not answered is not waited for
			loads[name](process.Address, name, &outcomes[i])
		})
	}
	// Before that, a connection may be one that the kernel has accepted and the
	// service has not, and is reset.
	started.Wait()
	time.Sleep(after)
	begun := time.Now()
	if err := process.Signal(syscall.SIGTERM); err != nil {
		return f, nil, err
	}
	deadline := shutdownTimeouts[service] + t.slack
	late := time.AfterFunc(deadline, process.Kill)
	ended := process.Wait()
	f = figures{rounds: 1, longest: time.Since(begun)}
	if !late.Stop() {
		faults = append(faults, fmt.Sprintf("it did not end within %v", deadline))
	}
	clients.Wait()
	done, err := os.ReadFile(path) //nolint:gosec // a file that this function named
	if err != nil {
		return f, faults, err
	}
	for i := range outcomes {
		faults = append(faults, outcomes[i].wrong...)
	}
	faults = slices.Concat(faults, f.compare(outcomes, string(done), process.Log()), f.restore(service, string(done), process.Log()))
	if service == drains {
		faults = append(faults, unanswered(outcomes)...)
	}
	switch succeeded := bytes.Count(done, []byte("\n")); {
	case f.unfinished == 0, f.unfinished == f.dueLater && service == drains:
		faults = append(faults, drained(ended, process.Log(), succeeded, f.cancelled, f.dueLater)...)
	default:
		faults = append(faults, gaveUp(service, ended, process.Log())...)
	}
	return f, faults, nil
}

// compare looks for the tasks of all responses in the journal, and among those
// that the log names as unfinished.
func (f *figures) compare(outcomes []outcome, journal, log string) (faults []string) {
	done := make(map[string]int)
	for task := range strings.Lines(journal) {
		done[strings.TrimSpace(task)]++
	}
	for task, times := range done {
		if times > 1 {
			f.doubled++
			faults = append(faults, fmt.Sprintf("%s was done %d times", task, times))
		}
	}
	for i := range done {
		if n, isTick := strings.CutPrefix(i, tick+"."); isTick && n != "0" {
			if before, _ := strconv.Atoi(n); done[numbered(tick, before-1)] == 0 {
				faults = append(faults, fmt.Sprintf("the journal has %s, and not the one before", i))
			}
		}
	}
	named, wrongs := f.named(done, log)
	faults = append(faults, wrongs...)
	for _, o := range outcomes {
		f.responses += o.responses
		f.tasks += len(o.tasks)
		f.behind += len(o.behind)
		f.cut += len(o.cut)
		f.late += o.late
		for _, task := range o.tasks {
			if done[task] == 0 && !named[task] {
				f.lost++
				faults = append(faults, task+" is lost")
			}
		}
		for _, task := range o.behind {
			if done[task] > 0 || named[task] {
				faults = append(faults, task+" was taken, though its connection was closed before")
			}
		}
	}
	return faults
}

// named returns the tasks that the log names because they are not done, and says which
// are nevertheless.
func (f *figures) named(done map[string]int, log string) (named map[string]bool, faults []string) {
	named = make(map[string]bool)
	for line := range strings.Lines(log) {
		line = strings.TrimSpace(line)
		if task, found := strings.CutPrefix(line, wrong); found {
			faults = append(faults, task)
		}
		if _, task, found := strings.Cut(line, unfinished); found {
			named[task] = true
			f.unfinished++
			if mayBeLater(task) {
				f.dueLater++
			}
		}
		if task, found := strings.CutPrefix(line, cancelled); found {
			if done[task] > 0 {
				faults = append(faults, task+" was cancelled, and is done")
			}
			named[task] = true
			f.cancelled++
		}
		if task, found := strings.CutPrefix(line, kept); found {
			if done[task] > 0 {
				faults = append(faults, task+" was cancelled before it began, and is done")
			}
			f.kept++
		}
	}
	return named, faults
}

// mayBeLater reports whether a task can be one that is due later.
func mayBeLater(task string) bool {
	request, place, _ := strings.Cut(task, ".")
	load, _, _ := strings.Cut(request, "-")
	switch load {
	case "later", "stored", "cancelled":
		return true
	case "mixed":
		return place == strconv.Itoa(laterOfMixed)
	}
	return false
}

// restore does the tasks whose records are in the log, as the next process would, and
// compares them with what this one has done and named.
func (f *figures) restore(service, journal, log string) (faults []string) {
	again := make(map[string]int)
	kind := background.Define(kindName, func(_ context.Context, task string) error {
		again[task]++
		return nil
	})
	for line := range strings.Lines(log) {
		text, found := strings.CutPrefix(line, stored)
		if !found {
			continue
		}
		var record background.Record
		err := json.Unmarshal([]byte(text), &record)
		if err == nil {
			var task *background.Task
			if task, err = kind.Restore(record); err == nil {
				err = task.Run(context.Background())
			}
		}
		if err != nil {
			faults = append(faults, fmt.Sprintf("%s can't be restored: %v", text, err))
		}
	}
	for task := range strings.Lines(journal) {
		if task = strings.TrimSpace(task); again[task] > 0 {
			faults = append(faults, task+" is done, and was stored to be done again")
		}
	}
	for task, times := range again {
		f.restored++
		if times > 1 {
			faults = append(faults, fmt.Sprintf("%s was stored %d times", task, times))
		}
	}
	for line := range strings.Lines(log) {
		_, task, found := strings.Cut(strings.TrimSpace(line), unfinished)
		if found && service == drains && strings.HasPrefix(task, "stored-") && again[task] == 0 {
			faults = append(faults, task+" was given up, and not stored")
		}
	}
	return faults
}

// unanswered names the requests that got no answer from a process which had the
// time for it.
func unanswered(outcomes []outcome) (faults []string) {
	for _, o := range outcomes {
		for _, err := range o.cut {
			faults = append(faults, "a request that was sent in time was not answered: "+err)
		}
	}
	return faults
}

// drained checks the end of a process that had the time for all its work but what was
// due later.
func drained(ended error, log string, done, cancelled, later int) (faults []string) {
	if ended != nil {
		faults = append(faults, fmt.Sprintf("it ended with %v, and had no task left", ended))
	}
	if told := strings.Contains(log, withoutPrefix(background.ErrDueLater)); told != (later > 0) {
		faults = append(faults, fmt.Sprintf("%d tasks are due later, and that the log says so is %t", later, told))
	}
	if !strings.Contains(log, "INFO shutting down within=") {
		faults = append(faults, "the log does not say that it shuts down")
	}
	if want := fmt.Sprintf("INFO shut down tasks_succeeded=%d tasks_failed=%d tasks_given_up=%d", done, cancelled, later); !strings.Contains(log, want+"\n") {
		faults = append(faults, "the log does not say "+want)
	}
	return append(faults, unexpected(log)...)
}

// withoutPrefix is the message of an error as it is within another one of its package.
func withoutPrefix(err error) string { return strings.TrimPrefix(err.Error(), "background: ") }

// unexpected names the lines of a log that a service has no reason for.
func unexpected(log string) (faults []string) {
	for line := range strings.Lines(log) {
		switch {
		case slices.ContainsFunc([]string{"INFO ", cancelled, kept, wrong, stored, unfinished}, func(p string) bool { return strings.HasPrefix(line, p) }):
		case strings.Contains(line, withoutPrefix(background.ErrAbandoned)), strings.Contains(line, withoutPrefix(background.ErrDueLater)):
		case strings.Contains(line, "retry_in="), strings.Contains(line, background.ErrCanceled.Error()):
		case strings.Contains(line, "periodic task was not started") && strings.Contains(line, background.ErrFull.Error()):
		default:
			faults = append(faults, "in the log: "+strings.TrimSpace(line))
		}
	}
	return faults
}

// gaveUp checks the end of a process that had not.
func gaveUp(service string, ended error, log string) (faults []string) {
	if service == drains {
		faults = append(faults, "it gave up tasks")
	}
	if ended == nil {
		faults = append(faults, "it gave up tasks, and ended with 0")
	}
	if strings.Contains(log, "INFO shut down ") {
		faults = append(faults, "the log says that all was done")
	}
	if strings.Contains(log, "panic") {
		faults = append(faults, "it panicked: "+log)
	}
	return faults
}
