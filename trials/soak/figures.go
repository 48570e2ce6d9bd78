package main

import (
	"cmp"
	"fmt"
	"log"
	"maps"
	"slices"
	"sync"
)

// shown is how many of its findings a round tells.
const shown = 10

// figures are what the clients have seen. They may be used concurrently.
type figures struct {
	mu       sync.Mutex // guards what follows
	visits   map[string]int
	statuses map[int]int
	requests int
	log      map[string]allowed
	faults   []error // at most as many as are shown
}

// allowed is how often a message may be in the log.
type allowed struct{ least, most uint64 }

func newFigures() *figures {
	return &figures{visits: make(map[string]int), statuses: make(map[int]int), log: make(map[string]allowed)}
}

// visited counts a visit, which may have gone wrong.
func (f *figures) visited(name string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.visits[name]++
	if err != nil && len(f.faults) < shown {
		f.faults = append(f.faults, fmt.Errorf("%s: %w", name, err))
	}
}

func (f *figures) answered(status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.statuses[status]++
	f.requests++
}

// logged expects messages in the log.
func (f *figures) logged(messages ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range messages {
		f.log[m] = allowed{f.log[m].least + 1, f.log[m].most + 1}
	}
}

func (f *figures) mayHaveLogged(messages ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range messages {
		f.log[m] = allowed{f.log[m].least, f.log[m].most + 1}
	}
}

// printCounts prints a table.
func printCounts[K cmp.Ordered, V int | uint64](out *log.Logger, title string, counts map[K]V) {
	out.Printf("\n%s\n", title)
	for _, key := range slices.SortedFunc(maps.Keys(counts), cmp.Compare) {
		out.Printf("%12d  %v", counts[key], key)
	}
}
