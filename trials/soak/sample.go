package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/velithon-go/velithon/background"
	"github.com/velithon-go/velithon/trials/child"
)

// A sample is what the service holds.
type sample struct {
	Goroutines int                  `json:"goroutines"`
	Heap       uint64               `json:"heap"` // bytes in use after a collection
	Stats      background.Stats     `json:"stats"`
	Noted      uint64               `json:"noted"`    // tasks of the kind that succeeded
	Kind       background.KindStats `json:"kind"`     // of the kind
	Ticks      uint64               `json:"ticks"`    // that were begun
	Missed     uint64               `json:"missed"`   // ticks for which there was no room
	Attempts   uint64               `json:"attempts"` // if they are counted

	files    int // open ones, sockets among them; 0 where there is no /proc
	temp     int // in the folder for temporary files
	resident int64
}

// sample is the handler of what the service says itself.
func (s *service) sample(context.Context, struct{}) (sample, error) {
	stacks := goroutines()
	// Not by runtime.NumGoroutine, which counts goroutines that have ended, too, while a
	// collection frees their stacks.
	n := 1 + strings.Count(stacks, "\n\ngoroutine ") - strings.Count(stacks, idleWorker) - min(1, strings.Count(stacks, taskWorker))
	// The second collection takes what the first one left in pools.
	runtime.GC()
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	now := sample{Goroutines: n, Heap: memory.HeapAlloc}
	for again := true; again; { // until there was no tick meanwhile
		now.Ticks = s.ticks.Load()
		now.Stats = s.app.Runner().Stats()
		for _, k := range s.app.Runner().Kinds() {
			if k.Kind == kindName {
				now.Kind = k
			}
		}
		now.Noted, now.Missed, now.Attempts = s.journal.noted.Load(), s.missed.Load(), s.attempts.Load()
		again = now.Ticks != s.ticks.Load()
	}
	return now, nil
}

// idleWorker is the stack of a goroutine that fasthttp keeps for the next
// connection, for about ten seconds. It belongs to no request, so it isn't
// counted.
const idleWorker = " [chan receive]:\ngithub.com/valyala/fasthttp.(*workerPool).workerFunc("

// taskWorker is in the stack of a goroutine that runs tasks. There is mostly one for
// the periodic task, which isn't counted either.
const taskWorker = "created by github.com/velithon-go/velithon/background/internal/pool."

func goroutines() string {
	stacks := make([]byte, 1<<20)
	return string(stacks[:runtime.Stack(stacks, true)])
}

// A sampler asks the service on a connection of its own.
type sampler struct {
	conn    *conn
	service *child.Process
	temp    string // the folder for temporary files
}

func (s *sampler) take() (sample, error) {
	var now sample
	a, err := s.conn.ask(request{head: head("GET", "/sample", nil)})
	if err != nil {
		return now, err
	}
	if err := json.Unmarshal(a.body, &now); err != nil {
		return now, fmt.Errorf("%d %q: %w", a.status, a.body, err)
	}
	entries, err := os.ReadDir(s.temp)
	if err != nil {
		return now, err
	}
	now.temp = len(entries)
	if hasProc {
		if now.files, err = s.service.OpenFiles(); err != nil {
			return now, err
		}
		now.resident, _, err = s.service.Memory()
	}
	return now, err
}

// hasProc is whether open files can be counted.
const hasProc = runtime.GOOS == "linux"

// balanced checks what [background.Stats] promises for any time.
func balanced(s background.Stats) error {
	sum := s.Succeeded + s.Failed + s.Skipped + s.Abandoned + uint64(s.Queued+s.Running+s.Scheduled+s.Limited+s.Retrying)
	if s.Accepted != sum {
		return fmt.Errorf("the numbers of tasks don't add up to %d accepted, but to %d: %+v", s.Accepted, sum, s)
	}
	return nil
}

// left says what is there that was not in the sample before.
func (s *sample) left(before sample) error {
	var more []error
	for _, n := range []struct {
		what        string
		now, before int
	}{
		{"goroutines", s.Goroutines, before.Goroutines},
		{"open files", s.files, before.files},
		{"temporary files", s.temp, before.temp},
		{"tasks that wait", s.Stats.Queued, 0},
		{"tasks that run", s.Stats.Running, 0},
		{"tasks that wait for their time", s.Stats.Scheduled, 0},
		{"tasks that wait for their limit", s.Stats.Limited, 0},
		{"tasks that wait to be tried again", s.Stats.Retrying, 0},
		{"submitters who wait for room", s.Stats.Blocked, 0},
	} {
		if n.now > n.before {
			more = append(more, fmt.Errorf("%d %s, and not %d as before the load", n.now, n.what, n.before))
		}
	}
	return errors.Join(more...)
}
