// Durable measures durable tasks of this project beside River, used directly on the same
// databases, and Asynq on Redis.
//
//	go run . -sqlite -postgres "$(bash ../../.ci/postgres start /tmp/p)" -redis "$(bash ../../.ci/redis start /tmp/r)" -count 3
//
// The peers take turns within each round, in another order each time. Each result comes
// from a process of its own, with a file or a database of its own; of the Redis server it
// empties database 9, and changes when it syncs.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/velithon-go/velithon/benchmarks/harness"
)

type config struct {
	places       places
	items, peers harness.Names
	count        int
	divide       int // what each item does is divided by it
}

func main() {
	log.SetFlags(log.Ltime)
	if isChild, err := runChild(os.Args[1:]); isChild {
		if err != nil {
			log.Fatal(err)
		}
		return
	}
	c := config{divide: 1}
	flag.BoolVar(&c.places.SQLite, "sqlite", false, "measure what is on SQLite")
	flag.StringVar(&c.places.Postgres, "postgres", "", "measure what is on PostgreSQL, in databases that are made on the server at this `URL`")
	flag.StringVar(&c.places.Redis, "redis", "", "measure what is on Redis, in database 9 of the server at this `address`")
	flag.Var(&c.items, "items", "comma-separated `names` of the items; all but waiting1m without")
	flag.Var(&c.peers, "peers", "comma-separated `names` of the peers; all without")
	flag.IntVar(&c.count, "count", 3, "the number of rounds")
	busy := flag.Bool("busy", false, "say in the tables that the machine did other work meanwhile")
	command := harness.Command{
		Name:    "durable",
		Run:     ".",
		Timeout: time.Hour,
		Measure: func(ctx context.Context) ([]byte, error) { return measure(ctx, c) },
		Compare: func(results []byte) (harness.Tables, error) { return newReport(results, *busy) },
	}
	if err := command.Main(); err != nil {
		log.Fatal(err)
	}
}

// childEnv is set in the processes that this program starts of itself.
const childEnv = "VELITHON_BENCHMARK_CHILD"

// childLimit ends a process that its parent has left.
const childLimit = resultLimit + time.Minute

// runChild does what a process that this program has started of itself is to do.
func runChild(args []string) (isChild bool, err error) {
	if len(args) == 0 || os.Getenv(childEnv) == "" {
		return false, nil
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, childLimit)
	defer cancel()
	switch {
	case args[0] == "result" && len(args) == 6:
		return true, runResult(ctx, args[1:], os.Stdout)
	case args[0] == "work" && len(args) == 5:
		return true, runWork(ctx, args[1:], os.Stdin, os.Stdout)
	}
	return true, fmt.Errorf("what is %q?", args)
}
