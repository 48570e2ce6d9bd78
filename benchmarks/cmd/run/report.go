package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/velithon-go/velithon/benchmarks/figures"
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
	set figures.Set
	cpu string
}

func newReport(results []byte) (*report, error) {
	r := &report{cpu: "unknown"}
	if match := regexp.MustCompile(`(?m)^cpu: (.*)$`).FindSubmatch(results); match != nil {
		r.cpu = string(match[1])
	}
	return r, r.set.Read(bytes.NewReader(results))
}

// A section is a table with its title.
type section struct {
	title string
	table figures.Table
}

func (r *report) sections() (all []section) {
	peers := peerNames()
	for _, toolchain := range r.set.Toolchains() {
		for _, layer := range layerNames {
			for _, item := range itemNames() {
				g := figures.Group{Toolchain: toolchain, Layer: layer, Item: item}
				if r.set.Has(g) {
					title := fmt.Sprintf("%s, %s, %s", item, layerTitles[layer], toolchain)
					all = append(all, section{title, r.set.Compare(g, peers, web.Floor)})
				}
			}
			tasks, order := figures.Group{Toolchain: toolchain, Layer: layer, Item: "tasks"}, figures.Group{Toolchain: toolchain, Layer: layer, Item: "order"}
			if layer != sockets && r.set.Has(tasks) && r.set.Has(order) {
				title := fmt.Sprintf("two background tasks, %s, %s", layerTitles[layer], toolchain)
				all = append(all, section{title, r.set.Excess(tasks, order, peers)})
			}
		}
	}
	return all
}

func (r *report) print(w io.Writer) {
	for _, s := range r.sections() {
		_, _ = fmt.Fprintf(w, "\n%s\n", s.title)
		s.table.WriteText(w)
	}
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

// write writes the report as Markdown, and a plot next to it.
func (r *report) write(name string) error {
	image := strings.TrimSuffix(name, filepath.Ext(name)) + ".svg"
	plotted, err := r.plot(image)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	_, _ = fmt.Fprintf(&b, "# Results\n\nWritten by `go run ./cmd/run %s`. [README.md](README.md) says what is measured and how to read it.\n\n", strings.Join(os.Args[1:], " "))
	_, _ = fmt.Fprintf(&b, "- Date: %s\n- CPU: %s, %d processors, %s/%s\n- Go: %s\n- Rounds: %d; all figures are medians, in brackets the quartiles\n- Peers: %s\n",
		time.Now().Format(time.DateOnly), r.cpu, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH,
		strings.Join(r.set.Toolchains(), ", "), r.rounds(), strings.Join(peerVersions(), ", "))
	if plotted {
		_, _ = fmt.Fprintf(&b, "\n![Time of an order in multiples of the floor](%s)\n", filepath.Base(image))
	}
	for _, s := range r.sections() {
		_, _ = fmt.Fprintf(&b, "\n## %s\n\n", upperFirst(s.title))
		s.table.WriteMarkdown(&b)
	}
	return os.WriteFile(name, b.Bytes(), 0o644)
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// plot draws the times of an order and reports whether there was anything to
// draw.
func (r *report) plot(name string) (bool, error) {
	toolchains := r.set.Toolchains()
	if len(toolchains) == 0 {
		return false, nil
	}
	var series []barSeries
	peers := []string{}
	for _, layer := range []string{handler, pipe} {
		g := figures.Group{Toolchain: toolchains[0], Layer: layer, Item: "order"}
		if !r.set.Has(g) {
			continue
		}
		peers = r.set.Peers(g, peerNames())
		s := barSeries{name: layerTitles[layer]}
		for _, peer := range peers {
			s.values = append(s.values, r.set.Ratios(g, peer, web.Floor, figures.Time).Median)
		}
		series = append(series, s)
	}
	if len(series) == 0 {
		return false, nil
	}
	slices.Reverse(peers) // bars are drawn from below
	for _, s := range series {
		slices.Reverse(s.values)
	}
	return true, drawBars(name, "Order: time in multiples of hand-written fasthttp ("+toolchains[0]+")", peers, series)
}
