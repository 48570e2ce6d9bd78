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

// Compare makes a table of the peers in a group, each compared with base.
func (s *Set) Compare(g Group, peers []string, base string) Table {
	if g.Layer == "sockets" {
		return s.compareSockets(g, peers, base)
	}
	t := Table{Head: []string{"peer", "ns/op", "× " + base, "CPU ns/op", "× " + base, "B/op", "allocs/op"}}
	for _, peer := range s.Peers(g, peers) {
		t.Rows = append(t.Rows, []string{
			peer,
			count(1e9 * s.Values(g, peer, Time).Median),
			s.Ratios(g, peer, base, Time).String(),
			count(1e9 * s.Values(g, peer, CPU).Median),
			s.Ratios(g, peer, base, CPU).String(),
			count(s.Values(g, peer, Bytes).Median),
			count(s.Values(g, peer, Allocs).Median),
		})
	}
	return t
}

func (s *Set) compareSockets(g Group, peers []string, base string) Table {
	t := Table{Head: []string{"peer", "requests/s", "× " + base, "p50 µs", "p99 µs", "p99 × " + base}}
	for _, peer := range s.Peers(g, peers) {
		t.Rows = append(t.Rows, []string{
			peer,
			count(s.Values(g, peer, Requests).Median),
			s.Ratios(g, peer, base, Requests).String(),
			count(1e6 * s.Values(g, peer, P50).Median),
			count(1e6 * s.Values(g, peer, P99).Median),
			s.Ratios(g, peer, base, P99).String(),
		})
	}
	return t
}

// Excess makes a table of what the item of g costs each peer more than the
// item of base.
func (s *Set) Excess(g, base Group, peers []string) Table {
	t := Table{Head: []string{"peer", "ns more", "allocations more"}}
	for _, peer := range s.Peers(g, peers) {
		time := s.Differences(g, base, peer, Time)
		t.Rows = append(t.Rows, []string{
			peer,
			fmt.Sprintf("%s (%s–%s)", count(1e9*time.Median), count(1e9*time.Low), count(1e9*time.High)),
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
