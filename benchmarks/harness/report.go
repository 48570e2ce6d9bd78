package harness

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/velithon-go/velithon/benchmarks/figures"
)

// A Section is a table with its title.
type Section struct {
	Title string
	Table figures.Table
}

// A Report is what a command writes.
type Report struct {
	Title    string
	Commands []string // see [Commands]
	CPU      string   // see [CPU]
	Go       []string // toolchains
	Rounds   int
	Modules  []string // whose versions are to be named
	Notes    []string // further lines about how it was measured
	Image    string   // a file in the same folder, or empty
	ImageAlt string
	Sections []Section
}

// CPU returns the processor that results name.
func CPU(results []byte) string {
	if match := regexp.MustCompile(`(?m)^cpu: (.*)$`).FindSubmatch(results); match != nil {
		return string(match[1])
	}
	return "unknown"
}

// Print writes the tables for a terminal.
func (r *Report) Print(w io.Writer) {
	for _, s := range r.Sections {
		_, _ = fmt.Fprintf(w, "\n%s\n", s.Title)
		s.Table.WriteText(w)
	}
}

// Write writes the report as Markdown to a file.
func (r *Report) Write(name string) error {
	var b bytes.Buffer
	_, _ = fmt.Fprintf(&b, "# %s\n\nWritten from what these commands have measured; [README.md](README.md) says what it is and how to read it.\n\n```sh\n%s\n```\n\n",
		r.Title, strings.Join(r.Commands, "\n"))
	_, _ = fmt.Fprintf(&b, "- CPU: %s, %d processors, %s/%s\n- Go: %s\n- Rounds: %d; all figures are medians, in brackets the quartiles\n- Peers: %s\n",
		r.CPU, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH,
		strings.Join(r.Go, ", "), r.Rounds, strings.Join(versions(r.Modules), ", "))
	for _, note := range r.Notes {
		_, _ = fmt.Fprintf(&b, "- %s\n", note)
	}
	if r.Image != "" {
		_, _ = fmt.Fprintf(&b, "\n![%s](%s)\n", r.ImageAlt, filepath.Base(r.Image))
	}
	for _, s := range r.Sections {
		_, _ = fmt.Fprintf(&b, "\n## %s\n\n", upperFirst(s.Title))
		s.Table.WriteMarkdown(&b)
	}
	return os.WriteFile(name, b.Bytes(), 0o644)
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// versions returns those of modules that this binary is built with.
func versions(modules []string) (all []string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	for _, path := range modules {
		i := slices.IndexFunc(info.Deps, func(m *debug.Module) bool { return m.Path == path })
		if i >= 0 {
			all = append(all, strings.TrimPrefix(path, "github.com/")+" "+info.Deps[i].Version)
		}
	}
	return all
}
