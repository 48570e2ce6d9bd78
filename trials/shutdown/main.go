// Shutdown ends a service with SIGTERM at random moments under load, and looks
// whether work was lost or done twice.
//
//	go -C trials run ./shutdown -rounds 300
//
// Each round starts the service as a process of its own. Clients send requests
// of all kinds on connections that are kept alive, until the service is gone:
// one after the other and pipelined, with bodies in chunks and uploads, some
// answered with a stream. Every response carries a task, or a collection, and
// each task writes a line to a journal. After the round, each task of each
// response that a client has read in full must be in the journal, once, or be named
// in the log: because it was cancelled, or is due later than the end. Of the latter some
// are restored from records, as a next process would do. What was cancelled before it
// began must not be in the journal, no task may begin before its time or with more of its
// limit than that allows, and a periodic task must have written each of its lines once.
//
// One round in four has tasks that never end. There the process must say so by
// its exit code, and name each task that is not in the journal.
package main

import (
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"time"

	"github.com/velithon-go/velithon/trials/child"
)

func main() {
	if name := child.Name(); name != "" {
		os.Exit(serve(name))
	}
	log.SetFlags(0)
	t := trial{log: log.New(os.Stdout, "", 0), slack: 2 * time.Second}
	flag.IntVar(&t.rounds, "rounds", 20, "how often a service is ended")
	flag.Uint64Var(&t.seed, "seed", rand.Uint64(), "of the moments at which it is")
	flag.DurationVar(&t.within, "within", 400*time.Millisecond, "the longest time under load before that")
	flag.Parse()
	if err := t.run(); err != nil {
		log.Fatal(err)
	}
}

type trial struct {
	log    *log.Logger
	rounds int
	seed   uint64
	within time.Duration
	slack  time.Duration // what a process may take to end beyond its ShutdownTimeout
}

// run does the rounds and logs what they found.
func (t *trial) run() error {
	t.log.Printf("seed %d", t.seed)
	random := rand.New(rand.NewPCG(t.seed, 0))
	all := map[string]*figures{drains: {}, stuck: {}}
	broken := 0
	for i := range t.rounds {
		service := drains
		if i%4 == 3 {
			service = stuck
		}
		f, faults, err := t.round(service, time.Duration(random.Int64N(int64(t.within))))
		if err != nil {
			return fmt.Errorf("round %d: %w", i, err)
		}
		all[service].add(f)
		for _, fault := range faults {
			t.log.Printf("round %d (%s): %s", i, service, fault)
		}
		if len(faults) > 0 {
			broken++
		}
	}
	for _, service := range []string{drains, stuck} {
		t.log.Printf("%s: %v", service, all[service])
	}
	if broken > 0 {
		return fmt.Errorf("%d of %d rounds found faults", broken, t.rounds)
	}
	return nil
}
