// Run measures every item on every peer and prints how each peer compares with
// the floor: the handlers alone, over a connection in memory, and on sockets.
//
//	go run ./cmd/run -count 10
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
	toolchains           []string // the first measures all peers, the others the few that differ
	layers, items, peers []string
	count                int
	benchtime            string
	cpu                  int
	connections          int
	requests             int
}

func main() {
	log.SetFlags(log.Ltime)
	var (
		c          config
		toolchains = flag.String("go", "", "comma-separated `toolchains`, e.g. go1.27.4,go1.26.8: the first builds all peers, the others only the floor and velithon; without, the one that go runs")
		layers     = flag.String("layers", strings.Join(layerNames, ","), "comma-separated `names` of the layers")
		items      = flag.String("items", "", "comma-separated `names` of the items; all without")
		peers      = flag.String("peers", "", "comma-separated `names` of the peers; all without")
		results    = flag.String("results", "", "keep the results, in Go's benchmark format, in this `file`")
		from       = flag.String("from", "", "measure nothing, and compare the results in this `file`")
		write      = flag.String("write", "", "write the tables as Markdown to this `file`, with a plot beside it")
		limit      = flag.Duration("timeout", 2*time.Hour, "give up after this time")
	)
	flag.IntVar(&c.count, "count", 10, "the number of rounds")
	flag.StringVar(&c.benchtime, "benchtime", "200ms", "the time of one result of the layers handler and pipe")
	flag.IntVar(&c.cpu, "cpu", 0, "GOMAXPROCS of the layers handler and pipe; 0 means all processors")
	flag.IntVar(&c.connections, "connections", 64, "the number of connections of the layer sockets")
	flag.IntVar(&c.requests, "requests", 20_000, "the number of requests for one result of the layer sockets")
	flag.Parse()
	c.toolchains, c.layers, c.items, c.peers = split(*toolchains), split(*layers), split(*items), split(*peers)

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
	r.print(os.Stdout)
	if write == "" {
		return nil
	}
	return r.write(write)
}

// read returns results in Go's benchmark format.
func read(ctx context.Context, c config, from string) ([]byte, error) {
	if from != "" {
		return os.ReadFile(from)
	}
	return measure(ctx, c)
}
