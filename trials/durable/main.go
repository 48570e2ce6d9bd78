// Durable has the processes of a shop killed and its database taken away while they take
// orders, and looks whether what was promised was done.
//
//	go -C trials run ./durable -engine sqlite -for 60s
//	go -C trials run ./durable -engine postgres -for 60s
//
// Four processes, one that answers, one that answers and works, and two that work, are
// ended with SIGKILL and SIGTERM at random moments, and started again: some of a version
// that knows a kind of tasks which others don't. Now and then the database is away for a
// while, or its connections are cut. Each order has several tasks, stored in its
// transaction, by the response, or both. Some fail at first, some are due later, some take
// longer than a shutdown, and a few kill the process.
//
// The clients keep a ledger of what they were told, the tasks note in the database what
// they have done, and in the end these are compared. What was answered with 201, or was
// committed, must be done; with DoneTx once, without again only what a process that was
// killed had just done; always at the attempt that it was due at; and nothing may be left.
// While the database is away a refusal has to come in time, and all must be done soon
// after it is back. How long a request takes that needs no database is added to each
// bound, since that is how busy the machine is.
//
// For SQLite the file is locked, and its disk is full if the program may mount one. For
// PostgreSQL the program makes a server of its own, stops and freezes it; one that is
// named by -server is only locked and has its connections cut. On Linux a worker is stopped
// besides until others have its tasks, and then goes on.
package main

import (
	"flag"
	"log"
	"math/rand/v2"
	"os"
	"time"

	"github.com/velithon-go/velithon/trials/child"
)

func main() {
	if role := child.Name(); role != "" {
		os.Exit(serve(role))
	}
	log.SetFlags(0)
	t := trial{log: log.New(os.Stdout, "", 0)}
	flag.StringVar(&t.engine, "engine", sqliteEngine, "sqlite or postgres")
	flag.StringVar(&t.server, "server", "", "the URL of a PostgreSQL server; without, the program makes one")
	flag.DurationVar(&t.length, "for", time.Minute, "how long processes are ended")
	flag.Uint64Var(&t.seed, "seed", rand.Uint64(), "of what is done when")
	flag.IntVar(&t.rate, "rate", 30, "how many orders a second there are at most")
	flag.DurationVar(&t.pause, "pause", 300*time.Millisecond, "the mean time between the start of a process and the end of the next")
	flag.DurationVar(&t.away, "away", 4*time.Second, "how long the database is away")
	flag.DurationVar(&t.settle, "settle", 10*time.Second, "within which all has to be done afterwards")
	flag.Parse()
	if err := t.run(); err != nil {
		log.Fatal(err)
	}
}
