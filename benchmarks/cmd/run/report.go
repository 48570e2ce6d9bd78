package main

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/velithon-go/velithon/benchmarks/figures"
	"github.com/velithon-go/velithon/benchmarks/harness"
	"github.com/velithon-go/velithon/benchmarks/web"
)

// layerTitles say what the layers are.
var layerTitles = map[string]string{
	handler: "the handler alone",
	pipe:    "over a connection in memory",
	sockets: "on sockets",
}

// A report compares results.
type report struct {
	set      figures.Set
	cpu      string
	commands []string
}

func newReport(results []byte) (*report, error) {
	r := &report{cpu: harness.CPU(results), commands: harness.Commands(results)}
	return r, r.set.Read(bytes.NewReader(results))
}

func (r *report) sections() (all []harness.Section) {
	peers := peerNames()
	for _, toolchain := range r.set.Toolchains() {
		for _, layer := range layerNames {
			for _, item := range itemNames() {
				g := figures.Group{Toolchain: toolchain, Layer: layer, Item: item}
				if r.set.Has(g) {
					title := fmt.Sprintf("%s, %s, %s", item, layerTitles[layer], toolchain)
					all = append(all, harness.Section{Title: title, Table: r.set.Compare(g, peers, web.Floor)})
				}
			}
			tasks, order := figures.Group{Toolchain: toolchain, Layer: layer, Item: "tasks"}, figures.Group{Toolchain: toolchain, Layer: layer, Item: "order"}
			if layer != sockets && r.set.Has(tasks) && r.set.Has(order) {
				title := fmt.Sprintf("two background tasks, %s, %s", layerTitles[layer], toolchain)
				all = append(all, harness.Section{Title: title, Table: r.set.Excess(tasks, order, peers)})
			}
		}
	}
	return all
}

// Print implements [harness.Tables].
func (r *report) Print(w io.Writer) {
	tables := harness.Report{Sections: r.sections()}
	tables.Print(w)
}

// rounds returns of how many rounds the figures are the medians.
func (r *report) rounds() (n int) {
	for _, toolchain := range r.set.Toolchains() {
		for _, layer := range layerNames {
			for _, item := range itemNames() {
				n = max(n, r.set.Values(figures.Group{Toolchain: toolchain, Layer: layer, Item: item}, web.Floor, figures.Time).N)
			}
		}
	}
	return n
}

// Write implements [harness.Tables], with a plot beside the file.
func (r *report) Write(name string) error {
	image := strings.TrimSuffix(name, filepath.Ext(name)) + ".svg"
	plotted, err := r.plot(image)
	if err != nil {
		return err
	}
	tables := harness.Report{
		Title:    "Results",
		Commands: r.commands,
		CPU:      r.cpu,
		Go:       r.set.Toolchains(),
		Rounds:   r.rounds(),
		Modules:  compared,
		Sections: r.sections(),
	}
	if plotted {
		tables.Image, tables.ImageAlt = image, "Time of an order and of a look-up in multiples of the floor; lower is better"
	}
	return tables.Write(name)
}

// plottedItems are one that a framework does much for, and one where there is next
// to nothing to do.
var plottedItems = []struct{ name, title string }{
	{"order", "Order: two query parameters and a JSON order of three items, validated"},
	{"lookup", "Look-up: a number in the path and a bool in the query"},
}

// plot draws the times of some items and reports whether there was anything to
// draw. The floor is a line in it; its variants, and the other way to add a route
// to Velithon, are in the tables.
func (r *report) plot(name string) (bool, error) {
	toolchains := r.set.Toolchains()
	if len(toolchains) == 0 {
		return false, nil
	}
	var panels []panel
	for _, item := range plottedItems {
		p := panel{title: item.title}
		for _, layer := range []string{handler, pipe} {
			g := figures.Group{Toolchain: toolchains[0], Layer: layer, Item: item.name}
			if !r.set.Has(g) {
				continue
			}
			p.names = slices.DeleteFunc(r.set.Peers(g, peerNames()), func(peer string) bool {
				return strings.HasPrefix(peer, web.Floor) || peer == "velithon-handle"
			})
			s := barSeries{name: layerTitles[layer]}
			for _, peer := range p.names {
				s.values = append(s.values, r.set.Ratios(g, peer, web.Floor, figures.Time).Median)
			}
			p.series = append(p.series, s)
		}
		if len(p.series) > 0 {
			panels = append(panels, p)
		}
	}
	if len(panels) == 0 {
		return false, nil
	}
	return true, drawPanels(name, strings.Join([]string{r.cpu, toolchains[0], r.date()}, ", "), panels)
}

// date returns when the last of the commands was run, which stands behind it.
func (r *report) date() string {
	last := "unknown date"
	for _, command := range r.commands {
		if _, date, ok := strings.Cut(command, "  # "); ok {
			last = date
		}
	}
	return last
}
