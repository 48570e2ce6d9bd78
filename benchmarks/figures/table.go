package figures

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// A Table is rows of text under a head.
type Table struct {
	Head []string
	Rows [][]string
}

// A Column shows the medians of one unit.
type Column struct {
	Head  string
	Unit  string
	Scale float64 // what a value is multiplied by
	Ratio string  // if not empty, a column of ratios follows, headed by this and the base's name
	Range bool    // the quartiles too
}

var (
	costs = []Column{
		{Head: "ns/op", Unit: Time, Scale: 1e9, Ratio: "×"},
		{Head: "CPU ns/op", Unit: CPU, Scale: 1e9, Ratio: "×"},
		{Head: "B/op", Unit: Bytes, Scale: 1},
		{Head: "allocs/op", Unit: Allocs, Scale: 1},
	}
	loads = []Column{
		{Head: "requests/s", Unit: Requests, Scale: 1, Ratio: "×"},
		{Head: "server's CPU ns", Unit: CPU, Scale: 1e9, Ratio: "×"},
		{Head: "p50 µs", Unit: P50, Scale: 1e6},
		{Head: "p99 µs", Unit: P99, Scale: 1e6, Ratio: "p99 ×"},
	}
)

// Compare makes a table of the peers in a group, each compared with base.
func (s *Set) Compare(g Group, peers []string, base string) Table {
	if g.Layer == "sockets" {
		return s.Table(g, peers, base, loads)
	}
	return s.Table(g, peers, base, costs)
}

// Table makes a table of the peers in a group, with the given columns.
func (s *Set) Table(g Group, peers []string, base string, columns []Column) Table {
	t := Table{Head: []string{"peer"}}
	for _, c := range columns {
		t.Head = append(t.Head, c.Head)
		if c.Ratio != "" {
			t.Head = append(t.Head, c.Ratio+" "+base)
		}
	}
	for _, peer := range s.Peers(g, peers) {
		row := []string{peer}
		for _, c := range columns {
			row = append(row, c.cell(s.Values(g, peer, c.Unit)))
			if c.Ratio != "" {
				row = append(row, s.Ratios(g, peer, base, c.Unit).String())
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (c Column) cell(v Summary) string {
	if !c.Range {
		return count(c.Scale * v.Median)
	}
	return ranged(c.Scale, v)
}

// ranged shows a median and, in brackets, the quartiles.
func ranged(scale float64, v Summary) string {
	return fmt.Sprintf("%s (%s–%s)", count(scale*v.Median), count(scale*v.Low), count(scale*v.High))
}

// Excess makes a table of what the item of g costs each peer more than the
// item of base.
func (s *Set) Excess(g, base Group, peers []string) Table {
	t := Table{Head: []string{"peer", "ns more", "allocations more"}}
	for _, peer := range s.Peers(g, peers) {
		t.Rows = append(t.Rows, []string{
			peer,
			ranged(1e9, s.Differences(g, base, peer, Time)),
			count(s.Differences(g, base, peer, Allocs).Median),
		})
	}
	return t
}

// count rounds to what can be told apart.
func count(v float64) string {
	if v > -10 && v < 10 && v != float64(int(v)) {
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// WriteMarkdown writes the table as GitHub shows it.
func (t Table) WriteMarkdown(w io.Writer) {
	_, _ = fmt.Fprintf(w, "| %s |\n|%s%s\n", strings.Join(t.Head, " | "), " --- |", strings.Repeat(" ---: |", len(t.Head)-1))
	for _, row := range t.Rows {
		_, _ = fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
	}
}

// WriteText writes the table for a terminal.
func (t Table) WriteText(w io.Writer) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		_, _ = fmt.Fprintln(tw, strings.Join(row, "\t"))
	}
	_ = tw.Flush()
}
