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
	"time"

	"github.com/velithon-go/velithon/benchmarks/harness"
)

type config struct {
	toolchains           harness.Names // the first measures all peers, the others the few that differ
	layers, items, peers harness.Names
	count                int
	benchtime            string
	cpu                  int
	connections          int
	requests             int
}

func main() {
	log.SetFlags(log.Ltime)
	c := config{layers: layerNames}
	flag.Var(&c.toolchains, "go", "comma-separated `toolchains`, e.g. go1.27.4,go1.26.8: the first builds all peers, the others only the floor and velithon; without, the one that go runs")
	flag.Var(&c.layers, "layers", "comma-separated `names` of the layers")
	flag.Var(&c.items, "items", "comma-separated `names` of the items; all without")
	flag.Var(&c.peers, "peers", "comma-separated `names` of the peers; all without")
	flag.IntVar(&c.count, "count", 10, "the number of rounds")
	flag.StringVar(&c.benchtime, "benchtime", "200ms", "the time of one result of the layers handler and pipe")
	flag.IntVar(&c.cpu, "cpu", 0, "GOMAXPROCS of the layers handler and pipe; 0 means all processors")
	flag.IntVar(&c.connections, "connections", 64, "the number of connections of the layer sockets")
	flag.IntVar(&c.requests, "requests", 20_000, "the number of requests for one result of the layer sockets")
	command := harness.Command{
		Name:    "run",
		Timeout: 2 * time.Hour,
		Measure: func(ctx context.Context) ([]byte, error) { return measure(ctx, c) },
		Compare: func(results []byte) (harness.Tables, error) { return newReport(results) },
	}
	if err := command.Main(); err != nil {
		log.Fatal(err)
	}
}
