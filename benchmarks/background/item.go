package background

import (
	"fmt"

	"github.com/velithon-go/velithon/benchmarks/figures"
)

// What pools are made with: the defaults of Velithon's runner.
const (
	Workers = 64
	Queue   = 65_536
)

// An Item is what is timed.
type Item struct {
	Name  string
	Title string

	// Benchtime is how much of it makes one result.
	Benchtime string

	// Peers are the names of those that have a way of doing it.
	Peers []string

	// Base is the peer that the others are compared with.
	Base string

	Columns []figures.Column
}

// byHand is what one writes without a library.
const byHand = "channel"

// Bare is not a peer: it is the shortest time that sleeps can take, one after
// the other on one goroutine, as many as each of the concurrent ones has to do.
const Bare = "bare"

var (
	everyone = names(func(Peer) bool { return true })
	bounded  = names(func(p Peer) bool { return !p.Unlimited })
	servers  = []string{Velithon, "go", byHand, "pond", "ants"}
	queues   = names(func(p Peer) bool { return p.Queues })
)

func names(wanted func(Peer) bool) (all []string) {
	for _, p := range Peers() {
		if wanted(p) {
			all = append(all, p.Name)
		}
	}
	return all
}

var (
	cost = []figures.Column{
		{Head: "ns/op", Unit: figures.Time, Scale: 1e9, Ratio: "×", Range: true},
		{Head: "CPU ns/op", Unit: figures.CPU, Scale: 1e9},
		{Head: "B/op", Unit: figures.Bytes, Scale: 1},
		{Head: "allocs/op", Unit: figures.Allocs, Scale: 1},
	}
	latency = []figures.Column{
		{Head: "p50 ns", Unit: figures.P50, Scale: 1e9, Ratio: "×", Range: true},
		{Head: "p99 ns", Unit: figures.P99, Scale: 1e9, Ratio: "p99 ×", Range: true},
		{Head: "B/op", Unit: figures.Bytes, Scale: 1},
		{Head: "allocs/op", Unit: figures.Allocs, Scale: 1},
	}
	memory = []figures.Column{
		{Head: "bytes per waiting task", Unit: Waiting, Scale: 1, Range: true},
		{Head: "MiB more in the burst", Unit: Burst, Scale: mebi, Range: true},
		{Head: "MiB left after it", Unit: Left, Scale: mebi, Range: true},
		{Head: "MiB left after FreeOSMemory", Unit: Freed, Scale: mebi, Range: true},
		{Head: "bytes kept per finished order", Unit: Finished, Scale: 1, Range: true},
	}
	delays = []figures.Column{
		{Head: "single task p50 ms", Unit: figures.P50, Scale: 1e3, Range: true},
		{Head: "p99 ms", Unit: figures.P99, Scale: 1e3, Range: true},
		{Head: "flooding submitter busy ms", Unit: Blocked, Scale: 1e3, Range: true},
		{Head: "flood done after ms", Unit: figures.Time, Scale: 1e3, Range: true},
	}
)

const mebi = 1.0 / (1 << 20)

// The units of the items memory and flood.
const (
	Waiting  = "B/waiting"   // memory for a task that waits
	Burst    = "B-burst"     // of the process, more than before, when all tasks wait
	Left     = "B-left"      // the same when they have ended
	Freed    = "B-freed"     // the same after debug.FreeOSMemory
	Finished = "B/finished"  // memory in use after two tasks were handed over and have ended
	Blocked  = "blocked-sec" // until the submitter of the flood could go on
)

// Items returns what is timed.
func Items() []Item {
	items := []Item{
		{"submit", "a task submitted to a busy pool", "200ms", everyone, byHand, cost},
		{"handoff", "two tasks handed over to a pool at work", "100000x", servers, byHand, latency},
		{"backlog", "two tasks handed over while all workers are held up", "50000x", queues, byHand, latency},
		{"run2", "two tasks run to completion", "200ms", everyone, byHand, cost},
		{"run100", "100 tasks run to completion", "200ms", everyone, byHand, cost},
		{"million", "a million tasks, time for each", "1000000x", everyone, byHand, cost},
		sleeps(1, "3x"), sleeps(5, "15x"), sleeps(50, "100x"), sleeps(100, "200x"),
		{"memory", "a million tasks that wait", "1x", queues, byHand, memory},
		{"flood", "single tasks while 10,000 tasks of 1 ms keep 10 workers busy", "1x", []string{Velithon, byHand, "semaphore", "pond", "ants"}, byHand, delays},
	}
	for n := 1; n <= 64; n *= 2 {
		items = append(items, submitters(n))
	}
	return items
}

func sleeps(concurrent int, benchtime string) Item {
	title := fmt.Sprintf("100 tasks of 1 ms, %d at once", concurrent)
	return Item{fmt.Sprintf("sleeps%d", concurrent), title, benchtime, append([]string{Bare}, bounded...), Bare, cost}
}

func submitters(n int) Item {
	title := fmt.Sprintf("tasks submitted by %d goroutines and run", n)
	return Item{fmt.Sprintf("submitters%d", n), title, "300000x", []string{Velithon, byHand, "pond", "ants"}, byHand, cost}
}
