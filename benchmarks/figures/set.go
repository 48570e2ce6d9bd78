// Package figures collects what benchmarks printed, compares peers with each
// other round by round, and writes tables.
package figures

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// The configuration lines that the benchmarks' own commands print between the
// results, in Go's benchmark format: "round: 3".
const (
	ConfigToolchain = "toolchain"
	ConfigRound     = "round"
)

// The units of the results.
const (
	Time     = "sec/op"
	CPU      = "cpu-sec/op" // on all processors, the garbage collector's included
	Bytes    = "B/op"
	Allocs   = "allocs/op"
	Requests = "req/s"
	P50      = "p50-sec"
	P99      = "p99-sec"
)

// A Group is what is compared: one item on one layer, built by one toolchain.
type Group struct {
	Toolchain, Layer, Item string
}

// A Set holds results. The zero value is empty.
type Set struct {
	groups map[Group]map[string]peerResults
}

// peerResults are those of one peer in one group, by unit and round.
type peerResults map[string]map[string]float64

// Read adds the results in r, in Go's benchmark format.
func (s *Set) Read(r io.Reader) error {
	reader := benchfmt.NewReader(r, "results")
	for reader.Scan() {
		switch record := reader.Result().(type) {
		case *benchfmt.SyntaxError:
			return record
		case *benchfmt.Result:
			s.add(record)
		}
	}
	return reader.Err()
}

func (s *Set) add(result *benchfmt.Result) {
	group := Group{Toolchain: result.GetConfig(ConfigToolchain)}
	peer := ""
	_, parts := result.Name.Parts()
	for _, part := range parts {
		key, value, _ := strings.Cut(strings.TrimPrefix(string(part), "/"), "=")
		switch key {
		case "item":
			group.Item = value
		case "layer":
			group.Layer = value
		case "peer":
			peer = value
		}
	}
	round := result.GetConfig(ConfigRound)
	if s.groups == nil {
		s.groups = make(map[Group]map[string]peerResults)
	}
	if s.groups[group] == nil {
		s.groups[group] = make(map[string]peerResults)
	}
	units := s.groups[group][peer]
	if units == nil {
		units = make(peerResults)
		s.groups[group][peer] = units
	}
	for _, value := range result.Values {
		if units[value.Unit] == nil {
			units[value.Unit] = make(map[string]float64)
		}
		units[value.Unit][round] = value.Value
	}
}

// Has reports whether there are results of a group.
func (s *Set) Has(g Group) bool { return len(s.groups[g]) > 0 }

// Toolchains returns the toolchains that there are results of, newest first.
func (s *Set) Toolchains() []string {
	var names []string
	for g := range s.groups {
		if !slices.Contains(names, g.Toolchain) {
			names = append(names, g.Toolchain)
		}
	}
	slices.Sort(names)
	slices.Reverse(names)
	return names
}

// Peers returns those of the given peers that there are results of in a group.
func (s *Set) Peers(g Group, peers []string) []string {
	return slices.DeleteFunc(slices.Clone(peers), func(peer string) bool { return s.groups[g][peer] == nil })
}

// Values summarizes the results of a peer in a unit.
func (s *Set) Values(g Group, peer, unit string) Summary {
	var values []float64
	for _, value := range s.groups[g][peer][unit] {
		values = append(values, value)
	}
	return summarize(values)
}

// Ratios summarizes the results of a peer, each divided by that of base in the
// same round: what disturbed a round disturbed both.
func (s *Set) Ratios(g Group, peer, base, unit string) Summary {
	return s.paired(g, peer, g, base, unit, func(a, b float64) float64 { return a / b })
}

// Differences summarizes by how much a peer's results in group g exceed those
// in group base, round by round.
func (s *Set) Differences(g, base Group, peer, unit string) Summary {
	return s.paired(g, peer, base, peer, unit, func(a, b float64) float64 { return a - b })
}

func (s *Set) paired(g Group, peer string, baseGroup Group, base, unit string, compare func(a, b float64) float64) Summary {
	var values []float64
	for round, value := range s.groups[g][peer][unit] {
		if other, ok := s.groups[baseGroup][base][unit][round]; ok {
			values = append(values, compare(value, other))
		}
	}
	return summarize(values)
}

// A Summary is the median of some values, their quartiles and their number.
type Summary struct {
	Low, Median, High float64
	N                 int
}

func summarize(values []float64) Summary {
	slices.Sort(values)
	return Summary{quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75), len(values)}
}

// quantile interpolates between the two nearest of sorted values.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i == len(sorted)-1 {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// String shows the median and, in brackets, the quartiles.
func (s Summary) String() string {
	if s.N == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Low, s.High)
}
