// Background measures every item of package background on every peer, and
// prints how each compares with the channel of closures that one writes by hand.
//
//	go run ./cmd/background -count 10 -write BACKGROUND.md
//
// The peers take turns within each round, in another order each time, and each
// result comes from a process of its own: what disturbs the machine disturbs
// all alike, and no peer inherits another's heap.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

type config struct {
	toolchain    string
	items, peers []string
	count        int
}

func main() {
	log.SetFlags(log.Ltime)
	var (
		c       config
		items   = flag.String("items", "", "comma-separated `names` of the items, or their beginnings; all without")
		peers   = flag.String("peers", "", "comma-separated `names` of the peers; all without")
		results = flag.String("results", "", "keep the results, in Go's benchmark format, in this `file`")
		from    = flag.String("from", "", "measure nothing, and compare the results in this `file`")
		write   = flag.String("write", "", "write the tables as Markdown to this `file`")
		limit   = flag.Duration("timeout", time.Hour, "give up after this time")
	)
	flag.StringVar(&c.toolchain, "go", "", "the `toolchain` that builds all, e.g. go1.27.4; without, the one that go runs")
	flag.IntVar(&c.count, "count", 10, "the number of rounds")
	flag.Parse()
	c.items, c.peers = split(*items), split(*peers)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()
	if err := run(ctx, c, *results, *from, *write); err != nil {
		log.Fatal(err)
	}
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

func run(ctx context.Context, c config, results, from, write string) error {
	text, err := read(ctx, c, from)
	if len(text) > 0 && results != "" { // also what was measured before an error
		if err := os.WriteFile(results, text, 0o644); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	r, err := newReport(text)
	if err != nil {
		return err
	}
	r.Print(os.Stdout)
	if write == "" {
		return nil
	}
	return r.Write(write)
}

// read returns results in Go's benchmark format.
func read(ctx context.Context, c config, from string) ([]byte, error) {
	if from != "" {
		return os.ReadFile(from)
	}
	return measure(ctx, c)
}
