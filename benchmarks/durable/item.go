package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// An item is something that is measured of peers.
type item struct {
	name, title string
	n           int // how many there are of what it does
	peers       []string

	// run measures one peer, with n of what it does.
	run func(ctx context.Context, m measurement) ([]value, error)
}

// A measurement is one of a peer in an item.
type measurement struct {
	peer   string
	n      int
	places places
}

// A value is what was measured, in a unit.
type value struct {
	amount float64
	unit   string
}

// The units of results.
const (
	unitP50    = "p50-ns"
	unitP99    = "p99-ns"
	unitDone   = "tasks/s"
	unitStored = "stored/s"
	unitTimes  = "times" // how many of what it does there were
)

var (
	databases = []string{"velithon-sqlite", "river-sqlite", "velithon-postgres", "river-postgres"}
	stores    = append(slices.Clone(databases), "asynq", "asynq-synced")
	all       = []string{
		"velithon-sqlite", "river-sqlite", "river-sqlite-defaults",
		"velithon-postgres", "river-postgres", "river-postgres-defaults", "asynq", "asynq-synced",
	}
	unsynced = append(slices.Clone(databases), "asynq")
	apart    = append(slices.Clone(databases), "asynq-10ms")
	watchers = []string{
		"velithon-sqlite", "river-sqlite", "river-sqlite-defaults",
		"velithon-postgres", "river-postgres", "river-postgres-defaults", "asynq", "asynq-10ms",
	}
)

// allItems returns all of them, in the order of the tables.
func allItems() []item {
	return []item{
		{doNothing, "a response without tasks", 2000, stores, responding(doNothing, 0)},
		{doOne, "a response that stores one task", 2000, stores, responding(doOne, 0)},
		{doOrder, "a response after a transaction with an order", 2000, databases, responding(doOrder, 0)},
		{doOrderTx, "the same with two tasks in that transaction", 2000, databases, responding(doOrderTx, 0)},
		{"waiting100k", "a response that stores one task while 100,000 wait", 1000, stores, responding(doOne, 100_000)},
		{"waiting1m", "a response that stores one task while 1,000,000 wait", 1000, []string{"velithon-sqlite", "velithon-postgres"}, responding(doOne, 1_000_000)},
		{"noops10k", "10,000 tasks that do nothing, one process with 100 workers", 10_000, all, working(1, 100)},
		{"noops100k", "100,000 tasks that do nothing, one process with 200 workers", 100_000, unsynced, working(1, 200)},
		{"processes2", "10,000 tasks that do nothing, two processes with 100 workers each", 10_000, unsynced, working(2, 100)},
		{"processes4", "the same, four processes with 100 workers each", 10_000, unsynced, working(4, 100)},
		{"pickup", "from the commit to the beginning of the task, in the process that stores", 50, watchers, pickingUp(false)},
		{"pickup-apart", "the same, in another process", 50, apart, pickingUp(true)},
	}
}

func itemOf(name string) (item, error) {
	i := slices.IndexFunc(allItems(), func(i item) bool { return i.name == name })
	if i < 0 {
		return item{}, fmt.Errorf("there is no item %q", name)
	}
	return allItems()[i], nil
}

// runResult measures one result and prints it, in Go's benchmark format. Its arguments are
// those that [resultArgs] makes.
func runResult(ctx context.Context, args []string, out io.Writer) error {
	m := measurement{peer: args[1]}
	i, err := itemOf(args[0])
	if err != nil {
		return err
	}
	if m.n, err = strconv.Atoi(args[2]); err != nil {
		return err
	}
	m.places = places{SQLite: true, Postgres: args[3], Redis: args[4]}
	values, err := i.run(ctx, m)
	if err != nil {
		return err
	}
	var line strings.Builder
	for _, v := range values {
		_, _ = fmt.Fprintf(&line, "  %.6g %s", v.amount, v.unit)
	}
	_, err = fmt.Fprintf(out, "cpu: %s\nBenchmark/item=%s/peer=%s-%d  1%s\n", processor(), i.name, m.peer, runtime.GOMAXPROCS(0), line.String())
	return err
}

// resultArgs are the arguments of a process that measures one result.
func resultArgs(i item, m measurement) []string {
	return []string{"result", i.name, m.peer, strconv.Itoa(m.n), m.places.Postgres, m.places.Redis}
}
