package harness

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A Command measures, compares and writes.
type Command struct {
	Name    string        // its folder in cmd
	Run     string        // what go run is given; empty for that folder
	Timeout time.Duration // unless -timeout says otherwise

	// Measure returns results in Go's benchmark format; after an error, those
	// that there are.
	Measure func(ctx context.Context) ([]byte, error)

	// Compare makes tables of results.
	Compare func(results []byte) (Tables, error)
}

// Tables are what is shown of results.
type Tables interface {
	// Print writes them for a terminal.
	Print(w io.Writer)

	// Write writes them as Markdown to a file.
	Write(name string) error
}

// Main reads the command line, to whose flags it adds those that all commands
// have, and does what it says. An interrupt ends it.
func (c *Command) Main() error {
	results := flag.String("results", "", "keep the results, in Go's benchmark format, in this `file`")
	var from Names
	flag.Var(&from, "from", "measure nothing, and compare the results in these comma-separated `files`")
	write := flag.String("write", "", "write the tables as Markdown to this `file`, with a plot beside it if there is one")
	limit := flag.Duration("timeout", c.Timeout, "give up after this time")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()
	text, err := c.read(ctx, from)
	if len(text) > 0 && *results != "" { // also what was measured before an error
		if err := os.WriteFile(*results, text, 0o644); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	tables, err := c.Compare(text)
	if err != nil {
		return err
	}
	tables.Print(os.Stdout)
	if *write == "" {
		return nil
	}
	return tables.Write(*write)
}

// read returns results that were measured before, or now.
func (c *Command) read(ctx context.Context, files []string) ([]byte, error) {
	if len(files) == 0 {
		text, err := c.Measure(ctx)
		return append([]byte(c.line(flag.CommandLine)), text...), err
	}
	var all bytes.Buffer
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		all.Write(text)
	}
	return all.Bytes(), nil
}

// line is the line of results that says what has measured them, and when.
func (c *Command) line(flags *flag.FlagSet) string {
	line := "command: go run " + cmp.Or(c.Run, "./cmd/"+c.Name)
	flags.Visit(func(f *flag.Flag) {
		_, isBool := f.Value.(interface{ IsBoolFlag() bool })
		switch {
		case f.Name == "results" || f.Name == "write":
		case isBool:
			line += " -" + f.Name
		default:
			line += fmt.Sprintf(" -%s %s", f.Name, f.Value)
		}
	})
	return line + "  # " + time.Now().Format(time.DateOnly) + "\n"
}

// Commands returns the command lines that have measured results.
func Commands(results []byte) (all []string) {
	for _, match := range regexp.MustCompile(`(?m)^command: (.*)$`).FindAllSubmatch(results, -1) {
		if line := string(match[1]); !slices.Contains(all, line) {
			all = append(all, line)
		}
	}
	return all
}

// Names is a flag with commas in between.
type Names []string

// Set implements [flag.Value].
func (n *Names) Set(list string) error {
	*n = strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
	return nil
}

// String implements [flag.Value].
func (n *Names) String() string { return strings.Join(*n, ",") }
