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
	"time"

	"github.com/velithon-go/velithon/benchmarks/harness"
)

type config struct {
	toolchain    string
	items, peers harness.Names
	count        int
}

func main() {
	log.SetFlags(log.Ltime)
	var c config
	flag.Var(&c.items, "items", "comma-separated `names` of the items, or their beginnings; all without")
	flag.Var(&c.peers, "peers", "comma-separated `names` of the peers; all without")
	flag.StringVar(&c.toolchain, "go", "", "the `toolchain` that builds all, e.g. go1.27.4; without, the one that go runs")
	flag.IntVar(&c.count, "count", 10, "the number of rounds")
	command := harness.Command{
		Name:    "background",
		Timeout: time.Hour,
		Measure: func(ctx context.Context) ([]byte, error) { return measure(ctx, c) },
		Compare: func(results []byte) (harness.Tables, error) { return newReport(results) },
	}
	if err := command.Main(); err != nil {
		log.Fatal(err)
	}
}
