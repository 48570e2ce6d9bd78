package main

import (
	"bytes"
	"fmt"
	"math"
	"slices"

	"github.com/velithon-go/velithon/benchmarks/figures"
	"github.com/velithon-go/velithon/benchmarks/harness"
)

// compared are the modules that the peers are.
var compared = []string{
	"github.com/riverqueue/river", "github.com/riverqueue/river/riverdriver/riversqlite",
	"github.com/riverqueue/river/riverdriver/riverpgxv5", "modernc.org/sqlite", "github.com/jackc/pgx/v5",
	"github.com/hibiken/asynq",
}

// The units as package figures has them.
const (
	figureP50 = figures.P50
	figureP99 = figures.P99
)

// base is the item that an item adds something to.
var base = map[string]string{doOne: doNothing, doOrder: doNothing, doOrderTx: doOrder, "waiting100k": doNothing}

// newReport makes tables of results. With busy it says that the machine was.
func newReport(results []byte, busy bool) (*harness.Report, error) {
	var set figures.Set
	if err := set.Read(bytes.NewReader(results)); err != nil {
		return nil, err
	}
	r := &harness.Report{
		Title:    "Durable tasks",
		Commands: harness.Commands(results),
		CPU:      harness.CPU(results),
		Go:       set.Toolchains(),
		Modules:  compared,
		Notes:    []string{"Ratios are those of peers in the same round"},
	}
	if busy {
		r.Notes = append(r.Notes, "The machine did other work meanwhile: times are long and noisy, worst at p99, and it is the ratios that count")
	}
	for _, toolchain := range r.Go {
		for _, i := range allItems() {
			g := figures.Group{Toolchain: toolchain, Item: i.name}
			if !set.Has(g) {
				continue
			}
			t := table{&set, g, i}
			section := harness.Section{Title: i.name + ": " + i.title, Table: t.times()}
			if set.Values(g, set.Peers(g, i.peers)[0], unitDone).N > 0 {
				section.Table = t.rates()
			}
			r.Sections = append(r.Sections, section)
			for _, peer := range i.peers {
				r.Rounds = max(r.Rounds, set.Values(g, peer, figureP50).N, set.Values(g, peer, unitDone).N)
			}
		}
	}
	return r, nil
}

// A table is that of an item.
type table struct {
	set   *figures.Set
	group figures.Group
	item  item
}

// times has a row for each peer: two percentiles, what they are more than those of the item
// that something was added to, and ratios to River on the same database.
func (t table) times() figures.Table {
	from, isMore := base[t.item.name]
	out := figures.Table{Head: []string{"peer", "rounds", "times in each", "p50 ms", "p99 ms"}}
	if isMore {
		out.Head = append(out.Head, "p50 added to "+from, "p99 added")
	}
	out.Head = append(out.Head, "p50 × River", "p99 × River")
	for _, name := range t.set.Peers(t.group, t.item.peers) {
		v := func(unit string) figures.Summary { return t.set.Values(t.group, name, unit) }
		row := []string{name, fmt.Sprint(v(figureP50).N), fmt.Sprintf("%.0f", v(unitTimes).Median), ms(v(figureP50)), ms(v(figureP99))}
		if isMore {
			g := figures.Group{Toolchain: t.group.Toolchain, Item: from}
			more := func(unit string) string { return ms(t.set.Differences(t.group, g, name, unit)) }
			row = append(row, more(figureP50), more(figureP99))
		}
		out.Rows = append(out.Rows, append(row, t.ratio(name, figureP50), t.ratio(name, figureP99)))
	}
	return out
}

// rates has a row for each peer: how many tasks were worked and stored a second.
func (t table) rates() figures.Table {
	out := figures.Table{Head: []string{"peer", "rounds", "worked a second", "× River", "stored a second"}}
	for _, name := range t.set.Peers(t.group, t.item.peers) {
		done := t.set.Values(t.group, name, unitDone)
		out.Rows = append(out.Rows, []string{
			name, fmt.Sprint(done.N), whole(done), t.ratio(name, unitDone), whole(t.set.Values(t.group, name, unitStored)),
		})
	}
	return out
}

// ratio compares a peer with River on the same database.
func (t table) ratio(name, unit string) string {
	p, err := peerOf(name)
	if err != nil || p.river == "" || !slices.Contains(t.item.peers, p.river) {
		return ""
	}
	return t.set.Ratios(t.group, name, p.river, unit).String()
}

// ms shows times in milliseconds.
func ms(s figures.Summary) string { return ranged(s, 1000, 2) }

// whole shows numbers.
func whole(s figures.Summary) string { return ranged(s, 1, 0) }

// ranged shows a median and, in brackets, the quartiles.
func ranged(s figures.Summary, scale float64, digits int) string {
	if s.N == 0 {
		return ""
	}
	show := func(v float64) string {
		text := fmt.Sprintf("%.*f", digits, scale*v)
		if math.Signbit(v) && text == fmt.Sprintf("-%.*f", digits, 0.0) {
			return text[1:]
		}
		return text
	}
	return fmt.Sprintf("%s (%s–%s)", show(s.Median), show(s.Low), show(s.High))
}
